//! No circles between the files of a crate: of two files, one can be understood without the other.
//!
//! What is in a folder may speak in the types of the folder's own file: such an arrow is not counted.

use std::collections::BTreeSet;

use super::Offence;
use super::modules::{Crate, Module, Reference};

/// At most so many files are said for each name.
const FILES_SAID_MAX: usize = 4;

pub(super) fn check(crates: &[Crate]) -> Vec<Offence> {
    crates.iter().flat_map(|own| Graph::of(own).offences(own)).collect()
}

/// The files of a crate as numbers, and what one names of another.
struct Graph {
    files: Vec<Module>,
    arrows: Vec<Arrow>,
}

#[derive(Debug, Clone)]
struct Arrow {
    from: usize,
    to: usize,
    name: String,
}

impl Graph {
    fn of(own: &Crate) -> Self {
        let files: Vec<Module> = own.files().cloned().collect();
        let index = |module: &Module| files.binary_search(module).ok();
        let arrow = |one: Reference| Some(Arrow { from: index(&one.from)?, to: index(&one.to)?, name: one.name });
        let is_counted = |one: &Reference| !one.from.starts_with(&one.to);
        let arrows = own.references().into_iter().filter(is_counted).filter_map(arrow).collect();
        Self { files, arrows }
    }

    fn offences(&self, own: &Crate) -> Vec<Offence> {
        let said = |circle: &Vec<usize>| {
            let name = |file: &usize| format!("`{}`", self.files[*file].join("::"));
            let files: Vec<String> = circle.iter().map(name).collect();
            let ties: Vec<String> = self.ties(circle).iter().map(|tie| self.said(tie)).collect();
            let what = format!(
                "a circle of the modules {}, tied by {}: move what ties them to a file that needs none of the others",
                files.join(", "),
                ties.join(", ")
            );
            Offence::new(own.file_of(&self.files[circle[0]]).unwrap_or(&own.folder), 1, what)
        };
        circles(self.files.len(), &self.arrows).iter().map(said).collect()
    }

    fn said(&self, (to, name): &(usize, String)) -> String {
        let froms = self.arrows.iter().filter(|arrow| arrow.to == *to && arrow.name == *name);
        let froms: BTreeSet<String> = froms.map(|arrow| self.files[arrow.from].join("::")).collect();
        let more = froms.len().saturating_sub(FILES_SAID_MAX);
        let mut froms: Vec<String> = froms.into_iter().take(FILES_SAID_MAX).collect();
        if more > 0 {
            froms.push(format!("{more} more"));
        }
        format!("`{}::{name}` in {}", self.files[*to].join("::"), froms.join(", "))
    }

    /// Few names without which the files of a circle would be in none: always the one that frees the most of them.
    fn ties(&self, circle: &[usize]) -> Vec<(usize, String)> {
        let is_inside = |arrow: &&Arrow| circle.contains(&arrow.from) && circle.contains(&arrow.to);
        let mut arrows: Vec<Arrow> = self.arrows.iter().filter(is_inside).cloned().collect();
        let mut ties = Vec::new();
        while !circles(self.files.len(), &arrows).is_empty() {
            let names: BTreeSet<(usize, String)> = arrows.iter().map(|arrow| (arrow.to, arrow.name.clone())).collect();
            let without = |tie: &(usize, String)| {
                let others = arrows.iter().filter(|arrow| (arrow.to, &arrow.name) != (tie.0, &tie.1));
                others.cloned().collect::<Vec<_>>()
            };
            let left = |tie: &(usize, String)| {
                let left = without(tie);
                (circles(self.files.len(), &left).concat().len(), arrows.len() - left.len())
            };
            let Some(tie) = names.into_iter().min_by_key(left) else { break };
            arrows = without(&tie);
            ties.push(tie);
        }
        ties
    }
}

/// Every set of files that lead to each other, larger than one.
fn circles(files: usize, arrows: &[Arrow]) -> Vec<Vec<usize>> {
    let mut reaches = vec![vec![false; files]; files];
    for arrow in arrows {
        reaches[arrow.from][arrow.to] = true;
    }
    for over in 0..files {
        let further = reaches[over].clone();
        for from in reaches.iter_mut().filter(|from| from[over]) {
            from.iter_mut().zip(&further).for_each(|(reached, more)| *reached |= more);
        }
    }
    let circle = |file: usize| (0..files).filter(|other| reaches[file][*other] && reaches[*other][file]).collect();
    let circles: BTreeSet<Vec<usize>> = (0..files).map(circle).collect();
    circles.into_iter().filter(|circle| circle.len() > 1).collect()
}

#[cfg(test)]
mod tests {
    use super::super::modules::crates;
    use super::super::{Source, tokens};
    use super::*;

    fn offences(files: &[(&str, &str)]) -> Vec<String> {
        let source = |(path, text): &(&str, &str)| Source { path: path.into(), text: (*text).into() };
        let sources: Vec<Source> = files.iter().map(source).collect();
        check(&crates(&tokens::read(&sources).0)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn two_files_that_name_each_other_are_a_circle() {
        let found = offences(&[
            ("src/lib.rs", "mod a;\nmod b;\npub use a::A;"),
            ("src/a.rs", "use crate::b::B;\npub struct A(B);"),
            ("src/b.rs", "use crate::A;\npub struct B;"),
        ]);
        let ties = "tied by `a::A` in b: move what ties them to a file that needs none of the others";
        assert_eq!(found, [format!("src/a.rs:1: a circle of the modules `a`, `b`, {ties}")]);
    }

    #[test]
    fn the_name_that_most_files_hang_on_is_the_tie() {
        let found = offences(&[
            ("src/lib.rs", "mod error;\nmod x;\nmod y;"),
            ("src/error.rs", "use crate::x::X;\nuse crate::y::Y;\npub struct Error(X, Y);"),
            ("src/x.rs", "use crate::error::Error;"),
            ("src/y.rs", "use crate::error::Error;"),
        ]);
        assert!(found[0].contains("`error`, `x`, `y`, tied by `error::Error` in x, y:"), "{found:?}");
    }

    #[test]
    fn a_file_in_a_folder_may_speak_in_the_types_of_the_folder_but_not_lead_back_to_it() {
        let folder = [
            ("src/lib.rs", "mod a;\nmod c;"),
            ("src/a.rs", "mod b;\nuse b::B;\npub struct A(B);"),
            ("src/a/b.rs", "use super::A;\nuse crate::c::C;\npub struct B(C);"),
            ("src/c.rs", "pub struct C;"),
        ];
        assert!(offences(&folder).is_empty());
        let mut back = folder;
        back[3].1 = "use crate::a::A;\npub struct C(A);";
        assert!(offences(&back)[0].contains("`a`, `a::b`, `c`"));
    }

    #[test]
    fn tests_make_no_circle() {
        let found = offences(&[
            ("src/lib.rs", "mod a;\nmod b;"),
            ("src/a.rs", "use crate::b::B;\npub struct A(B);"),
            ("src/b.rs", "pub struct B;\n#[cfg(test)]\nmod tests { use crate::a::A; }"),
        ]);
        assert!(found.is_empty(), "{found:?}");
    }
}
