use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use kernel::{Allowed, Context, Needs, PersonId, Role, Verb};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ReadPurpose;
use crate::Refusal;
use crate::access::REPORTER_READERS;
use crate::case::{Case, Decision};

/// For how long a reading counts as one with those after it.
const ONE_READING: TimeDelta = TimeDelta::minutes(15);

/// Somebody reads in clear who reported a case (读取诉求人信息).
///
/// Only for a duty of theirs: a department by an order of it that was not returned, until the case is over; the duty officer of the
/// grid centre until the case is over; everybody else while a step is open that they may take; whoever was named by the duty officer.
/// And for so many days after that duty ended as the rules say. Who reported confidentially is shown to the duty officer and to whoever
/// was named alone. Each reading is recorded before anything is shown. What the same person reads again for the same purpose within
/// fifteen minutes is the same reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadReporter {
    /// What they need it for.
    pub purpose: ReadPurpose,
}

/// Somebody was shown who reported the case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReporterRead {
    /// The staff id of the reader, or the id of a program.
    pub reader: String,
    /// The role in which they read.
    pub role: Role,
    pub purpose: ReadPurpose,
    /// Whose data were shown.
    pub persons: Vec<PersonId>,
    /// The day, as the district counts its days.
    pub day: NaiveDate,
    /// Until when the same reader reads the same again for the same purpose as a part of this reading.
    pub until: DateTime<Utc>,
}

impl Verb for ReadReporter {
    const NAME: &'static str = "read-reporter";
    const BY: Allowed = REPORTER_READERS;
    const IS_PART: bool = true;
    type Of = Case;

    fn needs(&self, _case: &Case) -> Needs {
        Needs::none().reading_limits()
    }
    fn example() -> Self {
        Self { purpose: ReadPurpose::Contact }
    }
}

impl ReadReporter {
    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        let (file, by) = (case.opened()?, &context.by);
        let days_after = context.facts.reading_limits.days_after;
        if !case.is_needed_by(by, context.at, days_after) {
            return Err(Refusal::NoDuty { days_after });
        }
        if file.reporter_data().is_empty() {
            return Err(Refusal::NoReporter);
        }
        let persons: Vec<PersonId> = file.reporters_for(by).iter().map(|shown| shown.person).collect();
        if persons.is_empty() {
            return Err(Refusal::ReporterConfidential);
        }
        let read = ReporterRead {
            reader: by.id.clone(),
            role: by.role,
            purpose: self.purpose,
            persons,
            day: context.today,
            until: context.at.checked_add_signed(ONE_READING).unwrap_or(context.at),
        };
        let is_part = file.readings.iter().any(|known| known.covers(&read, context.at));
        Ok(if is_part { vec![] } else { vec![read.into()] })
    }
}

impl ReporterRead {
    /// Whether another reading at that moment is a part of this one.
    fn covers(&self, other: &Self, at: DateTime<Utc>) -> bool {
        let is_same =
            (&self.reader, self.role, self.purpose, self.day) == (&other.reader, other.role, other.purpose, other.day);
        is_same && self.persons == other.persons && at < self.until
    }

    /// Whether it stands for what the same reader read before for the same purpose.
    pub(crate) fn replaces(&self, earlier: &Self) -> bool {
        (&self.reader, self.role, self.purpose) == (&earlier.reader, earlier.role, earlier.purpose)
    }
}

#[cfg(test)]
mod tests;
