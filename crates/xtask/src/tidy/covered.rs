//! Every kind has the test that looks for what was forgotten of it: `given::covered`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use proc_macro2::TokenTree;

use super::Offence;
use super::tokens::{self, Rust};

/// Where kinds are. The traits and the tests of tests have aggregates too.
const FLOORS: &[&str] = &["case", "community", "grid", "people", "process", "rules"];

pub(super) fn check(files: &[Rust<'_>]) -> Vec<Offence> {
    let (mut kinds, mut covered) = (Vec::new(), BTreeSet::new());
    for file in files {
        let Some(own) = crate_of(&file.source.path) else { continue };
        tokens::each_level(&file.code, &mut |tokens| {
            kinds.extend(tokens.windows(3).filter_map(kind).map(|(name, line)| (own.clone(), name, line, file)));
        });
        tokens::each_level(&file.all, &mut |tokens| {
            covered.extend(tokens.windows(5).filter_map(is_covered).map(|name| (own.clone(), name)));
        });
    }
    let forgotten = kinds.into_iter().filter(|(own, name, ..)| !covered.contains(&(own.clone(), name.clone())));
    let offence = |(_, name, line, file): (PathBuf, String, usize, &Rust<'_>)| {
        let what = format!("no test calls `given::covered::<{name}>`, which looks for what was forgotten of a kind");
        Offence::new(&file.source.path, line, what)
    };
    forgotten.map(offence).collect()
}

fn crate_of(path: &Path) -> Option<PathBuf> {
    let own: PathBuf = path.components().take(2).collect();
    FLOORS.iter().any(|name| own == Path::new("crates").join(name)).then_some(own)
}

/// `Aggregate for Pledge`
fn kind(found: &[TokenTree]) -> Option<(String, usize)> {
    let is_one = tokens::is_ident(&found[0], "Aggregate") && tokens::is_ident(&found[1], "for");
    let name = tokens::ident(&found[2]).filter(|_| is_one)?;
    Some((name.to_string(), tokens::line(&found[0])))
}

/// `covered::<Pledge>`
fn is_covered(found: &[TokenTree]) -> Option<String> {
    let signs = [(1, ':'), (2, ':'), (3, '<')];
    let is_call =
        tokens::is_ident(&found[0], "covered") && signs.iter().all(|(at, sign)| tokens::is_punct(&found[*at], *sign));
    tokens::ident(&found[4]).filter(|_| is_call).map(ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::super::Source;
    use super::*;

    fn offences(path: &str, text: &str) -> Vec<String> {
        let source = Source { path: path.into(), text: text.into() };
        check(&[Rust::try_new(&source).unwrap()]).into_iter().map(|offence| offence.what).collect()
    }

    #[test]
    fn a_kind_without_its_test_is_found() {
        let kind = "impl Aggregate for Errand { fn decide() {} }";
        let missing = "no test calls `given::covered::<Errand>`, which looks for what was forgotten of a kind";
        assert_eq!(offences("crates/community/src/errand.rs", kind), [missing]);
        let of_another = format!("{kind} #[cfg(test)] mod tests {{ fn t() {{ given::covered::<Pledge>(); }} }}");
        assert_eq!(offences("crates/community/src/errand.rs", &of_another), [missing]);
        let called = of_another.replace("Pledge", "Errand");
        assert_eq!(offences("crates/community/src/errand.rs", &called), [""; 0]);
        assert_eq!(offences("crates/given/src/lib.rs", kind), [""; 0], "no floor of kinds");
    }
}
