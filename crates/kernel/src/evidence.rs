//! A file that proves something: a photo before or after, the minutes of a meeting.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest::Digest;

/// What an event holds of a file: enough to notice that the file was changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// SHA-256 of the file's bytes; also the name under which it is kept.
    pub sha256: Digest,
    /// Media type, for example `image/jpeg`.
    pub media_type: String,
    /// Size in bytes.
    pub size: u64,
}

/// The file that the examples of commands name, a PNG of one pixel: whoever uploads it can give them as they stand.
pub const EXAMPLE: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0, 1, 8,
    0, 0, 0, 0, 0x3a, 0x7e, 0x9b, b'U', 0, 0, 0, 0x0a, b'I', b'D', b'A', b'T', b'x', 0xda, b'c', b'h', 0, 0, 0, 0x82,
    0, 0x81, 0xda, b'E', 8, 0x3b, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, b'B', 0x60, 0x82,
];

/// Largest file that is taken: 20 MiB.
pub const SIZE_BYTES_MAX: u64 = 20 * 1024 * 1024;

/// Whose a file is until something names it, of an actor's id and scope as an envelope has them: the department's, whichever of
/// its clerks or programs sent it, and otherwise the sender's own.
pub fn owner_of<'a>(id: &'a str, scope: &'a str) -> &'a str {
    if scope.starts_with("department:") { scope } else { id }
}

/// Whether the text of an event may name a file: told without reading it.
pub fn may_name(event: &str) -> bool {
    event.contains("\"sha256\"")
}

/// Every file that the data of an event names, each once.
pub fn named_in(data: &str) -> Vec<Evidence> {
    if !may_name(data) {
        return Vec::new();
    }
    let mut found = BTreeMap::new();
    if let Ok(value) = serde_json::from_str(data) {
        collect(&value, &mut found);
    }
    found.into_values().collect()
}

fn collect(value: &Value, found: &mut BTreeMap<Digest, Evidence>) {
    match value {
        Value::Object(members) => match Evidence::deserialize(value) {
            Ok(evidence) => drop(found.insert(evidence.sha256, evidence)),
            Err(_) => members.values().for_each(|value| collect(value, found)),
        },
        Value::Array(items) => items.iter().for_each(|value| collect(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{DepartmentCode, GridCode, Scope};

    #[test]
    fn every_file_that_an_event_names_is_found_however_deep() {
        let file = |byte: u8| Evidence { sha256: Digest::of(&[byte]), media_type: "image/png".into(), size: 1 };
        let data = json!({
            "minutes": file(1),
            "done": { "evidence": [file(2), file(3), file(2)] },
            "text": "a \"sha256\" in a text is no file",
            "sha256": Digest::of(b"a digest alone is none either"),
        });
        let found: BTreeMap<Digest, Evidence> =
            named_in(&data.to_string()).into_iter().map(|evidence| (evidence.sha256, evidence)).collect();
        assert_eq!(found.len(), 3);
        assert!([1, 2, 3].into_iter().all(|byte| found.get(&Digest::of(&[byte])) == Some(&file(byte))));
        assert_eq!(named_in(&json!({ "text": "sha256" }).to_string()), []);
    }

    #[test]
    fn a_department_shares_its_files_and_nobody_else_does() {
        let department = Scope::Department(DepartmentCode::try_new("CGZF").unwrap()).to_string();
        assert_eq!(owner_of("staff-1", &department), owner_of("department/CGZF", &department));
        for scope in [Scope::Everywhere, Scope::Grid(GridCode::try_new("JAS").unwrap())] {
            assert_eq!(owner_of("staff-1", &scope.to_string()), "staff-1");
        }
    }
}
