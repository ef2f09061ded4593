//! Errors have names: what callers read is a sentence, and a test says which error it expects.

use std::collections::BTreeSet;

use proc_macro2::TokenTree;

use super::Offence;
use super::tokens::{self, Rust};

/// Macros that only ask whether something holds.
const ASSERTIONS: &[&str] = &["assert", "debug_assert", "prop_assert"];

/// What can fail in one way only.
const ONE_WAY: &[&str] = &["timeout"];

pub(super) fn check(file: &Rust<'_>) -> Vec<Offence> {
    let mut found = BTreeSet::new();
    tokens::each_level(&file.all, &mut |tokens| {
        for index in 0..tokens.len() {
            found.extend(debug_in_error(&tokens[index..]));
            found.extend(bare_assertion(&tokens[index..]));
        }
    });
    found.into_iter().map(|(line, what)| Offence::new(&file.source.path, line, what)).collect()
}

/// `#[error("… {x:?} …")]`
fn debug_in_error(tokens: &[TokenTree]) -> Option<(usize, String)> {
    let [sign, attribute, ..] = tokens else { return None };
    let attribute = tokens::group(attribute).filter(|_| tokens::is_punct(sign, '#'))?;
    let inside: Vec<TokenTree> = attribute.stream().into_iter().collect();
    let [name, text, ..] = &inside[..] else { return None };
    let text = tokens::group(text).filter(|_| tokens::is_ident(name, "error"))?;
    let has_debug = |text: &str| text.contains(":?}") || text.contains(":#?}");
    let is_offence = has_debug(&text.to_string()) || text.to_string().contains(": ? }");
    let what = "a caller reads this, and `{:?}` is for us: give the type a Display, or say it in words";
    is_offence.then(|| (tokens::line(sign), what.to_owned()))
}

/// `assert!(….is_err())`, `assert!(matches!(…, Err(_)))`
fn bare_assertion(tokens: &[TokenTree]) -> Option<(usize, String)> {
    let [name, sign, condition, ..] = tokens else { return None };
    let condition = tokens::group(condition).filter(|_| tokens::is_punct(sign, '!'))?;
    ASSERTIONS.iter().find(|assertion| tokens::is_ident(name, assertion))?;
    let (mut is_bare, mut is_known) = (false, false);
    tokens::each_level(&condition.stream(), &mut |tokens| {
        is_bare |= tokens.windows(3).any(asks_for_any) || tokens.windows(2).any(matches_any);
        is_known |= tokens.iter().any(|token| ONE_WAY.iter().any(|word| tokens::is_ident(token, word)));
    });
    let what = "any error passes this test, also one of the test itself: name the error that is expected";
    (is_bare && !is_known).then(|| (tokens::line(name), what.to_owned()))
}

/// `.is_err()`
fn asks_for_any(found: &[TokenTree]) -> bool {
    tokens::is_punct(&found[0], '.') && tokens::is_ident(&found[1], "is_err") && tokens::group(&found[2]).is_some()
}

/// `Err(_)`, `Err(..)`
fn matches_any(found: &[TokenTree]) -> bool {
    let inside = tokens::group(&found[1]).filter(|_| tokens::is_ident(&found[0], "Err"));
    inside.is_some_and(|inside| matches!(inside.stream().to_string().as_str(), "_" | ".."))
}

#[cfg(test)]
mod tests {
    use super::super::Source;
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        let source = Source { path: "tests/a.rs".into(), text: text.into() };
        check(&Rust::try_new(&source).unwrap()).iter().map(|offence| offence.line).collect()
    }

    #[test]
    fn a_caller_reads_no_debug() {
        let text = "enum E {\n #[error(\"no {0}\")] A(u8),\n #[error(\"no {0:?}\")] B(u8),\n #[error(\"no {:#?}\", x)] C(u8),\n}";
        assert_eq!(lines(text), [3, 4]);
        assert!(lines("fn a() { debug!(\"{x:?}\"); }").is_empty());
    }

    #[test]
    fn a_test_names_its_error() {
        let text = "fn a() {\n assert!(b().is_err());\n assert!(c().await.is_err(), \"{c}\");\n \
            assert!(all.iter().all(|d| d.is_err()));\n assert!(matches!(e(), Err(_)));\n prop_assert!(f.is_err());\n}";
        assert_eq!(lines(text), [2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_named_error_and_one_that_has_only_one_reason_are_in_order() {
        let text = "fn a() { assert_eq!(b(), Err(Gone)); assert!(matches!(c(), Err(Error::D { .. })));\n \
            assert!(timeout(SOON, e()).await.is_err()); if f.is_err() {} }";
        assert!(lines(text).is_empty());
    }
}
