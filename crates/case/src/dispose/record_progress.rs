use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use kernel::digest::Digest;
use kernel::{Allowed, Context, Evidence, Needs, OrderId, Reach, Role, Unfit, Verb, check_count, check_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::case::{Case, Decision};
use crate::examples;
use crate::{OrderRef, OrderStatus, Refusal, Stage};

// Most characters of a text.
const TEXT_MAX: usize = 2000;
// Most entries of a list.
const EVIDENCE_MAX: usize = 20;

/// Whoever does the work reports its progress, day by day: a department on its order, the grid on its own work.
///
/// Never for a day to come, or for a day before the order was sent or the issue was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordProgress {
    /// The order; absent for the work of the grid itself.
    #[serde(default)]
    pub order: Option<OrderId>,
    /// The day it is about, in the district's time.
    pub day: NaiveDate,
    /// The progress, at most 2000 characters.
    #[schemars(length(min = 1, max = TEXT_MAX))]
    pub text: String,
    /// Digests of uploaded files, at most 20.
    #[serde(default)]
    #[schemars(length(max = EVIDENCE_MAX))]
    pub evidence: Vec<Digest>,
}

/// A department reported progress on its order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderProgressRecorded {
    pub order: OrderRef,
    /// The day it is about.
    pub day: NaiveDate,
    /// How it goes.
    pub text: String,
    /// What shows it.
    pub evidence: Vec<Evidence>,
}

/// The grid reported progress on its own work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GridProgressRecorded {
    /// The day it is about.
    pub day: NaiveDate,
    /// How it goes.
    pub text: String,
    /// What shows it.
    pub evidence: Vec<Evidence>,
}

impl Verb for RecordProgress {
    const NAME: &'static str = "record-progress";
    const BY: Allowed = &[
        (Role::GridMember, Reach::Grid),
        (Role::GridLeader, Reach::Grid),
        (Role::ResidentialSecretary, Reach::Grid),
        (Role::DepartmentClerk, Reach::Department),
    ];
    type Of = Case;

    fn needs(&self, _case: &Case) -> Needs {
        Needs::none().evidence(&self.evidence)
    }
    fn example() -> Self {
        Self {
            order: Some(examples::order()),
            day: examples::day(),
            text: "已到现场，两名人员预约体检".into(),
            evidence: vec![],
        }
    }
}

impl RecordProgress {
    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        check_text("text", &self.text, TEXT_MAX)?;
        check_count("evidence", self.evidence.len(), 0, EVIDENCE_MAX)?;
        if self.day > context.today {
            let moment = self.day.and_time(NaiveTime::MIN).and_utc();
            return Err(Unfit::InTheFuture { moment }.into());
        }
        match self.order {
            Some(order) => self.of_order(order, case, context),
            None => self.of_grid(case, context),
        }
    }

    fn of_order(&self, order: OrderId, case: &Case, context: &Context) -> Decision {
        let (found, status) = case.order_of(order, &context.by)?;
        if found.progress.as_ref().is_some_and(|last| self.is_same(last.day, &last.text, &last.evidence)) {
            return Ok(vec![]);
        }
        if !matches!(status, OrderStatus::Accepted | OrderStatus::Rework) {
            return Err(Refusal::OrderNotReady { order, status: status.as_str() });
        }
        self.check_not_before("the dispatch of the order", found.sent.accept_by.derivation.from)?;
        let (day, text, evidence) = (self.day, self.text.clone(), context.evidence(&self.evidence)?);
        Ok(vec![OrderProgressRecorded { order: found.sent.order.clone(), day, text, evidence }.into()])
    }

    fn of_grid(&self, case: &Case, context: &Context) -> Decision {
        let file = case.opened()?;
        if context.by.department().is_some() {
            return Err(Refusal::OrderNotNamed);
        }
        if file.cycle.grid_progress.as_ref().is_some_and(|last| self.is_same(last.day, &last.text, &last.evidence)) {
            return Ok(vec![]);
        }
        case.opened_in(&[Stage::GridHandling], "in grid handling, or an order is named")?;
        self.check_not_before("the discovery of the issue", file.discovered.found_at)?;
        let (day, text, evidence) = (self.day, self.text.clone(), context.evidence(&self.evidence)?);
        Ok(vec![GridProgressRecorded { day, text, evidence }.into()])
    }

    /// Refuses a day that was over before `since`, wherever on earth the district is: the last place ends a day twelve hours
    /// after UTC.
    fn check_not_before(&self, what: &'static str, since: DateTime<Utc>) -> Result<(), Refusal> {
        let moment = self.day.and_time(NaiveTime::MIN).and_utc();
        let over = moment.checked_add_signed(TimeDelta::hours(24 + 12));
        if over.is_some_and(|over| over <= since) { Err(Refusal::TooEarly { moment, what, since }) } else { Ok(()) }
    }

    fn is_same(&self, day: NaiveDate, text: &str, evidence: &[Evidence]) -> bool {
        let shown = evidence.iter().map(|evidence| &evidence.sha256);
        (self.day, self.text.as_str()) == (day, text) && self.evidence.iter().eq(shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        LEAD, NOW, accepted, community, discovered, dispatched_case, evidence, file_of, given, grid_started, order_id,
        order_ref,
    };
    use kernel::Unfit;

    #[test]
    fn progress_is_not_before_what_it_is_about() {
        let at_work = || [dispatched_case(), vec![accepted(LEAD)]].concat();
        let in_grid = || [discovered(), community(), grid_started()];
        let dispatched = file_of(at_work()).orders[&order_id(LEAD)].sent.accept_by.derivation.from;
        let found = file_of(in_grid()).discovered.found_at;
        for day in ["0001-01-01", "1990-01-01", "2001-09-09", "2026-02-27"] {
            let day: NaiveDate = day.parse().unwrap();
            let moment = day.and_time(NaiveTime::MIN).and_utc();
            let too_early = |what, since| Refusal::TooEarly { moment, what, since };
            let of_order = RecordProgress { day, ..progress(Some(order_id(LEAD))) };
            let refusal = too_early("the dispatch of the order", dispatched);
            given(at_work()).by_department(LEAD).when(of_order).then_refused(refusal);
            let of_grid = RecordProgress { day, ..progress(None) };
            given(in_grid()).when(of_grid).then_refused(too_early("the discovery of the issue", found));
        }
        let yesterday = NOW.date_naive().pred_opt().unwrap();
        let late = RecordProgress { day: yesterday, ..progress(None) };
        assert_eq!(given(in_grid()).when(late).events().len(), 1);
    }

    fn progress(order: Option<OrderId>) -> RecordProgress {
        RecordProgress { order, day: NOW.date_naive(), text: "基础已浇筑".into(), evidence: vec![] }
    }

    #[test]
    fn a_department_reports_on_its_accepted_order() {
        let at_work = || [dispatched_case(), vec![accepted(LEAD)]].concat();
        let recorded = OrderProgressRecorded {
            order: order_ref(LEAD),
            day: NOW.date_naive(),
            text: "基础已浇筑".into(),
            evidence: vec![],
        };
        let order = order_id(LEAD);
        given(at_work()).by_department(LEAD).when(progress(Some(order))).then([recorded.clone()]);
        given([at_work(), vec![recorded.into()]].concat())
            .by_department(LEAD)
            .when(progress(Some(order)))
            .then_nothing();
        given(dispatched_case())
            .by_department(LEAD)
            .when(progress(Some(order)))
            .then_refused(Refusal::OrderNotReady { order, status: "sent" });
    }

    #[test]
    fn nobody_reports_in_a_departments_name_nor_a_department_for_the_grid() {
        let at_work = || [dispatched_case(), vec![accepted(LEAD)]].concat();
        let order = order_id(LEAD);
        let refusal = || Refusal::AnotherDepartment { order, department: crate::testing::department(LEAD) };
        given(at_work()).by("bz-member").when(progress(Some(order))).then_refused(refusal());
        given(at_work()).by_department("ASSIST").when(progress(Some(order))).then_refused(refusal());
        given([discovered(), community(), grid_started()])
            .by_department(LEAD)
            .when(progress(None))
            .then_refused(Refusal::OrderNotNamed);
    }

    #[test]
    fn the_grid_reports_on_its_own_work() {
        let recorded = GridProgressRecorded { day: NOW.date_naive(), text: "基础已浇筑".into(), evidence: vec![] };
        let at_work = || vec![discovered(), community(), grid_started()];
        given(at_work()).when(progress(None)).then([recorded.clone()]);
        given([at_work(), vec![recorded.into()]].concat()).when(progress(None)).then_nothing();
        given([discovered()]).when(progress(None)).then_refused(Refusal::WrongStage {
            stage: Stage::Discovered,
            taken: "in grid handling, or an order is named",
        });
    }

    #[test]
    fn a_day_that_lies_ahead_is_refused() {
        let day = NOW.date_naive() + chrono::TimeDelta::days(3);
        let moment = day.and_time(NaiveTime::MIN).and_utc();
        given([discovered(), community(), grid_started()])
            .when(RecordProgress { day, ..progress(None) })
            .then_refused(Unfit::InTheFuture { moment });
    }

    #[test]
    fn the_same_words_with_a_photo_are_other_progress() {
        let recorded = GridProgressRecorded { day: NOW.date_naive(), text: "基础已浇筑".into(), evidence: vec![] };
        let shown = RecordProgress { evidence: vec![evidence().sha256], ..progress(None) };
        let before = [discovered(), community(), grid_started(), recorded.into()];
        assert_eq!(given(before).when(shown).events().len(), 1);
    }
}
