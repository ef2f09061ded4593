//! The description of everybody, as written in a file.

use chrono::{DateTime, Utc};
use kernel::{DepartmentCode, Role, Scope};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Appoint, PersonCode, PostCode};

/// Most persons of an installation.
pub(super) const PERSONS_MAX: usize = 20_000;
/// Most posts that one person is described with.
pub(super) const POSTS_MAX: usize = 50;

/// Everybody as of now. Also the body of `describe-persons`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonsDescription {
    /// Every person, in any order, the three administrators among them.
    #[serde(default)]
    #[schemars(length(max = PERSONS_MAX))]
    pub persons: Vec<PersonSpec>,
    /// How many persons and posts may be ended because they are not described; 0 where it is not given. A successor in the same role
    /// and place ends no post.
    #[serde(default, skip_serializing_if = "is_none_allowed")]
    pub allow_closing: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_none_allowed(allow_closing: &u32) -> bool {
    *allow_closing == 0
}

/// The intended state of a person. Their name is no part of it: it is given for one person at a time, and sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonSpec {
    /// Staff id; never a name.
    pub id: PersonCode,
    /// The department that lends them (派出单位).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconded_by: Option<DepartmentCode>,
    /// Every post that they hold now or later, at most 50.
    #[serde(default)]
    #[schemars(length(max = POSTS_MAX))]
    pub posts: Vec<PostSpec>,
}

/// The intended term of a person in a post.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostSpec {
    /// What names it among the posts of its person.
    pub code: PostCode,
    pub role: Role,
    /// Where the role holds.
    pub scope: Scope,
    /// Start of the term; by default any term that runs now, else a new one from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<DateTime<Utc>>,
    /// Planned end of the term.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// The person for whom this one stands in (代班). Such a term has an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deputy_for: Option<PersonCode>,
}

impl PostSpec {
    /// The command that gives this post to a person.
    pub(super) fn appoint(&self, person: &PersonCode) -> Appoint {
        let Self { code, role, scope, from, until, deputy_for } = self.clone();
        Appoint { person: person.clone(), post: code, role, scope, from, until, deputy_for }
    }
}
