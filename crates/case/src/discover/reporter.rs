use kernel::facts::SealedPerson;
use kernel::needs::PersonalInput;
use kernel::{PersonId, Personal, PersonalField, Sealed, Unfit, check_line};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

// Most characters of a text.
const NAME_MAX: usize = 100;
const PHONE_MAX: usize = 40;
const ADDRESS_MAX: usize = 200;

/// Who reported it, in clear: only ever in memory, never recorded. No id of theirs: nobody can be named whose data others sealed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReporterInput {
    /// 姓名
    #[serde(default)]
    #[schemars(extend("maxLength" = NAME_MAX))]
    pub name: Option<Personal<String>>,
    /// 电话
    #[serde(default)]
    #[schemars(extend("maxLength" = PHONE_MAX))]
    pub phone: Option<Personal<String>>,
    /// 住址
    #[serde(default)]
    #[schemars(extend("maxLength" = ADDRESS_MAX))]
    pub address: Option<Personal<String>>,
}

impl ReporterInput {
    /// What is sealed before the decision.
    pub(super) fn to_seal(&self, known: Vec<Sealed>) -> PersonalInput {
        let fields = [PersonalField::Name, PersonalField::Phone, PersonalField::Address];
        let given = fields.into_iter().zip([&self.name, &self.phone, &self.address]);
        let values = given.filter_map(|(field, value)| Some((field, value.clone()?))).collect();
        PersonalInput { person: None, values, known }
    }

    pub(super) fn check(&self) -> Result<(), Unfit> {
        let fields = [
            ("reporter.name", &self.name, NAME_MAX),
            ("reporter.phone", &self.phone, PHONE_MAX),
            ("reporter.address", &self.address, ADDRESS_MAX),
        ];
        let check = |(field, value, max): (_, &Option<Personal<String>>, _)| match value {
            Some(value) => check_line(field, value.clear(), max),
            None => Ok(()),
        };
        fields.into_iter().try_for_each(check)
    }
}

/// Who reported it, sealed under the key of that person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reporter {
    pub person: PersonId,
    /// 姓名
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Sealed>,
    /// 电话
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Sealed>,
    /// 住址
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Sealed>,
}

impl Reporter {
    pub(super) fn of(sealed: &SealedPerson) -> Self {
        Self {
            person: sealed.person,
            name: sealed.value(PersonalField::Name),
            phone: sealed.value(PersonalField::Phone),
            address: sealed.value(PersonalField::Address),
        }
    }

    /// The person and their data, as they are sealed.
    pub(crate) fn sealed(&self) -> SealedPerson {
        let values = [&self.name, &self.phone, &self.address];
        SealedPerson { person: self.person, values: values.into_iter().flatten().cloned().collect() }
    }
}
