//! Posts that nobody can use: the obligations of a grid centre (网格中心) name its duty officer, dispatcher and verifier, and whoever
//! holds such a post only in a grid below the centre reaches no further than that grid.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The posts that obligations name at the centre of a tree.
const AT_CENTRE: [&str; 3] = ["dispatcher", "duty_officer", "verifier"];

/// A warning for every post that is needed at a centre of this district and, by this description of persons, held below it only.
pub(super) fn warnings(persons: &Value, district: &Value) -> Vec<String> {
    let tree = Tree::of(district);
    let mut found = Vec::new();
    for centre in tree.centres() {
        for role in AT_CENTRE {
            let posts = list(persons, "persons").flat_map(|person| list(person, "posts"));
            let held = posts.filter(|post| text(post, "role") == role && post["deputy_for"].is_null());
            let grids: BTreeSet<&str> = held.map(|post| text(&post["scope"], "grid")).collect();
            let above = tree.path(centre);
            if grids.iter().any(|grid| above.contains(grid)) {
                continue;
            }
            let Some(below) = grids.iter().find(|grid| tree.path(grid).contains(&centre)) else { continue };
            found.push(format!(
                "obligations name the {role} of {centre}, and nobody holds that post there or above; whoever holds it in {below} cannot \
                 act for the grids beside it"
            ));
        }
    }
    found
}

fn list<'a>(of: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    of[field].as_array().into_iter().flatten()
}

fn text<'a>(of: &'a Value, field: &str) -> &'a str {
    of[field].as_str().unwrap_or_default()
}

/// The grids of the party network, each with the one above it and the name of its level.
struct Tree<'a> {
    grids: BTreeMap<&'a str, (&'a str, &'a str)>,
    /// The level with the centre of each tree that names one.
    centres: BTreeMap<&'a str, &'a str>,
}

impl<'a> Tree<'a> {
    /// As the document of the district shows it.
    fn of(district: &'a Value) -> Self {
        let party = || list(district, "grids").filter(|grid| text(grid, "network") == "party");
        let grids = party().map(|grid| (text(grid, "code"), (text(grid, "parent"), text(grid, "level_name"))));
        let centres = party().filter_map(|grid| {
            let level = list(grid, "levels").find(|level| level["centre"] == true)?;
            Some((text(grid, "code"), text(level, "name")))
        });
        Self { centres: centres.collect(), grids: grids.collect() }
    }

    /// The grid and every one above it, itself first.
    fn path(&self, grid: &str) -> Vec<&'a str> {
        let mut path: Vec<&str> = Vec::new();
        let mut next = self.grids.get_key_value(grid);
        while let Some((code, (parent, _))) = next.filter(|(code, _)| !path.contains(*code)) {
            path.push(code);
            next = self.grids.get_key_value(parent);
        }
        path
    }

    /// The grids that are centres: those of the level that says so, or the root.
    fn centres(&self) -> impl Iterator<Item = &'a str> {
        self.grids.iter().filter_map(|(code, (parent, level))| {
            let root = self.path(code).last().copied()?;
            let is_centre = self.centres.get(root).map_or(parent.is_empty(), |named| named == level);
            is_centre.then_some(*code)
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_post_that_is_held_only_below_the_centre_is_warned_of() {
        let levels =
            |centre: &str| json!([{ "name": "L", "centre": centre == "L" }, { "name": "M", "centre": centre == "M" }]);
        let district = |centre: &str| {
            json!({ "grids": [
                { "code": "T", "network": "party", "parent": null, "level_name": "L", "levels": levels(centre) },
                { "code": "R1", "network": "party", "parent": "T", "level_name": "M", "levels": [] },
                { "code": "A", "network": "administrative", "parent": null, "level_name": "L", "levels": levels("") },
            ] })
        };
        let holding = |posts: &[(&str, &str)]| {
            let post = |(role, grid): &(&str, &str)| json!({ "role": role, "scope": { "grid": grid } });
            json!({ "persons": [{ "id": "a", "posts": posts.iter().map(post).collect::<Vec<_>>() }] })
        };
        let of = |role: &str| {
            format!(
                "obligations name the {role} of T, and nobody holds that post there or above; whoever holds it in R1 cannot act for the \
                 grids beside it"
            )
        };
        for role in AT_CENTRE {
            for centre in ["", "L"] {
                assert_eq!(warnings(&holding(&[(role, "R1")]), &district(centre)), [of(role)]);
            }
            let none = Vec::<String>::new();
            assert_eq!(warnings(&holding(&[(role, "R1"), (role, "T")]), &district("")), none, "the centre has its own");
            assert_eq!(warnings(&holding(&[(role, "R1")]), &district("M")), none, "the centre is the other level");
        }
        assert_eq!(warnings(&holding(&[("grid_leader", "R1")]), &district("")), Vec::<String>::new());
    }
}
