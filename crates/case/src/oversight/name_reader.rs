use kernel::{Allowed, Context, Verb, check_line, check_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Refusal;
use crate::access::DUTY;
use crate::case::{Case, Decision};

// Most characters of a text.
const PERSON_MAX: usize = kernel::actor::STAFF_ID_LEN_MAX;
const REASON_MAX: usize = 500;

/// The duty officer names somebody who may read who reported the case, confidential or not.
///
/// They read it in a post in which they reach the case, until it is over and for so many days after as the rules say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NameReader {
    /// Their staff id.
    #[schemars(length(min = 1, max = PERSON_MAX))]
    pub reader: String,
    /// Why they need it, at most 500 characters.
    #[schemars(length(min = 1, max = REASON_MAX))]
    pub reason: String,
}

/// Somebody may read who reported the case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReaderNamed {
    /// Their staff id.
    pub reader: String,
    /// Why they need it.
    pub reason: String,
}

impl Verb for NameReader {
    const NAME: &'static str = "name-reader";
    const BY: Allowed = DUTY;
    type Of = Case;

    fn example() -> Self {
        Self { reader: "staff-0042".into(), reason: "由其上门核实".into() }
    }
}

impl NameReader {
    pub(crate) fn decide(&self, case: &Case, _context: &Context) -> Decision {
        let file = case.opened()?;
        if let Some(known) = file.readers.iter().find(|known| known.reader == self.reader) {
            return if known.reason == self.reason { Ok(vec![]) } else { Err(Refusal::ReaderAlreadyNamed) };
        }
        check_line("reader", &self.reader, PERSON_MAX)?;
        check_text("reason", &self.reason, REASON_MAX)?;
        Ok(vec![ReaderNamed { reader: self.reader.clone(), reason: self.reason.clone() }.into()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{discovered, given};
    use kernel::Unfit;

    #[test]
    fn a_reader_is_named_once_with_a_reason() {
        let name = |reader: &str, reason: &str| NameReader { reader: reader.into(), reason: reason.into() };
        let named = given([discovered()]).when(name("staff-7", "上门核实")).events();
        let after = || [vec![discovered()], named.clone()].concat();
        given(after()).when(name("staff-7", "上门核实")).then_nothing();
        given(after()).when(name("staff-7", "另一理由")).then_refused(Refusal::ReaderAlreadyNamed);
        assert_eq!(given(after()).when(name("staff-8", "上门核实")).events().len(), 1);
        given([discovered()]).when(name(" ", "上门核实")).then_refused(Unfit::TextLength { field: "reader", max: 64 });
        given([discovered()]).when(name("staff-7", " ")).then_refused(Unfit::TextLength { field: "reason", max: 500 });
    }
}
