//! Whether somebody may is asked of `app::authorise` and decided nowhere else: a second place forgets the reach of a role, or that it
//! ended.

use std::collections::BTreeSet;
use std::path::Path;

use proc_macro2::TokenTree;

use super::Offence;
use super::tokens::{self, Rust};

/// The crates whose code meets callers.
const CRATES: &[&str] =
    &["crates/app/src", "crates/bus/src", "crates/dualgrid/src", "crates/http/src", "crates/log/src"];

/// Where it is decided, and the document that shows the table.
const DECIDES: &[&str] = &["crates/app/src/authorise.rs", "crates/dualgrid/src/docs/authorisation.rs"];

/// What looks a reach up, or compares it with a place.
const LOOKS: &[&str] = &["reach_of", "is_reached"];

/// What is asked of somebody and says something else than who they are.
const OF_SOMEBODY: &[&str] = &["role", "scope"];

pub(super) fn check(file: &Rust<'_>) -> Vec<Offence> {
    let path = &file.source.path;
    let is_in = |names: &[&str]| names.iter().any(|name| path.starts_with(Path::new(name)));
    if !is_in(CRATES) || is_in(DECIDES) {
        return Vec::new();
    }
    let mut lines = BTreeSet::new();
    tokens::each_level(&file.code, &mut |tokens| {
        lines.extend((0..tokens.len()).filter_map(|index| decides(tokens, index)));
    });
    let what = "this decides who may: ask `app::authorise`, which knows the role, its reach and the place";
    lines.into_iter().map(|line| Offence::new(path, line, what)).collect()
}

/// `reach_of(…)`, `….is_reached(…)`, `….role == …`, `… != ….role`, `matches!(….scope, …)`
fn decides(tokens: &[TokenTree], index: usize) -> Option<usize> {
    let token = &tokens[index];
    if LOOKS.iter().any(|name| tokens::is_ident(token, name)) {
        return Some(tokens::line(token));
    }
    let is_field = index > 0
        && tokens::is_punct(&tokens[index - 1], '.')
        && OF_SOMEBODY.iter().any(|name| tokens::is_ident(token, name));
    let is_compared = is_field && (is_comparison(tokens, index + 1) || compares_before(tokens, index));
    let is_matched = is_field
        && tokens.get(index + 1).is_some_and(|next| tokens::is_punct(next, ','))
        && is_pattern(tokens, index + 2);
    (is_compared || is_matched).then(|| tokens::line(token))
}

/// Whether `==` or `!=` begins at the index.
fn is_comparison(tokens: &[TokenTree], index: usize) -> bool {
    let is = |index: usize, sign| tokens.get(index).is_some_and(|token| tokens::is_punct(token, sign));
    (is(index, '=') || is(index, '!')) && is(index + 1, '=')
}

/// Whether the path that ends at the index stands after `==` or `!=`.
fn compares_before(tokens: &[TokenTree], index: usize) -> bool {
    let is_of_path = |token: &TokenTree| tokens::ident(token).is_some() || tokens::is_punct(token, '.');
    let begin = tokens[..index].iter().rposition(|token| !is_of_path(token)).map_or(0, |before| before + 1);
    begin >= 2 && is_comparison(tokens, begin - 2)
}

/// Whether a path with a variant begins at the index, as in `matches!(by.role, Role::Auditor)`.
fn is_pattern(tokens: &[TokenTree], index: usize) -> bool {
    ["Role", "Scope"].iter().any(|name| tokens.get(index).is_some_and(|token| tokens::is_ident(token, name)))
}

#[cfg(test)]
mod tests {
    use super::super::Source;
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let source = Source { path: path.into(), text: text.into() };
        check(&Rust::try_new(&source).unwrap()).iter().map(|offence| offence.line).collect()
    }

    const DECIDED: &str = "fn a() {\n if reach_of(x, by.role).is_some() {}\n if place.is_reached(reach, by) {}\n \
        if by.role == Role::Auditor {}\n if Role::Auditor != actor.role {}\n let a = matches!(by.scope, Scope::Everywhere);\n}";

    #[test]
    fn access_is_decided_in_one_place() {
        assert_eq!(lines("crates/app/src/query.rs", DECIDED), [2, 3, 4, 5, 6]);
        assert_eq!(lines("crates/http/src/auth.rs", DECIDED), [2, 3, 4, 5, 6]);
        assert!(lines("crates/app/src/authorise.rs", DECIDED).is_empty());
        assert!(lines("crates/case/src/access.rs", DECIDED).is_empty(), "what a kind decides is its own");
    }

    #[test]
    fn a_role_may_be_told_and_compared_in_tests() {
        let told = "fn a() { span.record(actor.role.as_str()); Row { role: by.role, scope }; call(by.role, x) }";
        assert!(lines("crates/http/src/watch.rs", told).is_empty());
        let tested = "#[cfg(test)]\nmod tests { fn a() { assert!(by.role == Role::Auditor); } }";
        assert!(lines("crates/http/src/watch.rs", tested).is_empty());
    }
}
