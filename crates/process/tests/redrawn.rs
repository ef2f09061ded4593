//! A district that is redrawn at random, with cases that are found in it meanwhile, by some who know the district as it was yesterday.
//! Once everything that takes effect is followed, every open case is where it belongs, and whoever must act exists.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};

use case::{Case, CaseCommand, CaseEvent, DiscoverIssue, FollowGrid, LocationInput, RegisterIssue};
use chrono::{DateTime, TimeDelta, Utc};
use dualgrid_process::{FollowUp, GridWatch, On, Process};
use grid::{CloseGrid, District, DistrictCommand, EstablishGrid, GridPart, GridSpec, Level, Network, ReparentGrid};
use kernel::facts::Bounds;
use kernel::{
    Actor, Aggregate, Command as _, Context, Event, EventId, Facts, GridCode, Key, Position, Read, Recorded, Role,
    Scope, StreamId, Verb as _, Version,
};
use uuid::Uuid;

/// How many districts are told, and how many days each.
const DISTRICTS: u64 = 60;
const DAYS: i64 = 40;
const LEVELS: [&str; 3] = ["总网格", "居民区网格", "微网格"];
const STREETS: [&str; 2] = ["T", "U"];
const AREAS: [&str; 3] = ["R1", "R2", "R3"];
const MICROS: [&str; 5] = ["M1", "M2", "M3", "M4", "M5"];

fn code(text: &str) -> GridCode {
    text.parse().unwrap()
}

/// The same numbers always.
struct Walk(u64);

impl Walk {
    fn below(&mut self, many: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % many
    }

    fn of<'a>(&mut self, pool: &[&'a str]) -> &'a str {
        pool[self.below(pool.len())]
    }

    /// A grid, one that may be above it, and how deep it is.
    fn grid(&mut self) -> (&'static str, &'static str, usize) {
        match self.below(3) {
            0 => (self.of(&AREAS), self.of(&STREETS), 1),
            _ => (self.of(&MICROS), self.of(&AREAS), 2),
        }
    }

    fn change(&mut self, from: DateTime<Utc>) -> DistrictCommand {
        let effective_from = Some(from);
        let (grid, above, depth) = self.grid();
        match self.below(9) {
            0..3 => ReparentGrid { code: code(grid), parent: code(above), reason: None, effective_from }.into(),
            3..6 => EstablishGrid { grid: spec(grid, Some(above), depth), levels: vec![], effective_from }.into(),
            _ => {
                let area = Bounds { west: 121.0, south: 31.0, east: 121.5, north: 31.5 };
                let parts =
                    if self.below(2) == 0 { vec![GridPart { area, grid: code(self.grid().0) }] } else { vec![] };
                let successor = (self.below(2) == 0).then(|| code(self.grid().0));
                CloseGrid { code: code(grid), successor, parts, reason: None, effective_from }.into()
            }
        }
    }
}

/// Now and then somebody holds a post from now on.
fn appointed(walk: &mut Walk) -> Option<(GridCode, Role)> {
    let (grid, _, depth) = walk.grid();
    let role = if depth == 1 { Role::ResidentialSecretary } else { Role::GridLeader };
    (walk.below(10) == 0).then(|| (code(grid), role))
}

fn spec(grid: &str, parent: Option<&str>, depth: usize) -> GridSpec {
    GridSpec {
        code: code(grid),
        name: grid.into(),
        network: Network::Party,
        parent: parent.map(code),
        level: LEVELS[depth].into(),
        kind: None,
        party_org: None,
        reason: None,
    }
}

/// Everything that there is, as of a moment.
struct World {
    at: DateTime<Utc>,
    position: u64,
    district: District,
    /// The roles that somebody holds in each grid.
    posts: BTreeMap<GridCode, BTreeSet<Role>>,
    cases: BTreeMap<Uuid, Case>,
    watched: BTreeMap<String, <GridWatch as Process>::State>,
    /// How often a case moved.
    moved: usize,
    /// How often a case came too late.
    late: usize,
}

impl World {
    fn new() -> Self {
        let (district, cases, watched) = (District::default(), BTreeMap::new(), BTreeMap::new());
        let mut world =
            Self { at: given::NOW, position: 0, district, posts: BTreeMap::new(), cases, watched, moved: 0, late: 0 };
        let level = |name: &&str| Level { name: (*name).into(), party_org_required: false, centre: false, duty: None };
        for street in STREETS {
            let levels = LEVELS.iter().map(level).collect();
            world.redraw(&EstablishGrid { grid: spec(street, None, 0), levels, effective_from: None }.into());
        }
        for (grid, above, depth) in [("R1", "T", 1), ("R2", "U", 1), ("M1", "R1", 2), ("M2", "R1", 2), ("M3", "R2", 2)]
        {
            let grid = spec(grid, Some(above), depth);
            world.redraw(&EstablishGrid { grid, levels: vec![], effective_from: None }.into());
        }
        world
    }

    fn context(&self, id: Uuid, facts: Facts) -> Context {
        let by =
            Actor { id: "staff".into(), role: Role::SystemAdministrator, scope: Scope::Everywhere, seconded_by: None };
        Context { id, at: self.at, today: self.at.date_naive(), by, facts }
    }

    fn redraw(&mut self, command: &DistrictCommand) {
        let decided = self.district.decide(command, &self.context(grid::district_id(), Facts::default()));
        for event in decided.unwrap_or_default() {
            self.district = std::mem::take(&mut self.district).evolve(event.clone());
            self.follow(grid::district_id(), &event);
        }
    }

    /// The roles that somebody holds in a grid.
    fn held(&self, grid: &GridCode) -> BTreeSet<Role> {
        self.posts.get(grid).cloned().unwrap_or_default()
    }

    /// Gives a command on a case, by whoever knows that of the district.
    fn tell(&mut self, id: Uuid, command: &CaseCommand, known: &District) {
        let case = self.cases.remove(&id).unwrap_or_default();
        let needs = command.needs(&case);
        let all = given::facts();
        let grids = needs.grids.iter().filter_map(|grid| Some((grid.clone(), known.grid_facts(grid, self.at)?)));
        let seat = needs
            .seat
            .as_ref()
            .and_then(|of| known.seat(&of.grid, of.point, self.at.max(of.since), |grid| self.held(grid)));
        let dues = needs.dues.iter().map(|of| (of.clone(), Ok(given::due("a limit", 1))));
        let facts = Facts { grids: grids.collect(), seat, dues: dues.collect(), ..all };
        let decided = case.decide(command, &self.context(id, facts)).unwrap_or_default();
        let case = decided.iter().cloned().fold(case, Case::evolve);
        if case.file.is_some() {
            self.cases.insert(id, case);
        }
        for event in &decided {
            self.moved += usize::from(matches!(event, CaseEvent::CaseMoved(_)));
            self.follow(id, event);
        }
    }

    /// Folds an event into the process, and does what follows.
    fn follow<E: Event>(&mut self, id: Uuid, event: &E) {
        self.position += 1;
        let recorded = Recorded {
            position: Position(self.position),
            stream: StreamId::new(E::CATEGORY, id),
            version: Version(1),
            id: EventId::named(&self.position.to_string()),
            kind: event.name().to_owned(),
            time: self.at,
            bytes: bytes::Bytes::new(),
        };
        let read = Read::new(&recorded, event);
        let mut keys = Vec::new();
        GridWatch::keys(&read, &mut |key| keys.push(key));
        let mut follow_ups = Vec::new();
        for key in keys {
            let mut state = self.watched.remove(&key.to_string());
            follow_ups.extend(GridWatch::react(&key, &mut state, &read));
            self.watched.extend(state.map(|state| (key.to_string(), state)));
        }
        self.late += follow_ups.len();
        self.send(follow_ups);
    }

    /// Wakes the process for everything whose moment has come.
    fn wake(&mut self) {
        let due = |state: &<GridWatch as Process>::State| GridWatch::next(state).filter(|moment| *moment <= self.at);
        let due: Vec<_> = self.watched.iter().filter_map(|(key, state)| Some((key.clone(), due(state)?))).collect();
        for (key, moment) in due {
            let state = self.watched.get_mut(&key).unwrap();
            let follow_ups = GridWatch::wake(&Key::Text(key.as_str().into()), state, moment);
            self.send(follow_ups);
        }
    }

    fn send(&mut self, follow_ups: Vec<FollowUp>) {
        let known = self.district.clone();
        for follow_up in follow_ups {
            let command: FollowGrid = serde_json::from_value(follow_up.body).unwrap();
            let ids: Vec<Uuid> = match follow_up.on {
                On::One(id) => vec![id],
                On::EachOpenAt(department) => panic!("no department is closed, and {department} was"),
                On::EachOpenIn(grid) => {
                    let within = known.at_or_below(&grid, self.at);
                    let is_in = |case: &Case| within.contains(&path(case)[0]);
                    self.cases.iter().filter(|(_, case)| is_in(case)).map(|(id, _)| *id).collect()
                }
            };
            for id in ids {
                self.tell(id, &command.clone().into(), &known);
            }
        }
    }

    /// Fails unless every open case is where it belongs, and whoever must act exists.
    fn check(&self, told: &str) {
        for (id, case) in &self.cases {
            let Some(next) = case.standing.next() else { continue };
            let path = path(case);
            assert_eq!(path, self.district.path(&path[0], self.at), "case {id} {told}");
            let named = next.by.grid.as_ref().expect("nobody has dispatched it");
            assert!(path.contains(named), "{named} of case {id} {told}");
            assert!(self.district.grid(named, self.at).is_some(), "{named} of case {id} {told}");
        }
    }

    /// Whoever leads the cases that moved holds the post, unless nobody could: how many do, and how many posts are vacant.
    fn led(&self, moved: &BTreeSet<Uuid>) -> (usize, usize) {
        let mut counted = (0, 0);
        for leader in moved.iter().filter_map(|id| Some(self.cases[id].file.as_ref()?.moved.as_ref()?.leader.clone())) {
            let grid = leader.grid.unwrap();
            let is_held = |grid: &GridCode, is: &dyn Fn(Role) -> bool| self.held(grid).into_iter().any(is);
            let leads = |role| matches!(role, Role::GridLeader | Role::ResidentialSecretary);
            let own = is_held(&grid, &|role| role == leader.role);
            let somebody = self.district.path(&grid, self.at).iter().any(|above| is_held(above, &leads));
            assert!(own || !somebody, "{grid} has no {}", leader.role);
            if own { counted.0 += 1 } else { counted.1 += 1 }
        }
        counted
    }
}

#[test]
fn every_open_case_is_where_it_belongs_however_the_district_is_redrawn() {
    let (mut moved, mut late, mut led) = (0, 0, (0, 0));
    for seed in 0..DISTRICTS {
        let (mut walk, mut world) = (Walk(seed), World::new());
        for day in 0..DAYS {
            world.at = given::NOW + TimeDelta::days(day);
            let yesterday = world.district.clone();
            let before: BTreeMap<Uuid, _> = world.cases.iter().map(|(id, case)| (*id, path(case))).collect();
            if let Some((grid, role)) = appointed(&mut walk) {
                world.posts.entry(grid).or_default().insert(role);
            }
            let in_days = if walk.below(3) == 0 { 1 + walk.below(9) } else { 0 };
            world.redraw(&walk.change(world.at + TimeDelta::days(i64::try_from(in_days).unwrap())));
            world.wake();
            world.check(&format!("on day {day} of {seed}"));
            let went = |(id, case): (&Uuid, &Case)| (before.get(id) != Some(&path(case))).then_some(*id);
            let counted = world.led(&world.cases.iter().filter_map(went).collect());
            led = (led.0 + counted.0, led.1 + counted.1);
            // Somebody finds an issue, and may know the district as it was.
            let known = if walk.below(2) == 0 { yesterday } else { world.district.clone() };
            let id = Uuid::from_u128((u128::from(seed) << 64) + u128::try_from(day).unwrap());
            let point = (walk.below(2) == 0).then_some((121.2, 31.2));
            world.tell(id, &discover(walk.of(&MICROS), point).into(), &known);
            let some = world.cases.keys().copied().nth(walk.below(world.cases.len().max(1)));
            if let (Some(id), 0) = (some, walk.below(2)) {
                let register = RegisterIssue { matter: given::matter(), ..RegisterIssue::example() };
                world.tell(id, &register.into(), &known);
            }
            world.check(&format!("found on day {day} of {seed}"));
        }
        (moved, late) = (moved + world.moved, late + world.late);
    }
    assert!(moved > 200 && late > 10 && led.0 > 20 && led.1 > 20, "moved {moved}, late {late}, led and vacant {led:?}");
}

fn path(case: &Case) -> Vec<GridCode> {
    case.file.as_ref().map(|file| file.grid().path.clone()).unwrap_or_default()
}

fn discover(grid: &str, point: Option<(f64, f64)>) -> DiscoverIssue {
    let location = LocationInput {
        text: "弄堂口".into(),
        longitude: point.map(|point| point.0),
        latitude: point.map(|point| point.1),
        ..LocationInput::default()
    };
    let plain = DiscoverIssue { reporter: None, found_at: None, evidence: vec![], ..DiscoverIssue::example() };
    DiscoverIssue { grid: code(grid), location, source_code: None, list_line: None, ..plain }
}
