//! What the tests of the register share.

use kernel::Verb as _;

use super::{Programs, ProgramsEvent, RegisterProgram};
use crate::Nkey;

/// Public keys whose secret halves nobody has.
pub(crate) const KEYS: [&str; 3] = [
    super::register_program::EXAMPLE_KEY,
    super::change_program_keys::EXAMPLE_KEY,
    "UBN6QXCO4IROHAB6LAFK62GMJVS44JWQWZL7KLNQVA4I5U7QGLRDARSY",
];

pub(crate) fn key(number: usize) -> Nkey {
    Nkey::try_new(KEYS[number]).expect("a key")
}

/// The integrator of the example, registered.
pub(crate) fn registered() -> ProgramsEvent {
    given::given::<Programs>([]).when(RegisterProgram::example()).events().remove(0)
}
