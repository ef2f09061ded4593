//! Which refusals the tests of a crate produce: each is noted in a file while the tests run a second time, in a process of their own.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use kernel::{Aggregate, Event};

/// Names the file while tests are run to see what they refuse.
const NOTES: &str = "DUALGRID_REFUSALS_NOTED_IN";

/// Whether this process runs for its notes only.
pub(crate) fn is_noting() -> bool {
    std::env::var_os(NOTES).is_some()
}

/// Notes that a test expects a refusal.
pub(crate) fn note<A: Aggregate>(code: &str) {
    let Some(notes) = std::env::var_os(NOTES) else { return };
    let mut notes = OpenOptions::new().append(true).create(true).open(notes).unwrap();
    // One write a line: tests run at the same time.
    notes.write_all(format!("{} {code}\n", A::Event::CATEGORY).as_bytes()).unwrap();
}

/// The codes that the tests in this executable expect of kind `A`.
pub(crate) fn noted<A: Aggregate>() -> BTreeSet<String> {
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("notes");
    let ended = Command::new(std::env::current_exe().unwrap())
        .env(NOTES, &notes)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(ended.success(), "some test of this crate fails; look at that one first");
    read::<A>(&notes)
}

fn read<A: Aggregate>(notes: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(notes).unwrap_or_default();
    let of_kind = text.lines().filter_map(|line| line.strip_prefix(A::Event::CATEGORY)?.strip_prefix(' '));
    of_kind.map(str::to_owned).collect()
}

/// Notes that a test sees a refusal that no command leads to, for example of a path that names nothing.
pub fn refused<A: Aggregate>(refusal: &A::Refusal) {
    use kernel::Refusal as _;
    note::<A>(refusal.code());
}
