//! A random district as import documents: trees of one to eight levels, departments, matters and rules; and who holds which post.
//!
//! INVARIANT: for every grid in which something can be found, each role that a case may need is held there or above.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::Randomness;

/// How many grids the trees of the party network have together, at most.
const GRIDS_MAX: usize = 14;

/// The steps that a case can reach, and the completion of an erasure.
const STEPS: [&str; 17] = [
    "register",
    "route",
    "work_in_grid",
    "deliberate",
    "file",
    "review_refusal",
    "dispatch",
    "accept",
    "first_contact",
    "decide_return",
    "dispose",
    "verify",
    "rework",
    "collect_feedback",
    "close",
    "route_again",
    "complete_erasure",
];

/// Roles that act where something is found, and those that act in the grid centre.
const GRID_ROLES: [&str; 3] = ["grid_member", "grid_leader", "residential_secretary"];
const CENTRE_ROLES: [&str; 3] = ["duty_officer", "dispatcher", "verifier"];

const UNITS: [&str; 4] = ["urgent_hour", "work_hour", "work_day", "calendar_day"];

/// A random district.
#[derive(Debug)]
pub(super) struct District {
    /// What `dualgrid import district` reads.
    pub(super) document: Value,
    /// Who holds which post: `grid`, `role` and `holder` of each.
    pub(super) posts: Vec<Value>,
    /// The grids above all others.
    pub(super) roots: Vec<String>,
    /// The grids in which something can be found.
    pub(super) lowest: Vec<String>,
    /// What is asked when a case is filed.
    pub(super) criteria: Vec<String>,
    /// The ids of the consent rules.
    pub(super) consent_rules: Vec<String>,
    /// How many levels the deepest tree has.
    pub(super) levels: usize,
}

/// A grid of the party network while the district is made.
struct Grid {
    code: String,
    parent: Option<usize>,
    level: usize,
    /// The level of the grid centre in its tree.
    centre: usize,
    is_lowest: bool,
}

/// Makes one.
struct Maker<'a> {
    chance: &'a mut Randomness,
    grids: Vec<Grid>,
    levels: Vec<Value>,
    posts: Vec<Value>,
}

impl District {
    /// The district of a sequence of numbers.
    pub(super) fn random(chance: &mut Randomness) -> Self {
        let mut maker = Maker { chance, grids: Vec::new(), levels: Vec::new(), posts: Vec::new() };
        let mut depths = Vec::new();
        for root in ["A", "B"].into_iter().take(1 + usize::from(maker.chance.happens(40))) {
            depths.push(maker.tree(root));
        }
        let roots: Vec<usize> = (0..maker.grids.len()).filter(|at| maker.grids[*at].parent.is_none()).collect();
        for &root in &roots {
            GRID_ROLES.iter().chain(&CENTRE_ROLES).for_each(|role| maker.hold(role, root));
        }
        let (departments, matters) = maker.departments_and_matters();
        let (criteria, consent_rules) = (maker.criteria(), maker.consent_rules());
        let mut document = json!({
            "effective_from": "2018-01-01T00:00:00+08:00",
            "levels": maker.levels,
            "grids": maker.described(),
            "departments": departments,
            "matters": matters,
            "step_limits": STEPS.map(|step| maker.sourced(json!({ "step": step }))),
            "windows": {
                "return": maker.window(&[("work_day", 1), ("calendar_day", 5)]),
                "reopen": maker.window(&[("calendar_day", 30), ("work_day", 20)]),
                "own_due": maker.window(&[("calendar_day", 180), ("work_day", 60)]),
            },
            "calendars": maker.calendars(),
            "filing_criteria": criteria,
            "consent_rules": consent_rules,
        });
        maker.administrative(&mut document);
        if maker.chance.happens(50) {
            let score_min = maker.chance.below(101);
            document["review"] = json!({ "score_min": score_min, "assumed": true, "source": "随机" });
        }
        if maker.chance.happens(30) {
            document["bounds"] = json!({ "west": 121.0, "south": 31.0, "east": 122.0, "north": 32.0 });
        }
        let all = |list: &[Value], field: &str| -> Vec<String> {
            list.iter().filter_map(|entry| entry[field].as_str().map(str::to_owned)).collect()
        };
        Self {
            roots: roots.iter().map(|at| maker.grids[*at].code.clone()).collect(),
            lowest: maker.grids.iter().filter(|grid| grid.is_lowest).map(|grid| grid.code.clone()).collect(),
            criteria: all(&criteria, "text"),
            consent_rules: all(&consent_rules, "id"),
            levels: depths.into_iter().max().unwrap_or_default(),
            posts: maker.posts,
            document,
        }
    }

    /// The three administrators, and everybody who holds a post, as a file of persons.
    pub(super) fn persons(&self) -> Value {
        let text = |of: &Value, field: &str| of[field].as_str().unwrap_or_default().to_owned();
        let mut posts: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for (id, role) in
            ["system", "security", "audit"].map(|duty| (format!("{duty}-admin"), format!("{duty}_administrator")))
        {
            let post = json!({ "code": role.replace('_', "-"), "role": role, "scope": "everywhere" });
            posts.entry(id).or_default().push(post);
        }
        for post in &self.posts {
            let (grid, role) = (text(post, "grid"), text(post, "role"));
            let code = format!("{}-{}", grid.to_lowercase(), role.replace('_', "-"));
            let held = json!({ "code": code, "role": role, "scope": { "grid": grid } });
            posts.entry(text(post, "holder")).or_default().push(held);
        }
        let persons: Vec<Value> = posts.into_iter().map(|(id, posts)| json!({ "id": id, "posts": posts })).collect();
        json!({ "persons": persons })
    }
}

impl Maker<'_> {
    fn number(&mut self, from: u64, to: u64) -> u64 {
        from + self.chance.below(to - from + 1)
    }

    /// A tree of one to eight levels; says how many.
    fn tree(&mut self, root: &str) -> usize {
        let depth = usize::try_from(self.number(1, 8)).expect("a small number");
        let centre = usize::try_from(self.chance.below(depth as u64)).expect("a small number");
        let says = centre > 0 || self.chance.happens(50);
        let level = |at: usize| {
            let mut level = json!({ "name": format!("第{}级", at + 1) });
            if says && at == centre {
                level["centre"] = json!(true);
            }
            level
        };
        let levels: Vec<Value> = (0..depth).map(level).collect();
        self.levels.push(json!({ "root": root, "levels": levels }));
        let is_lowest = depth == 1;
        self.grids.push(Grid { code: root.to_owned(), parent: None, level: 0, centre, is_lowest });
        let mut above = vec![self.grids.len() - 1];
        for level in 1..depth {
            let mut here = Vec::new();
            for parent in above {
                let may_branch = self.grids.len() + depth < GRIDS_MAX;
                for child in 1..=1 + usize::from(may_branch && self.chance.happens(45)) {
                    let code = format!("{}-{child}", self.grids[parent].code);
                    here.push(self.grids.len());
                    let is_lowest = level + 1 == depth;
                    self.grids.push(Grid { code, parent: Some(parent), level, centre, is_lowest });
                }
            }
            above = here;
        }
        depth
    }

    /// Lets somebody hold a role in a grid, or in every grid below it: roles of the centre not below the centre, and the
    /// secretary's not where issues are found but above.
    fn hold(&mut self, role: &str, at: usize) {
        let below: Vec<usize> = (0..self.grids.len()).filter(|grid| self.grids[*grid].parent == Some(at)).collect();
        let Grid { level, centre, is_lowest, .. } = self.grids[at];
        let is_above_lowest = below.iter().any(|grid| self.grids[*grid].is_lowest);
        let lowest = is_lowest
            || (role == "residential_secretary" && is_above_lowest)
            || (CENTRE_ROLES.contains(&role) && level >= centre);
        if lowest || self.chance.happens(40) {
            // Now and then one person holds several posts; whoever verifies holds no other one, because nobody verifies
            // their own work.
            let grid = self.grids[at].code.clone();
            let shared = role != "verifier" && self.chance.happens(20);
            let holder =
                if shared { format!("{}-all", grid.to_lowercase()) } else { format!("{}-{role}", grid.to_lowercase()) };
            self.posts.push(json!({ "grid": grid, "role": role, "holder": holder }));
            return;
        }
        for grid in below {
            self.hold(role, grid);
        }
    }

    fn described(&mut self) -> Vec<Value> {
        let mut described = Vec::new();
        for at in 0..self.grids.len() {
            let kind = *self.chance.pick(&["residential", "business"]);
            let grid = &self.grids[at];
            let mut row = json!({
                "code": grid.code,
                "name": format!("{}网格", grid.code),
                "network": "party",
                "level": format!("第{}级", grid.level + 1),
            });
            if let Some(parent) = grid.parent {
                row["parent"] = json!(self.grids[parent].code);
                row["kind"] = json!(kind);
            }
            described.push(row);
        }
        described
    }

    /// The other network, which serves the grid centres.
    fn administrative(&mut self, document: &mut Value) {
        if self.chance.happens(40) {
            return;
        }
        let grids = document["grids"].as_array_mut().expect("a list of grids");
        grids.push(json!({ "code": "X", "name": "责任网格", "network": "administrative", "level": "责任" }));
        let levels = document["levels"].as_array_mut().expect("a list of levels");
        levels.push(json!({ "root": "X", "levels": [{ "name": "责任" }] }));
        let roots = self.grids.iter().filter(|grid| grid.parent.is_none());
        document["mappings"] = roots.map(|grid| json!({ "party": grid.code, "administrative": "X" })).collect();
    }

    /// Departments with their lists, and the matters that they lead and assist in.
    fn departments_and_matters(&mut self) -> (Vec<Value>, Vec<Value>) {
        let codes: Vec<String> = (1..=self.number(2, 5)).map(|number| format!("D{number}")).collect();
        let mut lists: Vec<Vec<String>> = vec![Vec::new(); codes.len()];
        let mut matters = Vec::new();
        for number in 1..=self.number(2, 7) {
            let code = format!("M-{number:02}");
            let lead = usize::try_from(self.chance.below(codes.len() as u64)).expect("a small number");
            let mut assisting = Vec::new();
            for (department, list) in lists.iter_mut().enumerate() {
                if department == lead {
                    list.push(code.clone());
                } else if self.chance.happens(30) {
                    list.push(code.clone());
                    assisting.push(codes[department].clone());
                }
            }
            // At least one of each.
            let authority = if number <= 2 { number } else { self.number(1, 2) };
            let matter = json!({
                "code": code,
                "name": format!("事项{number}"),
                "class": self.chance.pick(&["safety", "service", "civility"]),
                "domain": self.chance.pick(&["urban_management", "public_safety", "dispute_mediation"]),
                "handling": self.chance.pick(&["immediate", "promised", "coordinated"]),
                "authority": if authority == 1 { "community" } else { "administrative" },
                "lead": codes[lead],
                "assisting": assisting,
                "disposal": self.limit(),
                "source": "随机",
            });
            matters.push(matter);
        }
        let described = |(code, matters): (&String, Vec<String>)| json!({ "code": code, "name": format!("{code}所"), "matters": matters });
        (codes.iter().zip(lists).map(described).collect(), matters)
    }

    fn limit(&mut self) -> Value {
        json!({ "amount": self.number(1, 30), "unit": self.chance.pick(&UNITS) })
    }

    fn sourced(&mut self, mut of: Value) -> Value {
        of["limit"] = self.limit();
        of["assumed"] = json!(self.chance.happens(50));
        of["source"] = json!("随机");
        of
    }

    /// A window of one unit at least, and of the other at most; it is never over while the sequence lasts.
    fn window(&mut self, choices: &[(&str, u64)]) -> Value {
        let (unit, most) = *self.chance.pick(choices);
        json!({ "limit": { "amount": self.number(1, most), "unit": unit }, "assumed": true, "source": "随机" })
    }

    /// Of no to three years around now without a gap; what no calendar covers is counted on plain weeks.
    fn calendars(&mut self) -> Vec<Value> {
        let first = self.number(2025, 2027);
        let years = first..first + self.chance.below(4);
        let mut calendars = Vec::new();
        for year in years {
            let weekend = *self.chance.pick(&[&["Sat", "Sun"][..], &["Sun"], &["Fri", "Sat"]]);
            let until = *self.chance.pick(&["17:30", "20:00", "24:00"]);
            calendars.push(json!({
                "id": format!("cn-{year}.1"),
                "utc_offset_minutes": 480,
                "first_day": format!("{year}-01-01"),
                "last_day": format!("{year}-12-31"),
                "working_hours": [{ "from": "09:00", "until": "12:00" }, { "from": "13:00", "until": until }],
                "weekend": weekend,
                "holidays": [{ "from": format!("{year}-10-01"), "until": format!("{year}-10-07"), "name": "国庆节" }],
                "assumed": true,
                "source": "随机",
            }));
        }
        calendars
    }

    fn criteria(&mut self) -> Vec<Value> {
        let row = |number| json!({ "code": format!("LA-{number:02}"), "text": format!("条件{number}") });
        (1..=self.chance.below(5)).map(row).collect()
    }

    fn consent_rules(&mut self) -> Vec<Value> {
        let mut rules = Vec::new();
        for number in 1..=self.number(1, 3) {
            let mut rule = json!({ "id": format!("RULE_{number}"), "name": format!("规则{number}"), "source": "随机" });
            rule["heads"] = self.thresholds();
            if self.chance.happens(40) {
                rule["area"] = self.thresholds();
            }
            rules.push(rule);
        }
        rules
    }

    fn thresholds(&mut self) -> Value {
        let mut thresholds = json!({ "agreed_of_electorate": self.share() });
        for other in ["participated_of_electorate", "agreed_of_participated"] {
            if self.chance.happens(40) {
                thresholds[other] = self.share();
            }
        }
        thresholds
    }

    fn share(&mut self) -> Value {
        let denominator = self.number(2, 6);
        let numerator = self.number(1, denominator - 1);
        json!({ "numerator": numerator, "denominator": denominator, "exceeded": self.chance.happens(50) })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The code and those above it, which it begins with.
    fn path(code: &str) -> Vec<&str> {
        let cuts = code.match_indices('-').map(|(at, _)| &code[..at]);
        cuts.chain([code]).collect()
    }

    #[test]
    fn every_role_is_held_where_something_can_be_found_or_above_and_every_depth_comes() {
        let mut depths = BTreeSet::new();
        for seed in 0..200 {
            let district = District::random(&mut Randomness::from_seed(seed));
            depths.insert(district.levels);
            let posts = &district.posts;
            for lowest in &district.lowest {
                for role in GRID_ROLES.iter().chain(&CENTRE_ROLES) {
                    let above = path(lowest);
                    let held = posts
                        .iter()
                        .any(|post| post["role"] == *role && above.iter().any(|grid| post["grid"] == *grid));
                    assert!(held, "seed {seed}: nobody is {role} for {lowest}");
                }
            }
            let grids = district.document["grids"].as_array().unwrap();
            assert!(grids.len() <= 2 * GRIDS_MAX, "seed {seed}: {} grids", grids.len());
        }
        assert_eq!(depths, (1..=8).collect());
    }
}
