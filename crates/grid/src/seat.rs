//! Where what is open in a grid belongs, once the grid was closed or moved.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use kernel::facts::Seat;
use kernel::{GridCode, Role};

use crate::{District, GridClosed, Refusal};

impl District {
    /// Where what is open in a grid belongs at that moment: the grid itself while it is active, else the one that took over, from
    /// one closing to the next. `None` for a grid that has never existed. `held` says the roles that somebody holds in a grid.
    pub fn seat(
        &self,
        grid: &GridCode,
        point: Option<(f64, f64)>,
        at: DateTime<Utc>,
        held: impl Fn(&GridCode) -> BTreeSet<Role>,
    ) -> Option<Seat> {
        let grid = self.grid_facts(&self.heir(grid, point, at)?, at)?;
        let posts = grid.path.iter().map(|above| (above.clone(), held(above)));
        Some(Seat { posts: posts.filter(|(_, roles)| !roles.is_empty()).collect(), grid })
    }

    /// The grid itself and every grid below it at that moment.
    pub fn at_or_below(&self, grid: &GridCode, at: DateTime<Utc>) -> BTreeSet<GridCode> {
        let below = self.grids(at).filter(|node| self.is_within(&node.code, grid, at)).map(|node| node.code.clone());
        below.chain([grid.clone()]).collect()
    }

    fn heir(&self, grid: &GridCode, point: Option<(f64, f64)>, at: DateTime<Utc>) -> Option<GridCode> {
        let mut heir = grid;
        // No chain is longer than there are grids: the bound makes even a circle end.
        for _ in 0..=self.grids.len() {
            if self.grid(heir, at).is_some() {
                return Some(heir.clone());
            }
            heir = self.closing(heir, at)?.heir(point)?;
        }
        None
    }

    /// How a grid was closed last before that moment.
    fn closing(&self, grid: &GridCode, at: DateTime<Utc>) -> Option<&GridClosed> {
        self.closed.get(grid)?.iter().rfind(|closed| closed.effective_from <= at)
    }

    /// Refuses a change after which something open would belong nowhere, at that moment or at a change that is scheduled after it.
    pub(crate) fn check_seats(&self, from: DateTime<Utc>) -> Result<(), Refusal> {
        let changes = self.grids.values().flat_map(crate::timeline::Timeline::changes);
        let mut moments: BTreeSet<_> = changes.filter(|at| *at > from).collect();
        moments.insert(from);
        for at in moments {
            let mut lost = BTreeMap::new();
            for grid in self.closed.keys() {
                let heirs = self.closing(grid, at).into_iter().flat_map(GridClosed::heirs);
                if let Some(heir) = heirs.into_iter().find(|heir| self.is_lost(heir, at, &mut lost)) {
                    return Err(Refusal::CannotTakeOver { grid: grid.clone(), heir: heir.clone() });
                }
            }
        }
        Ok(())
    }

    /// Whether what comes to a grid would belong nowhere. A grid that was seen and is not known yet is part of a circle.
    fn is_lost(&self, grid: &GridCode, at: DateTime<Utc>, seen: &mut BTreeMap<GridCode, bool>) -> bool {
        if let Some(lost) = seen.get(grid) {
            return *lost;
        }
        seen.insert(grid.clone(), true);
        let ends = |district: &Self, seen: &mut BTreeMap<GridCode, bool>| {
            let closing = district.closing(grid, at);
            closing.is_none_or(|closed| closed.heirs().any(|heir| district.is_lost(heir, at, seen)))
        };
        let lost = self.grid(grid, at).is_none() && ends(self, seen);
        seen.insert(grid.clone(), lost);
        lost
    }
}

impl GridClosed {
    /// Everybody who takes over.
    pub(crate) fn heirs(&self) -> impl Iterator<Item = &GridCode> {
        self.parts.iter().map(|part| &part.grid).chain(&self.successor)
    }

    /// Who takes over what is at that place.
    fn heir(&self, point: Option<(f64, f64)>) -> Option<&GridCode> {
        let holds = |(longitude, latitude): (f64, f64)| {
            self.parts.iter().find(|part| part.area.contains(longitude, latitude)).map(|part| &part.grid)
        };
        point.and_then(holds).or(self.successor.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use given::given;
    use kernel::Aggregate as _;
    use kernel::facts::Bounds;

    use super::*;
    use crate::testing::{closed, code, day, district, micro, residential, root};
    use crate::{CloseGrid, DistrictEvent, EstablishGrid, GridPart, ReparentGrid};

    fn tree() -> Vec<DistrictEvent> {
        let grids =
            [residential("R1", "T"), residential("R2", "T"), micro("M1", "R1"), micro("M2", "R1"), micro("M3", "R2")];
        [root("T").into()].into_iter().chain(grids.map(Into::into)).collect()
    }

    /// No post is held anywhere.
    fn nobody(_: &GridCode) -> BTreeSet<Role> {
        BTreeSet::new()
    }

    fn seat(events: &[DistrictEvent], grid: &str, point: Option<(f64, f64)>, at: &str) -> Option<String> {
        let district = district(events.iter().cloned());
        district.seat(&code(grid), point, day(at), nobody).map(|seat| seat.grid.path[0].to_string())
    }

    #[test]
    fn what_is_open_follows_from_one_closing_to_the_next() {
        let mut events = tree();
        events.extend([
            closed("M1", Some("M2"), day("2020-01-01")).into(),
            closed("M2", Some("M3"), day("2021-01-01")).into(),
        ]);
        let of = |at| seat(&events, "M1", None, at);
        assert_eq!(of("2019-12-31").as_deref(), Some("M1"), "not before it takes effect");
        assert_eq!(of("2020-01-01").as_deref(), Some("M2"));
        assert_eq!(of("2021-01-01").as_deref(), Some("M3"));
        assert_eq!(seat(&events, "NONE", None, "2021-01-01"), None);
        events.push(micro("M1", "R1").into());
        let DistrictEvent::GridEstablished(again) = events.pop().unwrap() else { panic!("it was established") };
        events.push(crate::GridEstablished { effective_from: day("2022-01-01"), ..*again }.into());
        assert_eq!(seat(&events, "M1", None, "2022-06-01").as_deref(), Some("M1"), "it is there again");
        assert_eq!(seat(&events, "M1", None, "2021-06-01").as_deref(), Some("M3"), "and was not in between");
    }

    #[test]
    fn what_lies_in_a_part_goes_to_whoever_takes_that_over() {
        let area = |west: f64| Bounds { west, south: 31.0, east: west + 0.01, north: 31.1 };
        let part = |west, grid: &str| GridPart { area: area(west), grid: code(grid) };
        let mut events = tree();
        let parts = vec![part(121.40, "M2"), part(121.405, "M3")];
        events.push(GridClosed { parts, ..closed("M1", Some("R1"), day("2020-01-01")) }.into());
        let of = |point| seat(&events, "M1", point, "2020-01-01");
        assert_eq!(of(Some((121.402, 31.05))).as_deref(), Some("M2"));
        assert_eq!(of(Some((121.407, 31.05))).as_deref(), Some("M2"), "the first part that contains it");
        assert_eq!(of(Some((121.412, 31.1))).as_deref(), Some("M3"), "a border belongs to it");
        assert_eq!(of(Some((121.412, 31.2))).as_deref(), Some("R1"), "what lies in no part is not lost");
        assert_eq!(of(None).as_deref(), Some("R1"));
    }

    #[test]
    fn a_seat_says_who_holds_posts_on_its_path() {
        let posts = [("M1", Role::GridMember), ("R1", Role::ResidentialSecretary)];
        let posts = BTreeMap::from(posts.map(|(grid, role)| (code(grid), BTreeSet::from([role]))));
        let held = |grid: &GridCode| match grid.as_str() {
            "R2" => [Role::GridLeader].into(),
            _ => posts.get(grid).cloned().unwrap_or_default(),
        };
        let seat = district(tree()).seat(&code("M1"), None, day("2020-01-01"), held).unwrap();
        assert_eq!(seat.posts, posts, "neither beside the path nor where nobody holds anything");
    }

    #[test]
    fn what_lies_below_is_told_as_of_the_moment() {
        let mut events = tree();
        events.push(closed("M2", Some("M1"), day("2020-01-01")).into());
        let district = district(events);
        let below = |grid: &str, at: &str| district.at_or_below(&code(grid), day(at)).len();
        assert_eq!((below("R1", "2019-01-01"), below("R1", "2020-01-01"), below("M2", "2020-01-01")), (3, 2, 1));
    }

    #[test]
    fn two_grids_never_pass_what_is_open_back_and_forth() {
        let close = |from: &str, to: &str, parts: Vec<GridPart>| CloseGrid {
            code: code(from),
            successor: Some(code(to)),
            parts,
            reason: None,
            effective_from: Some(day("2020-01-01")),
        };
        let history =
            || given::<District>(tree().into_iter().chain([closed("M1", Some("M2"), day("2020-06-01")).into()]));
        let circle = || Refusal::CannotTakeOver { grid: code("M1"), heir: code("M2") };
        history().when(close("M2", "M1", vec![])).then_refused(circle());
        let area = Bounds { west: 121.0, south: 31.0, east: 121.5, north: 31.5 };
        let part = vec![GridPart { area, grid: code("M1") }];
        history().when(close("M2", "M3", part)).then_refused(circle());
        assert_eq!(history().when(close("M2", "M3", vec![])).events().len(), 1);
    }

    /// The same numbers always: a walk through what a district may be told.
    struct Walk(u64);

    impl Walk {
        fn below(&mut self, many: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(self.0 >> 33).unwrap_or(0) % many
        }

        fn grid(&mut self) -> GridCode {
            code(["T", "U", "R1", "R2", "R3", "M1", "M2", "M3", "M4"][self.below(9)])
        }

        fn step(&mut self, from: DateTime<Utc>) -> crate::DistrictCommand {
            let effective_from = Some(from);
            let (grid, any) = (self.grid(), self.grid());
            let above = if grid.as_str().starts_with('M') { ["R1", "R2", "R3"] } else { ["T", "U", "T"] };
            let other = code(above[self.below(3)]);
            let area = Bounds { west: 121.0, south: 31.0, east: 121.5, north: 31.5 };
            match self.below(8) {
                0..3 => ReparentGrid { code: grid, parent: other, reason: None, effective_from }.into(),
                3..7 => {
                    let level = if grid.as_str().starts_with('M') { "微网格" } else { "居民区网格" };
                    let grid = crate::testing::spec(grid.as_str(), Some(other.as_str()), level);
                    EstablishGrid { grid, levels: vec![], effective_from }.into()
                }
                _ => {
                    let parts = if self.below(2) == 0 { vec![GridPart { area, grid: self.grid() }] } else { vec![] };
                    let successor = (self.below(3) > 0).then_some(any);
                    CloseGrid { code: grid, successor, parts, reason: None, effective_from }.into()
                }
            }
        }
    }

    #[test]
    fn whatever_happens_to_a_district_every_place_in_it_belongs_to_an_active_grid() {
        let (mut taken, mut closings) = (0, 0);
        for seed in 0..200 {
            let mut walk = Walk(seed);
            let grids = [residential("R1", "T"), residential("R2", "T"), micro("M1", "R1"), micro("M2", "R2")];
            let mut district = district([root("T").into(), root("U").into()].into_iter().chain(grids.map(Into::into)));
            for day_of in 0..40 {
                let at = day("2020-01-01") + chrono::TimeDelta::days(i64::from(day_of));
                let later = at + chrono::TimeDelta::days(i64::try_from(walk.below(20)).unwrap());
                let from = if walk.below(3) == 0 { later } else { at };
                let step = walk.step(from);
                let context = kernel::Context {
                    id: crate::district_id(),
                    at,
                    today: at.date_naive(),
                    by: kernel::Actor {
                        id: "a".into(),
                        role: Role::SystemAdministrator,
                        scope: kernel::Scope::Everywhere,
                        seconded_by: None,
                    },
                    facts: kernel::Facts::default(),
                };
                let events: Result<_, Refusal> = district.decide(&step, &context);
                let events = events.unwrap_or_default();
                taken += usize::from(!events.is_empty());
                closings += events.iter().filter(|event| matches!(event, DistrictEvent::GridClosed(_))).count();
                district = events.into_iter().fold(district, District::evolve);
                for (grid, point) in district.grids.keys().flat_map(|grid| [(grid, None), (grid, Some((121.2, 31.2)))])
                {
                    for asked in [at, later, day("2030-01-01")] {
                        let begun = district.grids[grid].latest(asked).is_some();
                        let seat = district.seat(grid, point, asked, nobody);
                        assert!(seat.is_some() || !begun, "{grid} at {asked} after {seed}");
                        let is_active = seat.is_none_or(|seat| district.grid(&seat.grid.path[0], asked).is_some());
                        assert!(is_active, "{grid} at {asked} after {seed}");
                    }
                }
            }
        }
        assert!(taken > 1000 && closings > 200, "{taken} steps were taken, {closings} of them closings");
    }
}
