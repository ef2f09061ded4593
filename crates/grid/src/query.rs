//! Queries on the district, each as of a moment.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use kernel::facts::{Bounds, DepartmentFacts, GridFacts};
use kernel::{DepartmentCode, GridCode, MatterCode};

use crate::place::centre_depth;
use crate::{Department, DepartmentEntry, District, DistrictDocument, GridNode, Level, PartyOrg};

impl District {
    /// The district as it is at that moment.
    pub fn document(&self, at: DateTime<Utc>) -> DistrictDocument {
        let departments = self.departments(at).map(|department| DepartmentEntry {
            code: department.code.clone(),
            name: department.name.clone(),
            matters: department.matters(at).into_iter().collect(),
        });
        let mapped = self.mappings.iter().filter(|(_, timeline)| timeline.at(at).is_some());
        DistrictDocument {
            at,
            grids: self.grids(at).cloned().collect(),
            departments: departments.collect(),
            mappings: mapped.map(|(mapping, _)| mapping.clone()).collect(),
            bounds: self.bounds(at),
        }
    }

    /// The rectangle in which every place lies at that moment, where there is one.
    pub fn bounds(&self, at: DateTime<Utc>) -> Option<Bounds> {
        self.bounds.at(at).copied()
    }

    /// The grid, if it is active at that moment.
    pub fn grid(&self, code: &GridCode, at: DateTime<Utc>) -> Option<&GridNode> {
        self.grids.get(code)?.at(at)
    }

    /// The grid, then every grid above it; a closed grid has its last known place, so that its cases can still be found.
    /// Empty for a grid that has never existed.
    pub fn last_known_path(&self, code: &GridCode, at: DateTime<Utc>) -> Vec<GridCode> {
        let last_known = |code: &GridCode| self.grids.get(code)?.latest(at);
        std::iter::successors(last_known(code), |node| last_known(node.parent.as_ref()?))
            .take(self.grids.len())
            .map(|node| node.code.clone())
            .collect()
    }

    /// The facts about a grid that decisions record.
    pub fn grid_facts(&self, code: &GridCode, at: DateTime<Utc>) -> Option<GridFacts> {
        let node = self.grid(code, at)?;
        let path = self.path(code, at);
        Some(GridFacts {
            path,
            centre: self.centre(node, at).code.clone(),
            name: node.name.clone(),
            lowest: node.network == crate::Network::Party && self.is_leaf(code, at),
            party_org: self.owning_party_org(code, at).map(|org| org.code.clone()),
            administrative: self.administrative_grids(code, at),
        })
    }

    /// The grid at or above `node` that has the grid centre (街道网格中心). A grid above that level is its own centre.
    fn centre<'a>(&'a self, node: &'a GridNode, at: DateTime<Utc>) -> &'a GridNode {
        let depth = centre_depth(self.levels(&node.code, at));
        self.nodes_upward(&node.code, at).find(|above| usize::from(above.level) == depth).unwrap_or(node)
    }

    /// The facts about a department that decisions use.
    pub fn department_facts(&self, code: &DepartmentCode, at: DateTime<Utc>) -> Option<DepartmentFacts> {
        let department = self.department(code, at)?;
        let matters = department.ownerships.iter().map(|ownership| &ownership.matter);
        let matters = matters.filter(|matter| department.owns(matter, at)).cloned().collect();
        Some(DepartmentFacts { name: department.name.clone(), matters })
    }

    /// Every grid of both networks that is active at that moment, ordered by code.
    pub fn grids(&self, at: DateTime<Utc>) -> impl Iterator<Item = &GridNode> + '_ {
        self.grids.values().filter_map(move |timeline| timeline.at(at))
    }

    /// The grid, then every grid above it, the root last. Empty for a grid that is not active.
    pub fn path(&self, code: &GridCode, at: DateTime<Utc>) -> Vec<GridCode> {
        self.nodes_upward(code, at).map(|node| node.code.clone()).collect()
    }

    /// Whether the grid is `ancestor` or lies below it.
    pub fn is_within(&self, code: &GridCode, ancestor: &GridCode, at: DateTime<Utc>) -> bool {
        self.nodes_upward(code, at).any(|node| node.code == *ancestor)
    }

    /// Whether the grid is active and has no grid below it: issues are located in such grids (微网格).
    pub fn is_leaf(&self, code: &GridCode, at: DateTime<Utc>) -> bool {
        self.grid(code, at).is_some() && self.children(code, at).next().is_none()
    }

    /// The grids directly below it.
    pub fn children<'a>(&'a self, code: &'a GridCode, at: DateTime<Utc>) -> impl Iterator<Item = &'a GridNode> + 'a {
        self.grids(at).filter(move |node| node.parent.as_ref() == Some(code))
    }

    /// The grids that have none above them.
    pub fn roots(&self, at: DateTime<Utc>) -> impl Iterator<Item = &GridNode> + '_ {
        self.grids(at).filter(|node| node.parent.is_none())
    }

    /// The levels of the tree that contains the grid, from the root down. Empty for a grid that is not active.
    pub fn levels(&self, code: &GridCode, at: DateTime<Utc>) -> &[Level] {
        self.nodes_upward(code, at).last().map_or(&[], |root| root.levels.as_slice())
    }

    /// The nearest party organisation from the grid upward: it is responsible for the issues of the grid (一切工作到支部).
    pub fn owning_party_org(&self, code: &GridCode, at: DateTime<Utc>) -> Option<&PartyOrg> {
        self.nodes_upward(code, at).find_map(|node| node.party_org.as_ref())
    }

    /// The administrative grids that serve a party grid: its own, or those of the nearest grid above it that has any.
    pub fn administrative_grids(&self, party: &GridCode, at: DateTime<Utc>) -> Vec<GridCode> {
        let mapped = |node: &GridNode| Some(self.mapped(&node.code, at)).filter(|grids| !grids.is_empty());
        let grids = self.nodes_upward(party, at).find_map(mapped).unwrap_or_default();
        grids.into_iter().collect()
    }

    /// The department, if it exists at that moment.
    pub fn department(&self, code: &DepartmentCode, at: DateTime<Utc>) -> Option<&Department> {
        self.departments.get(code)?.at(at)
    }

    /// Whether there is or was such a department: what was sent to it can still be found.
    pub fn is_known(&self, department: &DepartmentCode) -> bool {
        self.departments.contains_key(department)
    }

    /// Every department that exists at that moment, ordered by code.
    pub fn departments(&self, at: DateTime<Utc>) -> impl Iterator<Item = &Department> + '_ {
        self.departments.values().filter_map(move |timeline| timeline.at(at))
    }

    /// The departments that have the matter on their list of authority at that moment.
    pub fn owners<'a>(
        &'a self,
        matter: &'a MatterCode,
        at: DateTime<Utc>,
    ) -> impl Iterator<Item = &'a Department> + 'a {
        self.departments(at).filter(move |department| department.owns(matter, at))
    }

    /// The administrative grids that a party grid is mapped to directly.
    pub(crate) fn mapped(&self, party: &GridCode, at: DateTime<Utc>) -> BTreeSet<GridCode> {
        let holds =
            self.mappings.iter().filter(|(mapping, timeline)| mapping.party == *party && timeline.at(at).is_some());
        holds.map(|(mapping, _)| mapping.administrative.clone()).collect()
    }

    fn nodes_upward(&self, code: &GridCode, at: DateTime<Utc>) -> impl Iterator<Item = &GridNode> + '_ {
        // No tree is deeper than there are grids: the bound makes even a cycle end.
        std::iter::successors(self.grid(code, at), move |node| self.grid(node.parent.as_ref()?, at))
            .take(self.grids.len())
    }
}

#[cfg(test)]
mod tests {
    use kernel::Aggregate as _;
    use serde_json::json;

    use super::*;
    use crate::testing::{
        admin_root, closed, code, day, department, district, grid_event, mapped, micro, org, residential, root,
    };
    use crate::{
        DepartmentChanged, DepartmentClosed, DepartmentRegistered, DistrictEvent, GridChanged, GridEstablished,
        GridsUnmapped,
    };

    fn sample() -> District {
        let admin = grid_event("A", None, 1, "责任网格");
        let moved = GridChanged {
            code: code("R1"),
            name: "新名".into(),
            kind: None,
            party_org: Some(org("R1-NEW")),
            reason: None,
            levels: vec![],
            effective_from: day("2020-01-01"),
        };
        district([
            root("T").into(),
            residential("R1", "T").into(),
            micro("M1", "R1").into(),
            micro("M2", "R1").into(),
            GridEstablished { network: crate::Network::Administrative, ..admin }.into(),
            mapped("R1", "A").into(),
            moved.into(),
            closed("M2", Some("R1"), day("2021-01-01")).into(),
        ])
    }

    #[test]
    fn the_tree_is_walked_by_its_real_parents() {
        let (district, at) = (sample(), day("2019-01-01"));
        assert_eq!(district.path(&code("M1"), at), [code("M1"), code("R1"), code("T")]);
        assert!(district.is_within(&code("M1"), &code("T"), at) && district.is_within(&code("T"), &code("T"), at));
        assert!(!district.is_within(&code("T"), &code("M1"), at));
        assert!(district.is_leaf(&code("M1"), at) && !district.is_leaf(&code("R1"), at));
        assert!(!district.is_leaf(&code("NONE"), at));
        assert_eq!(district.levels(&code("M1"), at).len(), 3);
        assert_eq!(district.roots(at).count(), 2);
    }

    #[test]
    fn everything_is_known_as_of_its_time() {
        let district = sample();
        assert_eq!(district.grid(&code("T"), day("2017-12-31")), None);
        let name = |at| district.grid(&code("R1"), day(at)).map(|node| node.name.as_str());
        assert_eq!((name("2019-12-31"), name("2020-01-01")), (Some("R1"), Some("新名")));
        let last_known = |at| district.last_known_path(&code("M2"), day(at)).len();
        assert_eq!((last_known("2017-01-01"), last_known("2020-01-01"), last_known("2022-01-01")), (0, 3, 3));
        let children = |at| district.children(&code("R1"), day(at)).count();
        assert_eq!((children("2020-12-31"), children("2021-01-01")), (2, 1));
        let old = |at| district.owning_party_org(&code("M1"), day(at)).map(|org| org.code.to_string());
        assert_eq!((old("2019-01-01"), old("2020-06-01")), (Some("R1-ORG".into()), Some("R1-NEW".into())));
    }

    #[test]
    fn a_grid_without_a_map_of_its_own_uses_the_nearest_above() {
        let (district, at) = (sample(), day("2019-01-01"));
        assert_eq!(district.administrative_grids(&code("M1"), at), [code("A")]);
        assert_eq!(district.administrative_grids(&code("R1"), at), [code("A")]);
        assert_eq!(district.administrative_grids(&code("T"), at), Vec::<GridCode>::new());
    }

    #[test]
    fn a_department_owns_a_matter_only_in_its_time() {
        let matter = |text: &str| MatterCode::try_new(text).unwrap();
        let law = DepartmentCode::try_new("CGZF").unwrap();
        let (one, two) = (matter("WM-0103"), matter("WM-0101"));
        let registered = DepartmentRegistered {
            code: law.clone(),
            name: "城管执法中队".into(),
            matters: [one.clone()].into(),
            effective_from: day("2018-01-01"),
        };
        let changed = DepartmentChanged {
            code: law.clone(),
            name: "综合行政执法队".into(),
            matters: [two.clone()].into(),
            effective_from: day("2020-01-01"),
        };
        let closed = DepartmentClosed { code: law.clone(), effective_from: day("2022-01-01") };
        let district = district([registered.into(), changed.into(), closed.into()]);
        let now = district.department(&law, day("2020-01-01")).unwrap();
        assert!(now.owns(&two, day("2020-01-01")) && !now.owns(&one, day("2020-01-01")));
        assert!(now.owns(&one, day("2019-12-31")) && !now.owns(&two, day("2019-12-31")));
        assert_eq!(district.owners(&one, day("2019-01-01")).count(), 1);
        assert_eq!(district.owners(&one, day("2021-01-01")).count(), 0);
        assert_eq!(district.department(&law, day("2022-01-01")), None);
        assert_eq!(district.departments(day("2021-01-01")).count(), 1);
    }

    fn shown() -> District {
        let end = day("2020-01-01");
        let events: [DistrictEvent; 6] = [
            root("T").into(),
            admin_root("A").into(),
            department("CGZF", "城管", &["WM-0103"]).into(),
            mapped("T", "A").into(),
            GridsUnmapped { party: code("T"), administrative: code("A"), effective_from: end }.into(),
            closed("A", None, end).into(),
        ];
        district(events)
    }

    #[test]
    fn the_document_shows_what_is_in_force_at_its_moment() {
        let district = shown();
        let counts = |at| {
            let document = district.document(day(at));
            (document.grids.len(), document.departments.len(), document.mappings.len())
        };
        assert_eq!(counts("2017-01-01"), (0, 0, 0));
        assert_eq!(counts("2019-01-01"), (2, 1, 1));
        assert_eq!(counts("2021-01-01"), (1, 1, 0));
    }

    #[test]
    fn it_is_shown_as_json_by_its_schema() {
        let [spec] = District::DOCUMENTS else { panic!("one document") };
        let shown = (spec.show)(&shown(), day("2019-01-01")).unwrap();
        assert_eq!(shown["departments"], json!([{ "code": "CGZF", "name": "城管", "matters": ["WM-0103"] }]));
        assert_eq!(shown["mappings"], json!([{ "party": "T", "administrative": "A" }]));
        let schema = (spec.schema)();
        let fields = schema.get("properties").and_then(serde_json::Value::as_object).unwrap();
        assert!(shown.as_object().unwrap().keys().eq(fields.keys()));
    }
}
