//! Crate roots say what the crate is for, and hold nothing else than its modules.

use super::{Offence, Source};

/// What every crate on a floor denies: a moment from outside must not make it panic.
const CHECKED: &str = "#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]";

pub(super) fn check(source: &Source) -> Vec<Offence> {
    let mut offences = Vec::new();
    if source.path.ends_with("mod.rs") {
        let what = "a module in mod.rs: name the file after the module, `x.rs` beside the folder `x`";
        offences.push(Offence::new(&source.path, 1, what));
    }
    let is_library = source.path.ends_with("src/lib.rs");
    if (is_library || source.path.ends_with("src/main.rs")) && !source.text.starts_with("//! ") {
        let what = "an undocumented crate: open it with `//!`, its purpose, its floor and its INVARIANT lines";
        offences.push(Offence::new(&source.path, 1, what));
    }
    if is_library {
        offences.extend(check_library(source));
    }
    if is_library && source.text.starts_with("//! Floor ") && !source.text.contains(CHECKED) {
        let what = format!("arithmetic on moments may panic here: write `{CHECKED}` below the documentation");
        offences.push(Offence::new(&source.path, 1, what));
    }
    offences
}

/// Looks at what begins at the margin; what is indented belongs to it.
fn check_library(source: &Source) -> Vec<Offence> {
    let in_order = |line: &str| {
        let is_module = |line: &str| line.starts_with("mod ") && line.ends_with(';');
        let rest = line.strip_prefix("pub(crate) ").or_else(|| line.strip_prefix("pub ")).unwrap_or(line);
        line.is_empty()
            || line.starts_with([' ', '\t', '}'])
            || line.starts_with("//")
            || line.starts_with('#')
            || is_module(rest)
            || rest.starts_with("use ")
    };
    let what = "a crate root only declares modules and re-exports: move this into a module";
    let outside = source.text.lines().enumerate().filter(|(_, line)| !in_order(line));
    outside.map(|(index, _)| Offence::new(&source.path, index + 1, what)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offences(path: &str, text: &str) -> Vec<Offence> {
        check(&Source { path: path.into(), text: text.into() })
    }

    #[test]
    fn a_documented_root_with_modules_is_in_order() {
        let text = "//! Purpose.\n\n#[cfg(test)]\nmod a;\npub mod b;\n\npub use b::{\n    C,\n    D,\n};\n";
        assert!(offences("crates/x/src/lib.rs", text).is_empty());
        assert!(offences("crates/x/src/main.rs", "//! Purpose.\n\nfn main() {}\n").is_empty());
    }

    #[test]
    fn an_undocumented_root_is_an_offence() {
        assert_eq!(offences("crates/x/src/lib.rs", "mod a;\n").len(), 1);
        assert_eq!(offences("crates/x/src/main.rs", "fn main() {}\n").len(), 1);
    }

    #[test]
    fn a_crate_on_a_floor_leaves_no_arithmetic_on_moments_unchecked() {
        assert_eq!(offences("crates/x/src/lib.rs", "//! Floor 1: purpose.\n\nmod a;\n").len(), 1);
        let denied = format!("//! Floor 1: purpose.\n\n{CHECKED}\n\nmod a;\n");
        assert!(offences("crates/x/src/lib.rs", &denied).is_empty());
    }

    #[test]
    fn code_in_a_root_is_an_offence() {
        let found =
            offences("crates/x/src/lib.rs", "//! Purpose.\nmod a;\npub fn f() {\n}\nstruct S;\nmod inline {\n}\n");
        assert_eq!(found.iter().map(|offence| offence.line).collect::<Vec<_>>(), [3, 5, 6]);
    }

    #[test]
    fn mod_rs_is_an_offence() {
        assert_eq!(offences("crates/x/src/a/mod.rs", "").len(), 1);
    }
}
