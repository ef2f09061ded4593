//! Arrows between our crates point down only; crates on one floor never see each other.

use super::Offence;
use super::workspace::{Package, Workspace};

/// What a crate may use.
enum Place {
    /// Everything on a lower floor.
    Floor(u8),
    /// Exactly these: the crate stands beside the floors.
    Beside(&'static [&'static str]),
}

/// The table of docs/architecture.md. `dualgrid` and `tests` keep their whole names.
const PLACES: &[(&str, Place)] = &[
    ("kernel", Place::Floor(0)),
    ("accounts", Place::Floor(0)),
    ("case", Place::Floor(1)),
    ("grid", Place::Floor(1)),
    ("rules", Place::Floor(1)),
    ("people", Place::Floor(1)),
    ("deliberation", Place::Floor(1)),
    ("community", Place::Floor(1)),
    ("proof", Place::Floor(1)),
    ("process", Place::Floor(2)),
    ("app", Place::Floor(3)),
    ("log", Place::Floor(4)),
    ("bus", Place::Floor(4)),
    ("http", Place::Floor(4)),
    ("dualgrid", Place::Floor(5)),
    ("client", Place::Beside(&["kernel"])),
    ("given", Place::Beside(&["kernel"])),
    ("testkit", Place::Beside(&["kernel", "accounts"])),
    ("xtask", Place::Beside(&["accounts", "testkit"])),
    ("tests", Place::Beside(&["kernel", "accounts", "client", "testkit"])),
];

/// What every crate may use in its tests.
const FOR_TESTS: &[&str] = &["given", "testkit"];

pub(super) fn check(workspace: &Workspace) -> Vec<Offence> {
    workspace.packages.iter().flat_map(check_package).collect()
}

fn check_package(package: &Package) -> Vec<Offence> {
    let Some(place) = place_of(&package.name) else {
        let what =
            format!("unknown crate `{}`: give it a floor in tidy/arrows.rs and in architecture.md", package.name);
        return vec![Offence::new(&package.manifest, 1, what)];
    };
    let forbidden = package.dependencies.iter().filter(|dependency| {
        let in_tests = dependency.is_dev && FOR_TESTS.contains(&dependency.name.as_str());
        dependency.is_own && !in_tests && !may_use(place, &dependency.name)
    });
    forbidden
        .map(|dependency| {
            let what = format!(
                "`{}` may not use `{}`: arrows point down only (architecture.md section 2); move what is shared to a lower \
                 floor or behind a port in `app`",
                package.name, dependency.name
            );
            Offence::new(&package.manifest, dependency.line, what)
        })
        .collect()
}

fn place_of(name: &str) -> Option<&'static Place> {
    PLACES.iter().find(|(known, _)| *known == name).map(|(_, place)| place)
}

fn may_use(place: &Place, other: &str) -> bool {
    match place {
        Place::Beside(allowed) => allowed.contains(&other),
        Place::Floor(own) => matches!(place_of(other), Some(Place::Floor(below)) if below < own),
    }
}

#[cfg(test)]
mod tests {
    use super::super::workspace::sample;
    use super::*;

    fn offences(arrows: &[(&str, &str, bool)]) -> Vec<String> {
        check(&sample(arrows)).into_iter().map(|offence| offence.what).collect()
    }

    #[test]
    fn arrows_down_and_testkit_in_tests_are_in_order() {
        let arrows = [
            ("kernel", "serde", false),
            ("case", "kernel", false),
            ("testkit", "serde", false),
            ("case", "testkit", true),
            ("given", "kernel", false),
            ("case", "given", true),
            ("process", "case", false),
            ("app", "process", false),
        ];
        assert!(offences(&arrows).is_empty());
    }

    #[test]
    fn an_arrow_up_or_sideways_is_an_offence_also_in_tests() {
        let arrows = [
            ("kernel", "case", false),
            ("case", "grid", false),
            ("grid", "kernel", false),
            ("log", "bus", true),
            ("bus", "kernel", false),
        ];
        let found = offences(&arrows);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].starts_with("`kernel` may not use `case`"));
        assert!(found[1].starts_with("`case` may not use `grid`"));
        assert!(found[2].starts_with("`log` may not use `bus`"));
    }

    #[test]
    fn what_is_for_tests_is_an_offence_outside_them() {
        assert_eq!(offences(&[("app", "testkit", false), ("testkit", "serde", false)]).len(), 1);
        assert_eq!(offences(&[("app", "given", false), ("given", "serde", false)]).len(), 1);
    }

    #[test]
    fn what_stands_beside_the_floors_sees_the_kernel_only() {
        let arrows =
            [("client", "app", false), ("given", "case", false), ("app", "kernel", false), ("case", "kernel", false)];
        assert_eq!(offences(&arrows).len(), 2);
    }

    #[test]
    fn an_unknown_crate_is_an_offence() {
        assert!(offences(&[("extras", "serde", false)])[0].starts_with("unknown crate `extras`"));
    }
}
