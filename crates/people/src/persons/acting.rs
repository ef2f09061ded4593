//! In which post somebody acts, and who holds what.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use kernel::{Actor, DepartmentCode, GridCode, Role, Scope};

use super::register::State;
use super::{PersonCode, Persons, Post, PostCode};

/// A person in the post in which they act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acting {
    pub person: PersonCode,
    pub post: PostCode,
    pub role: Role,
    pub scope: Scope,
    /// The department that lends the person (派出单位).
    pub seconded_by: Option<DepartmentCode>,
}

impl From<Acting> for Actor {
    fn from(acting: Acting) -> Self {
        let Acting { person, role, scope, seconded_by, .. } = acting;
        Self { id: person.into(), role, scope, seconded_by }
    }
}

/// Why somebody cannot act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotActing {
    /// Nobody has that id.
    #[error("nobody is registered under this id; a security administrator enters persons")]
    Unknown,
    /// The person is suspended.
    #[error("this person is suspended; a security administrator reinstates them")]
    Suspended,
    /// The person has left.
    #[error("this person was ended in the register; a security administrator can enter them again")]
    Ended,
    /// No post is in force now.
    #[error("this person holds no post now; a security administrator appoints them")]
    NoPost,
    /// Several posts are in force, and none was named.
    #[error("this person holds several posts; name the one to act in: {}", listed(.0))]
    SeveralPosts(Vec<PostCode>),
    /// The post that was named is not in force.
    #[error("this person does not hold the post that was named, or not now")]
    NotHeld,
    /// The token was issued before the sessions of the person were ended.
    #[error("this token is older than the moment at which the sessions of this person were ended; log in again")]
    TokenOlder,
}

fn listed(posts: &[PostCode]) -> String {
    posts.iter().map(PostCode::as_str).collect::<Vec<_>>().join(", ")
}

impl Persons {
    /// The post in which a person acts now: the one that is named, or the only one that they hold.
    ///
    /// How a person stands is what the register knows, whatever clock wrote it; posts hold as of `now`.
    ///
    /// # Errors
    /// Why they cannot act.
    pub fn acting(
        &self,
        person: &str,
        post: Option<&str>,
        issued_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Acting, NotActing> {
        let (code, known) = self.persons.get_key_value(person).ok_or(NotActing::Unknown)?;
        let standing = known.last();
        match standing.state {
            State::Ended { .. } => return Err(NotActing::Ended),
            State::Suspended { .. } => return Err(NotActing::Suspended),
            State::Active { .. } => {}
        }
        if known.sessions_from.is_some_and(|from| issued_at < from) {
            return Err(NotActing::TokenOlder);
        }
        let held: Vec<&Post> = known.posts.iter().filter(|post| post.holds_at(now)).collect();
        let acting = match (post, held.as_slice()) {
            (Some(named), _) => held.iter().find(|post| post.code.as_str() == named).ok_or(NotActing::NotHeld)?,
            (None, []) => return Err(NotActing::NoPost),
            (None, [only]) => only,
            (None, several) => {
                return Err(NotActing::SeveralPosts(several.iter().map(|post| post.code.clone()).collect()));
            }
        };
        Ok(Acting {
            person: code.clone(),
            post: acting.code.clone(),
            role: acting.role,
            scope: acting.scope.clone(),
            seconded_by: standing.seconded_by.clone(),
        })
    }

    /// The roles in which somebody who can act holds a post in this grid, and not only above or below it; who stands in counts.
    pub fn holders(&self, grid: &GridCode, at: DateTime<Utc>) -> BTreeSet<Role> {
        let persons = self.by_grid.get(grid).into_iter().flatten().filter_map(|code| self.persons.get(code));
        let active = persons.filter(|person| matches!(person.last().state, State::Active { .. }));
        let posts = active.flat_map(|person| &person.posts);
        posts.filter(|post| post.grid() == Some(grid) && post.holds_at(at)).map(|post| post.role).collect()
    }
}

#[cfg(test)]
mod tests {
    use given::given;
    use kernel::Verb as _;

    use super::super::testing::{after, entered, person, post};
    use super::super::{Appoint, EnterPerson};
    use super::*;

    const WHO: &str = "jas-r03-secretary";

    fn day(number: i64) -> DateTime<Utc> {
        given::NOW + chrono::TimeDelta::days(number)
    }

    #[test]
    fn whoever_holds_several_posts_names_one_that_is_in_force() {
        let lent = EnterPerson { seconded_by: Some(given::department(given::LEAD)), ..EnterPerson::example() };
        let later = Appoint { from: Some(day(5)), until: Some(day(6)), ..post(WHO, "later", Role::Dispatcher) };
        let posts = [post(WHO, "leader", Role::GridLeader), post(WHO, "verifier", Role::Verifier), later];
        let history = after(entered(), [lent.into()]);
        let register = given::<Persons>(after(history, posts.map(Into::into))).state();
        let acting = |named: Option<&str>, now| {
            let acting = register.acting(WHO, named, given::NOW, now);
            acting.map(|acting| (acting.role, acting.seconded_by.map(|code| code.to_string())))
        };
        let lent_by = || Some(given::LEAD.to_owned());
        assert_eq!(acting(Some("leader"), day(0)), Ok((Role::GridLeader, lent_by())));
        assert_eq!(acting(Some("verifier"), day(0)), Ok((Role::Verifier, lent_by())));
        let codes = |all: &[&str]| all.iter().map(|text| PostCode::try_new(text).expect("a code")).collect::<Vec<_>>();
        assert_eq!(acting(None, day(0)), Err(NotActing::SeveralPosts(codes(&["leader", "verifier"]))));
        assert_eq!(acting(None, day(5)), Err(NotActing::SeveralPosts(codes(&["leader", "verifier", "later"]))));
        assert_eq!(acting(Some("later"), day(5)), Ok((Role::Dispatcher, lent_by())));
        for (named, now) in [("later", day(4)), ("later", day(6)), ("LEADER", day(0)), ("", day(0))] {
            assert_eq!(acting(Some(named), now), Err(NotActing::NotHeld), "{named}");
        }
    }

    #[test]
    fn nobody_acts_who_is_not_registered_or_has_no_post() {
        let register = given::<Persons>(entered()).state();
        let acting = |who: &str| register.acting(who, None, given::NOW, given::NOW).map(|acting| acting.person);
        assert_eq!(acting(WHO), Err(NotActing::NoPost));
        assert_eq!(acting("security-admin"), Ok(person("security-admin")));
        for unknown in ["nobody", "", "SECURITY-ADMIN", "security-admin ", "department/SCJG"] {
            assert_eq!(acting(unknown), Err(NotActing::Unknown), "{unknown}");
        }
        let said = NotActing::SeveralPosts(vec![PostCode::try_new("a").expect("a code")]).to_string();
        assert!(said.ends_with("name the one to act in: a"), "{said}");
    }

    #[test]
    fn who_holds_a_post_in_a_grid_is_told_as_of_a_moment() {
        let leader = Appoint { until: Some(day(3)), ..post(WHO, "leader", Role::GridLeader) };
        let everywhere = Appoint { scope: Scope::Everywhere, ..post(WHO, "supervisor", Role::Supervisor) };
        let register = given::<Persons>(after(entered(), [leader.into(), everywhere.into()])).state();
        let holders = |grid: &str, at| register.holders(&given::grid(grid), at);
        assert_eq!(holders(given::GRID, day(0)), [Role::GridLeader].into());
        assert_eq!(holders(given::GRID, day(3)), [].into());
        assert_eq!(holders(given::CENTRE, day(0)), [].into(), "not above it");
    }
}
