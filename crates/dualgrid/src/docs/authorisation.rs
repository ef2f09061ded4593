//! docs/authorisation.md: who may do what.

use std::fmt::Write as _;

use app::authorise::table;
use kernel::separation::INCOMPATIBLE;
use kernel::{Reach, Role, reach_of};

const HEAD: &str = "# Who may do what

Generated from the registry of kinds and views by `cargo xtask generate`; do not edit. Commands first, in the order of their
kinds, then queries.

- **grid**: in the grid of the post and every grid below it; everywhere if that is where it holds
- **department**: in what concerns the department of the post, for example in cases that have an order for it
- **own**: in what the actor owns
- **all**: only with a scope that is everywhere
- **any**: with any scope

Without an entry, the action is denied. The registers of persons and programs say who has which role. The role `system` stands for the
processes of dualgrid; nobody is appointed to it.

";

const APART: &str = "
## Steps of one person

Whoever took the first step in a case does not take the second one in it, whatever posts they hold; nor does whom the department lends whose order it was,
nor a program. Of what was done again, the last time counts. This is the table where the rules have none (`[separation]`).

| whoever | does not |
|---|---|
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
    page.push_str(APART);
    for pair in INCOMPATIBLE {
        writeln!(page, "| {} | {} |", pair.earlier.as_str(), pair.later.as_str()).expect("a String takes everything");
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
