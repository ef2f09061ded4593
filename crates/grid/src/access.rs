//! What the commands of the district share: who may give them, and the codes in their examples.

use std::fmt::Debug;
use std::str::FromStr;

use kernel::{Allowed, Reach, Role};

/// System administrators (系统管理员): they keep the district.
pub(crate) const ADMINISTRATORS: Allowed = &[(Role::SystemAdministrator, Reach::Everywhere)];

/// A code of an example.
pub(crate) fn code<C: FromStr<Err: Debug>>(code: &str) -> C {
    code.parse().expect("the code of an example is well formed")
}
