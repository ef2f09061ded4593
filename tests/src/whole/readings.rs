//! Reading something: every route that the document offers, by anybody, with ids that exist or do not.

use serde_json::Value;

use super::{Promise, Whole};

/// What is not read here: the pages for people and for machines.
const ELSEWHERE: [&str; 4] = ["/docs", "/docs/{file}", "/metrics", "/openapi.json"];

impl Whole {
    /// One thing, by anybody.
    pub(super) async fn read_something(&mut self) -> anyhow::Result<()> {
        let routes: Vec<(String, Value)> = self.document.readings(&ELSEWHERE);
        let (route, parameters) = self.chance.pick(&routes).clone();
        let mut path = route;
        let mut query = Vec::new();
        for parameter in parameters.as_array().into_iter().flatten() {
            let (Some(name), Some(place)) = (parameter["name"].as_str(), parameter["in"].as_str()) else { continue };
            let value = self.value_of(name);
            match place {
                "path" => path = path.replace(&format!("{{{name}}}"), &value),
                "query" if self.chance.happens(30) => query.push(format!("{name}={value}")),
                _ => {}
            }
        }
        if !query.is_empty() {
            path = format!("{path}?{}", query.join("&"));
        }
        let by = self.actors.any(&mut self.chance).clone();
        // As a stream, events would not end.
        let request = self.http.raw().get(self.http.url(&path)).header("Accept", "application/json");
        match self.http.send(&by.token, request).await {
            Ok(answer) if answer.status.is_server_error() => {
                self.broken(Promise::Answered, format!("GET {path} by {}: {}", by.role, answer.text));
            }
            Ok(_) => {}
            Err(error) => self.broken(Promise::AsPublished, format!("GET {path} by {}: {error:#}", by.role)),
        }
        Ok(())
    }

    /// Mostly one that exists.
    fn value_of(&mut self, name: &str) -> String {
        let pool = match name {
            "grid" => "GridCode",
            "department" => "DepartmentCode",
            "sha256" => "Digest",
            "key" => "CaseId",
            other => other,
        };
        let known = self.pools.pick(pool, &mut self.chance).filter(|_| !self.chance.happens(15));
        match (known, name) {
            (Some(Value::String(known)), _) => known,
            (Some(known), _) => known.to_string(),
            (None, "command") => self.sent.last().map(|sent| sent.id.to_string()).unwrap_or_default(),
            (None, "position" | "after") => self.chance.below(self.head + 3).to_string(),
            (None, "limit") => self.chance.below(210).to_string(),
            (None, "epoch") => "0".to_owned(),
            (None, "at") => "2026-06-01T00:00:00Z".to_owned(),
            (None, _) => self.chance.id().to_string(),
        }
    }
}
