//! The state: every person with their history and their posts.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use kernel::{DepartmentCode, GridCode, Scope, Sealed};

use super::post::ADMINISTRATORS;
use super::{
    AdministratorsNamed, AppointmentEnded, PersonAppointed, PersonChanged, PersonCode, PersonEnded, PersonEntered,
    PersonReinstated, PersonSuspended, Post, PostCode, Refusal, SessionsEnded,
};

/// The register with its history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Persons {
    pub(super) persons: BTreeMap<PersonCode, Person>,
    /// Who ever had a post in each grid.
    pub(super) by_grid: BTreeMap<GridCode, BTreeSet<PersonCode>>,
}

/// One person.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Person {
    /// How they stood from a moment on, in order.
    pub(super) standings: Vec<(DateTime<Utc>, Standing)>,
    /// Every term, in the order of appointment.
    pub(super) posts: Vec<Post>,
    /// What was issued before that moment is not theirs any more.
    pub(super) sessions_from: Option<DateTime<Utc>>,
}

/// How a person stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Standing {
    /// Their name, sealed under their own key.
    pub(super) name: Option<Sealed>,
    /// The department that lends them.
    pub(super) seconded_by: Option<DepartmentCode>,
    pub(super) state: State,
}

/// Whether a person can act.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    /// They can; with the reason where they were reinstated.
    Active { reinstated: Option<String> },
    /// They cannot, for a while.
    Suspended { reason: String },
    /// They have left.
    Ended { reason: String },
}

impl Default for State {
    fn default() -> Self {
        Self::Active { reinstated: None }
    }
}

impl Person {
    /// How they stand now.
    pub(super) fn last(&self) -> Standing {
        self.standings.last().map(|(_, standing)| standing.clone()).unwrap_or_default()
    }

    /// The terms that are not over, running or to come.
    pub(super) fn open_posts(&self, at: DateTime<Utc>) -> impl Iterator<Item = &Post> {
        self.posts.iter().filter(move |post| !post.is_over(at))
    }

    fn stands(&mut self, from: DateTime<Utc>, change: impl FnOnce(&mut Standing)) {
        let mut standing = self.last();
        change(&mut standing);
        self.standings.push((from, standing));
    }

    /// A term ends; one of zero length never was.
    fn end(&mut self, code: &PostCode, from: DateTime<Utc>, at: DateTime<Utc>) {
        if let Some(post) = self.posts.iter_mut().find(|post| post.code == *code && post.from == from) {
            post.ended_at = Some(at);
        }
        self.posts.retain(|post| post.ended_at.is_none_or(|at| post.from < at));
    }
}

impl Persons {
    /// Whether nobody was ever entered.
    pub fn is_empty(&self) -> bool {
        self.persons.is_empty()
    }

    /// The person, who has not left.
    pub(super) fn present(&self, person: &PersonCode) -> Result<&Person, Refusal> {
        let known = self.persons.get(person).ok_or_else(|| Refusal::UnknownPerson { person: person.clone() })?;
        match known.last().state {
            State::Ended { .. } => Err(Refusal::PersonGone { person: person.clone() }),
            State::Active { .. } | State::Suspended { .. } => Ok(known),
        }
    }

    fn stands(&mut self, person: PersonCode, from: DateTime<Utc>, change: impl FnOnce(&mut Standing)) {
        self.persons.entry(person).or_default().stands(from, change);
    }

    fn holds(&mut self, person: PersonCode, post: Post) {
        if let Some(grid) = post.grid() {
            self.by_grid.entry(grid.clone()).or_default().insert(person.clone());
        }
        self.persons.entry(person).or_default().posts.push(post);
    }

    pub(super) fn administrators_named(&mut self, event: AdministratorsNamed) {
        let AdministratorsNamed { system, security, audit, since } = event;
        for (person, role) in [system, security, audit].into_iter().zip(ADMINISTRATORS) {
            self.stands(person.clone(), since, |_| {});
            let code = super::post::of_administrator(role);
            let post = Post {
                code,
                role,
                scope: Scope::Everywhere,
                from: since,
                until: None,
                ended_at: None,
                deputy_for: None,
            };
            self.holds(person, post);
        }
    }

    pub(super) fn entered(&mut self, event: PersonEntered) {
        let PersonEntered { person, name, seconded_by, since } = event;
        let is_back = self.persons.contains_key(&person);
        self.stands(person.clone(), since, |standing| {
            *standing = Standing { name, seconded_by, state: State::default() };
        });
        if let Some(known) = self.persons.get_mut(&person).filter(|_| is_back) {
            // What was issued to somebody before they left is not valid again because they are back.
            known.sessions_from = known.sessions_from.max(Some(since));
        }
    }

    pub(super) fn changed(&mut self, event: PersonChanged) {
        let PersonChanged { person, name, seconded_by, since } = event;
        self.stands(person, since, |standing| (standing.name, standing.seconded_by) = (name, seconded_by));
    }

    pub(super) fn appointed(&mut self, event: PersonAppointed) {
        let PersonAppointed { person, post: code, role, scope, from, until, deputy_for } = event;
        self.holds(person, Post { code, role, scope, from, until, ended_at: None, deputy_for });
    }

    pub(super) fn appointment_ended(&mut self, event: &AppointmentEnded) {
        if let Some(person) = self.persons.get_mut(&event.person) {
            person.end(&event.post, event.from, event.ended_at);
        }
    }

    pub(super) fn suspended(&mut self, event: PersonSuspended) {
        let PersonSuspended { person, reason, since } = event;
        self.stands(person, since, |standing| standing.state = State::Suspended { reason });
    }

    pub(super) fn reinstated(&mut self, event: PersonReinstated) {
        let PersonReinstated { person, reason, since } = event;
        self.stands(person, since, |standing| standing.state = State::Active { reinstated: Some(reason) });
    }

    pub(super) fn sessions_ended(&mut self, event: &SessionsEnded) {
        if let Some(person) = self.persons.get_mut(&event.person) {
            person.sessions_from = person.sessions_from.max(Some(event.before));
        }
    }

    pub(super) fn ended(&mut self, event: PersonEnded) {
        let PersonEnded { person, reason, since } = event;
        self.stands(person, since, |standing| standing.state = State::Ended { reason });
    }
}
