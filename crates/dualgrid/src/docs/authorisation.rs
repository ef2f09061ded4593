//! docs/authorisation.md: who may do what.

use std::fmt::Write as _;

use app::authorise::table;
use kernel::{Reach, Role, reach_of};

const HEAD: &str = "# Who may do what

Generated from the registry of kinds and views by `cargo xtask generate`; do not edit. Commands first, in the order of their
kinds, then queries.

- **grid**: in the grid of the token's scope and every grid below it; everywhere if that is its scope
- **department**: in what concerns the token's department, for example in cases that have an order for it
- **own**: in what the actor owns
- **all**: only with a scope that is everywhere
- **any**: with any scope

Without an entry, the action is denied. The role `system` stands for the processes of dualgrid; no token has it.

";

/// The page.
pub(super) fn page() -> String {
    let roles = Role::ALL;
    let mut page = HEAD.to_owned();
    let mut line = |cells: Vec<String>| {
        writeln!(page, "| {} |", cells.join(" | ")).expect("a String takes everything");
    };
    line(std::iter::once("action".to_owned()).chain(roles.iter().map(ToString::to_string)).collect());
    line(vec!["---".to_owned(); roles.len() + 1]);
    for row in table() {
        let cells = roles.iter().map(|role| cell(reach_of(row.allowed, *role)).to_owned());
        line(std::iter::once(format!("`{}`", row.action)).chain(cells).collect());
    }
    page
}

const fn cell(reach: Option<Reach>) -> &'static str {
    match reach {
        None => "",
        Some(Reach::Grid) => "grid",
        Some(Reach::Department) => "department",
        Some(Reach::Own) => "own",
        Some(Reach::Everywhere) => "all",
        Some(Reach::Any) => "any",
    }
}
