use chrono::{DateTime, Utc};
use kernel::{Allowed, CaseId, Context, Needs, Step, Verb, check_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::reopen_case::REASON_MAX;
use super::{MergedCaseReopened, ReopenCase, ReopenCause};
use crate::access::REOPENERS_ANYWHERE;
use crate::case::{Case, Decision};
use crate::examples;
use crate::{Refusal, Stage};

/// The part of a reopening that happens on the case that continued, where the finder of a case that was merged into it is not
/// satisfied. Only `reopen-case` on the merged case gives it.
///
/// Nothing happens here where the case is being worked on anyway: the finder's own case records what they said, and they are told
/// the next answer. Refused where the window was over when that finder said so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReopenForMerged {
    /// The case whose finder is not satisfied.
    pub from: CaseId,
    /// Why, as a code.
    pub cause: ReopenCause,
    /// Why, in words, at most 1000 characters.
    #[schemars(length(min = 1, max = REASON_MAX))]
    pub reason: String,
    /// When the finder said that they are not satisfied.
    pub said_at: DateTime<Utc>,
}

impl Verb for ReopenForMerged {
    const NAME: &'static str = "reopen-for-merged";
    const BY: Allowed = REOPENERS_ANYWHERE;
    const IS_PART: bool = true;
    type Of = Case;

    fn needs(&self, case: &Case) -> Needs {
        match case.file.as_ref().and_then(|file| file.merged.as_ref().map(|merged| (file, merged))) {
            Some((file, merged)) => {
                let part = Self { from: file.discovered.case, ..self.clone() };
                Needs::none().also(merged.into.uuid(), &part)
            }
            None => case.posts(Needs::none().step(Step::ROUTE_AGAIN)),
        }
    }
    fn example() -> Self {
        let ReopenCase { cause, reason } = ReopenCase::example();
        Self { from: examples::case(), cause, reason, said_at: examples::moment() }
    }
}

impl ReopenForMerged {
    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        let file = case.opened()?;
        if !file.taken_in.iter().any(|taken| taken.from == self.from) {
            return Err(Refusal::NotMergedInto { case: context.id.into() });
        }
        check_text("reason", &self.reason, REASON_MAX)?;
        let reason = self.reason.clone();
        if let Some(merged) = &file.merged {
            let event = MergedCaseReopened { into: merged.into, cause: self.cause, reason };
            let is_same = file.merged_reopened.as_ref() == Some(&event);
            return if is_same { Ok(vec![]) } else { Ok(vec![event.into()]) };
        }
        if !matches!(case.stage(), Stage::Closed | Stage::Callback) {
            // It is being worked on: for this finder already, or for another reason, and then their case keeps what they said.
            let own = file.cycle.reopened.as_ref().filter(|last| last.from == Some(self.from));
            let is_other = own.is_some_and(|last| (last.cause, &last.reason) != (self.cause, &reason));
            return if is_other { Err(Refusal::AlreadyReopened) } else { Ok(vec![]) };
        }
        ReopenCase { cause: self.cause, reason }.reopen(case, file, Some((self.from, self.said_at)), context)
    }
}
