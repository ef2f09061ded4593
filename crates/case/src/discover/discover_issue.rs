use chrono::{DateTime, Utc};
use kernel::digest::Digest;
use kernel::facts::GridFacts;
use kernel::facts::SealedPerson;
use kernel::needs::PersonalInput;
use kernel::{
    Allowed, CaseId, Context, Evidence, GridCode, Needs, Obligation, Party, PersonId, Personal, PersonalField, Role,
    Sealed, Step, Unfit, Verb, check_count, check_line, check_text,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Refusal;
use crate::access::FINDERS;
use crate::case::{Case, Decision};
use crate::examples;
use crate::{Location, LocationInput};

/// Somebody found an issue: on patrol, on a visit, by telephone, by a device, or reported it themselves.
///
/// Any role of the party network may, in its own grid. The grid must be one of the lowest at that time. With a
/// `source_code` the same finding of the same source is the same case, however often it is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiscoverIssue {
    pub source: Source,
    /// The number that the source gave it, for example of the 12345 hotline.
    #[serde(default)]
    pub source_code: Option<String>,
    /// What it is, in a line of at most 200 characters.
    pub title: String,
    /// What was found, in at most 4000 characters. No personal data here: it is not sealed.
    pub description: String,
    /// The micro grid in which it is.
    pub grid: GridCode,
    pub location: LocationInput,
    /// Who reported it and wants an answer. Sealed before it is recorded.
    #[serde(default)]
    pub reporter: Option<ReporterInput>,
    /// Digests of uploaded files, at most 20.
    #[serde(default)]
    pub evidence: Vec<Digest>,
    /// The line of a problem list (问题清单) from which it comes.
    #[serde(default)]
    pub list_line: Option<ListLine>,
    /// When it was found, where that was before now.
    #[serde(default)]
    pub found_at: Option<DateTime<Utc>>,
}

/// How an issue was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// 巡查
    Patrol,
    /// 走访
    Visit,
    /// 热线 (12345)
    Hotline,
    /// 智能设备
    Device,
    /// 居民自报
    SelfReport,
}

impl Source {
    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Source::Patrol => "patrol",
            Source::Visit => "visit",
            Source::Hotline => "hotline",
            Source::Device => "device",
            Source::SelfReport => "self_report",
        }
    }
}

/// A line of a list that was made on visits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListLine {
    /// The list, for example `FXF-2018-1`.
    pub list: String,
    /// The line's number, from 1.
    pub line: u32,
}

/// Who reported it, in clear: only ever in memory, never recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReporterInput {
    /// The person, if they are known from an earlier case.
    #[serde(default)]
    pub person: Option<PersonId>,
    /// 姓名
    #[serde(default)]
    pub name: Option<Personal<String>>,
    /// 电话
    #[serde(default)]
    pub phone: Option<Personal<String>>,
    /// 住址
    #[serde(default)]
    pub address: Option<Personal<String>>,
}

impl ReporterInput {
    /// What is sealed before the decision.
    fn to_seal(&self) -> PersonalInput {
        let fields = [PersonalField::Name, PersonalField::Phone, PersonalField::Address];
        let given = fields.into_iter().zip([&self.name, &self.phone, &self.address]);
        let values = given.filter_map(|(field, value)| Some((field, value.clone()?))).collect();
        PersonalInput { person: self.person, values }
    }

    fn check(&self) -> Result<(), Unfit> {
        let fields = [
            ("reporter.name", &self.name, 100),
            ("reporter.phone", &self.phone, 40),
            ("reporter.address", &self.address, 200),
        ];
        let check = |(field, value, max): (_, &Option<Personal<String>>, _)| match value {
            Some(value) => check_line(field, value.clear(), max),
            None => Ok(()),
        };
        fields.into_iter().try_for_each(check)
    }
}

/// Who reported it, sealed under the key of that person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reporter {
    pub person: PersonId,
    /// 姓名
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Sealed>,
    /// 电话
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Sealed>,
    /// 住址
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Sealed>,
}

impl Reporter {
    fn of(sealed: &SealedPerson) -> Self {
        Self {
            person: sealed.person,
            name: sealed.value(PersonalField::Name),
            phone: sealed.value(PersonalField::Phone),
            address: sealed.value(PersonalField::Address),
        }
    }

    /// The person and their data, as they are sealed.
    pub(crate) fn sealed(&self) -> SealedPerson {
        let values = [&self.name, &self.phone, &self.address];
        SealedPerson { person: self.person, values: values.into_iter().flatten().cloned().collect() }
    }
}

/// An issue was found and is in a grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IssueDiscovered {
    /// The case that it begins.
    pub case: CaseId,
    pub source: Source,
    /// The number that the source gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_code: Option<String>,
    pub title: String,
    pub description: String,
    /// The grid as of that time: itself and every grid above it, owning party organisation, administrative grids.
    pub grid: GridFacts,
    pub location: Location,
    /// Who reported it, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reporter: Option<Reporter>,
    /// Files that show it.
    pub evidence: Vec<Evidence>,
    /// The line of a problem list from which it comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_line: Option<ListLine>,
    /// When it was found.
    pub found_at: DateTime<Utc>,
    /// Who must register it, and by when.
    pub next: Obligation,
}

impl Verb for DiscoverIssue {
    const NAME: &'static str = "discover-issue";
    const BY: Allowed = FINDERS;
    const BEGINS: bool = true;
    type Of = Case;

    fn needs(&self, case: &Case) -> Needs {
        let begins = Needs::begins_in(&self.grid);
        if case.file.is_some() {
            return begins;
        }
        let needs = begins.step(Step::REGISTER).evidence(&self.evidence);
        match &self.reporter {
            Some(reporter) => needs.seal(reporter.to_seal()),
            None => needs,
        }
    }
    fn natural_key(&self) -> Option<String> {
        self.source_code.as_ref().map(|code| format!("{}/{code}", self.source.as_str()))
    }
    fn example() -> Self {
        let text = "大悦城北座四楼".into();
        Self {
            source: Source::Patrol,
            source_code: None,
            title: "商户从业人员健康证过期".into(),
            description: "巡查发现商场内一家餐饮店两名从业人员健康证已过期".into(),
            grid: examples::code("BZ-R01-B01"),
            location: LocationInput {
                text,
                longitude: Some(121.471_5),
                latitude: Some(31.243_7),
                ..Default::default()
            },
            reporter: None,
            evidence: vec![],
            list_line: None,
            found_at: None,
        }
    }
}

impl DiscoverIssue {
    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        if let Some(file) = &case.file {
            return if self.is_same(&file.discovered) { Ok(vec![]) } else { Err(Refusal::AlreadyDiscovered) };
        }
        self.check(context)?;
        let grid = context.grid(&self.grid)?.clone();
        if !grid.lowest {
            return Err(Refusal::NotAMicroGrid { grid: self.grid.clone() });
        }
        let next = context.oblige(Step::REGISTER, Party::in_grid(Role::GridLeader, &self.grid))?;
        Ok(vec![
            IssueDiscovered {
                case: context.id.into(),
                source: self.source,
                source_code: self.source_code.clone(),
                title: self.title.clone(),
                description: self.description.clone(),
                grid,
                location: self.location.recorded()?,
                reporter: context.facts.sealed.as_ref().map(Reporter::of),
                evidence: context.evidence(&self.evidence)?,
                list_line: self.list_line.clone(),
                found_at: self.found_at.unwrap_or(context.at),
                next,
            }
            .into(),
        ])
    }

    fn check(&self, context: &Context) -> Result<(), Refusal> {
        check_line("title", &self.title, 200)?;
        check_text("description", &self.description, 4000)?;
        check_line("location.text", &self.location.text, 200)?;
        check_count("evidence", self.evidence.len(), 0, 20)?;
        if let Some(code) = &self.source_code {
            check_line("source_code", code, 64)?;
        }
        if let Some(line) = &self.list_line {
            check_line("list_line.list", &line.list, 64)?;
        }
        self.reporter.as_ref().map_or(Ok(()), ReporterInput::check)?;
        Ok(context.has_happened(self.found_at.unwrap_or(context.at))?)
    }

    /// Whether this is what was discovered. What a reporter said of themselves is sealed and cannot be compared; whether
    /// there is one, and who, can: a second message that brings the reporter is another one, never a silent loss.
    fn is_same(&self, event: &IssueDiscovered) -> bool {
        let evidence = event.evidence.iter().map(|evidence| &evidence.sha256);
        (self.source, &self.source_code, &self.title, &self.description)
            == (event.source, &event.source_code, &event.title, &event.description)
            && Some(&self.grid) == event.grid.path.first()
            && self.location.is(&event.location)
            && self.list_line == event.list_line
            && self.evidence.iter().eq(evidence)
            && self.found_at.is_none_or(|found| found == event.found_at)
            && match (&self.reporter, &event.reporter) {
                (None, None) => true,
                (Some(input), Some(known)) => input.person.is_none_or(|person| person == known.person),
                _ => false,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{GRID, discover, discovered, evidence, given};
    use chrono::TimeDelta;
    use kernel::NoDue;
    use kernel::Unfit;

    #[test]
    fn an_issue_is_discovered_once() {
        given([]).when(discover()).then([discovered()]);
        given([discovered()]).when(discover()).then_nothing();
        let other = DiscoverIssue { title: "别的事".into(), ..discover() };
        given([discovered()]).when(other).then_refused(Refusal::AlreadyDiscovered);
        let reported = DiscoverIssue { reporter: Some(ReporterInput::default()), ..discover() };
        given([discovered()]).when(reported).then_refused(Refusal::AlreadyDiscovered);
    }

    #[test]
    fn it_is_in_one_micro_grid_of_that_time() {
        let grid = || GridCode::try_new(GRID).unwrap();
        given([])
            .knowing(|facts| facts.grids.clear())
            .when(discover())
            .then_refused(Unfit::UnknownGrid { grid: grid() });
        given([])
            .knowing(|facts| facts.grids.values_mut().for_each(|grid| grid.lowest = false))
            .when(discover())
            .then_refused(Refusal::NotAMicroGrid { grid: grid() });
    }

    #[test]
    fn what_cannot_be_right_is_refused() {
        let long = DiscoverIssue { title: "长".repeat(201), ..discover() };
        given([]).when(long).then_refused(Unfit::TextLength { field: "title", max: 200 });
        let mut off = discover();
        (off.location.longitude, off.location.latitude) = (Some(200.0), Some(31.2));
        given([]).when(off.clone()).then_refused(Refusal::NotOnTheMap);
        off.location.longitude = None;
        given([]).when(off).then_refused(Refusal::HalfACoordinate);
        let moment = crate::testing::NOW + TimeDelta::hours(1);
        let ahead = DiscoverIssue { found_at: Some(moment), ..discover() };
        given([]).when(ahead).then_refused(Unfit::InTheFuture { moment });
        let sha256 = Digest::of(b"never uploaded");
        let unseen = DiscoverIssue { evidence: vec![sha256], ..discover() };
        given([]).when(unseen).then_refused(Unfit::UnknownEvidence { sha256 });
        let many = DiscoverIssue { evidence: vec![evidence().sha256; 21], ..discover() };
        given([]).when(many).then_refused(Unfit::EntryCount { field: "evidence", min: 0, max: 20 });
        given([])
            .knowing(|facts| {
                facts.dues.remove(&Step::REGISTER.into());
            })
            .when(discover())
            .then_refused(NoDue::NoLimit { of: Step::REGISTER.into() });
        let reason = "publish the calendar cn-2028.1";
        given([])
            .knowing(|facts| {
                facts.dues.insert(Step::REGISTER.into(), Err(reason.into()));
            })
            .when(discover())
            .then_refused(NoDue::NoDueTime { of: Step::REGISTER.into(), reason: reason.into() });
    }

    #[test]
    fn a_reporter_in_clear_is_never_printed() {
        let input = ReporterInput { name: Some(Personal::new("王秀英".into())), ..ReporterInput::default() };
        assert!(!format!("{input:?}").contains('王'));
    }

    #[test]
    fn a_reporter_is_sealed_and_their_data_have_an_end() {
        let name = |name: &str| Some(Personal::new(name.to_owned()));
        let sent = |input| DiscoverIssue { reporter: Some(input), ..discover() };
        let events = given([]).when(sent(ReporterInput { name: name("王秀英"), ..Default::default() })).events();
        let [crate::CaseEvent::IssueDiscovered(event)] = events.as_slice() else { panic!("{events:?}") };
        let reporter = event.reporter.as_ref().unwrap();
        assert_eq!(reporter.name.as_ref().unwrap().field, PersonalField::Name);
        assert_eq!((&reporter.phone, &reporter.address), (&None, &None));
        let long = sent(ReporterInput { name: name(&"长".repeat(101)), ..Default::default() });
        given([]).when(long).then_refused(Unfit::TextLength { field: "reporter.name", max: 100 });
    }

    #[test]
    fn the_number_of_its_source_names_the_case() {
        let sent = DiscoverIssue { source: Source::Hotline, source_code: Some("0417".into()), ..discover() };
        assert_eq!(sent.natural_key().as_deref(), Some("hotline/0417"));
        assert_eq!(discover().natural_key(), None);
    }

    #[test]
    fn a_place_is_read_back_as_it_was_recorded() {
        let mut exact = discover();
        (exact.location.longitude, exact.location.latitude) = (Some(121.446_312_345_678), Some(31.223_48));
        let events = given([]).when(exact.clone()).events();
        let [crate::CaseEvent::IssueDiscovered(event)] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!(event.location.longitude, Some(121.446_312_3));
        given(events).when(exact).then_nothing();
    }
}
