use chrono::{DateTime, Utc};
use kernel::{Allowed, Context, Decision, Verb};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::draft::Draft;
use super::{PersonCode, Persons, Post, PostCode, Refusal, SECURITY};

/// Ends a term before its planned end, or where none was planned; a term that has not begun is taken back.
///
/// Given by a security administrator, and never for themselves. Refused where the person does not have the post at that time, and
/// where no security administrator would be left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndAppointment {
    pub person: PersonCode,
    /// What names the post among those of the person.
    pub post: PostCode,
    /// When the term ends; by default at the time of the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<Utc>>,
}

/// A term was ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AppointmentEnded {
    pub person: PersonCode,
    pub post: PostCode,
    /// Start of the term that ends.
    pub from: DateTime<Utc>,
    /// When it ends. Not after its start: it never was.
    pub ended_at: DateTime<Utc>,
}

impl Verb for EndAppointment {
    const NAME: &'static str = "end-appointment";
    const BY: Allowed = SECURITY;
    type Of = Persons;

    fn example() -> Self {
        Self {
            person: PersonCode::try_new("jas-r03-secretary").expect("a staff id"),
            post: PostCode::try_new("jas-r03-secretary").expect("a code"),
            at: None,
        }
    }
}

/// The end of a term at that moment; of one that has not begun, its start.
pub(super) fn ended(person: &PersonCode, post: &Post, at: DateTime<Utc>) -> AppointmentEnded {
    AppointmentEnded { person: person.clone(), post: post.code.clone(), from: post.from, ended_at: at.max(post.from) }
}

impl EndAppointment {
    pub(super) fn decide(&self, persons: &Persons, context: &Context) -> Decision<Persons> {
        super::check_not_own(&self.person, &context.by)?;
        let unknown = || Refusal::UnknownPerson { person: self.person.clone() };
        let known = persons.persons.get(&self.person).ok_or_else(unknown)?;
        let at = self.at.unwrap_or(context.at);
        let mut terms: Vec<&Post> = known.posts.iter().filter(|post| post.code == self.post).collect();
        terms.sort_by_key(|post| post.from);
        // What runs then; where no moment is named, else what is to come.
        let running = terms.iter().find(|post| post.holds_at(at));
        let to_come = terms.iter().find(|post| self.at.is_none_or(|at| at == post.from) && !post.is_over(at));
        if let Some(post) = running.or(to_come) {
            let mut draft = Draft::of(persons);
            draft.record(ended(&self.person, post, at));
            draft.persons.check_security(context.at)?;
            return Ok(draft.events);
        }
        let is_so = |post: &&Post| post.over_at().is_some_and(|over| self.at.map_or(over <= at, |asked| asked == over));
        if terms.iter().any(is_so) {
            return Ok(vec![]); // A retry: already done.
        }
        Err(Refusal::NoSuchPost { person: self.person.clone(), post: self.post.clone() })
    }
}

#[cfg(test)]
mod tests {
    use given::given;
    use kernel::{Role, Scope};

    use super::super::testing::{after, entered, named, person, post, security};
    use super::super::{Appoint, NotActing, PersonsEvent};
    use super::*;

    const WHO: &str = "jas-r03-secretary";

    fn day(number: i64) -> DateTime<Utc> {
        given::NOW + chrono::TimeDelta::days(number)
    }

    fn code(text: &str) -> PostCode {
        PostCode::try_new(text).expect("a code")
    }

    fn end(at: Option<i64>) -> EndAppointment {
        EndAppointment { person: person(WHO), post: code("leader"), at: at.map(day) }
    }

    /// A leader from today on, until the twentieth day.
    fn led() -> Vec<PersonsEvent> {
        after(entered(), [Appoint { until: Some(day(20)), ..post(WHO, "leader", Role::GridLeader) }.into()])
    }

    #[test]
    fn a_term_ends_now_or_at_a_moment_and_once() {
        for at in [None, Some(3), Some(19)] {
            let ended_at = day(at.unwrap_or(1));
            let ended = AppointmentEnded { person: person(WHO), post: code("leader"), from: given::NOW, ended_at };
            given::<Persons>(led()).at(day(1)).when(end(at)).then([ended.clone()]);
            let history = || given::<Persons>(led().into_iter().chain([ended.clone().into()]));
            history().at(day(19)).when(end(at)).then_nothing();
            let register = history().state();
            let acting = |now| register.acting(WHO, None, given::NOW, now).map(|acting| acting.post);
            assert_eq!(acting(ended_at), Err(NotActing::NoPost));
            assert_eq!(acting(ended_at - chrono::TimeDelta::microseconds(1)), Ok(code("leader")));
        }
    }

    #[test]
    fn an_end_is_brought_forward_and_never_put_off() {
        let history = after(led(), [end(Some(10)).into()]);
        assert_eq!(given::<Persons>(history.clone()).when(end(Some(5))).events().len(), 1);
        assert_eq!(given::<Persons>(history.clone()).at(day(1)).when(end(None)).events().len(), 1);
        let refusal = Refusal::NoSuchPost { person: person(WHO), post: code("leader") };
        given::<Persons>(history).when(end(Some(15))).then_refused(refusal);
    }

    #[test]
    fn what_has_not_begun_is_taken_back() {
        let later = Appoint { from: Some(day(4)), ..post(WHO, "leader", Role::GridLeader) };
        for at in [None, Some(4)] {
            let register = given::<Persons>(after(entered(), [later.clone().into()])).when(end(at)).state();
            assert_eq!(register.acting(WHO, None, given::NOW, day(9)), Err(NotActing::NoPost));
        }
    }

    #[test]
    fn only_what_somebody_has_is_ended() {
        let refusal = |who: &str, post: &str| Refusal::NoSuchPost { person: person(who), post: code(post) };
        given::<Persons>(led()).when(end(Some(21))).then_refused(refusal(WHO, "leader"));
        given::<Persons>(led()).when(end(Some(-1))).then_refused(refusal(WHO, "leader"));
        let other = EndAppointment { post: code("other"), ..end(None) };
        given::<Persons>(led()).when(other).then_refused(refusal(WHO, "other"));
        let nobody = EndAppointment { person: person("nobody"), ..end(None) };
        given::<Persons>(led()).when(nobody).then_refused(Refusal::UnknownPerson { person: person("nobody") });
    }

    #[test]
    fn nobody_ends_their_own_post_and_the_last_of_security_is_not_ended() {
        let of_security = |at: Option<i64>| EndAppointment {
            person: security(),
            post: code("security-administrator"),
            at: at.map(day),
        };
        let own = Refusal::OwnAccount { person: security() };
        given::<Persons>([named()]).by(security().as_str()).when(of_security(None)).then_refused(own);
        let last = |from| Refusal::LastSecurityAdministrator { from: day(from) };
        given::<Persons>([named()]).when(of_security(None)).then_refused(last(0));
        given::<Persons>([named()]).when(of_security(Some(7))).then_refused(last(7));
        // A successor for a while does not last; one without an end does, and without a gap.
        let successor = |from, until: Option<i64>| Appoint {
            scope: Scope::Everywhere,
            from: Some(day(from)),
            until: until.map(day),
            ..post(WHO, "security", Role::SecurityAdministrator)
        };
        let history = |from, until| given::<Persons>(after(entered(), [successor(from, until).into()]));
        history(3, Some(9)).when(of_security(Some(7))).then_refused(last(9));
        history(8, None).when(of_security(Some(7))).then_refused(last(7));
        assert_eq!(history(7, None).when(of_security(Some(7))).events().len(), 1);
    }
}
