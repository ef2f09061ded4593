//! docs/authorisation.md: who may do what.

use std::fmt::Write as _;

use app::authorise::{Reach, TABLE, reach};
use kernel::Role;

const HEAD: &str = "# Who may do what

Generated from `app::authorise` by `cargo xtask generate`; do not edit.

- **grid**: in the grid of the token's scope and every grid below it; everywhere, if that is its scope
- **department**: in cases that have an order for the token's department
- **all**: with a scope that is everywhere
- **any**: with any scope

";

/// The page.
pub(super) fn page() -> String {
    let roles: Vec<Role> = Role::ALL.into_iter().filter(|role| *role != Role::System).collect();
    let mut page = HEAD.to_owned();
    let mut line = |cells: Vec<String>| {
        writeln!(page, "| {} |", cells.join(" | ")).expect("a String takes everything");
    };
    line(std::iter::once("action".to_owned()).chain(roles.iter().map(ToString::to_string)).collect());
    line(vec!["---".to_owned(); roles.len() + 1]);
    for row in TABLE {
        let cell = |role: &Role| match reach(*role, row.action) {
            None => "",
            Some(Reach::Grid) => "grid",
            Some(Reach::Department) => "department",
            Some(Reach::Everywhere) => "all",
            Some(Reach::Any) => "any",
        };
        let cells = roles.iter().map(|role| cell(role).to_owned());
        line(std::iter::once(format!("`{}`", row.action)).chain(cells).collect());
    }
    page
}
