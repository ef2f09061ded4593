//! Which verbs a department may send over NATS, and about what: read from the registry.

use std::sync::LazyLock;

use app::{authorise, registry};
use kernel::Role;

/// A verb that somebody in a department may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The last token of the subject, for example `accept-order`.
    pub verb: &'static str,
    /// The category of what it is about, for example `case`: the header `Dualgrid-Case-Id` names which one.
    pub kind: &'static str,
    /// Whether there is exactly one of that kind; no header names it then.
    pub is_single: bool,
    /// Who may send it.
    pub role: Role,
}

/// The role in which a department acts. NATS knows departments, not posts, so there is one.
pub const ROLE: Role = Role::DepartmentClerk;

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let mut rules = Vec::new();
    for kind in registry::kinds() {
        let sent = kind.verbs().iter().filter(|verb| !verb.begins && !verb.is_part);
        let allowed = sent.filter(|verb| authorise::is_of_department(ROLE, verb));
        rules.extend(allowed.map(|verb| Rule {
            verb: verb.name,
            kind: kind.category(),
            is_single: kind.is_single(),
            role: ROLE,
        }));
    }
    rules
});

/// Every verb that a department may send: what [`ROLE`] may do for its department, unless it begins something or is only a part
/// of another command.
pub fn rules() -> &'static [Rule] {
    &RULES
}

/// The rule of a verb.
pub fn rule_of(verb: &str) -> Option<&'static Rule> {
    rules().iter().find(|rule| rule.verb == verb)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_department_has_the_verbs_that_its_clerks_have() {
        let of_case: Vec<_> = rules().iter().filter(|rule| rule.kind == "case").map(|rule| rule.verb).collect();
        assert_eq!(of_case, ["accept-order", "request-return", "record-progress", "submit-disposal"]);
        assert_eq!(rule_of("discover-issue"), None, "what begins something has no id that could be named");
        assert_eq!(rule_of("void-issue"), None, "a clerk may not give it");
    }
}
