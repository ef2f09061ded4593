//! What must hold between posts: of one person, of one place, and of the three administrators (三员分立).

use chrono::{DateTime, Utc};
use kernel::Role;

use super::register::State;
use super::{PersonCode, Persons, Post, Refusal};

impl Persons {
    /// Refuses a post that the person cannot have beside what they have, or that somebody else has.
    pub(super) fn check_post(&self, person: &PersonCode, post: &Post) -> Result<(), Refusal> {
        let known = self.persons.get(person);
        for own in known.into_iter().flat_map(|known| &known.posts).filter(|own| own.overlaps(post)) {
            if own.code == post.code {
                return Err(Refusal::PostCodeTaken { person: person.clone(), post: post.code.clone() });
            }
            if own.is_like(post) {
                return Err(held(post, person));
            }
            if own.is_of_administrator() || post.is_of_administrator() {
                let (post, other) = (post.code.clone(), own.code.clone());
                return Err(Refusal::DutiesNotApart { person: person.clone(), post, other });
            }
        }
        let beside = post.grid().and_then(|grid| self.by_grid.get(grid)).into_iter().flatten();
        let excludes = |code: &&PersonCode| {
            let posts = self.persons.get(*code).into_iter().flat_map(|known| &known.posts);
            *code != person && posts.into_iter().any(|other| post.excludes(other))
        };
        beside.into_iter().find(excludes).map_or(Ok(()), |holder| Err(held(post, holder)))?;
        self.check_deputy(person, post)
    }

    /// Refuses to stand in for somebody who does not hold that post while the deputy begins, or without an end.
    fn check_deputy(&self, person: &PersonCode, post: &Post) -> Result<(), Refusal> {
        let Some(holder) = &post.deputy_for else { return Ok(()) };
        if post.until.is_none() {
            return Err(Refusal::DeputyWithoutEnd);
        }
        let posts = self.persons.get(holder).into_iter().flat_map(|known| &known.posts);
        let stands_for = |other: &Post| other.is_like(post) && other.holds_at(post.from) && other.deputy_for.is_none();
        if holder == person || !posts.into_iter().any(stands_for) {
            return Err(Refusal::NobodyToStandInFor { holder: holder.clone() });
        }
        Ok(())
    }

    /// Refuses what would leave a moment, from now on, without a security administrator who can act: nobody could let anybody in.
    pub(super) fn check_security(&self, now: DateTime<Utc>) -> Result<(), Refusal> {
        let active = self.persons.values().filter(|known| matches!(known.last().state, State::Active { .. }));
        let posts: Vec<&Post> =
            active.flat_map(|known| &known.posts).filter(|post| post.role == Role::SecurityAdministrator).collect();
        let mut covered = now;
        loop {
            let running = posts.iter().filter(|post| post.holds_at(covered));
            // The term that runs longest from there; one without an end covers the rest.
            match running.map(|post| post.over_at()).max_by_key(|over| over.unwrap_or(DateTime::<Utc>::MAX_UTC)) {
                None => return Err(Refusal::LastSecurityAdministrator { from: covered }),
                Some(None) => return Ok(()),
                Some(Some(over)) => covered = over,
            }
        }
    }
}

fn held(post: &Post, holder: &PersonCode) -> Refusal {
    Refusal::PostHeld { role: post.role, scope: post.scope.clone(), holder: holder.clone() }
}
