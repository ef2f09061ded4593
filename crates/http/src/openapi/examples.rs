//! One example a command, as the page offers it to be tried.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

static EXAMPLES: LazyLock<BTreeMap<String, Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("examples.json")).expect("a test reads the same file"));

/// The example of a command.
pub(super) fn of(command: &str) -> Option<Value> {
    EXAMPLES.get(command).cloned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use case::CaseCommand;
    use grid::DistrictCommand;
    use kernel::Command;
    use rules::RulesCommand;

    use super::*;

    fn every_command_reads_its_example<C: Command>() -> BTreeSet<String> {
        for name in C::NAMES {
            let example = of(name).unwrap_or_else(|| panic!("{name} has no example")).to_string();
            let read = C::parse(name, example.as_bytes());
            assert!(read.is_ok(), "the example of {name} does not fit: {}", read.unwrap_err());
        }
        C::NAMES.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn every_command_has_an_example_that_it_reads_and_no_other_has() {
        let mut known = every_command_reads_its_example::<CaseCommand>();
        known.extend(every_command_reads_its_example::<DistrictCommand>());
        known.extend(every_command_reads_its_example::<RulesCommand>());
        assert_eq!(known, EXAMPLES.keys().cloned().collect());
    }
}
