//! Kinds that share a crate do not see each other: one folder a kind, and only `lib.rs`, the list, sees them all.

use std::collections::BTreeSet;
use std::path::Path;

use super::Offence;
use super::modules::Crate;

/// The crates in which every folder is a kind of its own.
const CRATES: &[&str] = &["crates/community/src"];

pub(super) fn check(crates: &[Crate]) -> Vec<Offence> {
    let has_kinds = |own: &&Crate| CRATES.iter().any(|folder| own.folder == Path::new(folder));
    crates.iter().filter(has_kinds).flat_map(check_crate).collect()
}

/// A module beside the folders that has no folder itself is shared, and sees no kind either.
fn check_crate(own: &Crate) -> Vec<Offence> {
    let kinds: BTreeSet<&String> = own.files().filter(|file| file.len() > 1).filter_map(|file| file.first()).collect();
    let across = own.references().into_iter().filter_map(|one| {
        let (from, to) = (one.from.first()?, one.to.first()?);
        (from != to && kinds.contains(to)).then(|| {
            let what = format!(
                "`{from}` may not use `{}` of the kind `{to}`: what kinds tell each other is a fact of `kernel`",
                one.name
            );
            Offence::new(own.file_of(&one.from).unwrap_or(&own.folder), one.line, what)
        })
    });
    across.collect()
}

#[cfg(test)]
mod tests {
    use super::super::modules::crates;
    use super::super::{Source, tokens};
    use super::*;

    fn offences(folder: &str, pledge: &str) -> Vec<Offence> {
        let source = |path: &str, text: &str| Source { path: format!("{folder}/{path}").into(), text: text.into() };
        let sources = [
            source("lib.rs", "mod pledge;\nmod visit;\nmod words;\npub use visit::Visit;"),
            source("pledge.rs", "use crate::words::Word;\nmod make_pledge;"),
            source("pledge/make_pledge.rs", pledge),
            source("visit.rs", "mod pay_visit;\npub struct Visit;"),
            source("visit/pay_visit.rs", "use super::Visit;"),
            source("words.rs", "pub struct Word;"),
        ];
        check(&crates(&tokens::read(&sources).0))
    }

    #[test]
    fn a_kind_that_sees_another_is_an_offence() {
        let found = offences("crates/community/src", "use super::super::words::Word;\nuse crate::Visit;");
        assert_eq!(found.len(), 1, "{found:?}");
        let start = "crates/community/src/pledge/make_pledge.rs:2: `pledge` may not use `Visit` of the kind `visit`";
        assert!(found[0].to_string().starts_with(start), "{}", found[0]);
    }

    #[test]
    fn its_own_folder_and_other_crates_are_in_order() {
        assert!(offences("crates/community/src", "use crate::pledge::Pledge;").is_empty());
        assert!(offences("crates/log/src", "use crate::Visit;").is_empty());
    }
}
