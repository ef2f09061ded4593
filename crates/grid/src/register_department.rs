//! `register-department`

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use kernel::{Allowed, DepartmentCode, MatterCode, Verb, check_count};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{ADMINISTRATORS, code};
use crate::bounds::{MATTERS_MAX, NAME_LEN_MAX};
use crate::draft::check_order;
use crate::place::check_name;
use crate::{DepartmentChanged, DepartmentRegistered, DepartmentSpec, District, DistrictEvent, Refusal};

/// Registers a department with its list of authority (权责清单), or replaces its name and list.
///
/// Given by a system administrator. Whether the matters exist is not checked here: the rules define them, and the import command
/// compares both before it loads them. The same again from another moment on is refused: it is so already.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterDepartment {
    pub code: DepartmentCode,
    #[schemars(length(min = 1, max = NAME_LEN_MAX))]
    pub name: String,
    /// All matters on its list of authority.
    #[serde(default)]
    #[schemars(length(max = MATTERS_MAX))]
    pub matters: BTreeSet<MatterCode>,
    /// Start of validity; by default the time of the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<DateTime<Utc>>,
}

impl Verb for RegisterDepartment {
    const NAME: &'static str = "register-department";
    const BY: Allowed = ADMINISTRATORS;
    type Of = District;

    fn example() -> Self {
        Self {
            code: code("CGZF"),
            name: "城管执法中队".into(),
            matters: [code("PA-0301"), code("WM-0101")].into(),
            effective_from: None,
        }
    }
}

impl RegisterDepartment {
    /// The command that brings a department to its described state.
    pub(crate) fn described(spec: &DepartmentSpec, from: DateTime<Utc>) -> Self {
        let DepartmentSpec { code, name, matters } = spec.clone();
        Self { code, name, matters, effective_from: Some(from) }
    }

    pub(crate) fn decide(&self, district: &District, now: DateTime<Utc>) -> Result<Vec<DistrictEvent>, Refusal> {
        let events = self.changes(district, now)?;
        let since = || district.departments.get(&self.code)?.since(self.effective_from?);
        match since().filter(|since| events.is_empty() && self.effective_from != Some(*since)) {
            Some(since) => Err(Refusal::AlreadySo { what: self.code.to_string(), since }),
            None => Ok(events),
        }
    }

    /// What must be recorded so that the department is as described; nothing where it is so by then.
    pub(crate) fn changes(&self, district: &District, now: DateTime<Utc>) -> Result<Vec<DistrictEvent>, Refusal> {
        let effective_from = self.effective_from.unwrap_or(now);
        check_name(&self.code, &self.name)?;
        check_count("matters", self.matters.len(), 0, MATTERS_MAX)?;
        let (code, name, matters) = (self.code.clone(), self.name.clone(), self.matters.clone());
        let known = district.department(&code, effective_from);
        if known.is_some_and(|known| known.name == name && known.matters(effective_from) == matters) {
            return Ok(vec![]);
        }
        let last = district.departments.get(&code).and_then(crate::timeline::Timeline::last_change);
        check_order(&code, last, effective_from)?;
        Ok(vec![match known {
            Some(_) => DepartmentChanged { code, name, matters, effective_from }.into(),
            None => DepartmentRegistered { code, name, matters, effective_from }.into(),
        }])
    }
}

#[cfg(test)]
mod tests {
    use given::given;

    use super::*;
    use crate::testing::{day, department, unfit_name};

    fn register(name: &str, matters: &[&str], from: &str) -> RegisterDepartment {
        let registered = department("CGZF", name, matters);
        RegisterDepartment {
            code: registered.code,
            name: registered.name,
            matters: registered.matters,
            effective_from: Some(day(from)),
        }
    }

    fn changed(matters: &[&str], from: &str) -> DepartmentChanged {
        let department = department("CGZF", "城管", matters);
        let DepartmentRegistered { code, name, matters, .. } = department;
        DepartmentChanged { code, name, matters, effective_from: day(from) }
    }

    #[test]
    fn a_department_is_registered_once() {
        let registered = department("CGZF", "城管", &["WM-0103"]);
        given::<District>([]).when(register("城管", &["WM-0103"], "2018-01-01")).then([registered.clone()]);
        given::<District>([registered.into()]).when(register("城管", &["WM-0103"], "2018-01-01")).then_nothing();
    }

    #[test]
    fn a_department_that_is_so_already_is_not_so_from_another_moment_on() {
        let registered = department("CGZF", "城管", &["WM-0103"]);
        let again =
            |effective_from| RegisterDepartment { effective_from, ..register("城管", &["WM-0103"], "2018-01-01") };
        let so = Refusal::AlreadySo { what: "CGZF".into(), since: day("2018-01-01") };
        given::<District>([registered.clone().into()]).when(again(Some(day("2020-01-01")))).then_refused(so);
        given::<District>([registered.into()]).when(again(None)).then_nothing();
    }

    #[test]
    fn its_list_of_authority_changes_from_a_date_on() {
        let registered = department("CGZF", "城管", &["WM-0103"]);
        given::<District>([registered.into()])
            .when(register("城管", &["WM-0101"], "2020-01-01"))
            .then([changed(&["WM-0101"], "2020-01-01")]);
    }

    #[test]
    fn nothing_is_slipped_in_before_the_last_change() {
        given::<District>([department("CGZF", "城管", &[]).into(), changed(&["WM-0103"], "2020-01-01").into()])
            .when(register("城管", &["WM-0101"], "2019-01-01"))
            .then_refused(Refusal::OutOfOrder { what: "CGZF".into(), last: day("2020-01-01") });
    }

    #[test]
    fn a_department_needs_a_name() {
        for blank in ["", " ", "\u{200b}", "\u{3164}\u{feff}"] {
            given::<District>([]).when(register(blank, &[], "2018-01-01")).then_refused(unfit_name("CGZF"));
        }
    }
}
