use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use kernel::facts::MatterFacts;
use kernel::{
    Allowed, Context, DepartmentCode, Derivation, Due, Evidence, GridCode, LimitOf, MatterCode, Needs, Obligation,
    OrderId, Party, PersonId, Reach, Role, Step, Verb, check_count, check_text,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::case::{Case, Decision};
use crate::examples;
use crate::{CaseFile, Location, OrderRef, Part, Refusal, Stage, Urgency};

// Most characters of a text.
const INSTRUCTIONS_MAX: usize = 2000;
const REASON_MAX: usize = 500;
// Most entries of a list.
const ASSIST_MAX: usize = 20;

/// The dispatcher sends a filed case to one lead and any number of assisting departments: one order each.
///
/// The disposal clock starts now. The lead has the matter on its list today, or the dispatcher says why it leads all
/// the same. A due time of the dispatcher's own has a reason and lies ahead, not further than the rules allow. Accepting, the first
/// contact and a return are never due after the disposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DispatchCase {
    /// 主办
    pub lead: DepartmentCode,
    /// 协办, at most 20.
    #[serde(default)]
    #[schemars(length(max = ASSIST_MAX))]
    pub assist: Vec<DepartmentCode>,
    /// What must be done, at most 2000 characters.
    #[schemars(length(min = 1, max = INSTRUCTIONS_MAX))]
    pub instructions: String,
    /// Why the lead leads although the matter is not on its list.
    #[serde(default)]
    #[schemars(length(min = 1, max = REASON_MAX))]
    pub override_reason: Option<String>,
    /// A due time that the dispatcher sets; otherwise the matter's limit gives it.
    #[serde(default)]
    pub own_due: Option<OwnDue>,
}

/// A due time that the dispatcher sets instead of the one by the matter's limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnDue {
    /// By when it must be disposed.
    pub at: DateTime<Utc>,
    /// Why the limit of the matter does not do, at most 500 characters.
    #[schemars(length(min = 1, max = REASON_MAX))]
    pub reason: String,
}

/// The case was dispatched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseDispatched {
    pub lead: DepartmentCode,
    pub assist: Vec<DepartmentCode>,
    /// What must be done.
    pub instructions: String,
    /// Why the lead leads although the matter is not on its list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub override_reason: Option<String>,
    /// By when it must be disposed.
    pub dispose_by: Due,
    /// What the dispatcher set instead of the matter's limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_due: Option<OwnDue>,
    /// The round of work: 1, and one more for each reopening.
    pub cycle: u32,
}

/// A department got an order. The event holds everything that the department needs to act.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrderDispatched {
    pub order: OrderRef,
    /// Name of the department that day.
    pub department_name: String,
    /// The other departments that got an order for this case.
    pub with: Vec<DepartmentCode>,
    /// The matter as pinned.
    pub matter: MatterFacts,
    pub urgency: Urgency,
    pub description: String,
    /// Where it is.
    pub location: Location,
    /// The grid and every grid above it.
    pub grids: Vec<GridCode>,
    /// Files that show it.
    pub evidence: Vec<Evidence>,
    /// Who reported it, if somebody did; their data is sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reporter: Option<PersonId>,
    /// What must be done.
    pub instructions: String,
    /// The round of work.
    pub cycle: u32,
    /// By when to accept.
    pub accept_by: Due,
    /// By when to speak to the finder for the first time.
    pub first_contact_by: Due,
    /// Until when it can be returned.
    pub return_until: Due,
    /// By when to dispose.
    pub dispose_by: Due,
    /// What the department must do next.
    pub next: Obligation,
}

impl Verb for DispatchCase {
    const NAME: &'static str = "dispatch-case";
    const BY: Allowed = &[(Role::Dispatcher, Reach::Grid)];
    type Of = Case;

    fn needs(&self, case: &Case) -> Needs {
        let departments = std::iter::once(&self.lead).chain(&self.assist);
        let needs = Needs::none().departments(departments).step(Step::ACCEPT).step(Step::FIRST_CONTACT);
        let needs = needs.due(LimitOf::ReturnWindow);
        let needs = if self.own_due.is_some() { needs.due(LimitOf::OwnDue) } else { needs };
        match case.file.as_ref().and_then(|file| file.matter()) {
            Some(matter) => needs.due(LimitOf::Disposal(matter.code.clone())),
            None => needs,
        }
    }
    fn example() -> Self {
        Self {
            lead: examples::code("SCJG"),
            assist: vec![examples::code("CGZF")],
            instructions: "请于时限内核查并督促办证".into(),
            override_reason: None,
            own_due: None,
        }
    }
}

impl DispatchCase {
    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        let file = case.opened()?;
        if matches!(case.stage(), Stage::Dispatched | Stage::ReturnReview | Stage::InDisposal)
            && file.dispatched.last().is_some_and(|last| self.is_same(last))
        {
            return Ok(vec![]);
        }
        let file = case.opened_in(&[Stage::Filed, Stage::Reopened], "filed, or reopened after it was filed")?;
        let filing = file.valid_filing().ok_or_else(|| case.wrong_stage("filed, and not refused since"))?;
        self.check(&filing.matter.code, context)?;
        let dispose_by = self.dispose_by(&filing.matter.code, context)?;
        let mut events = vec![
            CaseDispatched {
                lead: self.lead.clone(),
                assist: self.assist.clone(),
                instructions: self.instructions.clone(),
                override_reason: self.override_reason.clone(),
                dispose_by: dispose_by.clone(),
                own_due: self.own_due.clone(),
                cycle: file.cycle.number,
            }
            .into(),
        ];
        let departments: Vec<_> = std::iter::once(&self.lead).chain(&self.assist).collect();
        for department in &departments {
            let order = OrderRef {
                order: OrderId::named(&format!("{}/{}/{department}", context.id, file.dispatched.len() + 1)),
                case: context.id.into(),
                case_number: filing.number.clone(),
                title: file.discovered.title.clone(),
                department: (*department).clone(),
                part: if **department == self.lead { Part::Lead } else { Part::Assist },
            };
            let with = departments.iter().filter(|other| *other != department).map(|other| (*other).clone()).collect();
            events.push(self.order(order, with, &dispose_by, file, context)?.into());
        }
        Ok(events)
    }

    fn check(&self, matter: &MatterCode, context: &Context) -> Result<(), Refusal> {
        check_text("instructions", &self.instructions, INSTRUCTIONS_MAX)?;
        check_count("assist", self.assist.len(), 0, ASSIST_MAX)?;
        let mut seen = BTreeSet::new();
        for department in std::iter::once(&self.lead).chain(&self.assist) {
            if !seen.insert(department) {
                return Err(Refusal::DepartmentTwice { department: department.clone() });
            }
            context.department(department)?;
        }
        match &self.override_reason {
            Some(reason) => Ok(check_text("override_reason", reason, REASON_MAX)?),
            None if context.department(&self.lead)?.matters.contains(matter) => Ok(()),
            None => Err(Refusal::NotItsMatter { department: self.lead.clone() }),
        }
    }

    fn dispose_by(&self, matter: &MatterCode, context: &Context) -> Result<Due, Refusal> {
        let limited = context.due(LimitOf::Disposal(matter.clone()))?;
        let Some(OwnDue { at, reason }) = &self.own_due else { return Ok(limited) };
        check_text("own_due.reason", reason, REASON_MAX)?;
        if *at <= context.at {
            return Err(Refusal::DueInThePast { due: *at });
        }
        let furthest = context.due(LimitOf::OwnDue)?;
        if furthest.is_over(*at) {
            return Err(Refusal::DueTooFar { due: *at, until: furthest.at });
        }
        let rule = format!("set by the dispatcher instead of {}", limited.derivation.rule).into();
        Ok(Due { at: *at, derivation: Derivation { rule, ..limited.derivation } })
    }

    fn order(
        &self,
        order: OrderRef,
        with: Vec<DepartmentCode>,
        dispose_by: &Due,
        file: &CaseFile,
        context: &Context,
    ) -> Result<OrderDispatched, Refusal> {
        let department_name = context.department(&order.department)?.name.clone();
        let matter = file.matter().ok_or(Refusal::UnknownCase)?.clone();
        let next = context.oblige(Step::ACCEPT, Party::at_department(&order.department))?;
        let next = Obligation { due: within(next.due, dispose_by), ..next };
        let first_contact = context.oblige(Step::FIRST_CONTACT, Party::at_department(&order.department))?;
        Ok(OrderDispatched {
            order,
            department_name,
            with,
            matter,
            urgency: file.urgency(),
            description: file.discovered.description.clone(),
            location: file.discovered.location.clone(),
            grids: file.grid().path.clone(),
            evidence: file.discovered.evidence.clone(),
            reporter: file.reporter_data().last().map(|reporter| reporter.person),
            instructions: self.instructions.clone(),
            cycle: file.cycle.number,
            accept_by: next.due.clone(),
            first_contact_by: within(first_contact.due, dispose_by),
            return_until: within(context.due(LimitOf::ReturnWindow)?, dispose_by),
            dispose_by: dispose_by.clone(),
            next,
        })
    }

    /// Whether this is how it was dispatched. Another due time or reason is another dispatch, never a silent success.
    fn is_same(&self, last: &CaseDispatched) -> bool {
        let (asked, sent): (BTreeSet<_>, BTreeSet<_>) = (self.assist.iter().collect(), last.assist.iter().collect());
        (&self.lead, asked, &self.instructions, &self.override_reason, &self.own_due)
            == (&last.lead, sent, &last.instructions, &last.override_reason, &last.own_due)
    }
}

/// Nothing on an order is due, or possible, later than its disposal: an earlier disposal gives its own due time.
fn within(due: Due, dispose_by: &Due) -> Due {
    if due.at > dispose_by.at { dispose_by.clone() } else { due }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CaseEvent;
    use crate::testing::{ASSIST, LEAD, NOW, department, dispatch, dispatched, filed_case, given, matter_code};
    use chrono::TimeDelta;
    use kernel::NoDue;
    use kernel::Unfit;

    #[test]
    fn every_department_gets_an_order_of_its_own() {
        given(filed_case()).when(dispatch()).then(dispatched());
        given([filed_case(), dispatched()].concat()).when(dispatch()).then_nothing();
    }

    #[test]
    fn departments_are_known_and_named_once() {
        let twice = DispatchCase { assist: vec![department(LEAD)], ..dispatch() };
        let refusal = Refusal::DepartmentTwice { department: department(LEAD) };
        given(filed_case()).when(twice).then_refused(refusal);
        let unknown = DispatchCase { assist: vec![department("NOBODY")], ..dispatch() };
        let refusal = Unfit::UnknownDepartment { department: department("NOBODY") };
        given(filed_case()).when(unknown).then_refused(refusal);
    }

    #[test]
    fn the_lead_has_the_matter_on_its_list_or_a_reason() {
        let other = DispatchCase { lead: department(ASSIST), assist: vec![], ..dispatch() };
        let refusal = Refusal::NotItsMatter { department: department(ASSIST) };
        given(filed_case()).when(other.clone()).then_refused(refusal);
        let reasoned = DispatchCase { override_reason: Some("权责清单待更新".into()), ..other };
        assert_eq!(given(filed_case()).when(reasoned).events().len(), 2);
    }

    #[test]
    fn a_due_time_of_the_dispatchers_own_lies_ahead_and_not_too_far() {
        let own = |at, reason: &str| DispatchCase { own_due: Some(OwnDue { at, reason: reason.into() }), ..dispatch() };
        for due in [NOW - TimeDelta::hours(1), NOW] {
            given(filed_case()).when(own(due, "汛期")).then_refused(Refusal::DueInThePast { due });
        }
        let until = NOW + TimeDelta::days(90);
        for far in ["2026-05-31T02:00:01Z", "2106-02-08T00:00:00Z", "2206-01-01T00:00:00Z", "9999-12-31T23:59:59Z"] {
            let due = far.parse().unwrap();
            given(filed_case()).when(own(due, "汛期")).then_refused(Refusal::DueTooFar { due, until });
        }
        let refusal = Unfit::TextLength { field: "own_due.reason", max: 500 };
        given(filed_case()).when(own(until, " ")).then_refused(refusal);
        let events = given(filed_case()).when(own(until, "汛期")).events();
        let [CaseEvent::CaseDispatched(sent), CaseEvent::OrderDispatched(order), ..] = events.as_slice() else {
            panic!("{events:?}")
        };
        assert_eq!((sent.dispose_by.at, order.dispose_by.at), (until, until));
        assert_eq!(sent.own_due, Some(OwnDue { at: until, reason: "汛期".into() }));
        let unlimited = given(filed_case()).knowing(|facts| drop(facts.dues.remove(&LimitOf::OwnDue)));
        unlimited.when(own(until, "汛期")).then_refused(NoDue::NoLimit { of: LimitOf::OwnDue });
    }

    #[test]
    fn nothing_on_an_order_is_due_after_its_disposal() {
        let ahead = [TimeDelta::seconds(1), TimeDelta::hours(2), TimeDelta::days(1), TimeDelta::days(9)];
        for at in ahead.map(|ahead| NOW + ahead) {
            let own_due = Some(OwnDue { at, reason: "险情".into() });
            let later = |facts: &mut kernel::Facts| {
                for of in [Step::ACCEPT.into(), Step::FIRST_CONTACT.into(), LimitOf::ReturnWindow] {
                    facts.dues.insert(of, Ok(::given::due("late", 3)));
                }
            };
            let events = given(filed_case()).knowing(later).when(DispatchCase { own_due, ..dispatch() }).events();
            for event in &events[1..] {
                let CaseEvent::OrderDispatched(order) = event else { panic!("{event:?}") };
                let expected = at.min(NOW + TimeDelta::days(3));
                for due in [&order.accept_by, &order.first_contact_by, &order.return_until, &order.next.due] {
                    assert_eq!(due.at, expected);
                }
            }
        }
    }

    #[test]
    fn another_due_time_or_reason_is_not_the_same_dispatch() {
        let refusal =
            || Refusal::WrongStage { stage: Stage::Dispatched, taken: "filed, or reopened after it was filed" };
        let at = NOW + TimeDelta::days(9);
        let later = || DispatchCase { own_due: Some(OwnDue { at, reason: "汛期".into() }), ..dispatch() };
        given([filed_case(), dispatched()].concat()).when(later()).then_refused(refusal());
        let reasoned = DispatchCase { override_reason: Some("权责清单待更新".into()), ..dispatch() };
        given([filed_case(), dispatched()].concat()).when(reasoned).then_refused(refusal());
        let set = given(filed_case()).when(later()).events();
        given([filed_case(), set.clone()].concat()).when(later()).then_nothing();
        given([filed_case(), set].concat()).when(dispatch()).then_refused(refusal());
    }

    #[test]
    fn limits_come_from_the_rules() {
        for of in [LimitOf::Disposal(matter_code()), LimitOf::ReturnWindow] {
            given(filed_case())
                .knowing(|facts| drop(facts.dues.remove(&of)))
                .when(dispatch())
                .then_refused(NoDue::NoLimit { of: of.clone() });
        }
    }
}
