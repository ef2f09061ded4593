//! Rust files as tokens: comments and texts cannot be mistaken for code.

use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Group, Ident, Punct, TokenStream, TokenTree};

use super::{Offence, Source};

/// A Rust file.
#[derive(Debug)]
pub(super) struct Rust<'a> {
    pub(super) source: &'a Source,
    /// Everything.
    pub(super) all: TokenStream,
    /// What is compiled without `cfg(test)`.
    pub(super) code: TokenStream,
}

impl<'a> Rust<'a> {
    pub(super) fn try_new(source: &'a Source) -> Result<Self, Offence> {
        let all: TokenStream = source.text.parse().map_err(|error| {
            Offence::new(&source.path, 1, format!("these are not the tokens of a Rust file: {error}"))
        })?;
        Ok(Self { source, code: without_tests(all.clone()), all })
    }

    /// The modules that are declared here for tests only.
    fn modules_for_tests(&self) -> Vec<String> {
        let declared = |stream: &TokenStream| {
            let tokens: Vec<TokenTree> = stream.clone().into_iter().collect();
            let names = tokens.windows(3).filter(|found| is_ident(&found[0], "mod") && is_punct(&found[2], ';'));
            names.filter_map(|found| ident(&found[1])).map(Ident::to_string).collect::<Vec<_>>()
        };
        let outside = declared(&self.code);
        declared(&self.all).into_iter().filter(|name| !outside.contains(name)).collect()
    }
}

/// All Rust files, and those that cannot be read. A file that is a module for tests has no code.
pub(super) fn read(sources: &[Source]) -> (Vec<Rust<'_>>, Vec<Offence>) {
    let (mut files, mut offences) = (Vec::new(), Vec::new());
    for source in sources.iter().filter(|source| source.is_rust()) {
        match Rust::try_new(source) {
            Ok(file) => files.push(file),
            Err(offence) => offences.push(offence),
        }
    }
    let declared = |file: &Rust<'_>| {
        let folder = folder_of(&file.source.path);
        file.modules_for_tests().into_iter().map(move |name| folder.join(name)).collect::<Vec<_>>()
    };
    let for_tests: Vec<PathBuf> = files.iter().flat_map(declared).collect();
    for file in &mut files {
        let path = file.source.path.with_extension("");
        if for_tests.iter().any(|module| path.starts_with(module)) {
            file.code = TokenStream::new();
        }
    }
    (files, offences)
}

/// The folder of the modules that a file declares.
fn folder_of(path: &Path) -> PathBuf {
    let is_root = path.ends_with("lib.rs") || path.ends_with("main.rs");
    if is_root { path.with_file_name("") } else { path.with_extension("") }
}

pub(super) fn ident(token: &TokenTree) -> Option<&Ident> {
    if let TokenTree::Ident(ident) = token { Some(ident) } else { None }
}

pub(super) fn group(token: &TokenTree) -> Option<&Group> {
    if let TokenTree::Group(group) = token { Some(group) } else { None }
}

pub(super) fn is_ident(token: &TokenTree, name: &str) -> bool {
    ident(token).is_some_and(|ident| ident == name)
}

pub(super) fn is_punct(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if Punct::as_char(punct) == sign)
}

/// Whether `::` begins at the index.
pub(super) fn is_path_separator(tokens: &[TokenTree], index: usize) -> bool {
    let is_colon = |index: usize| tokens.get(index).is_some_and(|token| is_punct(token, ':'));
    is_colon(index) && is_colon(index + 1)
}

/// The line on which a token begins.
pub(super) fn line(token: &TokenTree) -> usize {
    token.span().start().line
}

/// Calls `visit` with the tokens of the stream and of every group in it.
pub(super) fn each_level(stream: &TokenStream, visit: &mut dyn FnMut(&[TokenTree])) {
    let tokens: Vec<TokenTree> = stream.clone().into_iter().collect();
    visit(&tokens);
    for inner in tokens.iter().filter_map(group) {
        each_level(&inner.stream(), visit);
    }
}

/// Leaves out what stands behind `#[cfg(test)]`, at any depth.
fn without_tests(stream: TokenStream) -> TokenStream {
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    let mut kept = Vec::new();
    let mut index = 0;
    while index < tokens.len() {
        if is_test_attribute(&tokens[index..]) {
            index += 2 + length_of_item(&tokens[index + 2..]);
            continue;
        }
        kept.push(match &tokens[index] {
            TokenTree::Group(old) => {
                let mut new = Group::new(old.delimiter(), without_tests(old.stream()));
                new.set_span(old.span());
                TokenTree::Group(new)
            }
            token => token.clone(),
        });
        index += 1;
    }
    kept.into_iter().collect()
}

fn is_test_attribute(tokens: &[TokenTree]) -> bool {
    let [sign, attribute, ..] = tokens else { return false };
    let Some(attribute) = group(attribute).filter(|_| is_punct(sign, '#')) else { return false };
    let inside: Vec<TokenTree> = attribute.stream().into_iter().collect();
    let [name, condition] = &inside[..] else { return false };
    let condition = group(condition).map(|condition| condition.stream().to_string());
    is_ident(name, "cfg") && condition.is_some_and(|condition| condition == "test")
}

/// How many tokens belong to the item, field or statement that an attribute was found on.
fn length_of_item(tokens: &[TokenTree]) -> usize {
    const WITH_BODY: &[&str] = &["fn", "struct", "enum", "impl", "trait", "mod", "union", "macro_rules"];
    const WITHOUT_BODY: &[&str] = &["use", "static", "let", "type"];
    let has_body = |token: &TokenTree| matches!(token, TokenTree::Group(body) if body.delimiter() == Delimiter::Brace);
    let (mut ends_with_body, mut ends_with_comma) = (true, true);
    for (index, token) in tokens.iter().enumerate() {
        if let Some(word) = ident(token).map(Ident::to_string) {
            ends_with_comma &= !WITH_BODY.contains(&word.as_str()) && !WITHOUT_BODY.contains(&word.as_str());
            ends_with_body &= !WITHOUT_BODY.contains(&word.as_str());
        }
        let ends =
            is_punct(token, ';') || (ends_with_body && has_body(token)) || (ends_with_comma && is_punct(token, ','));
        if ends {
            return index + 1;
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        let source = Source { path: "src/a.rs".into(), text: text.into() };
        Rust::try_new(&source).unwrap().code.to_string()
    }

    #[test]
    fn what_is_for_tests_is_left_out() {
        assert_eq!(code("#[cfg(test)]\nmod tests { fn a() {} }\nfn b() {}"), "fn b () { }");
        assert_eq!(code("#[cfg(test)]\nuse a::{b, c};\nuse d;"), "use d ;");
        assert_eq!(code("struct S { #[cfg(test)] a: u8, b: u8 }"), "struct S { b : u8 }");
        assert_eq!(code("#[cfg(test)]\npub fn a<A, B>() -> C { d() }\nfn b() {}"), "fn b () { }");
        assert_eq!(code("#[cfg(feature = \"x\")] fn a() {}"), "# [cfg (feature = \"x\")] fn a () { }");
    }

    #[test]
    fn a_module_that_is_a_file_can_be_for_tests() {
        let file = |path: &str, text: &str| Source { path: path.into(), text: text.into() };
        let root = file("src/lib.rs", "mod a;\n#[cfg(test)]\nmod given;\n");
        let sources = [root, file("src/a.rs", "b;"), file("src/given.rs", "c;"), file("src/given/d.rs", "e;")];
        let code: Vec<String> = read(&sources).0.iter().map(|file| file.code.to_string()).collect();
        assert_eq!(code, ["mod a ;", "b ;", "", ""]);
    }

    #[test]
    fn a_file_that_is_not_rust_is_an_offence() {
        let source = Source { path: "src/a.rs".into(), text: "fn a( {".into() };
        assert!(read(&[source]).1[0].what.starts_with("these are not the tokens"));
    }
}
