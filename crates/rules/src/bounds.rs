//! How long the texts and lists of rules may be.

/// Most characters of a name.
pub(crate) const NAME_LEN_MAX: usize = 200;

/// Most characters of the id of a consent rule and of the code of a criterion.
pub(crate) const CODE_LEN_MAX: usize = kernel::consent::RULE_ID_LEN_MAX;

/// Most characters of a source and of the text of a criterion.
pub(crate) const TEXT_LEN_MAX: usize = 4000;

/// Most matters of a catalogue.
pub(crate) const MATTERS_MAX: usize = 5000;

/// Most departments that assist with a matter.
pub(crate) const ASSISTING_MAX: usize = 50;

/// Most limits of steps.
pub(crate) const STEP_LIMITS_MAX: usize = 200;

/// Most calendars of a description, and of a withdrawal.
pub(crate) const CALENDARS_MAX: usize = 200;

/// Most holidays and most make-up days of a calendar, which is of one year.
pub(crate) const DAYS_MAX: usize = 366;

/// Most spans of working hours of a day.
pub(crate) const SPANS_MAX: usize = 24;

/// Days of a week.
pub(crate) const WEEK_DAYS: usize = 7;

/// Most consent rules of a description, and of a withdrawal.
pub(crate) const CONSENT_RULES_MAX: usize = 500;

/// Most filing criteria.
pub(crate) const CRITERIA_MAX: usize = 200;

/// Most days for which personal data may be read after a duty has ended.
pub(crate) const DAYS_AFTER_MAX: u32 = 365;

/// Most readings of personal data that a person may make in a day.
pub(crate) const READINGS_A_DAY_MAX: u32 = 10_000;

/// Most pairs of steps that one person does not take together.
pub(crate) const PAIRS_MAX: usize = 64;
