//! `map-grids`

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use kernel::{Allowed, GridCode, Verb, check_count};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{ADMINISTRATORS, code};
use crate::bounds::SERVING_MAX;
use crate::draft::check_order;
use crate::{District, DistrictEvent, GridsMapped, GridsUnmapped, Mapping, Network, Refusal};

/// States which administrative grids serve a party grid. The list replaces the previous one.
///
/// Given by a system administrator. Dispatch follows the map from the party grid to the administrative side; feedback follows the
/// case back. With an empty list the map of the nearest grid above applies. The same again from another moment on
/// is refused: it is so already.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MapGrids {
    pub party: GridCode,
    /// The administrative grids that serve it.
    #[schemars(length(max = SERVING_MAX))]
    pub administrative: BTreeSet<GridCode>,
    /// Start of validity; by default the time of the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<DateTime<Utc>>,
}

impl Verb for MapGrids {
    const NAME: &'static str = "map-grids";
    const BY: Allowed = ADMINISTRATORS;
    type Of = District;

    fn example() -> Self {
        Self { party: code("JAS-R03"), administrative: [code("JAS-A01")].into(), effective_from: None }
    }
}

impl MapGrids {
    pub(crate) fn decide(&self, district: &District, now: DateTime<Utc>) -> Result<Vec<DistrictEvent>, Refusal> {
        let events = self.changes(district, now)?;
        let since = self.effective_from.and_then(|asked| self.since(district, asked));
        match since.filter(|since| events.is_empty() && self.effective_from != Some(*since)) {
            Some(since) => Err(Refusal::AlreadySo { what: format!("the map of {}", self.party), since }),
            None => Ok(events),
        }
    }

    /// Since when the map of the party grid is as it is at that moment.
    fn since(&self, district: &District, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mine = district.mappings.iter().filter(|(mapping, _)| mapping.party == self.party);
        mine.flat_map(|(_, timeline)| timeline.changes()).filter(|change| *change <= at).max()
    }

    /// What must be recorded so that the map is as stated; nothing where it is so by then.
    pub(crate) fn changes(&self, district: &District, now: DateTime<Utc>) -> Result<Vec<DistrictEvent>, Refusal> {
        check_count("administrative", self.administrative.len(), 0, SERVING_MAX)?;
        let from = self.effective_from.unwrap_or(now);
        check_network(district, &self.party, Network::Party, from)?;
        for grid in &self.administrative {
            check_network(district, grid, Network::Administrative, from)?;
        }
        let mapped = district.mapped(&self.party, from);
        let mut events = vec![];
        for grid in mapped.difference(&self.administrative) {
            let mapping = self.checked(district, grid, from)?;
            let Mapping { party, administrative } = mapping;
            events.push(GridsUnmapped { party, administrative, effective_from: from }.into());
        }
        for grid in self.administrative.difference(&mapped) {
            let mapping = self.checked(district, grid, from)?;
            let Mapping { party, administrative } = mapping;
            events.push(GridsMapped { party, administrative, effective_from: from }.into());
        }
        Ok(events)
    }

    /// The entry of the map, unless a later change of it is known.
    fn checked(&self, district: &District, administrative: &GridCode, from: DateTime<Utc>) -> Result<Mapping, Refusal> {
        let mapping = Mapping { party: self.party.clone(), administrative: administrative.clone() };
        let last = district.mappings.get(&mapping).and_then(crate::timeline::Timeline::last_change);
        check_order(format_args!("the map of {} to {administrative}", self.party), last, from)?;
        Ok(mapping)
    }
}

/// Refuses a grid that is not active or belongs to the other network.
fn check_network(district: &District, code: &GridCode, network: Network, at: DateTime<Utc>) -> Result<(), Refusal> {
    let node =
        district.grid(code, at).ok_or_else(|| Refusal::Unfit(kernel::Unfit::UnknownGrid { grid: code.clone() }))?;
    if node.network == network { Ok(()) } else { Err(Refusal::WrongNetwork(code.clone())) }
}

#[cfg(test)]
mod tests {
    use given::given;

    use super::*;
    use crate::testing::{admin_root, code, day, mapped, root};

    fn map(party: &str, administrative: &[&str], from: &str) -> MapGrids {
        MapGrids {
            party: code(party),
            administrative: administrative.iter().map(|text| code(text)).collect(),
            effective_from: Some(day(from)),
        }
    }

    fn history() -> Vec<DistrictEvent> {
        vec![root("T").into(), admin_root("A").into(), admin_root("B").into(), mapped("T", "A").into()]
    }

    #[test]
    fn the_map_is_stated_as_a_whole() {
        let from = day("2020-01-01");
        given::<District>(history()).when(map("T", &["B"], "2020-01-01")).then::<DistrictEvent>([
            GridsUnmapped { party: code("T"), administrative: code("A"), effective_from: from }.into(),
            GridsMapped { party: code("T"), administrative: code("B"), effective_from: from }.into(),
        ]);
        given::<District>(history()).when(map("T", &["A"], "2018-01-01")).then_nothing();
        given::<District>(history())
            .when(MapGrids { effective_from: None, ..map("T", &["A"], "2018-01-01") })
            .then_nothing();
        let so = Refusal::AlreadySo { what: "the map of T".into(), since: day("2018-01-01") };
        given::<District>(history()).when(map("T", &["A"], "2020-01-01")).then_refused(so);
        assert_eq!(given::<District>(history()).when(map("T", &["A", "B"], "2020-01-01")).events().len(), 1);
    }

    #[test]
    fn the_map_goes_from_the_party_network_to_the_administrative_one() {
        given::<District>(history())
            .when(map("A", &["B"], "2020-01-01"))
            .then_refused(Refusal::WrongNetwork(code("A")));
        given::<District>(history())
            .when(map("T", &["T"], "2020-01-01"))
            .then_refused(Refusal::WrongNetwork(code("T")));
        given::<District>(history())
            .when(map("T", &["C"], "2020-01-01"))
            .then_refused(Refusal::Unfit(kernel::Unfit::UnknownGrid { grid: code("C") }));
    }

    #[test]
    fn a_line_of_the_map_is_not_rewritten() {
        let unmapped = GridsUnmapped { party: code("T"), administrative: code("A"), effective_from: day("2022-01-01") };
        given::<District>(history().into_iter().chain([unmapped.into()]))
            .when(map("T", &[], "2020-01-01"))
            .then_refused(Refusal::OutOfOrder { what: "the map of T to A".into(), last: day("2022-01-01") });
    }
}
