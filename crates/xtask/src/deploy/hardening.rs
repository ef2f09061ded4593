//! What every container and every unit gives up: none may write into its image, keep a capability, or gain one.

use std::collections::BTreeMap;

/// What each service of compose.yaml says, itself or through an anchor.
const OF_SERVICES: [&str; 4] = ["read_only: true", "cap_drop:", "- ALL", "no-new-privileges:true"];

/// What each unit says.
const OF_UNITS: [&str; 14] = [
    "CapabilityBoundingSet=",
    "LockPersonality=yes",
    "MemoryDenyWriteExecute=yes",
    "NoNewPrivileges=yes",
    "PrivateDevices=yes",
    "PrivateTmp=yes",
    "ProtectHome=yes",
    "ProtectKernelModules=yes",
    "ProtectSystem=strict",
    "RestrictNamespaces=yes",
    "RestrictSUIDSGID=yes",
    "SystemCallFilter=@system-service",
    "UMask=0077",
    "User=dualgrid",
];

/// What a compose file forgets, a line each.
pub(super) fn of_compose(text: &str) -> Vec<String> {
    let blocks = blocks(text);
    let mut missing = Vec::new();
    for (name, block) in blocks.iter().filter(|(name, _)| name.starts_with("services.")) {
        let whole = with_anchors(block, &blocks);
        let wanted = OF_SERVICES.iter().filter(|wanted| !whole.iter().any(|line| line.ends_with(*wanted)));
        missing.extend(wanted.map(|wanted| format!("{name} does not say `{wanted}`")));
    }
    if !blocks.keys().any(|name| name.starts_with("services.")) {
        missing.push("there are no services".to_owned());
    }
    missing
}

/// What a unit forgets, a line each.
pub(super) fn of_unit(text: &str) -> Vec<String> {
    let missing = OF_UNITS.iter().filter(|wanted| !text.lines().any(|line| line.trim() == **wanted));
    missing.map(|wanted| format!("the unit does not say `{wanted}`")).collect()
}

/// The lines below each key of the first level, and below each service, without comments.
fn blocks(text: &str) -> BTreeMap<String, Vec<&str>> {
    let mut blocks: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let (mut top, mut current) = (String::new(), String::new());
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.trim().starts_with('#')) {
        let indent = line.len() - line.trim_start().len();
        let name = line.trim().split(':').next().unwrap_or_default();
        if indent == 0 {
            name.clone_into(&mut top);
            name.clone_into(&mut current);
        } else if indent == 2 && top == "services" {
            current = format!("services.{name}");
        }
        blocks.entry(current.clone()).or_default().push(line.trim());
    }
    blocks
}

/// The lines of a block and of the anchors that it merges.
fn with_anchors<'a>(block: &[&'a str], blocks: &BTreeMap<String, Vec<&'a str>>) -> Vec<&'a str> {
    let mut lines = block.to_vec();
    for merged in block.iter().filter_map(|line| line.strip_prefix("<<: *")) {
        let anchor = format!("&{}", merged.trim());
        let found = blocks.values().find(|block| block.first().is_some_and(|first| first.ends_with(&anchor)));
        lines.extend(found.into_iter().flat_map(|found| with_anchors(found, blocks)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPOSE: &str = "
x-hardened: &hardened
  read_only: true
  cap_drop:
    - ALL
  security_opt:
    - no-new-privileges:true
x-program: &program
  <<: *hardened
  image: a
services:
  one:
    <<: *program
  two:
    # read_only: true
    image: b
    cap_drop:
      - ALL
";

    #[test]
    fn a_service_says_what_it_gives_up_itself_or_through_an_anchor() {
        let said = of_compose(COMPOSE);
        let missing = ["read_only: true", "no-new-privileges:true"];
        assert_eq!(said, missing.map(|missing| format!("services.two does not say `{missing}`")));
        assert_eq!(of_compose("volumes:\n  a:\n"), ["there are no services"]);
    }

    #[test]
    fn a_unit_says_what_it_gives_up() {
        let whole = OF_UNITS.join("\n");
        assert!(of_unit(&whole).is_empty());
        let said = of_unit(&whole.replace("NoNewPrivileges=yes", "NoNewPrivileges=no"));
        assert_eq!(said, ["the unit does not say `NoNewPrivileges=yes`"]);
        assert_eq!(of_unit("# UMask=0077").len(), OF_UNITS.len());
    }

    #[test]
    fn the_files_of_this_repository_forget_nothing() {
        let deploy = testkit::sample::workspace_dir().join("deploy");
        let read = |name: &str| std::fs::read_to_string(deploy.join(name)).unwrap();
        assert_eq!(of_compose(&read("compose.yaml")), Vec::<String>::new());
        assert_eq!(of_unit(&read("systemd/dualgrid@.service")), Vec::<String>::new());
    }
}
