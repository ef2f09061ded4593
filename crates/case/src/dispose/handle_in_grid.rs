use kernel::digest::Digest;
use kernel::{Allowed, Context, Evidence, Needs, Obligation, Role, Step, Verb, check_count, check_line, check_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::CONVENERS;
use crate::case::{Case, Decision};
use crate::{Conclusion, Refusal, Stage};

// Most characters of a text.
const WORK_MAX: usize = 2000;
const NAME_MAX: usize = 100;
const RESULT_MAX: usize = 2000;
// Most entries of a list.
const EXECUTORS_MAX: usize = 50;
const EVIDENCE_MAX: usize = 20;

/// The grid does the work itself (网格自处): at once, or started now and done later with the same command.
///
/// Not for a matter that only a department may solve, unless the grid centre refused to file it; not while a deliberation is
/// open; and not while the case is bound to a consent rule that no agreement has met: works start after agreement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HandleInGrid {
    /// Who does it; at least one.
    #[schemars(length(min = 1, max = EXECUTORS_MAX))]
    pub executors: Vec<Executor>,
    /// What is done, at most 2000 characters.
    #[schemars(length(min = 1, max = WORK_MAX))]
    pub work: String,
    /// That it is done. Absent where it only starts.
    #[serde(default)]
    pub done: Option<Completion>,
}

/// A body that does the work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Executor {
    /// Which kind of body.
    pub kind: ExecutorKind,
    /// Its name; no names of persons.
    #[schemars(length(min = 1, max = NAME_MAX))]
    pub name: String,
}

/// Bodies of the community.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExecutorKind {
    /// 业委会
    OwnersCommittee,
    /// 物业公司
    PropertyManagement,
    /// 居委会
    ResidentsCommittee,
    /// 网格队伍
    GridTeam,
    /// 志愿者队伍
    Volunteers,
    /// 驻区单位
    MemberUnit,
}

/// What was done, and what shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Completion {
    /// What was done, at most 2000 characters.
    #[schemars(length(min = 1, max = RESULT_MAX))]
    pub result: String,
    /// Digests of uploaded files that show it; at least one.
    #[schemars(length(min = 1, max = EVIDENCE_MAX))]
    pub evidence: Vec<Digest>,
}

/// The grid has begun to work on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GridHandlingStarted {
    /// Who does it.
    pub executors: Vec<Executor>,
    /// What is done.
    pub work: String,
    /// The round of work: 1, and one more for each reopening.
    pub cycle: u32,
    /// Who must finish, and by when.
    pub next: Obligation,
}

/// The grid says that it is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GridHandlingDone {
    /// What was done.
    pub result: String,
    /// What shows it.
    pub evidence: Vec<Evidence>,
    /// Staff id of whoever reported it; they will not verify it.
    pub by: String,
    /// Who must verify, and by when.
    pub next: Obligation,
}

impl Verb for HandleInGrid {
    const NAME: &'static str = "handle-in-grid";
    const BY: Allowed = CONVENERS;
    type Of = Case;

    fn needs(&self, case: &Case) -> Needs {
        let started = matches!(case.stage(), Stage::GridHandling | Stage::Disposed);
        let needs = if started { Needs::none() } else { Needs::none().step(Step::WORK_IN_GRID) };
        let needs = case.posts(needs);
        match &self.done {
            Some(done) => needs.step(Step::VERIFY).evidence(&done.evidence),
            None => needs,
        }
    }
    fn example() -> Self {
        let executor = |kind, name: &str| Executor { kind, name: name.into() };
        Self {
            executors: vec![
                executor(ExecutorKind::OwnersCommittee, "复元坊业委会"),
                executor(ExecutorKind::PropertyManagement, "复元坊物业"),
            ],
            work: "拆除旧车棚，按第二稿方案新建".into(),
            done: None,
        }
    }
}

impl HandleInGrid {
    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        let file = case.opened()?;
        let started = file.cycle.grid_work.as_ref();
        let same = started.is_some_and(|work| (&work.executors, &work.work) == (&self.executors, &self.work));
        match (case.stage(), &self.done) {
            (Stage::GridHandling, Some(done)) if same => Ok(vec![done.event(case, context)?.into()]),
            (Stage::GridHandling, None) if same => Ok(vec![]), // A retry: already so.
            (Stage::GridHandling, _) => Err(Refusal::AlreadyInGridHandling),
            (Stage::Disposed, Some(done)) if same => match file.cycle.grid_done.last() {
                Some(last) if done.is_same(last) => Ok(vec![]),
                _ => Err(case.wrong_stage("in grid handling")),
            },
            _ => self.start(case, context),
        }
    }

    fn start(&self, case: &Case, context: &Context) -> Decision {
        let stages = [Stage::Registered, Stage::Deliberating, Stage::NotFiled, Stage::Reopened];
        let file = case.opened_in(&stages, "registered, agreed upon, not filed or reopened")?;
        if let Some(matter) = file.for_departments() {
            return Err(Refusal::AdministrativeMatter { matter: matter.code.clone() });
        }
        let agreed = file.deliberation().is_some_and(|last| last.conclusion() == Some(Conclusion::Agreed));
        if case.stage() == Stage::Deliberating && !agreed {
            return Err(Refusal::DeliberationStillOpen);
        }
        if let Some(rule) = file.bound_by() {
            return Err(Refusal::BoundByConsentRule { rule: rule.id.clone() });
        }
        check_count("executors", self.executors.len(), 1, EXECUTORS_MAX)?;
        self.executors.iter().try_for_each(|executor| check_line("executors.name", &executor.name, NAME_MAX))?;
        check_text("work", &self.work, WORK_MAX)?;
        let next = context.oblige(Step::WORK_IN_GRID, file.grid_leader(context))?;
        let (executors, work, cycle) = (self.executors.clone(), self.work.clone(), file.cycle.number);
        let mut events = vec![GridHandlingStarted { executors, work, cycle, next }.into()];
        if let Some(done) = &self.done {
            events.push(done.event(case, context)?.into());
        }
        Ok(events)
    }
}

impl Completion {
    fn is_same(&self, last: &GridHandlingDone) -> bool {
        self.result == last.result && self.evidence.iter().eq(last.evidence.iter().map(|evidence| &evidence.sha256))
    }

    fn event(&self, case: &Case, context: &Context) -> Result<GridHandlingDone, Refusal> {
        check_text("done.result", &self.result, RESULT_MAX)?;
        check_count("done.evidence", self.evidence.len(), 1, EVIDENCE_MAX)?;
        Ok(GridHandlingDone {
            result: self.result.clone(),
            evidence: context.evidence(&self.evidence)?,
            by: context.by.id.clone(),
            next: context.oblige(Step::VERIFY, case.opened()?.centre(Role::Verifier, context))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Urgency;
    use crate::testing::{
        concluded, consent, discovered, escalated, feedback_recorded, given, grid_done, grid_started, grid_work,
        hearing, held, opened, passed, proposal, refused_filing, registered, registered_as, reopened, work_done,
    };
    use kernel::Unfit;
    use kernel::facts::Authority;

    fn community() -> crate::CaseEvent {
        registered_as(Authority::Community, Urgency::Ordinary)
    }

    #[test]
    fn an_agreement_frees_the_works_of_its_round_and_no_later_ones() {
        let agreed = [discovered(), community(), opened(), held(hearing()), proposal(1), consent(), concluded()];
        assert_eq!(given(agreed.clone()).when(work_done()).events().len(), 2);
        let done = given(agreed.clone()).when(work_done()).events();
        let reopened = [agreed.to_vec(), done, vec![passed(), feedback_recorded(false), reopened()]].concat();
        let other = HandleInGrid { work: "拆掉围墙建停车场".into(), ..work_done() };
        for works in [grid_work(), other] {
            let refusal = Refusal::BoundByConsentRule { rule: "RESIDENT_2_3".into() };
            given(reopened.clone()).when(works).then_refused(refusal);
        }
        let again = [reopened, agreed[2..].to_vec()].concat();
        assert_eq!(given(again).when(grid_work()).events().len(), 1);
    }

    #[test]
    fn the_grid_starts_and_finishes_or_does_it_at_once() {
        let work = || [discovered(), community(), grid_started()];
        given([discovered(), community()]).when(grid_work()).then([grid_started()]);
        given(work()).when(grid_work()).then_nothing();
        given(work()).when(work_done()).then([grid_done()]);
        given([discovered(), community()]).when(work_done()).then([grid_started(), grid_done()]);
        given([discovered(), community(), grid_started(), grid_done()]).when(work_done()).then_nothing();
        let other = HandleInGrid { work: "别的活".into(), ..grid_work() };
        given(work()).when(other).then_refused(Refusal::AlreadyInGridHandling);
    }

    #[test]
    fn what_is_for_a_department_is_not_done_in_the_grid() {
        let matter = crate::testing::matter_code();
        given([discovered(), registered()]).when(grid_work()).then_refused(Refusal::AdministrativeMatter { matter });
    }

    #[test]
    fn what_no_department_takes_is_settled_in_the_grid() {
        let refused = [discovered(), registered(), escalated(), refused_filing(), feedback_recorded(true)];
        let case = given(refused.clone()).when(grid_work()).state();
        assert_eq!(case.stage(), Stage::GridHandling);
        assert_eq!(case.opened().unwrap().last_feedback(), None, "what was said of the refusal is not about the work");
        let case = given(refused).when(work_done()).state();
        assert_eq!((case.stage(), case.standing.next().unwrap().by.role), (Stage::Disposed, Role::Verifier));
    }

    #[test]
    fn works_do_not_start_before_the_agreement() {
        given([discovered(), community(), opened()]).when(grid_work()).then_refused(Refusal::DeliberationStillOpen);
    }

    #[test]
    fn what_is_done_is_shown() {
        let mut unshown = work_done();
        unshown.done.as_mut().unwrap().evidence.clear();
        let refusal = Unfit::EntryCount { field: "done.evidence", min: 1, max: 20 };
        given([discovered(), community(), grid_started()]).when(unshown).then_refused(refusal);
    }

    #[test]
    fn another_result_is_not_the_same() {
        let mut other = work_done();
        other.done.as_mut().unwrap().result = "只做了一半".into();
        let refusal = Refusal::WrongStage { stage: Stage::Disposed, taken: "in grid handling" };
        given([discovered(), community(), grid_started(), grid_done()]).when(other).then_refused(refusal);
    }
}
