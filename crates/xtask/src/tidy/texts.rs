//! Words that must not stand in a file of this repository.

use super::{Offence, Source};

/// In two halves, so that this file does not contain it.
const REMINDER: &str = concat!("TO", "DO");

/// Hosts of registries: the clients know them, and behind a mirror they are others.
const HOSTS: &[&str] = &[
    concat!("index.crates", ".io"),
    concat!("static.crates", ".io"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("registry.npmjs", ".org"),
    concat!("proxy.golang", ".org"),
    concat!("deb.debian", ".org"),
    concat!("archive.ubuntu", ".com"),
];

/// Folders of somebody's machine.
const FOLDERS: &[&str] = &[concat!("/wo", "rk/"), concat!("/ro", "ot/")];

/// Written by cargo, which names its registry.
const WRITTEN_BY_CARGO: &str = "Cargo.lock";

/// Files in which a reminder is a reminder and not a word of prose.
const CODE: &[&str] = &["rs", "toml", "sql", "sh", "yaml", "yml", "conf"];

pub(super) fn check(source: &Source) -> Vec<Offence> {
    if source.path.ends_with(WRITTEN_BY_CARGO) {
        return Vec::new();
    }
    let extension = source.path.extension().and_then(|extension| extension.to_str());
    let is_code = extension.is_none_or(|extension| CODE.contains(&extension));
    let mut offences = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        let mut offend = |what: String| offences.push(Offence::new(&source.path, index + 1, what));
        if let Some(host) = HOSTS.iter().find(|host| line.contains(**host)) {
            offend(format!("names the registry {host}: leave that to the registry's client"));
        }
        if let Some(folder) = FOLDERS.iter().find(|folder| names_folder(line, folder)) {
            offend(format!("names {folder}, a folder of one machine: take it from the environment"));
        }
        if is_code && has_bare_reminder(line) {
            offend(format!("a {REMINDER} without an issue: write {REMINDER}(#n), or do it"));
        }
    }
    offences
}

/// Whether the path starts there: `target` followed by it is another folder.
fn names_folder(line: &str, folder: &str) -> bool {
    let starts = |at: usize| !line[..at].ends_with(|before: char| before.is_alphanumeric() || "._-*}".contains(before));
    line.match_indices(folder).any(|(at, _)| starts(at))
}

fn has_bare_reminder(line: &str) -> bool {
    let is_letter = |letter: char| letter.is_alphanumeric() || letter == '_';
    line.match_indices(REMINDER).any(|(at, _)| {
        let after = &line[at + REMINDER.len()..];
        let is_word = !line[..at].ends_with(is_letter) && !after.starts_with(is_letter);
        is_word && !has_issue(after)
    })
}

fn has_issue(after: &str) -> bool {
    let number = after.strip_prefix("(#").and_then(|rest| rest.split_once(')')).map(|(number, _)| number);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offences(path: &str, text: &str) -> usize {
        check(&Source { path: path.into(), text: text.into() }).len()
    }

    #[test]
    fn a_reminder_needs_an_issue() {
        assert_eq!(offences("a.rs", &format!("// {REMINDER} later\n//! {REMINDER}\n// {REMINDER}(#): x")), 3);
        assert_eq!(offences("a.rs", &format!("// {REMINDER}(#12): with units\nlet {REMINDER}S = 1;")), 0);
        assert_eq!(offences("style.md", &format!("No {REMINDER} without an issue.")), 0);
    }

    #[test]
    fn a_registry_host_is_an_offence_everywhere_but_in_the_lock_file() {
        let text = format!("curl {}/simple", HOSTS[2]);
        assert_eq!(offences("deploy/Dockerfile", &text), 1);
        assert_eq!(offences("Cargo.lock", &text), 0);
    }

    #[test]
    fn a_folder_of_one_machine_is_an_offence() {
        assert_eq!(offences("a.sh", &format!("cd {}main\nls \"{}x\"", FOLDERS[0], FOLDERS[1])), 2);
        assert_eq!(offences("a.sh", &format!("cd net{}main", &FOLDERS[0])), 0);
    }
}
