use chrono::{DateTime, Utc};
use kernel::{Allowed, Context, Decision, Needs, Role, Scope, Verb};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::post::holds_in;
use super::{PersonCode, Persons, Post, PostCode, Refusal, SECURITY};

/// Appoints a person to a post: a role, where it holds, and for how long.
///
/// Given by a security administrator, and never to themselves. One person may have several posts (一肩挑), each under a code of its
/// own. A grid has one leader, one secretary and one duty officer at a time, and nobody has the same post twice at a time. A deputy
/// (代班) stands in for somebody who holds the post, beside them, for a stated time. An administrator has no other post (三员分立).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Appoint {
    pub person: PersonCode,
    /// What names the post among those of the person.
    pub post: PostCode,
    pub role: Role,
    /// Where the role holds: a department for a clerk; everywhere for administrators; else a grid with what is below it, or
    /// everywhere.
    pub scope: Scope,
    /// Start of the term; by default the time of the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<DateTime<Utc>>,
    /// Planned end of the term.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// The person for whom this one stands in (代班), who holds that role there. Such a term has an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deputy_for: Option<PersonCode>,
}

/// Somebody was appointed to a post.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PersonAppointed {
    pub person: PersonCode,
    /// What names the post among those of the person.
    pub post: PostCode,
    pub role: Role,
    /// Where the role holds.
    pub scope: Scope,
    /// Start of the term.
    pub from: DateTime<Utc>,
    /// Planned end of the term.
    pub until: Option<DateTime<Utc>>,
    /// The person for whom this one stands in.
    pub deputy_for: Option<PersonCode>,
}

impl Verb for Appoint {
    const NAME: &'static str = "appoint-person";
    const BY: Allowed = SECURITY;
    type Of = Persons;

    fn needs(&self, _: &Persons) -> Needs {
        place(Needs::none(), &self.scope)
    }

    fn example() -> Self {
        Self {
            person: PersonCode::try_new("jas-r03-secretary").expect("a staff id"),
            post: PostCode::try_new("jas-r03-secretary").expect("a code"),
            role: Role::ResidentialSecretary,
            scope: Scope::Grid("JAS-R03".parse().expect("a code")),
            from: None,
            until: None,
            deputy_for: None,
        }
    }
}

/// Asks for the place in which a role is to hold.
pub(super) fn place(needs: Needs, scope: &Scope) -> Needs {
    match scope {
        Scope::Grid(grid) => needs.grid(grid),
        Scope::Department(department) => needs.departments([department]),
        Scope::Everywhere => needs,
    }
}

impl Appoint {
    pub(super) fn decide(&self, persons: &Persons, context: &Context) -> Decision<Persons> {
        super::check_not_own(&self.person, &context.by)?;
        persons.present(&self.person)?;
        self.plan(persons, context).map(|planned| planned.into_iter().map(Into::into).collect())
    }

    /// What is recorded, if anything: the same term again is a repeat.
    pub(super) fn plan(&self, persons: &Persons, context: &Context) -> Result<Option<PersonAppointed>, Refusal> {
        let post = self.term(context.at)?;
        let known = persons.persons.get(&self.person).into_iter().flat_map(|known| &known.posts);
        if known.into_iter().any(|known| self.is_term(known, context.at)) {
            return Ok(None); // A retry: already done.
        }
        match &self.scope {
            Scope::Grid(grid) => drop(context.grid(grid)?),
            Scope::Department(department) => drop(context.department(department)?),
            Scope::Everywhere => {}
        }
        persons.check_post(&self.person, &post)?;
        let Post { code, role, scope, from, until, deputy_for, .. } = post;
        Ok(Some(PersonAppointed { person: self.person.clone(), post: code, role, scope, from, until, deputy_for }))
    }

    /// The term that is asked for.
    fn term(&self, now: DateTime<Utc>) -> Result<Post, Refusal> {
        match holds_in(self.role, &self.scope) {
            None => return Err(Refusal::RoleOfPrograms { role: self.role }),
            Some(false) => return Err(Refusal::ScopeUnfit { role: self.role, scope: self.scope.clone() }),
            Some(true) => {}
        }
        let from = self.from.unwrap_or(now);
        if self.until.is_some_and(|until| until <= from) {
            return Err(Refusal::TermReversed);
        }
        Ok(Post {
            code: self.post.clone(),
            role: self.role,
            scope: self.scope.clone(),
            from,
            until: self.until,
            ended_at: None,
            deputy_for: self.deputy_for.clone(),
        })
    }

    /// Whether the known term is the one that is asked for. Where no start is given, any term that runs now is. One that was ended
    /// is not: it would have to be given again.
    pub(super) fn is_term(&self, known: &Post, now: DateTime<Utc>) -> bool {
        known.code == self.post
            && known.role == self.role
            && known.scope == self.scope
            && known.deputy_for == self.deputy_for
            && known.until == self.until
            && known.ended_at.is_none()
            && self.from.map_or_else(|| known.holds_at(now), |asked| asked == known.from)
    }
}

#[cfg(test)]
mod tests {
    use given::given;
    use kernel::Unfit;

    use super::super::testing::{after, entered, gone, named, person, post, security};
    use super::super::{EndAppointment, EnterPerson, PersonsEvent};
    use super::*;

    const WHO: &str = "jas-r03-secretary";

    /// The person of the examples, and another one.
    fn two() -> Vec<PersonsEvent> {
        let another = EnterPerson { person: person("another"), name: None, seconded_by: None };
        after(entered(), [another.into()])
    }

    fn day(number: i64) -> DateTime<Utc> {
        given::NOW + chrono::TimeDelta::days(number)
    }

    fn term(of: Appoint, from: i64, until: Option<i64>) -> Appoint {
        Appoint { from: Some(day(from)), until: until.map(day), ..of }
    }

    #[test]
    fn a_post_is_given_once() {
        let leader = || post(WHO, "leader", Role::GridLeader);
        let events = given::<Persons>(entered()).when(leader()).events();
        let [PersonsEvent::PersonAppointed(event)] = &events[..] else { panic!("it is one event: {events:?}") };
        assert_eq!((event.from, event.until, event.role), (given::NOW, None, Role::GridLeader));
        let history = || after(entered(), [leader().into()]);
        given::<Persons>(history()).when(leader()).then_nothing();
        given::<Persons>(history()).at(day(3)).when(leader()).then_nothing();
        let taken = Refusal::PostCodeTaken { person: person(WHO), post: leader().post };
        for other in [
            term(leader(), 1, None),
            term(leader(), -1, None),
            Appoint { until: Some(day(9)), ..leader() },
            Appoint { role: Role::GridMember, ..leader() },
        ] {
            given::<Persons>(history()).when(other).then_refused(taken.clone());
        }
        let again = Appoint { post: PostCode::try_new("leader-2").unwrap(), ..leader() };
        let held = Refusal::PostHeld { role: Role::GridLeader, scope: leader().scope, holder: person(WHO) };
        given::<Persons>(history()).when(again).then_refused(held);
    }

    #[test]
    fn what_was_ended_is_given_again_and_not_taken_for_a_repeat() {
        let leader = || post(WHO, "leader", Role::GridLeader);
        let end = EndAppointment { person: person(WHO), post: leader().post, at: Some(day(5)) };
        let history = after(entered(), [leader().into(), end.into()]);
        given::<Persons>(history.clone())
            .at(day(1))
            .when(leader())
            .then_refused(Refusal::PostCodeTaken { person: person(WHO), post: leader().post });
        assert_eq!(given::<Persons>(history).at(day(5)).when(leader()).events().len(), 1);
    }

    #[test]
    fn a_grid_has_one_leader_one_secretary_and_one_duty_officer_at_a_time() {
        for role in [Role::GridLeader, Role::ResidentialSecretary, Role::DutyOfficer] {
            let history = || after(two(), [term(post(WHO, "p", role), 0, Some(10)).into()]);
            let held = Refusal::PostHeld { role, scope: post(WHO, "p", role).scope, holder: person(WHO) };
            let another = |from, until| term(post("another", "p", role), from, until);
            for (from, until) in [(0, None), (9, None), (-5, Some(1)), (3, Some(4)), (-5, None)] {
                given::<Persons>(history()).when(another(from, until)).then_refused(held.clone());
            }
            for (from, until) in [(10, None), (-5, Some(0))] {
                assert_eq!(given::<Persons>(history()).when(another(from, until)).events().len(), 1, "{role}");
            }
        }
        let history = after(two(), [post(WHO, "p", Role::GridMember).into()]);
        assert_eq!(given::<Persons>(history).when(post("another", "p", Role::GridMember)).events().len(), 1);
    }

    #[test]
    fn one_person_holds_several_posts() {
        let history = after(entered(), [post(WHO, "leader", Role::GridLeader).into()]);
        assert_eq!(given::<Persons>(history).when(post(WHO, "verifier", Role::Verifier)).events().len(), 1);
    }

    #[test]
    fn an_administrator_has_no_other_post_and_no_other_has_theirs() {
        let administrator = |id: &str, code: &str, role| Appoint { scope: Scope::Everywhere, ..post(id, code, role) };
        let apart = |id: &str, code: &str, other: &str| Refusal::DutiesNotApart {
            person: person(id),
            post: PostCode::try_new(code).unwrap(),
            other: PostCode::try_new(other).unwrap(),
        };
        for role in super::super::post::ADMINISTRATORS {
            let history = after(entered(), [post(WHO, "leader", Role::GridLeader).into()]);
            given::<Persons>(history).when(administrator(WHO, "x", role)).then_refused(apart(WHO, "x", "leader"));
            let code = super::super::post::of_administrator(role);
            let id = code.as_str().replace("istrator", "");
            for other in [post(&id, "x", Role::GridMember), administrator(&id, "x", Role::Auditor)] {
                given::<Persons>([named()]).when(other).then_refused(apart(&id, "x", code.as_str()));
            }
            for second in super::super::post::ADMINISTRATORS.into_iter().filter(|second| *second != role) {
                let both = administrator(&id, "x", second);
                given::<Persons>([named()]).when(both).then_refused(apart(&id, "x", code.as_str()));
            }
        }
        // One after the other is no fault.
        let first = term(post(WHO, "leader", Role::GridLeader), 0, Some(5));
        let later = term(administrator(WHO, "x", Role::SecurityAdministrator), 5, None);
        assert_eq!(given::<Persons>(after(entered(), [first.into()])).when(later).events().len(), 1);
    }

    #[test]
    fn a_deputy_stands_in_beside_the_holder_for_a_stated_time() {
        let history = || after(two(), [term(post(WHO, "p", Role::DutyOfficer), 0, Some(20)).into()]);
        let deputy = |from, until| Appoint {
            deputy_for: Some(person(WHO)),
            ..term(post("another", "deputy", Role::DutyOfficer), from, until)
        };
        let register = given::<Persons>(history()).when(deputy(2, Some(5))).state();
        let acting = |at| register.acting("another", None, given::NOW, day(at)).map(|acting| acting.role);
        assert_eq!(
            [1, 2, 4].map(acting),
            [Err(super::super::NotActing::NoPost), Ok(Role::DutyOfficer), Ok(Role::DutyOfficer)]
        );
        assert_eq!(acting(5), Err(super::super::NotActing::NoPost));
        given::<Persons>(history()).when(deputy(2, None)).then_refused(Refusal::DeputyWithoutEnd);
        let nobody = |holder: &str| Refusal::NobodyToStandInFor { holder: person(holder) };
        given::<Persons>(history()).when(deputy(20, Some(30))).then_refused(nobody(WHO));
        for holder in ["another", "nobody", "audit-admin"] {
            let other = Appoint { deputy_for: Some(person(holder)), ..deputy(2, Some(5)) };
            given::<Persons>(history()).when(other).then_refused(nobody(holder));
        }
    }

    #[test]
    fn nobody_appoints_themselves() {
        let own = Appoint { person: security(), ..post(WHO, "leader", Role::GridLeader) };
        let refusal = Refusal::OwnAccount { person: security() };
        given::<Persons>(entered()).by(security().as_str()).when(own).then_refused(refusal);
    }

    #[test]
    fn only_who_is_registered_and_has_not_left_is_appointed() {
        let nobody = Refusal::UnknownPerson { person: person("nobody") };
        given::<Persons>(entered()).when(post("nobody", "p", Role::Verifier)).then_refused(nobody);
        let history = entered().into_iter().chain([gone()]);
        let left = Refusal::PersonGone { person: person(WHO) };
        given::<Persons>(history).when(post(WHO, "p", Role::Verifier)).then_refused(left);
    }

    #[test]
    fn grid_and_department_must_be_active() {
        let grid = given::grid("NONE");
        let unknown = Unfit::UnknownGrid { grid: grid.clone() };
        let nowhere = Appoint { scope: Scope::Grid(grid), ..post(WHO, "p", Role::GridMember) };
        given::<Persons>(entered()).when(nowhere).then_refused(unknown);
        let clerk = |code: &str| Appoint {
            scope: Scope::Department(given::department(code)),
            ..post(WHO, "clerk", Role::DepartmentClerk)
        };
        let unknown = Unfit::UnknownDepartment { department: given::department("NOBODY") };
        given::<Persons>(entered()).when(clerk("NOBODY")).then_refused(unknown);
        assert_eq!(given::<Persons>(entered()).when(clerk(given::LEAD)).events().len(), 1);
    }

    #[test]
    fn every_role_holds_where_it_can_and_a_role_of_programs_nowhere() {
        let scopes = || {
            let department = Scope::Department(given::department(given::LEAD));
            [Scope::Grid(given::grid(given::GRID)), department, Scope::Everywhere]
        };
        for role in Role::ALL {
            let may = match role {
                Role::System | Role::Integrator | Role::Connector => [false; 3],
                Role::DepartmentClerk => [false, true, false],
                Role::SystemAdministrator | Role::SecurityAdministrator | Role::AuditAdministrator => {
                    [false, false, true]
                }
                _ => [true, false, true],
            };
            for (scope, may) in scopes().into_iter().zip(may) {
                let appoint = Appoint { scope: scope.clone(), ..post(WHO, "p", role) };
                let decided = given::<Persons>(entered()).when(appoint);
                match role {
                    _ if may => assert_eq!(decided.events().len(), 1, "{role} of {scope}"),
                    Role::System | Role::Integrator | Role::Connector => {
                        decided.then_refused(Refusal::RoleOfPrograms { role });
                    }
                    _ => decided.then_refused(Refusal::ScopeUnfit { role, scope }),
                }
            }
        }
    }

    #[test]
    fn a_term_ends_after_it_begins() {
        for (from, until) in [(3, 3), (3, 2)] {
            let reversed = term(post(WHO, "p", Role::Verifier), from, Some(until));
            given::<Persons>(entered()).when(reversed).then_refused(Refusal::TermReversed);
        }
        let over = Appoint { until: Some(given::NOW), ..post(WHO, "p", Role::Verifier) };
        given::<Persons>(entered()).when(over).then_refused(Refusal::TermReversed);
    }
}
