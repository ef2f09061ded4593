//! Every public item says what it is. Fields and variants need not: rustc's `missing_docs` could not tell them apart.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

use super::Offence;
use super::tokens::{self, Rust};

/// What must say what it is.
const ITEMS: &[&str] = &["fn", "struct", "enum", "trait", "const", "type", "static", "union"];

/// What stands between `pub` and the word for the item.
const QUALIFIERS: &[&str] = &["const", "async", "unsafe", "extern"];

pub(super) fn check(file: &Rust<'_>) -> Vec<Offence> {
    let in_tests = file.source.path.components().any(|part| part.as_os_str() == "tests");
    let mut offences = Vec::new();
    if !in_tests {
        check_level(file, &file.code, false, &mut offences);
    }
    offences
}

/// What is inside a public trait is public without saying so.
fn check_level(file: &Rust<'_>, stream: &TokenStream, is_trait: bool, offences: &mut Vec<Offence>) {
    let tokens: Vec<TokenTree> = stream.clone().into_iter().collect();
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        let macro_name = exported_macro(&tokens, index);
        let starts = if is_trait { starts_item(&tokens, index) } else { is_public(&tokens, index) };
        let item = if starts { item(&tokens, index + usize::from(!is_trait)) } else { None };
        if let Some(name) = macro_name.or_else(|| item.as_ref().map(|(_, name)| name.clone()))
            && !is_documented(&tokens[..index])
        {
            let what = format!("`{name}` is public and undocumented: say in a sentence what it is for");
            offences.push(Offence::new(&file.source.path, tokens::line(token), what));
        }
        if is_macro(&tokens, index) {
            // What a macro makes is documented where it is used.
            index += 4;
            continue;
        }
        if item.is_some_and(|(keyword, _)| keyword == "trait") {
            let is_body =
                |token: &TokenTree| tokens::group(token).is_some_and(|body| body.delimiter() == Delimiter::Brace);
            let Some(length) = tokens[index..].iter().position(is_body) else { return };
            index += length;
            if let Some(body) = tokens::group(&tokens[index]) {
                check_level(file, &body.stream(), true, offences);
            }
        } else if let Some(inner) = tokens::group(token)
            && !is_trait
        {
            check_level(file, &inner.stream(), false, offences);
        }
        index += 1;
    }
}

/// `pub`, and not `pub(crate)`.
fn is_public(tokens: &[TokenTree], index: usize) -> bool {
    let is_restricted = |token: &TokenTree| {
        let inside = tokens::group(token).filter(|group| group.delimiter() == Delimiter::Parenthesis);
        inside.is_some_and(|group| {
            let first = group.stream().into_iter().next();
            first.is_some_and(|word| ["crate", "super", "self", "in"].iter().any(|it| tokens::is_ident(&word, it)))
        })
    };
    tokens::is_ident(&tokens[index], "pub") && !tokens.get(index + 1).is_some_and(is_restricted)
}

/// Whether an item of a trait begins there: at the beginning, after a body, a semicolon or an attribute.
fn starts_item(tokens: &[TokenTree], index: usize) -> bool {
    let Some(before) = index.checked_sub(1).map(|before| &tokens[before]) else { return true };
    let closes = tokens::group(before).is_some_and(|group| group.delimiter() != Delimiter::Parenthesis);
    closes || tokens::is_punct(before, ';')
}

/// The word for the item and its name.
fn item(tokens: &[TokenTree], start: usize) -> Option<(String, String)> {
    // `extern "C"`
    let words = tokens[start..].iter().filter(|token| !matches!(token, TokenTree::Literal(_)));
    let mut keyword = None;
    for word in words.map_while(tokens::ident).map(Ident::to_string) {
        let is_keyword = ITEMS.contains(&word.as_str()) || QUALIFIERS.contains(&word.as_str());
        if !is_keyword {
            return keyword.filter(|keyword: &String| ITEMS.contains(&keyword.as_str())).map(|keyword| (keyword, word));
        }
        keyword = Some(word);
    }
    None
}

fn is_macro(tokens: &[TokenTree], index: usize) -> bool {
    tokens::is_ident(&tokens[index], "macro_rules")
        && tokens.get(index + 1).is_some_and(|sign| tokens::is_punct(sign, '!'))
}

/// The name of a macro for other crates.
fn exported_macro(tokens: &[TokenTree], index: usize) -> Option<String> {
    let is_exported = attributes(&tokens[..index]).any(|attribute| attribute == "macro_export");
    let name = tokens.get(index + 2).and_then(tokens::ident).filter(|_| is_macro(tokens, index) && is_exported);
    name.map(Ident::to_string)
}

fn is_documented(before: &[TokenTree]) -> bool {
    attributes(before).any(|attribute| attribute == "doc")
}

/// The first words of the attributes that end there, last one first.
fn attributes(before: &[TokenTree]) -> impl Iterator<Item = String> {
    let attribute = |pair: &[TokenTree]| {
        let inside = tokens::group(&pair[1]).filter(|_| tokens::is_punct(&pair[0], '#'))?;
        inside.stream().into_iter().next().map(|word| word.to_string())
    };
    before.rchunks_exact(2).map_while(attribute)
}

#[cfg(test)]
mod tests {
    use super::super::Source;
    use super::*;

    fn offences(text: &str) -> Vec<String> {
        offences_at("src/a.rs", text)
    }

    fn offences_at(path: &str, text: &str) -> Vec<String> {
        let source = Source { path: path.into(), text: text.into() };
        let name = |offence: Offence| offence.what.split('`').nth(1).map(str::to_owned).unwrap_or_default();
        check(&Rust::try_new(&source).unwrap()).into_iter().map(name).collect()
    }

    #[test]
    fn a_public_item_without_a_comment_is_an_offence() {
        let text = "pub struct A;\npub(crate) struct B;\nstruct C;\nimpl A { pub const fn d() {}\n fn e() {} }\n\
            #[derive(Clone)]\npub enum F {}\npub async fn g() {}\npub const H: u8 = 1;\npub type I = u8;\n";
        assert_eq!(offences(text), ["A", "d", "F", "g", "H", "I"]);
    }

    #[test]
    fn a_comment_is_enough_wherever_it_stands_among_the_attributes() {
        let text = "/// A.\n#[derive(Clone)]\npub struct A { pub field: u8, pub other: fn() -> u8 }\n\
            #[must_use]\n/// B.\npub fn b() {}\n/** C. */\npub trait C { /** D. */ fn d(); /** E. */ const E: u8 = 1; }\n";
        assert!(offences(text).is_empty(), "{:?}", offences(text));
    }

    #[test]
    fn the_items_of_a_public_trait_are_public() {
        let text = "/// A.\npub trait A: Sized + B {\n fn c(&self);\n /** D. */ fn d() { const X: u8 = 1; }\n async fn e();\n type F; }\ntrait G { fn h(); }\n";
        assert_eq!(offences(text), ["c", "e", "F"]);
    }

    #[test]
    fn what_a_macro_makes_is_documented_where_it_is_used() {
        let text = "/// Makes.\n#[macro_export]\nmacro_rules! make { ($a:ident) => { pub struct $a; pub fn b() {} } }\n\
            #[macro_export]\nmacro_rules! other { () => {} }\nmake! { pub enum C { D } }\n";
        assert_eq!(offences(text), ["other", "C"]);
    }

    #[test]
    fn tests_need_no_comments() {
        assert!(offences("#[cfg(test)]\nmod tests { pub struct A; }\n").is_empty());
        assert!(offences_at("crates/log/tests/contract/a.rs", "pub struct A;\n").is_empty());
    }
}
