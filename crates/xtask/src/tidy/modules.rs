//! The modules of a crate, and which of them names what of another.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

use super::tokens::{self, Rust};

/// A module, by the names on the way to it from the root of its crate.
pub(super) type Module = Vec<String>;

/// Macros that list the commands and the events of a kind. What they list is the vocabulary of the kind: it counts as
/// defined in the list, whichever file it stands in, and the list itself needs nobody.
const LISTS: &[&str] = &["commands", "events"];

/// How often an import may lead to an import.
const HOPS_MAX: usize = 8;

/// All modules below one `lib.rs` or `main.rs`.
#[derive(Debug)]
pub(super) struct Crate {
    /// The folder of its root file.
    pub(super) folder: PathBuf,
    files: BTreeMap<Module, PathBuf>,
    /// Also those that are written inside a file.
    modules: BTreeSet<Module>,
    imports: BTreeMap<Module, Imports>,
    paths: Vec<Mention>,
    /// The words of a module outside its `use` lines.
    words: BTreeMap<Module, BTreeSet<String>>,
    /// What lists name, and the module of the list.
    listed: Vec<(Module, String)>,
    /// All words in the lists of a module.
    in_lists: BTreeMap<Module, BTreeSet<String>>,
}

/// What a module imports or exports again: the name here, and the path.
type Imports = BTreeMap<String, Vec<String>>;

/// A path as it stands in a module.
#[derive(Debug)]
struct Mention {
    from: Module,
    path: Vec<String>,
    line: usize,
    /// What a `use` calls it here, and whether it hands it on.
    import: Option<(String, bool)>,
}

/// One file names something of another file of its crate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reference {
    pub(super) from: Module,
    pub(super) to: Module,
    pub(super) name: String,
    pub(super) line: usize,
}

/// Every crate among the files: one for each folder with a `lib.rs` or a `main.rs`.
pub(super) fn crates(files: &[Rust<'_>]) -> Vec<Crate> {
    let is_root = |path: &Path| path.ends_with("lib.rs") || path.ends_with("main.rs");
    let roots = files.iter().map(|file| &file.source.path).filter(|path| is_root(path));
    let folders: BTreeSet<&Path> = roots.filter_map(|path| path.parent()).collect();
    let nearest = |path: &Path| path.ancestors().skip(1).find(|folder| folders.contains(folder)).map(Path::to_owned);
    folders
        .iter()
        .map(|folder| {
            let mut own = Crate::new(folder);
            let is_own = |file: &&Rust<'_>| nearest(&file.source.path).as_deref() == Some(*folder);
            let own_files: Vec<&Rust<'_>> = files.iter().filter(is_own).collect();
            for file in &own_files {
                own.place(file);
            }
            for file in &own_files {
                own.read(file);
            }
            own
        })
        .collect()
}

impl Crate {
    fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            files: BTreeMap::new(),
            modules: BTreeSet::from([Module::new()]),
            imports: BTreeMap::new(),
            paths: Vec::new(),
            words: BTreeMap::new(),
            listed: Vec::new(),
            in_lists: BTreeMap::new(),
        }
    }

    /// The file of a module; of one that is written inside a file, that file.
    pub(super) fn file_of(&self, module: &[String]) -> Option<&Path> {
        self.files.get(module).map(PathBuf::as_path)
    }

    /// The modules that are files.
    pub(super) fn files(&self) -> impl Iterator<Item = &Module> {
        self.files.keys()
    }

    /// What files name of other files, through all `use` on the way to what defines it. A name is said once for each file.
    pub(super) fn references(&self) -> BTreeSet<Reference> {
        let mut found: BTreeMap<(Module, Module, String), usize> = BTreeMap::new();
        let listed: BTreeMap<(Module, String), &Module> = self.listed().collect();
        for mention in self.paths.iter().filter(|mention| self.counts(mention)) {
            let Some((to, Some(name))) = self.resolve(&mention.from, &mention.path, HOPS_MAX) else { continue };
            let to = listed.get(&(to.clone(), name.clone())).map_or(to, |list| (*list).clone());
            let (from, to) = (self.of_file(&mention.from), self.of_file(&to));
            if from != to {
                found.entry((from, to, name)).or_insert(mention.line);
            }
        }
        found.into_iter().map(|((from, to, name), line)| Reference { from, to, name, line }).collect()
    }

    /// What lists name, as where it is defined, with the list.
    fn listed(&self) -> impl Iterator<Item = ((Module, String), &Module)> {
        self.listed.iter().filter_map(|(list, name)| {
            let (module, defined) = self.resolve(list, std::slice::from_ref(name), HOPS_MAX)?;
            Some(((module, defined?), list))
        })
    }

    /// A name that is only handed on, or only listed, is not used here.
    fn counts(&self, mention: &Mention) -> bool {
        let is_in = |words: &BTreeMap<Module, BTreeSet<String>>, name: &String| {
            words.get(&mention.from).is_some_and(|words| words.contains(name))
        };
        let Some((name, is_export)) = &mention.import else { return true };
        is_in(&self.words, name) || !(*is_export || is_in(&self.in_lists, name))
    }

    /// The nearest module around it that is a file.
    fn of_file(&self, module: &[String]) -> Module {
        let mut module = module.to_vec();
        while !self.files.contains_key(&module) && module.pop().is_some() {}
        module
    }

    fn place(&mut self, file: &Rust<'_>) {
        let Some(module) = self.module_of(&file.source.path) else { return };
        // Of `lib.rs` and `main.rs` in one folder, the library has the modules.
        if module.is_empty() && self.files.contains_key(&module) && file.source.path.ends_with("main.rs") {
            return;
        }
        self.modules.insert(module.clone());
        self.files.insert(module, file.source.path.clone());
    }

    fn module_of(&self, path: &Path) -> Option<Module> {
        let inside = path.strip_prefix(&self.folder).ok()?;
        // Programs of their own.
        if inside.starts_with("bin") {
            return None;
        }
        let mut module: Module = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        let last = module.pop()?;
        let is_root = module.is_empty() && matches!(last.as_str(), "lib.rs" | "main.rs");
        if !is_root {
            module.push(last.strip_suffix(".rs")?.to_owned());
        }
        Some(module)
    }

    fn read(&mut self, file: &Rust<'_>) {
        let Some(module) = self.module_of(&file.source.path) else { return };
        if self.files.get(&module) == Some(&file.source.path) {
            self.read_tokens(&module, &file.code);
        }
    }

    fn read_tokens(&mut self, here: &Module, stream: &TokenStream) {
        let tokens: Vec<TokenTree> = stream.clone().into_iter().collect();
        let mut index = 0;
        while let Some(token) = tokens.get(index) {
            index += if tokens::is_ident(token, "use") {
                self.read_use(here, &tokens, index)
            } else if let Some((inner, body)) = inline_module(here, &tokens[index..]) {
                self.modules.insert(inner.clone());
                self.read_tokens(&inner, &body);
                3
            } else if let Some(names) = list(&tokens, index) {
                self.listed.extend(names.into_iter().map(|name| (here.clone(), name)));
                tokens::each_level(&tokens[index + 1].clone().into(), &mut |tokens| {
                    let words = tokens.iter().filter_map(tokens::ident).map(Ident::to_string);
                    self.in_lists.entry(here.clone()).or_default().extend(words);
                });
                2
            } else if let Some(inner) = tokens::group(token) {
                self.read_tokens(here, &inner.stream());
                1
            } else {
                self.read_path(here, &tokens, index)
            };
        }
    }

    /// A path in code; `a.b` and the rest of a path are none.
    fn read_path(&mut self, here: &Module, tokens: &[TokenTree], start: usize) -> usize {
        let Some(first) = tokens::ident(&tokens[start]) else { return 1 };
        let mut path = vec![first.to_string()];
        self.words.entry(here.clone()).or_default().insert(first.to_string());
        let mut end = start + 1;
        while tokens::is_path_separator(tokens, end)
            && let Some(next) = tokens.get(end + 2).and_then(tokens::ident)
        {
            path.push(next.to_string());
            end += 3;
        }
        let is_inside = start > 0 && (tokens::is_punct(&tokens[start - 1], '.') || is_rest(tokens, start));
        if path.len() > 1 && !is_inside {
            self.paths.push(Mention { from: here.clone(), path, line: tokens::line(&tokens[start]), import: None });
        }
        end - start
    }

    /// A `use`, up to its semicolon.
    fn read_use(&mut self, here: &Module, tokens: &[TokenTree], start: usize) -> usize {
        let length = tokens[start..].iter().position(|token| tokens::is_punct(token, ';')).unwrap_or(0);
        if length == 0 {
            return 1;
        }
        let is_export = start > 0 && is_visibility(tokens, start - 1);
        let mut leaves = Vec::new();
        read_tree(&[], &tokens[start + 1..start + length], &mut leaves);
        for Leaf { path, name, line } in leaves {
            self.imports.entry(here.clone()).or_default().insert(name.clone(), path.clone());
            self.paths.push(Mention { from: here.clone(), path, line, import: Some((name, is_export)) });
        }
        length
    }

    /// The module that a path leads to, and the name there: none if the path is the module itself.
    fn resolve(&self, here: &[String], path: &[String], hops: usize) -> Option<(Module, Option<String>)> {
        let hops = hops.checked_sub(1)?;
        let (first, rest) = path.split_first()?;
        let (mut at, mut rest) = match first.as_str() {
            "crate" => (Module::new(), rest),
            "self" => (here.to_vec(), rest),
            "super" => (here.split_last()?.1.to_vec(), rest),
            name if self.has(here, name) => (here.to_vec(), path),
            _ => return None,
        };
        while let Some((name, after)) = rest.split_first() {
            if name == "super" {
                at.pop()?;
            } else if self.modules.contains(&child(&at, name)) {
                at.push(name.clone());
            } else {
                let import = self.imports.get(&at).and_then(|imports| imports.get(name));
                let Some(import) = import else { return Some((at, Some(name.clone()))) };
                // From outside: `use serde::Serialize` is no name of this crate.
                match self.resolve(&at, import, hops)? {
                    (module, None) => at = module,
                    defined => return Some(defined),
                }
            }
            rest = after;
        }
        Some((at, None))
    }

    fn has(&self, here: &[String], name: &str) -> bool {
        let imports = self.imports.get(here).and_then(|imports| imports.get(name));
        self.modules.contains(&child(here, name))
            || imports.is_some_and(|path| path.first().is_some_and(|it| it != name))
    }
}

fn child(module: &[String], name: &str) -> Module {
    let mut child = module.to_vec();
    child.push(name.to_owned());
    child
}

/// `mod name { … }`: the module and its body.
fn inline_module(here: &Module, tokens: &[TokenTree]) -> Option<(Module, TokenStream)> {
    let [keyword, name, body, ..] = tokens else { return None };
    let body = tokens::group(body).filter(|body| body.delimiter() == Delimiter::Brace)?;
    let name = tokens::ident(name).filter(|_| tokens::is_ident(keyword, "mod"))?;
    Some((child(here, &name.to_string()), body.stream()))
}

/// The names in `commands! { … }`, if its `!` is there: those in the braces of its enum.
fn list(tokens: &[TokenTree], sign: usize) -> Option<Vec<String>> {
    let name = tokens.get(sign.checked_sub(1)?)?;
    let is_list = tokens::is_punct(&tokens[sign], '!') && LISTS.iter().any(|list| tokens::is_ident(name, list));
    let body = tokens::group(tokens.get(sign + 1)?).filter(|_| is_list)?;
    let braces =
        |token: &TokenTree| tokens::group(token).filter(|group| group.delimiter() == Delimiter::Brace).cloned();
    let names = body.stream().into_iter().find_map(|token| braces(&token))?.stream();
    Some(names.into_iter().filter_map(|token| tokens::ident(&token).map(Ident::to_string)).collect())
}

/// Whether the path continues something before it, as in `<T as A>::b::c`.
fn is_rest(tokens: &[TokenTree], start: usize) -> bool {
    start > 1 && tokens::is_path_separator(tokens, start - 2)
}

/// Whether the token ends `pub` or `pub(…)`.
fn is_visibility(tokens: &[TokenTree], index: usize) -> bool {
    let is_pub = |index: usize| tokens::is_ident(&tokens[index], "pub");
    is_pub(index) || (index > 0 && tokens::group(&tokens[index]).is_some() && is_pub(index - 1))
}

/// One name of a `use`.
struct Leaf {
    path: Vec<String>,
    /// What it is called here.
    name: String,
    line: usize,
}

/// `a::b`, `a::b as c`, `a::{…}`, `a::*`.
fn read_tree(before: &[String], tokens: &[TokenTree], leaves: &mut Vec<Leaf>) {
    for branch in tokens.split(|token| tokens::is_punct(token, ',')) {
        let mut path = before.to_vec();
        let mut alias = None;
        let mut words = branch.iter().filter(|token| !tokens::is_punct(token, ':')).peekable();
        let Some(line) = branch.first().map(tokens::line) else { continue };
        while let Some(token) = words.next() {
            if let Some(inner) = tokens::group(token) {
                let inner: Vec<TokenTree> = inner.stream().into_iter().collect();
                read_tree(&path, &inner, leaves);
                path.clear();
            } else if tokens::is_ident(token, "as") {
                alias = words.next().and_then(tokens::ident).map(Ident::to_string);
            } else if tokens::is_ident(token, "self") && !path.is_empty() {
                // `a::{self}` is `a`.
            } else {
                path.push(token.to_string());
            }
        }
        if let Some(last) = path.last() {
            let name = alias.unwrap_or_else(|| last.clone());
            leaves.push(Leaf { path, name, line });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Source;
    use super::*;

    /// `from → to: name` for each reference between the files.
    fn references(files: &[(&str, &str)]) -> Vec<String> {
        let source = |(path, text): &(&str, &str)| Source { path: path.into(), text: (*text).into() };
        let sources: Vec<Source> = files.iter().map(source).collect();
        let files: Vec<Rust<'_>> = sources.iter().map(|source| Rust::try_new(source).unwrap()).collect();
        let found = crates(&files);
        let references = found.iter().flat_map(Crate::references);
        references.map(|one| format!("{} → {}: {}", one.from.join("::"), one.to.join("::"), one.name)).collect()
    }

    #[test]
    fn a_name_leads_to_the_file_that_defines_it_through_all_exports() {
        let files = [
            ("src/lib.rs", "mod a;\nmod b;\npub use b::Inner as Outer;"),
            ("src/a.rs", "use crate::Outer;\nfn f(x: crate::b::Plain) { let y: Vec<Outer> = g(); }"),
            ("src/b.rs", "mod c;\npub use c::Inner;"),
            ("src/b/c.rs", "pub struct Inner;"),
        ];
        assert_eq!(references(&files), ["a → b: Plain", "a → b::c: Inner"]);
    }

    #[test]
    fn a_path_through_an_imported_module_names_what_it_ends_in() {
        let files = [
            ("src/lib.rs", "mod a;\nmod b;"),
            (
                "src/a.rs",
                "use crate::{b, b::c::{self, D}};\nfn f() { b::g(c::E::new()); x.b::<u8>(); serde::json::b::h(); }",
            ),
            ("src/b.rs", "pub mod c;"),
            ("src/b/c.rs", ""),
        ];
        assert_eq!(references(&files), ["a → b: g", "a → b::c: D", "a → b::c: E"]);
    }

    #[test]
    fn names_of_other_crates_and_of_tests_are_no_references() {
        let files = [
            ("src/lib.rs", "mod a;\nmod serde;"),
            (
                "src/a.rs",
                "use std::serde::X;\n#[cfg(test)]\nmod tests { use crate::serde::Y; }\nfn f(x: X, y: X::Z) {}",
            ),
            ("src/serde.rs", "mod inner { use super::super::a::F; }"),
        ];
        assert_eq!(references(&files), ["serde → a: F"]);
    }

    #[test]
    fn what_a_list_names_is_defined_in_the_list() {
        let files = [
            ("src/lib.rs", "mod event;\nmod make;\nmod state;\npub use make::Made;"),
            (
                "src/event.rs",
                "use crate::Made;\nkernel::events! { pub enum Event in \"x\" { Made = \"x.made\" to order, } }",
            ),
            ("src/make.rs", "use crate::state::State;\npub struct Made;\npub struct Other;"),
            ("src/state.rs", "use crate::Made;\nuse crate::make::Other;"),
        ];
        assert_eq!(references(&files), ["make → state: State", "state → event: Made", "state → make: Other"]);
    }

    #[test]
    fn each_root_is_a_crate_of_its_own() {
        let files = [
            ("x/src/lib.rs", "mod a;"),
            ("x/src/a.rs", ""),
            ("x/src/bin/p.rs", "use crate::a::B;"),
            ("x/tests/t/main.rs", "mod a;"),
            ("x/tests/t/a.rs", "use crate::B;"),
        ];
        assert_eq!(references(&files), ["a → : B"]);
    }
}
