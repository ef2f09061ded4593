//! What is told of requests that are refused: who, what, on what, from where, and with which result. Every door tells it here.
//!
//! INVARIANT: a line names nobody but staff, programs and departments, by their ids, and quotes nothing that was sent: no body, no value of
//! a query, no token, no text of an error.
//! INVARIANT: every refusal is counted; who is refused again and again does not fill the log with it.

use std::num::NonZeroU32;

use crate::limiter::Limiter;

const REFUSALS: &str = "dualgrid_refusals_total";
const UNTOLD: &str = "dualgrid_refusals_untold_total";

/// Who is not known: there was no token, or none that is taken.
pub const NOBODY: &str = "nobody";

/// How many lines a second are written of refusals to one caller, on average.
const LINES_A_SECOND: NonZeroU32 = NonZeroU32::MIN;
/// How many at once, of one who was not refused before.
const LINES_AT_ONCE: NonZeroU32 = NonZeroU32::new(20).expect("it is not zero");
/// The longest code that a line names, in characters.
const CODE_LEN_MAX: usize = 32;
/// The longest position: a telephone number has more.
const POSITION_DIGITS: usize = 6;

/// A request that was refused.
#[derive(Clone, Copy, Debug)]
pub struct Refused<'a> {
    /// The subject of the token, `department/CODE`, or [`NOBODY`].
    pub who: &'a str,
    /// In which role, where that is known.
    pub role: Option<&'a str>,
    /// What was asked for: the name of a command, or the template of a route.
    pub what: &'a str,
    /// The id of what it was about; empty where there is none.
    pub on: &'a str,
    /// The address it came from, or the door.
    pub from: &'a str,
    /// The status of the answer.
    pub status: u16,
    /// Its code.
    pub code: &'a str,
}

/// Who has been refused lately.
pub(crate) struct Refusals(Limiter);

impl Default for Refusals {
    fn default() -> Self {
        metrics::describe_counter!(REFUSALS, "Requests that were refused, by the code of the problem");
        metrics::describe_counter!(
            UNTOLD,
            "Refusals that were counted and not written into the log, because the same caller had many"
        );
        metrics::counter!(REFUSALS, "code" => "not-allowed").increment(0);
        metrics::counter!(UNTOLD).increment(0);
        Self(Limiter::new(LINES_A_SECOND, LINES_AT_ONCE))
    }
}

impl Refusals {
    /// Counts a refusal, and says whether its line is written.
    fn count(&self, refused: &Refused<'_>) -> bool {
        metrics::counter!(REFUSALS, "code" => refused.code.to_owned()).increment(1);
        // Whoever is not known is told apart by where they come from.
        let caller = if refused.who == NOBODY { refused.from } else { refused.who };
        let is_told = self.0.count(caller).is_ok();
        if !is_told {
            metrics::counter!(UNTOLD).increment(1);
        }
        is_told
    }

    /// Tells that a request was refused: counted, and as a line of the log unless the same caller has many.
    pub(crate) fn tell(&self, refused: &Refused<'_>) {
        if !self.count(refused) {
            return;
        }
        let Refused { who, role, what, on, from, status, code } = *refused;
        let on = named(on);
        tracing::info!(actor.id = who, actor.role = role, what, on, from, status, code, "refused");
    }
}

/// An id as a line names it: of an aggregate, a digest, a code, a small position. What could be anything else, a name or a telephone number
/// for example, is left out.
pub fn named(on: &str) -> &str {
    let is_all = |of: fn(&u8) -> bool| on.as_bytes().iter().all(of);
    let is_digest = on.len() == 64 && is_all(u8::is_ascii_hexdigit);
    let is_code = on.len() <= CODE_LEN_MAX
        && on.starts_with(|first: char| first.is_ascii_uppercase())
        && is_all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'-');
    let is_position = on.len() <= POSITION_DIGITS && is_all(u8::is_ascii_digit);
    let is_id = is_digest || is_code || is_position || kernel::id::read_uuid(on).is_ok();
    if is_id { on } else { "something else" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused<'a>(who: &'a str, from: &'a str) -> Refused<'a> {
        Refused { who, role: None, what: "void-issue", on: "", from, status: 409, code: "wrong-stage" }
    }

    #[test]
    fn who_is_refused_again_and_again_is_told_a_few_times() {
        let refusals = Refusals::default();
        let told = (0..1000).filter(|_| refusals.count(&refused("staff-1", "192.0.2.1"))).count();
        let most = LINES_AT_ONCE.get() as usize;
        assert!((most..most + 5).contains(&told), "{told} lines");
        assert!(refusals.count(&refused("staff-2", "192.0.2.1")), "another one is told all the same");
    }

    #[test]
    fn strangers_are_told_apart_by_where_they_come_from() {
        let refusals = Refusals::default();
        while refusals.count(&refused(NOBODY, "192.0.2.1")) {}
        assert!(refusals.count(&refused(NOBODY, "192.0.2.2")));
    }

    #[test]
    fn a_line_names_ids_and_nothing_else() {
        let id = "0190163d-8694-739b-aea5-966c26f8ad91";
        for good in ["", id, &"a".repeat(64), "JAS-R03-M04", "7", "SCJG", "123456"] {
            assert_eq!(named(good), good);
        }
        for bad in [
            "王小明",
            "13912345678",
            "1234567",
            "139-1234-5678",
            "a b",
            "A%20",
            "wang",
            &"a".repeat(65),
            &"A".repeat(33),
        ] {
            assert_eq!(named(bad), "something else", "{bad}");
        }
    }
}
