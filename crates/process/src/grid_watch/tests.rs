use case::{CaseLeft, DiscoverIssue};
use chrono::TimeDelta;
use grid::{GridChangesWithdrawn, GridClosed, GridReparented};
use kernel::{Event as _, Verb as _, View as _};
use uuid::Uuid;

use super::*;
use crate::process::On;
use crate::run::{ProcessWoken, RunEvent};
use crate::testing::History;
use crate::{Alarms, Entry, Outbox};

const CASE: Uuid = Uuid::from_u128(7);

/// The outbox of the process, told event by event.
type Told = History<Outbox<GridWatch>>;

impl Told {
    fn district(&mut self, event: impl Into<DistrictEvent>) -> &mut Self {
        self.then(grid::district_id(), event.into())
    }

    fn woken(&mut self, grid: &str, moment: DateTime<Utc>) -> &mut Self {
        let (process, key) = (GridWatch::NAME.into(), grid.into());
        self.then(Uuid::nil(), RunEvent::from(ProcessWoken { process, version: 1, key, moment }))
    }

    fn found(&mut self, path: &[&str]) -> &mut Self {
        let Some(CaseEvent::IssueDiscovered(mut event)) = discovered().pop() else { panic!("it is discovered") };
        event.grid.path = path.iter().map(|code| self::code(code)).collect();
        self.then(CASE, CaseEvent::IssueDiscovered(event))
    }

    /// What is to be sent, with the keys under which it waits.
    fn sent(&self) -> Vec<(String, On)> {
        let of = |(key, row): (&String, &Entry<Watched>)| {
            row.waiting.iter().map(|waiting| (key.clone(), waiting.on.clone())).collect::<Vec<_>>()
        };
        self.rows.iter().flat_map(of).collect()
    }
}

fn discovered() -> Vec<CaseEvent> {
    let command = DiscoverIssue { grid: given::grid(given::GRID), evidence: vec![], ..DiscoverIssue::example() };
    let command = DiscoverIssue { reporter: None, found_at: None, ..command };
    given::given::<case::Case>([]).when(command).events()
}

fn code(text: &str) -> GridCode {
    text.parse().unwrap()
}

fn day(days: i64) -> DateTime<Utc> {
    given::NOW + TimeDelta::days(days)
}

fn closed(grid: &str, effective_from: DateTime<Utc>) -> GridClosed {
    let successor = Some(code("BZ"));
    GridClosed { code: code(grid), successor, parts: vec![], reason: None, effective_from }
}

fn under(grid: &str, parent: &str, effective_from: DateTime<Utc>) -> GridReparented {
    GridReparented {
        code: code(grid),
        from_parent: None,
        parent: Some(code(parent)),
        level: 2,
        level_name: "居民区".into(),
        reason: None,
        effective_from,
    }
}

fn each(grid: &str) -> (String, On) {
    (grid.into(), On::EachOpenIn(code(grid)))
}

fn one(grid: &str) -> (String, On) {
    (grid.into(), On::One(CASE))
}

#[test]
fn open_cases_follow_when_the_change_takes_effect_and_not_before() {
    let mut told = Told::new();
    told.district(closed("M1", day(2))).district(under("R1", "U", day(3)));
    assert_eq!(told.sent(), []);
    let moments =
        |told: &Told| told.rows.values().map(|row| GridWatch::next(row.state.as_ref().unwrap())).collect::<Vec<_>>();
    assert_eq!(moments(&told), [Some(day(2)), Some(day(3))]);
    told.woken("M1", day(2));
    assert_eq!(told.sent(), [each("M1")]);
    assert_eq!(told.rows["M1"].waiting[0].body, serde_json::json!({ "since": day(2) }));
    told.woken("R1", day(3)).woken("R1", day(3));
    assert_eq!(told.sent(), [each("M1"), each("R1")], "once");
    assert_eq!(moments(&told), [None, None]);
}

#[test]
fn a_case_that_comes_too_late_into_a_place_that_is_gone_follows_by_itself() {
    let mut told = Told::new();
    told.found(&["M1", "R1", "T"]);
    assert!(told.rows.is_empty(), "nothing is remembered of a grid to which nothing happens");
    told.district(closed("M1", day(0))).district(under("R1", "U", day(0)));
    told.found(&["M1", "R1", "T"]);
    assert_eq!(told.sent(), [], "whoever is there before the change takes effect follows with all the others");
    told.woken("R1", day(0)).found(&["M2", "R1", "U"]);
    assert_eq!(told.sent(), [each("R1")], "a case that is where the grid is now stays");
    told.found(&["M2", "R1", "T"]);
    assert_eq!(told.sent(), [each("R1"), one("R1")], "it was found before its finder knew");
    told.woken("M1", day(0)).found(&["M1", "R1", "U"]);
    assert_eq!(told.sent(), [each("M1"), one("M1"), each("R1"), one("R1")]);
    let ids: std::collections::BTreeSet<_> =
        told.rows.values().flat_map(|row| &row.waiting).map(|waiting| waiting.command).collect();
    assert_eq!(ids.len(), 4, "under ids of their own");
}

#[test]
fn a_grid_that_comes_back_keeps_what_is_opened_in_it() {
    let mut told = Told::new();
    told.district(closed("M1", day(0))).woken("M1", day(0));
    let DistrictEvent::GridEstablished(again) = established("M1", "R1", day(5)) else { panic!("it is established") };
    told.district(*again);
    told.found(&["M1", "R1", "T"]);
    assert_eq!(told.sent(), [each("M1"), one("M1")], "it is not back yet");
    told.woken("M1", day(5)).found(&["M1", "R1", "T"]);
    assert_eq!(told.sent(), [each("M1"), one("M1"), each("M1")]);
}

fn established(grid: &str, parent: &str, effective_from: DateTime<Utc>) -> DistrictEvent {
    let event = serde_json::json!({
        "code": grid, "name": grid, "network": "party", "parent": parent, "level": 3, "level_name": "微网格",
        "effective_from": effective_from,
    });
    DistrictEvent::read("cn.dualgrid.district.grid_established.v1", &event.to_string()).unwrap()
}

#[test]
fn what_is_withdrawn_is_not_followed() {
    let mut told = Told::new();
    told.district(closed("M1", day(2)));
    told.district(GridChangesWithdrawn { code: code("M1"), scheduled_from: day(2) });
    assert!(told.rows.is_empty());
    told.district(under("R1", "U", day(1))).district(closed("R1", day(2)));
    told.district(GridChangesWithdrawn { code: code("R1"), scheduled_from: day(2) });
    told.woken("R1", day(1)).woken("R1", day(2));
    assert_eq!(told.sent(), [each("R1")]);
}

#[test]
fn the_changes_to_come_are_found_in_their_order() {
    let row = |at| Entry {
        state: Some(Watched { to_come: vec![Change { at, to: Place::Gone }], last: None }),
        ..Entry::default()
    };
    assert!(Alarms::<GridWatch>::sort(&row(day(1))) < Alarms::<GridWatch>::sort(&row(day(2))));
    let left =
        CaseLeft { case: kernel::CaseId::new(CASE), number: None, title: "车棚".into(), from: vec![], grids: vec![] };
    assert_eq!(Told::new().then(CASE, CaseEvent::from(left)).sent(), []);
}
