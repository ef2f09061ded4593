//! Everybody who can act in a district: who holds a post, a clerk of each department, and who reads and administers.

use std::collections::BTreeMap;

use anyhow::Context as _;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::Value;
use testkit::system::System;

use crate::Randomness;

/// How many tokens are issued at once.
const AT_ONCE: usize = 4;

/// Roles without a post.
const OUTSIDE: [(&str, &str); 7] = [
    ("whole-auditor", "auditor"),
    ("whole-integrator", "integrator"),
    ("whole-system", "system_administrator"),
    ("whole-security", "security_administrator"),
    ("whole-duty", "duty_officer"),
    ("whole-verifier", "verifier"),
    ("whole-caller", "caller"),
];

/// One who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Actor {
    /// The staff id.
    pub(super) id: String,
    /// The role.
    pub(super) role: String,
    /// Where it holds.
    pub(super) place: Place,
    /// The token.
    pub(super) token: String,
}

/// Where a role holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Everywhere,
    Grid(String),
    Department(String),
}

/// Everybody.
#[derive(Debug)]
pub(super) struct Actors {
    all: Vec<Actor>,
    /// The grid above each grid.
    above: BTreeMap<String, String>,
}

impl Actors {
    /// Whoever holds one of these posts, and a clerk of each department of the district's document, with tokens.
    pub(super) async fn of(system: &System, district: &Value, posts: &[Value]) -> anyhow::Result<Self> {
        let text = |of: &Value, field: &str| of[field].as_str().map(str::to_owned);
        let list =
            |name: &str| district[name].as_array().cloned().with_context(|| format!("a district without {name}"));
        let mut wanted = Vec::new();
        for post in posts {
            let named = (text(post, "holder"), text(post, "role"), text(post, "grid"));
            let (Some(id), Some(role), Some(grid)) = named else { continue };
            wanted.push((id, role, Place::Grid(grid)));
        }
        for department in list("departments")? {
            let code = text(&department, "code").context("a department without a code")?;
            wanted.push((
                format!("{}-clerk", code.to_lowercase()),
                "department_clerk".to_owned(),
                Place::Department(code),
            ));
        }
        wanted.extend(OUTSIDE.map(|(id, role)| (id.to_owned(), role.to_owned(), Place::Everywhere)));
        let all = stream::iter(wanted).map(async |(id, role, place)| {
            let scope: Vec<&str> = match &place {
                Place::Everywhere => vec![],
                Place::Grid(grid) => vec!["--grid", grid],
                Place::Department(code) => vec!["--department", code],
            };
            let token = system.token(&id, &role, &scope).await?;
            anyhow::Ok(Actor { id, role, place, token })
        });
        let all = all.buffered(AT_ONCE).try_collect().await?;
        let grids = list("grids")?;
        let above = grids.iter().filter_map(|grid| Some((text(grid, "code")?, text(grid, "parent")?))).collect();
        Ok(Self { all, above })
    }

    /// Everybody.
    pub(super) fn all(&self) -> &[Actor] {
        &self.all
    }

    /// The one with that role and no post.
    pub(super) fn outside(&self, role: &str) -> &Actor {
        let is_it = |actor: &&Actor| actor.role == role && actor.place == Place::Everywhere;
        self.all.iter().find(is_it).expect("there is one for each role without a post")
    }

    /// Somebody without a post in any grid who can take the steps of that role.
    pub(super) fn other(&self, role: &str) -> Option<&Actor> {
        self.all.iter().find(|actor| actor.role == role && actor.place == Place::Everywhere)
    }

    /// Anybody.
    pub(super) fn any(&self, chance: &mut Randomness) -> &Actor {
        chance.pick(&self.all)
    }

    /// The grid and every one above it.
    pub(super) fn path(&self, grid: &str) -> Vec<String> {
        let mut path = vec![grid.to_owned()];
        while let Some(above) = path.last().and_then(|last| self.above.get(last)) {
            path.push(above.clone());
        }
        path
    }

    /// Whoever has a role that reaches a grid: held there or above.
    pub(super) fn in_grid(&self, role: &str, grid: &str) -> Vec<&Actor> {
        let path = self.path(grid);
        let reaches = |actor: &&Actor| match &actor.place {
            Place::Grid(held) => actor.role == role && path.contains(held),
            _ => false,
        };
        self.all.iter().filter(reaches).collect()
    }

    /// The clerks of a department.
    pub(super) fn of_department(&self, code: &str) -> Vec<&Actor> {
        self.all.iter().filter(|actor| actor.place == Place::Department(code.to_owned())).collect()
    }
}
