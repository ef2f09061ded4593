//! `end-post`

use chrono::{DateTime, Utc};
use kernel::{Allowed, GridCode, Role, Verb};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{ADMINISTRATORS, code};
use crate::{District, DistrictEvent, Post, PostEnded, Refusal};

/// Ends a term before its planned end, or where none was planned.
///
/// Given by a system administrator. Refused where the person does not hold the post by that time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndPost {
    pub grid: GridCode,
    pub role: Role,
    #[schemars(length(min = 1, max = kernel::actor::STAFF_ID_LEN_MAX))]
    pub holder: String,
    /// Start of validity; by default the time of the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<DateTime<Utc>>,
}

impl Verb for EndPost {
    const NAME: &'static str = "end-post";
    const BY: Allowed = ADMINISTRATORS;
    type Of = District;

    fn example() -> Self {
        Self {
            grid: code("JAS-R03"),
            role: Role::ResidentialSecretary,
            holder: "jas-r03-secretary".into(),
            effective_from: None,
        }
    }
}

impl EndPost {
    pub(crate) fn decide(&self, district: &District, now: DateTime<Utc>) -> Result<Vec<DistrictEvent>, Refusal> {
        let from = self.effective_from.unwrap_or(now);
        let (grid, role, holder) = (self.grid.clone(), self.role, self.holder.clone());
        let mine = |post: &&Post| post.grid == grid && post.role == role && post.holder == holder;
        let mut terms = district.posts.iter().filter(mine);
        match terms.clone().find(|post| post.holds_at(from)) {
            Some(Post { ended_at: Some(last), .. }) => {
                Err(Refusal::OutOfOrder { what: format!("the post of {role} in {grid}"), last: *last })
            }
            Some(_) => Ok(vec![PostEnded { grid, role, holder, effective_from: from }.into()]),
            None if terms.any(|post| {
                post.over_at().is_some_and(|over| self.effective_from.map_or(over <= from, |asked| asked == over))
            }) =>
            {
                Ok(vec![])
            } // A retry: already done.
            None => Err(Refusal::UnknownPost { grid, role, holder }),
        }
    }
}

#[cfg(test)]
mod tests {
    use given::given;

    use super::*;
    use crate::testing::{code, day, post, root};

    fn end(holder: &str, from: &str) -> EndPost {
        EndPost { grid: code("T"), role: Role::GridLeader, holder: holder.into(), effective_from: Some(day(from)) }
    }

    fn ended(from: &str) -> PostEnded {
        let EndPost { grid, role, holder, .. } = end("staff-1", from);
        PostEnded { grid, role, holder, effective_from: day(from) }
    }

    fn led() -> Vec<DistrictEvent> {
        vec![root("T").into(), post("T", Role::GridLeader, "staff-1").into()]
    }

    #[test]
    fn a_post_ends_once() {
        given::<District>(led()).when(end("staff-1", "2020-01-01")).then([ended("2020-01-01")]);
        given::<District>(led().into_iter().chain([ended("2020-01-01").into()]))
            .when(end("staff-1", "2020-01-01"))
            .then_nothing();
    }

    #[test]
    fn only_its_holder_leaves_a_post() {
        let unknown =
            |holder: &str| Refusal::UnknownPost { grid: code("T"), role: Role::GridLeader, holder: holder.into() };
        given::<District>(led()).when(end("staff-2", "2020-01-01")).then_refused(unknown("staff-2"));
        given::<District>(led()).when(end("staff-1", "2017-01-01")).then_refused(unknown("staff-1"));
    }

    #[test]
    fn an_end_is_not_moved_forward() {
        let order = Refusal::OutOfOrder { what: "the post of grid_leader in T".into(), last: day("2020-01-01") };
        given::<District>(led().into_iter().chain([ended("2020-01-01").into()]))
            .when(end("staff-1", "2019-01-01"))
            .then_refused(order);
    }
}
