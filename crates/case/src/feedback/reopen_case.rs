use chrono::{DateTime, Utc};
use kernel::{Allowed, CaseId, Context, GridCode, Needs, Obligation, Role, Step, Verb, check_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::REOPENERS;
use crate::case::{Case, Decision};
use crate::{CaseFile, Refusal, ReopenForMerged, Stage};

// Most characters of a text.
pub(super) const REASON_MAX: usize = 1000;

/// The finder is not satisfied, or it happens again (重办): a new cycle begins and the old one stays as it was.
///
/// Whoever speaks with the finder records it on their behalf. Only inside the window that was pinned at closing. On a merged case
/// whose finder is not satisfied it reopens the case that continued, under the same command
/// ([`ReopenForMerged`](crate::ReopenForMerged)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReopenCase {
    /// Why, as a code.
    pub cause: ReopenCause,
    /// Why, in words, at most 1000 characters.
    #[schemars(length(min = 1, max = REASON_MAX))]
    pub reason: String,
}

/// Why a case is reopened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReopenCause {
    /// 发现人不满意
    FinderDissatisfied,
    /// 反复发生
    Recurred,
    /// 督查要求
    Supervision,
}

/// The case was reopened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseReopened {
    /// What the case is about.
    pub title: String,
    /// The grid in which it is and every grid above it, itself first.
    pub grids: Vec<GridCode>,
    /// The round of work that begins: 2, 3 …
    pub cycle: u32,
    /// Why, as a code.
    pub cause: ReopenCause,
    /// Why, in words.
    pub reason: String,
    /// The merged case whose finder had it reopened; absent where it was the finder of this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<CaseId>,
    /// Who must decide the way, and by when.
    pub next: Obligation,
}

impl Verb for ReopenCase {
    const NAME: &'static str = "reopen-case";
    const BY: Allowed = REOPENERS;
    type Of = Case;

    fn needs(&self, case: &Case) -> Needs {
        match case.file.as_ref().and_then(|file| file.merged.as_ref().map(|merged| (file, merged))) {
            Some((file, merged)) => {
                let (from, reason) = (file.discovered.case, self.reason.clone());
                // Nobody has it reopened who was not heard: the decision says so.
                let Some(said_at) = file.merged_said_at else {
                    return Needs::none();
                };
                let part = ReopenForMerged { from, cause: self.cause, reason, said_at };
                Needs::none().also(merged.into.uuid(), &part)
            }
            None => case.posts(Needs::none().step(Step::ROUTE_AGAIN)),
        }
    }
    fn example() -> Self {
        Self { cause: ReopenCause::Recurred, reason: "同一问题再次出现".into() }
    }
}

impl ReopenCase {
    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        let file = case.opened()?;
        if let Some(merged) = &file.merged {
            return self.decide_merged(case, file, merged);
        }
        match case.stage() {
            Stage::Reopened => {
                let last = file.cycle.reopened.as_ref();
                let is_same = last.is_some_and(|last| (last.cause, &last.reason) == (self.cause, &self.reason));
                return if is_same { Ok(vec![]) } else { Err(Refusal::AlreadyReopened) };
            }
            Stage::Closed => {}
            Stage::Callback if file.cycle.said.is_unhappy() => {}
            _ => return Err(case.wrong_stage("closed, or called back with a finder who is not satisfied")),
        }
        self.reopen(case, file, None, context)
    }

    /// Begins the next round of work, for the finder of this case or, with the time at which they said so, of one that was merged
    /// into it.
    pub(super) fn reopen(
        &self,
        case: &Case,
        file: &CaseFile,
        merged: Option<(CaseId, DateTime<Utc>)>,
        context: &Context,
    ) -> Decision {
        let (from, at) = (merged.map(|(from, _)| from), merged.map_or(context.at, |(_, said_at)| said_at));
        let until = file.cycle.closed.as_ref().filter(|_| case.stage() == Stage::Closed);
        if let Some(until) = until.map(|closed| &closed.reopen_until).filter(|due| due.is_over(at)) {
            return Err(Refusal::ReopenWindowOver { until: until.at });
        }
        check_text("reason", &self.reason, REASON_MAX)?;
        let by = if file.valid_filing().is_some() {
            file.centre(Role::Dispatcher, context)
        } else {
            file.secretary(context)
        };
        let next = context.oblige(Step::ROUTE_AGAIN, by)?;
        let (cycle, reason) = (file.cycle.number + 1, self.reason.clone());
        let (title, grids) = (file.discovered.title.clone(), file.grid().path.clone());
        Ok(vec![CaseReopened { title, grids, cycle, cause: self.cause, reason, from, next }.into()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        NOW, closed, closed_case, discovered, dispatch, escalate, escalated, feedback_recorded, file_of, filed, given,
        refused_filing, registered, reopen, reopened, second_cycle, verified_case,
    };
    use chrono::TimeDelta;
    use kernel::Aggregate;

    #[test]
    fn a_closed_case_is_reopened_inside_the_window() {
        given(closed_case()).when(reopen()).then([reopened()]);
        given([closed_case(), vec![reopened()]].concat()).when(reopen()).then_nothing();
        let until = file_of(closed_case()).cycle.closed.as_ref().unwrap().reopen_until.at;
        given(closed_case())
            .at(NOW + TimeDelta::days(90))
            .when(reopen())
            .then_refused(Refusal::ReopenWindowOver { until });
    }

    #[test]
    fn an_unhappy_finder_reopens_it_before_it_is_closed() {
        given([verified_case(), vec![feedback_recorded(false)]].concat()).when(reopen()).then([reopened()]);
        given([discovered()]).when(reopen()).then_refused(Refusal::WrongStage {
            stage: Stage::Discovered,
            taken: "closed, or called back with a finder who is not satisfied",
        });
    }

    #[test]
    fn the_second_cycle_gets_new_orders_and_keeps_the_old_ones() {
        let events = given([closed_case(), vec![reopened()]].concat()).when(dispatch()).events();
        let before = given([closed_case(), vec![reopened()]].concat()).state();
        let case = events.into_iter().fold(before, Case::evolve);
        let file = case.opened().unwrap();
        assert_eq!((file.orders.len(), case.standing.live_orders().count(), file.cycle.number), (4, 2, 2));
    }

    #[test]
    fn what_an_unhappy_finder_said_of_the_first_cycle_does_not_reopen_the_second() {
        let refusal = Refusal::WrongStage {
            stage: Stage::Callback,
            taken: "closed, or called back with a finder who is not satisfied",
        };
        given(second_cycle(false)).when(reopen()).then_refused(refusal);
    }

    #[test]
    fn a_reopening_for_another_cause_or_reason_is_not_the_same() {
        let cause = ReopenCase { cause: ReopenCause::Recurred, ..reopen() };
        let reason = ReopenCase { reason: "换个说法".into(), ..reopen() };
        for other in [cause, reason] {
            given([closed_case(), vec![reopened()]].concat()).when(other).then_refused(Refusal::AlreadyReopened);
        }
    }

    #[test]
    fn what_was_refused_last_is_not_dispatched_on_an_older_filing() {
        let refused = [closed_case(), vec![reopened(), escalated(), refused_filing(), closed()]].concat();
        let events = given(refused.clone()).when(reopen()).events();
        let [crate::CaseEvent::CaseReopened(again)] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!((again.cycle, again.next.by.role), (3, Role::ResidentialSecretary));
        let again = [refused, events].concat();
        let refusal = Refusal::WrongStage { stage: Stage::Reopened, taken: "filed, and not refused since" };
        given(again.clone()).when(dispatch()).then_refused(refusal);
        assert_eq!(given([again, vec![escalated(), filed()]].concat()).when(dispatch()).events().len(), 3);
    }

    #[test]
    fn a_new_cycle_has_a_review_of_its_own() {
        let twice = [escalated(), refused_filing(), escalated(), refused_filing()];
        let events = [vec![discovered(), registered()], twice.to_vec(), vec![closed(), reopened()]].concat();
        given(events).when(escalate()).then([escalated()]);
    }
}
