use chrono::{DateTime, Utc};
use kernel::digest::Digest;
use kernel::facts::GridFacts;
use kernel::likeness::Told;
use kernel::needs::SeatOf;
use kernel::{
    Allowed, CaseId, Context, Evidence, GridCode, Needs, Obligation, Party, Role, SourceCode, Step, Unfit, Verb,
    check_count, check_line, check_text,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ReportAdded, Reporter, ReporterInput, location};
use crate::access::FINDERS;
use crate::case::{Case, Decision};
use crate::examples;
use crate::seat::nearest;
use crate::{CaseFile, Location, LocationInput, Refusal, Stage, TakeInWord};

// Most characters of a text.
pub(crate) const TITLE_MAX: usize = 200;
pub(crate) const DESCRIPTION_MAX: usize = 4000;
const LIST_MAX: usize = 64;
// Most entries of a list.
pub(crate) const EVIDENCE_MAX: usize = 20;

/// Somebody found an issue: on patrol, on a visit, by telephone, by a device, or reported it themselves.
///
/// Any role of the party network may, in its own grid. The grid must be one of the lowest at that time. The numbers of a source are
/// handed in by the connector that is registered for it, and by nobody else: a number that somebody else had used could not be used
/// by the source. With a `source_code` the same finding of the same source is the same case, however often it is sent; what is said otherwise when it
/// comes again is added to the case, and takes nothing back. Not to a case that is closed or voided: there it is refused, so that
/// whoever took the call reopens the case or discovers a new one. What is said of a merged case is told to the case that continued,
/// under the same command ([`TakeInWord`]), and refused where that is closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiscoverIssue {
    pub source: Source,
    /// The number that the source gave it, for example of the 12345 hotline, in at most 64 characters. However it is typed, it
    /// names one case. Only the connector that is registered for the source gives it.
    #[serde(default)]
    pub source_code: Option<SourceCode>,
    /// What it is, in a line of at most 200 characters.
    #[schemars(length(min = 1, max = TITLE_MAX))]
    pub title: String,
    /// What was found, in at most 4000 characters. No personal data here: it is not sealed.
    #[schemars(length(min = 1, max = DESCRIPTION_MAX))]
    pub description: String,
    /// The micro grid in which it is.
    pub grid: GridCode,
    pub location: LocationInput,
    /// Who reported it and wants an answer. Sealed before it is recorded.
    #[serde(default)]
    pub reporter: Option<ReporterInput>,
    /// Who may be told who reported it, where that is fewer than otherwise.
    #[serde(default)]
    pub confidential: Option<Confidential>,
    /// Digests of uploaded files, at most 20.
    #[serde(default)]
    #[schemars(length(max = EVIDENCE_MAX))]
    pub evidence: Vec<Digest>,
    /// The line of a problem list (问题清单) from which it comes.
    #[serde(default)]
    pub list_line: Option<ListLine>,
    /// When it was found, where that was before now; at most ten years ago.
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

/// Whom a reporter trusts with who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Confidential {
    /// 仅网格中心: the duty officer of the grid centre, and whoever the duty officer names.
    CentreOnly,
}

/// A line of a list that was made on visits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListLine {
    /// The list, for example `FXF-2018-1`.
    #[schemars(length(min = 1, max = LIST_MAX))]
    pub list: String,
    /// The line's number, from 1.
    pub line: u32,
}

/// An issue was found and is in a grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IssueDiscovered {
    /// The case that it begins.
    pub case: CaseId,
    /// Staff id of whoever found it, or wrote down what others found.
    pub by: String,
    pub source: Source,
    /// The number that the source gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_code: Option<SourceCode>,
    pub title: String,
    pub description: String,
    /// The grid as of that time: itself and every grid above it, owning party organisation, administrative grids.
    pub grid: GridFacts,
    pub location: Location,
    /// Who reported it, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reporter: Option<Reporter>,
    /// Who may be told who reported it, where that is fewer than otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidential: Option<Confidential>,
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
        let needs = Needs::begins_in(&self.grid).step(Step::REGISTER).evidence(&self.evidence).bounds();
        let needs = needs.seat(SeatOf { grid: self.grid.clone(), point: None, since: DateTime::UNIX_EPOCH });
        let needs = match &self.source_code {
            Some(_) => needs.numbered(self.source.as_str()),
            None => needs,
        };
        let merged = case.file.as_ref().and_then(|file| Some((file.discovered.case, file.merged.as_ref()?.into)));
        let needs = match merged {
            Some((from, into)) => needs.also(into.uuid(), &TakeInWord { from, said: self.word() }),
            None => needs,
        };
        match &self.reporter {
            Some(reporter) => {
                let known = case.file.as_ref().map(|file| file.sealed_of_reporters());
                needs.seal(reporter.to_seal(known.unwrap_or_default()))
            }
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
            confidential: None,
            evidence: vec![],
            list_line: None,
            found_at: None,
        }
    }
}

impl DiscoverIssue {
    /// The leader of the grid; where nobody holds that post, whoever does nearest above.
    fn leader(&self, context: &Context) -> Party {
        let seat = context.facts.seat.as_ref().filter(|seat| seat.grid.path.first() == Some(&self.grid));
        seat.map_or_else(|| Party::in_grid(Role::GridLeader, &self.grid), |seat| nearest(seat, 0, Role::GridLeader))
    }

    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        // First of all: who does not hand in the numbers of a source is not told which of them there are.
        if self.source_code.is_some() && !context.facts.may_number {
            return Err(Refusal::NotNumberedByYou { of: self.source.as_str() });
        }
        if let Some(file) = &case.file {
            return self.again(case, file, context);
        }
        self.check(context)?;
        let grid = context.grid(&self.grid)?.clone();
        if !grid.lowest {
            return Err(Refusal::NotAMicroGrid { grid: self.grid.clone() });
        }
        let next = context.oblige(Step::REGISTER, self.leader(context))?;
        Ok(vec![
            IssueDiscovered {
                case: context.id.into(),
                by: context.by.id.clone(),
                source: self.source,
                source_code: self.source_code.clone(),
                title: self.title.clone(),
                description: self.description.clone(),
                grid,
                location: self.location.recorded_in(context.facts.bounds)?,
                reporter: context.facts.sealed.as_ref().map(Reporter::of),
                confidential: self.confidential,
                evidence: context.evidence(&self.evidence)?,
                list_line: self.list_line.clone(),
                found_at: self.found_at.unwrap_or(context.at),
                next,
            }
            .into(),
        ])
    }

    fn check(&self, context: &Context) -> Result<(), Refusal> {
        check_line("title", &self.title, TITLE_MAX)?;
        check_text("description", &self.description, DESCRIPTION_MAX)?;
        check_line("location.text", &self.location.text, location::TEXT_MAX)?;
        check_count("evidence", self.evidence.len(), 0, EVIDENCE_MAX)?;
        if let Some(line) = &self.list_line {
            check_line("list_line.list", &line.list, LIST_MAX)?;
            if line.line == 0 {
                return Err(Unfit::CountedFromOne { field: "list_line.line" }.into());
            }
        }
        self.reporter.as_ref().map_or(Ok(()), ReporterInput::check)?;
        Ok(context.has_happened(self.found_at.unwrap_or(context.at))?)
    }

    /// What comes after the first report: the same again, or more of it.
    fn again(&self, case: &Case, file: &CaseFile, context: &Context) -> Decision {
        if (self.source, &self.source_code) != (file.discovered.source, &file.discovered.source_code) {
            return Err(Refusal::AlreadyDiscovered);
        }
        let report = self.report(file.reports.len() + 2, context)?;
        let first = file.discovered.report();
        // The number of a report and a time that was not said are no part of what it says.
        let is_same = |known: &ReportAdded| {
            let (number, location) = (known.number, known.location.clone());
            let found_at = self.found_at.unwrap_or(known.found_at);
            let told = ReportAdded { number, location, found_at, ..report.clone() };
            told == *known && self.location.is(&known.location)
        };
        if std::iter::once(&first).chain(&file.reports).any(is_same) {
            return Ok(vec![]);
        }
        if self.source_code.is_none() {
            return Err(Refusal::AlreadyDiscovered);
        }
        self.check(context)?;
        self.location.recorded_in(context.facts.bounds)?;
        context.grid(&self.grid)?;
        // Nobody works on it any more: what is said now would be read by nobody. The finder of a merged case is still asked.
        if matches!(case.stage(), Stage::Closed | Stage::Voided) {
            return Err(Refusal::CaseIsOver { stage: case.stage() });
        }
        Ok(vec![report.into()])
    }

    fn report(&self, number: usize, context: &Context) -> Result<ReportAdded, Refusal> {
        Ok(ReportAdded {
            number: u32::try_from(number).unwrap_or(u32::MAX),
            title: self.title.clone(),
            description: self.description.clone(),
            grid: self.grid.clone(),
            location: self.location.recorded()?,
            reporter: context.facts.sealed.as_ref().map(Reporter::of),
            confidential: self.confidential,
            evidence: context.evidence(&self.evidence)?,
            list_line: self.list_line.clone(),
            found_at: self.found_at.unwrap_or(context.at),
        })
    }
}

impl IssueDiscovered {
    /// What was told, and where it is.
    pub(crate) fn told(&self) -> Told {
        let place = self.location.longitude.zip(self.location.latitude);
        Told::new(&self.title, &self.description, &self.grid.path, place)
    }

    /// The first report: what was said when it was discovered.
    fn report(&self) -> ReportAdded {
        ReportAdded {
            number: 1,
            title: self.title.clone(),
            description: self.description.clone(),
            grid: self.grid.path.first().unwrap_or(&self.grid.centre).clone(),
            location: self.location.clone(),
            reporter: self.reporter.clone(),
            confidential: self.confidential,
            evidence: self.evidence.clone(),
            list_line: self.list_line.clone(),
            found_at: self.found_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{GRID, discover, discovered, evidence, given};
    use chrono::TimeDelta;
    use kernel::{NoDue, Personal, PersonalField, Unfit};

    #[test]
    fn an_issue_is_discovered_once() {
        given([]).by("finder-1").when(discover()).then([discovered()]);
        given([discovered()]).when(discover()).then_nothing();
        let other = DiscoverIssue { title: "别的事".into(), ..discover() };
        given([discovered()]).when(other).then_refused(Refusal::AlreadyDiscovered);
        let reported = DiscoverIssue { reporter: Some(ReporterInput::default()), ..discover() };
        given([discovered()]).when(reported).then_refused(Refusal::AlreadyDiscovered);
    }

    /// Neither first, nor again, nor with other words: a number says nothing to who does not hand it in.
    #[test]
    fn only_the_connector_of_a_source_gives_its_numbers() {
        let code = SourceCode::try_new("0417").unwrap();
        for source in [Source::Patrol, Source::Visit, Source::Hotline, Source::Device, Source::SelfReport] {
            let numbered = || DiscoverIssue { source, source_code: Some(code.clone()), ..discover() };
            let refusal = Refusal::NotNumberedByYou { of: source.as_str() };
            let before = given([]).when(numbered()).events();
            let stranger = |before: Vec<crate::CaseEvent>| given(before).knowing(|facts| facts.may_number = false);
            stranger(vec![]).when(numbered()).then_refused(refusal.clone());
            stranger(before.clone()).when(numbered()).then_refused(refusal.clone());
            let other = DiscoverIssue { title: "别的事".into(), ..numbered() };
            stranger(before).when(other).then_refused(refusal);
            let without = DiscoverIssue { source, ..discover() };
            assert_eq!(stranger(vec![]).when(without).events().len(), 1, "without a number anybody finds");
        }
    }

    #[test]
    fn a_second_call_under_one_number_is_added_and_takes_nothing_back() {
        let phone = |phone: &str| ReporterInput { phone: Some(Personal::new(phone.into())), ..Default::default() };
        let code = SourceCode::try_new("0417").unwrap();
        let call = |title: &str, reporter| DiscoverIssue {
            source: Source::Hotline,
            source_code: Some(code.clone()),
            title: title.into(),
            reporter: Some(reporter),
            ..discover()
        };
        let first = || call("车棚", phone("13800000000"));
        let before = given([]).when(first()).events();
        given(before.clone()).when(first()).then_nothing();
        let mut events = before.clone();
        for (other, number) in [
            (call("车棚着火", phone("13800000000")), 2),
            (call("车棚", phone("13911111111")), 3),
            (DiscoverIssue { reporter: None, ..first() }, 4),
        ] {
            let added = given(events.clone()).when(other.clone()).events();
            let [crate::CaseEvent::ReportAdded(report)] = added.as_slice() else { panic!("{added:?}") };
            assert_eq!(report.number, number);
            events.extend(added);
            given(events.clone()).when(other).then_nothing();
            given(events.clone()).when(first()).then_nothing();
        }
        let file = crate::testing::file_of(events.clone());
        let [crate::CaseEvent::IssueDiscovered(discovered)] = before.as_slice() else { panic!("{before:?}") };
        assert_eq!(file.discovered, **discovered, "nothing of the first report is overwritten");
        let shown = file.reporter_data();
        assert_eq!(shown.len(), 1, "one person, who said more of themselves");
        let newest = file.reports[1].reporter.as_ref().unwrap().phone.clone();
        assert_eq!(shown[0].value(PersonalField::Phone), newest, "the newest");
        assert_eq!(given(events.clone()).state().stage(), crate::Stage::Discovered);
        let long = call(&"长".repeat(201), phone("13800000000"));
        given(events).when(long).then_refused(Unfit::TextLength { field: "title", max: 200 });
    }

    #[test]
    fn a_call_about_a_case_that_is_over_is_never_swallowed() {
        use crate::testing::{closed_case, merged, voided};
        let code = SourceCode::try_new("12345-V1").unwrap();
        let call = |description: &str| DiscoverIssue {
            source: Source::Hotline,
            source_code: Some(code.clone()),
            description: description.into(),
            ..discover()
        };
        let begun = given([]).when(call("有煤气味")).events();
        let then = |later: Vec<crate::CaseEvent>| [begun.clone(), later].concat();
        let after = |stage: Stage, events: Vec<crate::CaseEvent>| {
            assert_eq!(given(events.clone()).state().stage(), stage);
            given(events.clone()).when(call("有煤气味")).then_nothing();
            given(events).when(call("真的在漏气"))
        };
        let closed = closed_case()[1..].to_vec();
        for (stage, later) in [(Stage::Voided, vec![voided()]), (Stage::Closed, closed)] {
            after(stage, then(later)).then_refused(Refusal::CaseIsOver { stage });
        }
        // Its finder gets the answer of the case that continues and is asked for theirs: what they say is kept.
        let kept = after(Stage::Merged, then(vec![merged(CaseId::named("target"))])).events();
        assert!(matches!(&kept[..], [crate::CaseEvent::ReportAdded(_)]), "{kept:?}");
        // What was added while it was open is a repeat afterwards.
        let added = given(begun.clone()).when(call("真的在漏气")).events();
        given(then([added, vec![voided()]].concat())).when(call("真的在漏气")).then_nothing();
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
        let floor = crate::testing::NOW.checked_sub_months(chrono::Months::new(120)).unwrap();
        let at = |moment| DiscoverIssue { found_at: Some(moment), ..discover() };
        assert_eq!(given([]).when(at(floor)).events().len(), 1);
        for moment in [floor - TimeDelta::microseconds(1), DateTime::<Utc>::MIN_UTC, DateTime::UNIX_EPOCH] {
            given([]).when(at(moment)).then_refused(Unfit::TooLongAgo { moment });
        }
        let line = ListLine { list: "FYF-2026-1".into(), line: 0 };
        let nowhere = DiscoverIssue { list_line: Some(line), ..discover() };
        given([]).when(nowhere).then_refused(Unfit::CountedFromOne { field: "list_line.line" });
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
    fn a_place_lies_in_the_district() {
        use crate::Datum;
        let bounds = kernel::facts::Bounds { west: 121.4, south: 31.2, east: 121.5, north: 31.35 };
        let at = |longitude, latitude, datum| {
            let mut found = discover();
            found.location = LocationInput { longitude, latitude, datum, ..found.location };
            given([]).knowing(|facts| facts.bounds = Some(bounds)).when(found)
        };
        for (longitude, latitude) in [(121.4, 31.2), (121.5, 31.35), (121.446_312_5, 31.223_48)] {
            assert_eq!(at(Some(longitude), Some(latitude), Datum::Wgs84).events().len(), 1, "{longitude} {latitude}");
        }
        assert_eq!(at(None, None, Datum::Wgs84).events().len(), 1, "no place is known");
        let outside = |longitude: f64, latitude: f64| Refusal::OutsideTheDistrict {
            longitude: longitude.to_string(),
            latitude: latitude.to_string(),
        };
        for (longitude, latitude) in [(0.0, 0.0), (31.2, 31.2), (121.399_999_9, 31.2), (121.45, 31.350_000_1)] {
            at(Some(longitude), Some(latitude), Datum::Wgs84).then_refused(outside(longitude, latitude));
        }
        // What a map shows at the eastern end lies within, because the map moves it there.
        assert_eq!(at(Some(121.504), Some(31.25), Datum::Gcj02).events().len(), 1);
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
        let sent = DiscoverIssue {
            source: Source::Hotline,
            source_code: Some(SourceCode::try_new(" 0417").unwrap()),
            ..discover()
        };
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
