//! `import-reference`

use kernel::difference::ending;
use kernel::needs::Also;
use kernel::{Allowed, Context, Decision, Needs, Reach, Role, Verb};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::description::is_none_allowed;
use crate::{PublishRules, Rulebook, RulesDescription};

/// The rules and the district are described together, as of a moment: both are recorded, or neither.
///
/// By the system administrator, from files. The rules are published as by `publish-rules`, and under the same command the district is
/// loaded as by `load-district`. Refused as a whole where either would be, and where both together would close or end more
/// than `allow_closing` says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportReference {
    /// The body of `publish-rules`.
    pub rules: RulesDescription,
    /// The body of `load-district`.
    #[schemars(with = "std::collections::BTreeMap<String, serde_json::Value>")]
    pub district: serde_json::Map<String, serde_json::Value>,
    /// How many things that are not described any more may be closed, ended or withdrawn by both parts together; 0 where it is
    /// not given. It counts in place of what the parts say.
    #[serde(default, skip_serializing_if = "is_none_allowed")]
    pub allow_closing: u32,
}

impl Verb for ImportReference {
    const NAME: &'static str = "import-reference";
    const BY: Allowed = &[(Role::SystemAdministrator, Reach::Everywhere)];
    type Of = Rulebook;

    fn needs(&self, rules: &Rulebook) -> Needs {
        let mut body = self.district.clone();
        body.insert("allow_closing".to_owned(), self.left_for_the_district(rules).into());
        let district = Also {
            category: "district",
            id: Uuid::new_v5(&kernel::id::NAMESPACE, b"district"),
            verb: "load-district",
            body: body.into(),
            is_asked: true,
        };
        Needs { also: vec![district], ..Needs::none().steps() }
    }
    fn example() -> Self {
        let PublishRules(rules) = PublishRules::example();
        let district = serde_json::json!({"effective_from": "2026-01-01T00:00:00Z"});
        Self { rules, district: district.as_object().cloned().unwrap_or_default(), allow_closing: 0 }
    }
}

impl ImportReference {
    pub(crate) fn decide(&self, rules: &Rulebook, context: &Context) -> Decision<Rulebook> {
        self.publication().decide(rules, context)
    }

    fn publication(&self) -> PublishRules {
        PublishRules(RulesDescription { allow_closing: self.allow_closing, ..self.rules.clone() })
    }

    /// What may still be closed in the district, after what ends in the rules.
    fn left_for_the_district(&self, rules: &Rulebook) -> u32 {
        // Where the rules are refused, so is the district.
        let events = self.publication().changes(rules).unwrap_or_default();
        self.allow_closing.saturating_sub(ending(&rules.changed_by(&events)))
    }
}

#[cfg(test)]
mod tests {
    use given::given;

    use super::*;
    use crate::testing::{described, published, steps};

    #[test]
    fn the_rules_are_published_and_the_district_is_loaded_under_the_same_command() {
        let import = ImportReference { rules: described(), district: serde_json::Map::new(), allow_closing: 0 };
        let [district] = &import.needs(&Rulebook::default()).also[..] else { panic!("one other aggregate") };
        assert_eq!((district.category, district.verb), ("district", "load-district"));
        let again = given::<Rulebook>(published()).knowing(|facts| facts.steps = steps());
        again.when(import).then_nothing();
    }
}
