//! The district as one document.

use chrono::{DateTime, Utc};
use kernel::access::EVERYBODY;
use kernel::aggregate::DocumentSpec;
use kernel::{DepartmentCode, MatterCode};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{District, GridNode, Mapping, Post};

/// The document of the district, for `GET /district?at=`.
pub(crate) const DISTRICT: DocumentSpec<District> = DocumentSpec {
    path: "district",
    action: "read-district",
    about: "The grids, departments, map between the networks and posts that are in force at a moment",
    read: EVERYBODY,
    show: |district, at| serde_json::to_value(district.document(at)),
    schema: || schemars::schema_for!(DistrictDocument),
};

/// The district as it is at one moment.
///
/// Everybody who works in the district may read it, including the posts: they hold staff ids, never names.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct DistrictDocument {
    /// The moment that the document shows.
    pub at: DateTime<Utc>,
    /// The active grids of both networks, ordered by code.
    pub grids: Vec<GridNode>,
    /// The active departments, ordered by code.
    pub departments: Vec<DepartmentEntry>,
    /// The map between the networks (党建–行政): which administrative grids serve which party grid, ordered by code.
    pub mappings: Vec<Mapping>,
    /// The posts that are held, in the order of appointment.
    pub posts: Vec<Post>,
}

/// A department as it is at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DepartmentEntry {
    pub code: DepartmentCode,
    pub name: String,
    /// The matters on its list of authority (权责清单), ordered by code.
    pub matters: Vec<MatterCode>,
}

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
            posts: self.posts.iter().filter(|post| post.holds_at(at)).cloned().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Aggregate as _, Role};
    use serde_json::json;

    use super::*;
    use crate::testing::{admin_root, code, day, department, district, mapped, post, root};
    use crate::{DistrictEvent, GridClosed, GridsUnmapped, PostEnded};

    fn sample() -> District {
        let end = day("2020-01-01");
        let events: [DistrictEvent; 8] = [
            root("T").into(),
            admin_root("A").into(),
            department("CGZF", "城管", &["WM-0103"]).into(),
            mapped("T", "A").into(),
            post("T", Role::GridLeader, "staff-1").into(),
            PostEnded { grid: code("T"), role: Role::GridLeader, holder: "staff-1".into(), effective_from: end }.into(),
            GridsUnmapped { party: code("T"), administrative: code("A"), effective_from: end }.into(),
            GridClosed { code: code("A"), reason: None, effective_from: end }.into(),
        ];
        district(events)
    }

    #[test]
    fn the_document_shows_what_is_in_force_at_its_moment() {
        let district = sample();
        let counts = |at| {
            let document = district.document(day(at));
            (document.grids.len(), document.departments.len(), document.mappings.len(), document.posts.len())
        };
        assert_eq!(counts("2017-01-01"), (0, 0, 0, 0));
        assert_eq!(counts("2019-01-01"), (2, 1, 1, 1));
        assert_eq!(counts("2021-01-01"), (1, 1, 0, 0));
    }

    #[test]
    fn it_is_shown_as_json_by_its_schema() {
        let [spec] = District::DOCUMENTS else { panic!("one document") };
        let shown = (spec.show)(&sample(), day("2019-01-01")).unwrap();
        assert_eq!(shown["departments"], json!([{ "code": "CGZF", "name": "城管", "matters": ["WM-0103"] }]));
        assert_eq!(shown["mappings"], json!([{ "party": "T", "administrative": "A" }]));
        assert_eq!(shown["posts"][0]["holder"], "staff-1");
        let schema = (spec.schema)();
        let fields = schema.get("properties").and_then(serde_json::Value::as_object).unwrap();
        assert!(shown.as_object().unwrap().keys().eq(fields.keys()));
    }
}
