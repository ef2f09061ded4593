//! Events, held against the schemas that the program under test publishes (`dualgrid docs schemas`).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use anyhow::{Context as _, ensure};
use jsonschema::{Draft, Validator};
use serde_json::Value;

use crate::process::run;
use crate::scratch::Scratch;

/// What stands before the name of every event.
const NAMESPACE: &str = "cn.dualgrid.";
/// How many faults of one event are told.
const FAULTS_TOLD: usize = 3;

/// What the programs that were asked publish; each is asked once.
static KNOWN: LazyLock<tokio::sync::Mutex<HashMap<PathBuf, Arc<Events>>>> = LazyLock::new(Default::default);

/// The schemas of all events, by type.
#[derive(Default)]
pub struct Events {
    schemas: BTreeMap<String, Value>,
    /// Made when they are first needed.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
    /// What was found good: the same event comes again with every reading of the log.
    good: Mutex<HashSet<u64>>,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").field("types", &self.schemas.len()).finish_non_exhaustive()
    }
}

impl Events {
    /// Asks a program.
    pub async fn of(binary: &Path) -> anyhow::Result<Arc<Self>> {
        let mut known = KNOWN.lock().await;
        if let Some(events) = known.get(binary) {
            return Ok(Arc::clone(events));
        }
        let folder = Scratch::create("schemas")?;
        let mut command = Command::new(binary);
        command.args(["docs", "schemas", "--dir"]).arg(folder.path());
        run(command).await.context("the program publishes no schemas of its events")?;
        let events = Arc::new(Self::read(folder.path())?);
        known.insert(binary.to_owned(), Arc::clone(&events));
        Ok(events)
    }

    /// Reads a folder with one schema for each type.
    fn read(folder: &Path) -> anyhow::Result<Self> {
        let mut events = Self::default();
        for file in std::fs::read_dir(folder).context("the folder of the schemas is gone")? {
            let path = file.context("the folder of the schemas is gone")?.path();
            let Some(name) = path.file_stem().and_then(|name| name.to_str()) else { continue };
            let text = std::fs::read_to_string(&path).with_context(|| format!("{} is gone", path.display()))?;
            let schema = serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))?;
            events.schemas.insert(name.to_owned(), schema);
        }
        ensure!(!events.schemas.is_empty(), "no event has a schema");
        Ok(events)
    }

    /// Looks at every event in an answer, wherever it stands. An error says which does not fit.
    pub fn check_all(&self, answer: &Value) -> anyhow::Result<()> {
        match answer {
            Value::Object(members) if answer["specversion"].is_string() && members.contains_key("data") => {
                self.check(answer)
            }
            Value::Object(members) => members.values().try_for_each(|member| self.check_all(member)),
            Value::Array(entries) => entries.iter().try_for_each(|entry| self.check_all(entry)),
            _ => Ok(()),
        }
    }

    /// An error says what in the event is not as its schema says.
    pub fn check(&self, event: &Value) -> anyhow::Result<()> {
        let text = event.to_string();
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let hash = hasher.finish();
        if self.good.lock().unwrap_or_else(PoisonError::into_inner).contains(&hash) {
            return Ok(());
        }
        let name = event["type"].as_str().with_context(|| format!("an event without a type: {text}"))?;
        // What the tests themselves put into the stream is no event of ours.
        if name.starts_with(NAMESPACE) {
            let validator = self.validator(name)?;
            let told: Vec<String> = validator
                .iter_errors(&event["data"])
                .take(FAULTS_TOLD)
                .map(|fault| format!("{} at `{}`", fault, fault.instance_path()))
                .collect();
            ensure!(told.is_empty(), "an event does not fit its schema: {}: {text}", told.join("; "));
        }
        self.good.lock().unwrap_or_else(PoisonError::into_inner).insert(hash);
        Ok(())
    }

    fn validator(&self, name: &str) -> anyhow::Result<Arc<Validator>> {
        let mut known = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(validator) = known.get(name) {
            return Ok(Arc::clone(validator));
        }
        let schema = self.schemas.get(name).with_context(|| format!("{name} has no published schema"))?;
        let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
        let made = options.build(schema).map_err(|error| anyhow::anyhow!("the schema of {name} is none: {error}"))?;
        let validator = Arc::new(made);
        known.insert(name.to_owned(), Arc::clone(&validator));
        Ok(validator)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn events() -> Events {
        let folder = tempfile::tempdir().unwrap();
        let schema = json!({ "type": "object", "required": ["reason"], "properties": { "at": { "type": "string", "format": "date-time" } } });
        std::fs::write(folder.path().join("cn.dualgrid.thing.painted.v1.json"), schema.to_string()).unwrap();
        Events::read(folder.path()).unwrap()
    }

    fn event(name: &str, data: Value) -> Value {
        json!({ "specversion": "1.0", "type": name, "data": data })
    }

    fn fault(answer: &Value) -> String {
        events().check_all(answer).map_or_else(|error| error.to_string(), |()| "none".to_owned())
    }

    #[test]
    fn events_are_found_wherever_they_stand_and_each_must_fit() {
        let painted = |data| event("cn.dualgrid.thing.painted.v1", data);
        let good = painted(json!({ "reason": "x", "at": "2026-03-02T02:00:00Z" }));
        assert_eq!(fault(&good), "none");
        assert_eq!(fault(&json!({ "items": [{ "position": 1, "event": good }], "next": 7 })), "none");
        let page = |data| json!({ "items": [{ "position": 1, "event": painted(data) }] });
        let told = fault(&page(json!({})));
        assert!(told.contains("\"reason\" is a required property"), "{told}");
        let told = fault(&page(json!({ "reason": "x", "at": "today" })));
        assert!(told.contains("is not a \"date-time\" at `/at`"), "{told}");
        let told = fault(&event("cn.dualgrid.thing.sold.v1", json!({})));
        assert!(told.contains("cn.dualgrid.thing.sold.v1 has no published schema"), "{told}");
        assert_eq!(fault(&event("org.example.other", json!({}))), "none");
    }

    #[test]
    fn what_was_good_once_does_not_excuse_the_next() {
        let events = events();
        let painted = |data| event("cn.dualgrid.thing.painted.v1", data);
        events.check(&painted(json!({ "reason": "x" }))).unwrap();
        let told = events.check(&painted(json!({}))).unwrap_err().to_string();
        assert!(told.contains("does not fit its schema"), "{told}");
    }
}
