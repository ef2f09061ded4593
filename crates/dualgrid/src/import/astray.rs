//! Posts that nobody can use: the obligations of a grid centre (网格中心) name its duty officer, dispatcher and verifier, and whoever
//! holds such a post only in a grid below the centre reaches no further than that grid.

use std::collections::{BTreeMap, BTreeSet};

use toml::Value;

use super::description::{Description, text};

/// The posts that obligations name at the centre of a tree.
const AT_CENTRE: [&str; 3] = ["dispatcher", "duty_officer", "verifier"];

/// A warning for every post that is needed at a centre and held below it only.
pub(super) fn warnings(description: &Description) -> Vec<String> {
    let tree = Tree::of(description);
    let mut found = Vec::new();
    for centre in tree.centres() {
        for role in AT_CENTRE {
            let held = |post: &&Value| text(post, "role") == role;
            let posts: BTreeSet<&str> = description.list("posts").filter(held).map(|post| text(post, "grid")).collect();
            let above = tree.path(centre);
            if posts.iter().any(|grid| above.contains(grid)) {
                continue;
            }
            let Some(below) = posts.iter().find(|grid| tree.path(grid).contains(&centre)) else { continue };
            found.push(format!(
                "{}: obligations name the {role} of {centre}, and nobody holds that post there or above; whoever holds it in {below} \
                 cannot act for the grids beside it",
                description.row("grids", centre)
            ));
        }
    }
    found
}

/// The grids of the party network, each with the one above it and the name of its level.
struct Tree<'a> {
    grids: BTreeMap<&'a str, (&'a str, &'a str)>,
    /// The level with the centre of each tree that names one.
    centres: BTreeMap<&'a str, &'a str>,
}

impl<'a> Tree<'a> {
    fn of(description: &'a Description) -> Self {
        let party = description.list("grids").filter(|grid| text(grid, "network") == "party");
        let grids = party.map(|grid| (text(grid, "code"), (text(grid, "parent"), text(grid, "level"))));
        let has_centre = |level: &&Value| level.get("centre").and_then(Value::as_bool) == Some(true);
        let centres = description.list("levels").filter_map(|plan| {
            let level = plan.get("levels")?.as_array()?.iter().find(has_centre)?;
            Some((text(plan, "root"), text(level, "name")))
        });
        Self { centres: centres.collect(), grids: grids.collect() }
    }

    /// The grid and every one above it, itself first. A circle ends where it closes; the import refuses it.
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
