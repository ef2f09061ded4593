//! What the examples of several commands name.

use std::fmt::Debug;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, Utc};
use kernel::digest::Digest;
use kernel::{CaseId, OrderId};
use uuid::Uuid;

/// A code.
pub(crate) fn code<C: FromStr<Err: Debug>>(code: &str) -> C {
    code.parse().expect("the code of an example is well formed")
}

/// A case.
pub(crate) fn case() -> CaseId {
    CaseId::new(Uuid::from_u128(0x0190_163d_8694_739b_aea5_966c_26f8_ad91))
}

/// An order of a department.
pub(crate) fn order() -> OrderId {
    OrderId::new(Uuid::from_u128(0x0190_1640_0d4c_7aa1_9f0e_5e0f_5c1f_9a10))
}

/// The digest of an uploaded file.
pub(crate) fn digest() -> Digest {
    Digest::of(kernel::evidence::EXAMPLE)
}

/// Monday 2026-03-02, 19:00 in Shanghai.
pub(crate) fn moment() -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_449_200, 0).expect("a valid time")
}

/// A day of the same week.
pub(crate) fn day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 3, 5).expect("a valid day")
}
