//! The register of persons: who works with the system, in which posts, and for how long.

mod acting;
mod appoint;
mod code;
mod describe_persons;
mod description;
mod difference;
mod document;
mod draft;
mod end_appointment;
mod end_person;
mod end_sessions;
mod enter_person;
mod name_administrators;
mod post;
mod register;
mod reinstate_person;
mod separation;
mod suspend_person;
#[cfg(test)]
mod testing;

use kernel::aggregate::DocumentSpec;
use kernel::{Actor, Aggregate, Allowed, Context, Decision, Difference, Excess, Place, Reach, Role, Scope, Unfit};
use uuid::Uuid;

pub use acting::{Acting, NotActing};
pub use appoint::{Appoint, PersonAppointed};
pub use code::{InvalidPersonCode, InvalidPostCode, PersonCode, PostCode};
pub use describe_persons::DescribePersons;
pub use description::{PersonSpec, PersonsDescription, PostSpec};
pub use document::{PersonShown, PersonsDocument, Standing};
pub use end_appointment::{AppointmentEnded, EndAppointment};
pub use end_person::{EndPerson, PersonEnded};
pub use end_sessions::{EndSessions, SessionsEnded};
pub use enter_person::{EnterPerson, PersonChanged, PersonEntered};
pub use name_administrators::{AdministratorsNamed, NameAdministrators};
pub use post::Post;
pub use register::Persons;
pub use reinstate_person::{PersonReinstated, ReinstatePerson};
pub use suspend_person::{PersonSuspended, SuspendPerson};

/// Who cares for persons and posts.
const SECURITY: Allowed = &[(Role::SecurityAdministrator, Reach::Everywhere)];
/// Who reads the register.
const READERS: Allowed = &[
    (Role::SecurityAdministrator, Reach::Everywhere),
    (Role::AuditAdministrator, Reach::Everywhere),
    (Role::Auditor, Reach::Everywhere),
];

/// Most characters of a reason.
const REASON_MAX: usize = 500;

/// The id of the one register of an installation.
pub fn persons_id() -> Uuid {
    Uuid::new_v5(&kernel::id::NAMESPACE, b"persons")
}

kernel::commands! {
    /// What can be asked of the register of persons.
    pub enum PersonsCommand of Persons {
        NameAdministrators,
        DescribePersons,
        EnterPerson,
        Appoint,
        EndAppointment,
        SuspendPerson,
        ReinstatePerson,
        EndSessions,
        EndPerson,
    }
}

kernel::events! {
    /// What has happened to the register of persons.
    pub enum PersonsEvent in "persons" {
        AdministratorsNamed = "cn.dualgrid.persons.administrators_named.v1" to Internal,
        PersonEntered = "cn.dualgrid.persons.person_entered.v1" to Internal,
        PersonChanged = "cn.dualgrid.persons.person_changed.v1" to Internal,
        PersonAppointed = "cn.dualgrid.persons.person_appointed.v1" to Internal,
        AppointmentEnded = "cn.dualgrid.persons.appointment_ended.v1" to Internal,
        PersonSuspended = "cn.dualgrid.persons.person_suspended.v1" to Internal,
        PersonReinstated = "cn.dualgrid.persons.person_reinstated.v1" to Internal,
        SessionsEnded = "cn.dualgrid.persons.sessions_ended.v1" to Internal,
        PersonEnded = "cn.dualgrid.persons.person_ended.v1" to Internal,
    }
}

kernel::refusals! {
    /// Why the register of persons says no.
    pub enum Refusal {
        /// Nobody is in the register.
        #[error("nobody is in the register yet; name the first administrators (`dualgrid init`)")]
        NoAdministrators = Refused "no-administrators",
        /// Nobody has that id.
        #[error("nobody is registered as {person}; enter them first (enter-person)")]
        UnknownPerson {
            person: PersonCode,
        } = Unfit "unknown-person",
        /// They have left.
        #[error("{person} has left; enter them again (enter-person) and give them their posts anew")]
        PersonGone {
            person: PersonCode,
        } = Refused "person-gone",
        /// They are suspended, for another reason.
        #[error("{person} is suspended already, for another reason; reinstate them first")]
        AlreadySuspended {
            person: PersonCode,
        } = Refused "person-suspended",
        /// They are not suspended, or were reinstated for another reason.
        #[error("{person} is not suspended")]
        NotSuspended {
            person: PersonCode,
        } = Refused "person-not-suspended",
        /// Somebody is in the register already.
        #[error("the first administrators were named already; the security administrator enters and appoints persons from here on")]
        AdministratorsNamed = Refused "administrators-named",
        /// One person would be two of the three.
        #[error("{person} is named for two of the three administrators, who exclude each other; name three persons")]
        OneAdministratorTwice {
            person: PersonCode,
        } = Unfit "one-administrator-twice",
        /// It is about whoever gives the command.
        #[error("this is about {person}, who gives the command; another security administrator gives it")]
        OwnAccount {
            person: PersonCode,
        } = Refused "own-account",
        /// An administrator would have another post.
        #[error(
            "{person} would have the posts {other} and {post} at the same time, and an administrator has no other post; end one before \
             the other begins"
        )]
        DutiesNotApart {
            person: PersonCode,
            post: PostCode,
            other: PostCode,
        } = Refused "duties-not-apart",
        /// Nobody could care for persons any more.
        #[error("from {from} on there would be no security administrator who can act; appoint another one, without an end, first")]
        LastSecurityAdministrator {
            from: chrono::DateTime<chrono::Utc>,
        } = Refused "last-security-administrator",
        /// The person has another post of that code during that time.
        #[error("{person} has another post {post} during that time; choose another code, or end that one first (end-appointment)")]
        PostCodeTaken {
            person: PersonCode,
            post: PostCode,
        } = Refused "post-code-taken",
        /// Somebody else, or the same person, has the post during that time.
        #[error("{holder} is {role} of {scope} during that time; end that term first, or begin after it")]
        PostHeld {
            role: Role,
            scope: Scope,
            holder: PersonCode,
        } = Refused "post-held",
        /// The person does not have that post at that time.
        #[error("{person} does not have a post {post} at that time")]
        NoSuchPost {
            person: PersonCode,
            post: PostCode,
        } = Unfit "no-such-post",
        /// The role is one of programs.
        #[error("no person is appointed as {role}: it is a role of programs and of the system itself")]
        RoleOfPrograms {
            role: Role,
        } = Unfit "role-of-programs",
        /// The role does not hold there.
        #[error(
            "a {role} is not appointed for {scope}: a department_clerk for a department, administrators for everywhere, all others for \
             a grid or everywhere"
        )]
        ScopeUnfit {
            role: Role,
            scope: Scope,
        } = Unfit "scope-unfit",
        /// A term ends before it begins.
        #[error("the term must end after it begins")]
        TermReversed = Unfit "term-reversed",
        /// A deputy has no end.
        #[error("a deputy stands in for a stated time; give `until`")]
        DeputyWithoutEnd = Unfit "deputy-without-end",
        /// Nobody is there to stand in for.
        #[error("{holder} does not hold that role there when the deputy begins; name in `deputy_for` who does, and not the deputy")]
        NobodyToStandInFor {
            holder: PersonCode,
        } = Unfit "nobody-to-stand-in-for",
        /// A description has a person twice.
        #[error("persons[{second}] describes {person}, who is described in persons[{first}]; make one row of them")]
        PersonDescribedTwice {
            person: PersonCode,
            first: usize,
            second: usize,
        } = Unfit "person-described-twice",
        /// More is left out of a description than may be ended.
        #[error("{0}")]
        ClosesTooMuch(Excess) = Refused "closes-too-much",
        ..Unfit(Unfit),
        ..InRow(InRow),
    }
}

/// A row of a description is refused. Code and family are those of the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {refusal}")]
pub struct InRow {
    /// The row, as a path in the body.
    place: String,
    refusal: Box<Refusal>,
}

impl InRow {
    fn of(place: String, refusal: Refusal) -> Self {
        Self { place, refusal: Box::new(refusal) }
    }
}

impl kernel::Refusal for InRow {
    const ALL: &'static [(&'static str, kernel::refusal::Family)] = &[];

    fn code(&self) -> &'static str {
        self.refusal.code()
    }
    fn family(&self) -> kernel::refusal::Family {
        self.refusal.family()
    }
}

impl PersonsEvent {
    /// Whom the event is about, where that is one person.
    fn person(&self) -> Option<&PersonCode> {
        match self {
            Self::AdministratorsNamed(_) => None,
            Self::PersonEntered(event) => Some(&event.person),
            Self::PersonChanged(event) => Some(&event.person),
            Self::PersonAppointed(event) => Some(&event.person),
            Self::AppointmentEnded(event) => Some(&event.person),
            Self::PersonSuspended(event) => Some(&event.person),
            Self::PersonReinstated(event) => Some(&event.person),
            Self::SessionsEnded(event) => Some(&event.person),
            Self::PersonEnded(event) => Some(&event.person),
        }
    }
}

/// Refuses what is about whoever gives the command.
fn check_not_own(person: &PersonCode, by: &Actor) -> Result<(), Refusal> {
    if person.as_str() == by.id { Err(Refusal::OwnAccount { person: person.clone() }) } else { Ok(()) }
}

impl Aggregate for Persons {
    const PLURAL: &'static str = "persons";
    const ABOUT: &'static str = "The register of persons: who works with the system, in which posts, and for how long";
    const IS_SINGLE: bool = true;
    const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
    const READ_ACTION: &'static str = "read-persons-history";
    const READ: Allowed = READERS;
    const DOCUMENTS: &'static [DocumentSpec<Self>] = &[DocumentSpec {
        path: "persons",
        action: "read-persons",
        about: "The persons as they stand at a moment, with their posts in force and to come",
        read: READERS,
        show: |persons, at| serde_json::to_value(persons.document(at)),
        schema: || schemars::schema_for!(PersonsDocument),
    }];
    type Command = PersonsCommand;
    type Event = PersonsEvent;
    type Refusal = Refusal;

    fn place(&self) -> Option<Place> {
        Some(Place::default())
    }

    fn missing() -> Refusal {
        Refusal::NoAdministrators
    }

    fn decide(&self, command: &PersonsCommand, context: &Context) -> Decision<Self> {
        if self.is_empty() && !matches!(command, PersonsCommand::NameAdministrators(_)) {
            return Err(Refusal::NoAdministrators);
        }
        match command {
            PersonsCommand::NameAdministrators(command) => command.decide(self, context.at),
            PersonsCommand::DescribePersons(command) => command.decide(self, context),
            PersonsCommand::EnterPerson(command) => command.decide(self, context),
            PersonsCommand::Appoint(command) => command.decide(self, context),
            PersonsCommand::EndAppointment(command) => command.decide(self, context),
            PersonsCommand::SuspendPerson(command) => command.decide(self, context),
            PersonsCommand::ReinstatePerson(command) => command.decide(self, context),
            PersonsCommand::EndSessions(command) => command.decide(self, context),
            PersonsCommand::EndPerson(command) => command.decide(self, context),
        }
    }

    fn evolve(mut self, event: PersonsEvent) -> Self {
        match event {
            PersonsEvent::AdministratorsNamed(event) => self.administrators_named(*event),
            PersonsEvent::PersonEntered(event) => self.entered(*event),
            PersonsEvent::PersonChanged(event) => self.changed(*event),
            PersonsEvent::PersonAppointed(event) => self.appointed(*event),
            PersonsEvent::AppointmentEnded(event) => self.appointment_ended(&event),
            PersonsEvent::PersonSuspended(event) => self.suspended(*event),
            PersonsEvent::PersonReinstated(event) => self.reinstated(*event),
            PersonsEvent::SessionsEnded(event) => self.sessions_ended(&event),
            PersonsEvent::PersonEnded(event) => self.ended(*event),
        }
        self
    }

    fn differences(&self, events: &[PersonsEvent]) -> Vec<Difference> {
        self.changed_by(events)
    }
}

#[cfg(test)]
mod tests {
    use given::given;
    use kernel::{Command, Verb};

    use super::testing::{after, entered, named};
    use super::*;

    #[test]
    fn every_text_and_list_of_a_command_has_a_published_bound() {
        assert_eq!(given::unbounded(PersonsCommand::VERBS), Vec::<String>::new());
    }

    #[test]
    fn nothing_of_the_register_is_forgotten() {
        let lent = EnterPerson { seconded_by: Some(given::department(given::LEAD)), ..EnterPerson::example() };
        let appoint = Appoint { scope: Scope::Grid(given::grid(given::GRID)), ..Appoint::example() };
        let commands: [PersonsCommand; 7] = [
            lent.into(),
            appoint.into(),
            EndAppointment::example().into(),
            SuspendPerson::example().into(),
            ReinstatePerson::example().into(),
            EndSessions::example().into(),
            EndPerson::example().into(),
        ];
        let mut history = entered();
        for (number, command) in (1..).zip(commands) {
            let at = given::NOW + chrono::TimeDelta::minutes(number);
            history.extend(given::<Persons>(history.clone()).at(at).when(command).events());
        }
        given::covered::<Persons>(concat!(env!("CARGO_MANIFEST_DIR"), "/src/persons/golden"), history, &[]);
    }

    #[test]
    fn before_the_first_administrators_are_named_nothing_is_taken() {
        let all = PersonsCommand::examples();
        for command in all.into_iter().filter(|command| command.name() != NameAdministrators::NAME) {
            given::<Persons>([]).when(command).then_refused(Refusal::NoAdministrators);
        }
    }

    /// The same numbers always: a walk through what a register may be told.
    struct Walk(u64);

    impl Walk {
        fn below(&mut self, many: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(self.0 >> 33).unwrap_or(0) % many
        }

        fn person(&mut self) -> PersonCode {
            let all = ["system-admin", "security-admin", "audit-admin", "a", "b", "c"];
            testing::person(all[self.below(all.len())])
        }

        fn code(&mut self) -> PostCode {
            let all = ["p", "q", "system-administrator", "security-administrator", "audit-administrator"];
            PostCode::try_new(all[self.below(all.len())]).unwrap()
        }

        fn moment(&mut self, now: chrono::DateTime<chrono::Utc>) -> Option<chrono::DateTime<chrono::Utc>> {
            let days = i64::try_from(self.below(9)).unwrap() - 3;
            (self.below(2) == 0).then(|| now + chrono::TimeDelta::days(days))
        }

        fn step(&mut self, now: chrono::DateTime<chrono::Utc>) -> PersonsCommand {
            let (person, post) = (self.person(), self.code());
            let reason = ["一", "二"][self.below(2)].to_owned();
            match self.below(12) {
                0..2 => EnterPerson { person, name: None, seconded_by: None }.into(),
                2..7 => {
                    let role = [
                        Role::SecurityAdministrator,
                        Role::SystemAdministrator,
                        Role::AuditAdministrator,
                        Role::GridLeader,
                        Role::GridMember,
                    ][self.below(5)];
                    let grid = || Scope::Grid(given::grid(given::GRID));
                    let is_of_grid = matches!(role, Role::GridLeader | Role::GridMember);
                    let scope = if is_of_grid { grid() } else { Scope::Everywhere };
                    let (from, until) = (self.moment(now), self.moment(now));
                    let deputy_for = (self.below(4) == 0).then(|| self.person());
                    Appoint { person, post, role, scope, from, until, deputy_for }.into()
                }
                7..9 => EndAppointment { person, post, at: self.moment(now) }.into(),
                9 => SuspendPerson { person, reason }.into(),
                10 => ReinstatePerson { person, reason }.into(),
                _ => EndPerson { person, reason }.into(),
            }
        }
    }

    /// What must hold in every register, at any moment from now on.
    fn check(register: &Persons, now: chrono::DateTime<chrono::Utc>) {
        for day in 0..12 {
            let at = now + chrono::TimeDelta::hours(24 * day) + chrono::TimeDelta::minutes(1);
            let mut acts_for_security = 0;
            let mut leaders = Vec::new();
            for (id, person) in &register.persons {
                let held: Vec<&Post> = person.posts.iter().filter(|post| post.holds_at(at)).collect();
                let codes: std::collections::BTreeSet<&PostCode> = held.iter().map(|post| &post.code).collect();
                assert_eq!(codes.len(), held.len(), "{id} has two posts of one code");
                let is_apart = held.len() <= 1 || held.iter().all(|post| !post.is_of_administrator());
                assert!(is_apart, "{id} is an administrator beside another post at {at}: {held:?}");
                let is_active = matches!(person.last().state, register::State::Active { .. });
                let is_security = |post: &&&Post| post.role == Role::SecurityAdministrator;
                acts_for_security += held.iter().filter(is_security).filter(|_| is_active).count();
                let is_leader = |post: &&&Post| post.role == Role::GridLeader && post.deputy_for.is_none();
                leaders.extend(held.iter().filter(is_leader).map(|_| id));
            }
            assert!(acts_for_security > 0, "nobody cares for persons at {at}");
            assert!(leaders.len() <= 1, "one grid has the leaders {leaders:?} at {at}");
        }
    }

    #[test]
    fn whatever_a_register_is_told_the_administrators_stay_apart_and_one_of_security_is_left() {
        let (mut taken, mut refused) = (0, std::collections::BTreeSet::new());
        for seed in 0..300 {
            let mut walk = Walk(seed);
            let mut register = given::<Persons>([named()]).state();
            for day in 0..40 {
                let now = given::NOW + chrono::TimeDelta::days(day);
                let step = walk.step(now);
                let by = Actor {
                    id: walk.person().to_string(),
                    role: Role::SecurityAdministrator,
                    scope: Scope::Everywhere,
                    seconded_by: None,
                };
                let facts = given::facts();
                let context = Context { id: persons_id(), at: now, today: now.date_naive(), by, facts };
                match register.decide(&step, &context) {
                    Ok(events) => {
                        taken += usize::from(!events.is_empty());
                        let about = |event: &PersonsEvent| event.person().map(ToString::to_string);
                        assert!(events.iter().all(|event| about(event).as_ref() != Some(&context.by.id)));
                        register = events.into_iter().fold(register, Persons::evolve);
                    }
                    Err(refusal) => drop(refused.insert(kernel::Refusal::code(&refusal))),
                }
                check(&register, now);
            }
        }
        let expected = ["duties-not-apart", "last-security-administrator", "own-account", "post-held"];
        assert!(expected.iter().all(|code| refused.contains(code)) && taken > 1500, "{taken} taken, {refused:?}");
    }

    #[test]
    fn the_register_is_shown_as_of_any_moment_with_what_is_in_force_and_to_come() {
        let appoint = Appoint { scope: Scope::Grid(given::grid(given::GRID)), ..Appoint::example() };
        let register = after(entered(), [appoint.into(), SuspendPerson::example().into()])
            .into_iter()
            .fold(Persons::default(), Persons::evolve);
        assert_eq!(register.document(given::NOW - chrono::TimeDelta::days(1)).persons, []);
        let shown = register.document(given::NOW).persons;
        let shown = shown.iter().find(|person| person.id == EnterPerson::example().person).unwrap();
        assert_eq!((shown.standing, shown.reason.as_deref()), (Standing::Suspended, Some("核查账号")));
        assert_eq!(shown.posts.iter().map(|post| post.role).collect::<Vec<_>>(), [Role::ResidentialSecretary]);
        assert!(!serde_json::to_string(&shown).unwrap().contains("丁霞"));
    }
}
