//! `appoint-post`

use chrono::{DateTime, Utc};
use kernel::actor::InvalidActor;
use kernel::{Actor, Allowed, DepartmentCode, GridCode, Role, Scope, Verb};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{ADMINISTRATORS, code};
use crate::{District, DistrictEvent, Post, PostAppointed, Refusal};

/// Appoints a person to a post in a grid.
///
/// Given by a system administrator. One person may hold several posts (一肩挑). A grid has one leader, one secretary and one duty
/// officer at a time, and nobody holds the same post twice at a time. The holder is a staff id: events contain no names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AppointPost {
    pub grid: GridCode,
    pub role: Role,
    /// Staff id; never a name.
    #[schemars(length(min = 1, max = kernel::actor::STAFF_ID_LEN_MAX))]
    pub holder: String,
    /// The department that lends the holder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<DepartmentCode>,
    /// Start of the term; by default the time of the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<DateTime<Utc>>,
    /// Planned end of the term.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
}

impl Verb for AppointPost {
    const NAME: &'static str = "appoint-post";
    const BY: Allowed = ADMINISTRATORS;
    type Of = District;

    fn example() -> Self {
        Self {
            grid: code("JAS-R03"),
            role: Role::ResidentialSecretary,
            holder: "jas-r03-secretary".into(),
            department: None,
            effective_from: None,
            until: None,
        }
    }
}

impl AppointPost {
    pub(crate) fn decide(&self, district: &District, now: DateTime<Utc>) -> Result<Vec<DistrictEvent>, Refusal> {
        let from = self.effective_from.unwrap_or(now);
        let post = self.post(from)?;
        if district.grid(&self.grid, from).is_none() {
            return Err(Refusal::Unfit(kernel::Unfit::UnknownGrid { grid: self.grid.clone() }));
        }
        if let Some(code) = &self.department
            && district.department(code, from).is_none()
        {
            return Err(Refusal::Unfit(kernel::Unfit::UnknownDepartment { department: code.clone() }));
        }
        let excluded = |other: &&Post| post.excludes(other);
        match district.posts.iter().find(excluded) {
            Some(other) if self.is_term(other, from) => return Ok(vec![]), // A retry: already done.
            Some(other) => {
                let (grid, role, holder) = (self.grid.clone(), self.role, other.holder.clone());
                return Err(Refusal::PostOverlaps { grid, role, holder });
            }
            None => {}
        }
        Ok(vec![
            PostAppointed {
                grid: post.grid,
                role: post.role,
                holder: post.holder,
                department: post.department,
                effective_from: from,
                until: post.until,
            }
            .into(),
        ])
    }

    /// Whether the known term is the one that is asked for. Where no start is given, any term that runs by now is.
    fn is_term(&self, known: &Post, from: DateTime<Utc>) -> bool {
        known.holder == self.holder
            && known.department == self.department
            && known.until == self.until
            && self.effective_from.map_or_else(|| known.holds_at(from), |asked| asked == known.from)
    }

    fn post(&self, from: DateTime<Utc>) -> Result<Post, Refusal> {
        let place = || Scope::Grid(self.grid.clone());
        let scope = self.department.clone().map_or_else(place, Scope::Department);
        Actor::try_new(&self.holder, self.role, scope).map_err(|reason| match reason {
            InvalidActor::SystemRole => Refusal::SystemPost,
            // What is no id may be a name, which nothing repeats.
            InvalidActor::Id => Refusal::NotAStaffId { holder: "this holder".into(), reason },
            _ => Refusal::NotAStaffId { holder: self.holder.clone(), reason },
        })?;
        if self.until.is_some_and(|until| until <= from) {
            return Err(Refusal::TermReversed);
        }
        Ok(Post {
            grid: self.grid.clone(),
            role: self.role,
            holder: self.holder.clone(),
            department: self.department.clone(),
            from,
            until: self.until,
            ended_at: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use given::given;

    use super::*;
    use crate::PostEnded;
    use crate::testing::{code, day, department, post, root};

    fn appoint(role: Role, holder: &str, from: &str) -> AppointPost {
        AppointPost {
            grid: code("T"),
            role,
            holder: holder.into(),
            department: None,
            effective_from: Some(day(from)),
            until: None,
        }
    }

    fn led() -> Vec<DistrictEvent> {
        vec![root("T").into(), post("T", Role::GridLeader, "staff-1").into()]
    }

    #[test]
    fn a_post_is_taken_up_once() {
        let command = || appoint(Role::GridLeader, "staff-1", "2018-01-01");
        given::<District>([root("T").into()]).when(command()).then([post("T", Role::GridLeader, "staff-1")]);
        given::<District>(led()).when(command()).then_nothing();
    }

    #[test]
    fn another_start_is_another_term_and_not_a_repeat() {
        let overlaps = Refusal::PostOverlaps { grid: code("T"), role: Role::GridLeader, holder: "staff-1".into() };
        for start in ["2018-01-02", "2019-06-01", "2017-12-31"] {
            let early = crate::GridEstablished { effective_from: day("2010-01-01"), ..root("T") };
            given::<District>([early.into(), post("T", Role::GridLeader, "staff-1").into()])
                .when(appoint(Role::GridLeader, "staff-1", start))
                .then_refused(overlaps.clone());
        }
        let as_of_now = AppointPost { effective_from: None, ..appoint(Role::GridLeader, "staff-1", "2018-01-01") };
        given::<District>(led()).at(day("2020-01-01")).when(as_of_now).then_nothing();
    }

    #[test]
    fn a_grid_has_one_leader_at_a_time() {
        let overlaps = Refusal::PostOverlaps { grid: code("T"), role: Role::GridLeader, holder: "staff-1".into() };
        given::<District>(led())
            .when(appoint(Role::GridLeader, "staff-2", "2019-01-01"))
            .then_refused(overlaps.clone());
        let before =
            AppointPost { until: Some(day("2018-06-01")), ..appoint(Role::GridLeader, "staff-2", "2018-01-01") };
        given::<District>(led()).when(before).then_refused(overlaps);
        let ended = PostEnded {
            grid: code("T"),
            role: Role::GridLeader,
            holder: "staff-1".into(),
            effective_from: day("2019-01-01"),
        };
        assert_eq!(
            given::<District>(led().into_iter().chain([ended.into()]))
                .when(appoint(Role::GridLeader, "staff-2", "2019-01-01"))
                .events()
                .len(),
            1
        );
    }

    #[test]
    fn a_grid_has_many_members_and_a_person_many_posts() {
        assert_eq!(given::<District>(led()).when(appoint(Role::GridMember, "staff-1", "2018-01-01")).events().len(), 1);
        assert_eq!(
            given::<District>([root("T").into(), post("T", Role::GridMember, "staff-1").into()])
                .when(appoint(Role::GridMember, "staff-2", "2018-01-01"))
                .events()
                .len(),
            1
        );
        let twice = Refusal::PostOverlaps { grid: code("T"), role: Role::GridMember, holder: "staff-1".into() };
        let short =
            AppointPost { until: Some(day("2020-01-01")), ..appoint(Role::GridMember, "staff-1", "2019-01-01") };
        given::<District>([root("T").into(), post("T", Role::GridMember, "staff-1").into()])
            .when(short)
            .then_refused(twice);
    }

    #[test]
    fn grid_and_department_must_exist() {
        let unknown = Refusal::Unfit(kernel::Unfit::UnknownGrid { grid: code("T") });
        given::<District>([]).when(appoint(Role::GridMember, "staff-1", "2018-01-01")).then_refused(unknown);
        let law = department("CGZF", "城管", &[]);
        let lent =
            || AppointPost { department: Some(law.code.clone()), ..appoint(Role::GridMember, "s", "2018-01-01") };
        given::<District>([root("T").into()])
            .when(lent())
            .then_refused(Refusal::Unfit(kernel::Unfit::UnknownDepartment { department: law.code.clone() }));
        assert_eq!(given::<District>([root("T").into(), law.clone().into()]).when(lent()).events().len(), 1);
    }

    #[test]
    fn a_term_ends_after_it_begins() {
        let reversed = AppointPost { until: Some(day("2018-01-01")), ..appoint(Role::GridMember, "s", "2018-01-01") };
        given::<District>([root("T").into()]).when(reversed).then_refused(Refusal::TermReversed);
    }

    #[test]
    fn nobody_holds_the_role_of_the_system() {
        given::<District>([root("T").into()])
            .when(appoint(Role::System, "staff-1", "2018-01-01"))
            .then_refused(Refusal::SystemPost);
    }

    #[test]
    fn a_name_is_no_staff_id() {
        let refused = |holder: &str, named: &str, reason| {
            given::<District>([root("T").into()])
                .when(appoint(Role::GridLeader, holder, "2018-01-01"))
                .then_refused(Refusal::NotAStaffId { holder: named.into(), reason });
        };
        for holder in ["丁霞", "Ding Xia", "", &"a".repeat(65)] {
            refused(holder, "this holder", InvalidActor::Id);
        }
        refused("system/outbox", "system/outbox", InvalidActor::OfSystem);
        refused("dept/CGZF", "dept/CGZF", InvalidActor::OfOtherDepartment);
        for holder in ["li.wei@jas.cn", "post:jas/7", "staff_1", &"a".repeat(64)] {
            let events =
                given::<District>([root("T").into()]).when(appoint(Role::GridLeader, holder, "2018-01-01")).events();
            assert_eq!(events.len(), 1, "{holder}");
        }
    }
}
