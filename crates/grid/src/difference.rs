//! What events change about the district, as rows for people.

use std::collections::BTreeMap;

use kernel::{Difference, GridCode, Turn};

use crate::{District, DistrictEvent};

/// What came and what went in one place: which grids serve another.
#[derive(Default)]
struct Exchange {
    gone: Vec<String>,
    come: Vec<String>,
}

impl Exchange {
    /// What went and has a successor changes; the rest begins or ends.
    fn rows(self, what: &'static str, code: &str) -> Vec<Difference> {
        let Self { gone, come } = self;
        let row = |turn, name: String| Difference { turn, what, code: code.to_owned(), name };
        let replaced = gone.len().min(come.len());
        let ended = gone.iter().skip(replaced).map(|name| row(Turn::Ends, name.clone()));
        let begun = come.iter().skip(replaced).map(|name| row(Turn::Begins, name.clone()));
        let changed = gone.iter().zip(&come).map(|(gone, come)| row(Turn::Changes, format!("{gone} → {come}")));
        changed.chain(ended).chain(begun).collect()
    }
}

/// What is gathered from the events.
#[derive(Default)]
struct Rows {
    /// Grids and departments by kind and code: what becomes of each, and its name.
    things: BTreeMap<(&'static str, String), (Turn, String)>,
    maps: BTreeMap<GridCode, Exchange>,
}

impl Rows {
    /// A thing that begins and is changed at the same moment begins; the last word otherwise counts.
    fn thing(&mut self, what: &'static str, code: String, turn: Turn, name: String) {
        let row = self.things.entry((what, code)).or_insert((turn, String::new()));
        let begins = row.0 == Turn::Begins && turn == Turn::Changes;
        *row = (if begins { Turn::Begins } else { turn }, name);
    }
}

impl District {
    /// What these events would change, each thing once.
    pub(crate) fn changed_by(&self, events: &[DistrictEvent]) -> Vec<Difference> {
        let mut rows = Rows::default();
        for event in events {
            self.gather(event, &mut rows);
        }
        let Rows { things, maps } = rows;
        let things = things.into_iter().map(|((what, code), (turn, name))| Difference { turn, what, code, name });
        let maps = maps.into_iter().flat_map(|(party, map)| map.rows("map", party.as_str()));
        things.chain(maps).collect()
    }

    fn gather(&self, event: &DistrictEvent, rows: &mut Rows) {
        let named = |code: &GridCode| self.grids.get(code).and_then(|known| known.last()).map(|node| node.name.clone());
        match event {
            DistrictEvent::GridEstablished(event) => {
                rows.thing("grid", event.code.to_string(), Turn::Begins, event.name.clone());
            }
            DistrictEvent::GridChanged(event) => {
                rows.thing("grid", event.code.to_string(), Turn::Changes, event.name.clone());
            }
            DistrictEvent::GridReparented(event) => {
                let name = named(&event.code).unwrap_or_default();
                rows.thing("grid", event.code.to_string(), Turn::Changes, name);
            }
            DistrictEvent::GridClosed(event) => {
                let name = named(&event.code).unwrap_or_default();
                rows.thing("grid", event.code.to_string(), Turn::Ends, name);
            }
            DistrictEvent::DepartmentRegistered(event) => {
                rows.thing("department", event.code.to_string(), Turn::Begins, event.name.clone());
            }
            DistrictEvent::DepartmentChanged(event) => {
                rows.thing("department", event.code.to_string(), Turn::Changes, event.name.clone());
            }
            DistrictEvent::DepartmentClosed(event) => {
                let known = self.departments.get(&event.code).and_then(|known| known.last());
                let name = known.map(|department| department.name.clone()).unwrap_or_default();
                rows.thing("department", event.code.to_string(), Turn::Ends, name);
            }
            DistrictEvent::GridsMapped(event) => {
                rows.maps.entry(event.party.clone()).or_default().come.push(event.administrative.to_string());
            }
            DistrictEvent::GridsUnmapped(event) => {
                rows.maps.entry(event.party.clone()).or_default().gone.push(event.administrative.to_string());
            }
            DistrictEvent::DistrictBounded(event) => {
                let turn = match (self.bounds(event.effective_from), event.bounds) {
                    (None, _) => Turn::Begins,
                    (Some(_), Some(_)) => Turn::Changes,
                    (Some(_), None) => Turn::Ends,
                };
                rows.thing("bounds", "district".to_owned(), turn, String::new());
            }
            // Not of a description: what is withdrawn never was.
            DistrictEvent::GridChangesWithdrawn(_)
            | DistrictEvent::DepartmentChangesWithdrawn(_)
            | DistrictEvent::MappingChangesWithdrawn(_)
            | DistrictEvent::BoundsChangesWithdrawn(_) => {}
        }
    }
}
