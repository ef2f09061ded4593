//! Answers of the product, held against the OpenAPI document that it serves: status, media type and body.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, bail, ensure};
use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

/// How much of an answer an error shows, in characters.
const SHOWN: usize = 600;
/// How many faults of one answer are told.
const FAULTS_TOLD: usize = 3;

/// One answer.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// The method of the request.
    pub method: &'a str,
    /// Its path, without the query.
    pub path: &'a str,
    /// The HTTP status.
    pub status: u16,
    /// The value of `Content-Type`; empty where there is none.
    pub media_type: &'a str,
    /// The body; a text where it is no JSON.
    pub body: &'a Value,
}

/// An OpenAPI document.
pub struct Contract {
    document: Value,
    /// Made when they are first needed, by template, method, status and media type.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

impl std::fmt::Debug for Contract {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contract").field("version", &self.document["info"]["version"]).finish_non_exhaustive()
    }
}

impl Contract {
    /// A document as it is served.
    pub fn try_new(document: Value) -> anyhow::Result<Self> {
        ensure!(document["paths"].is_object(), "this is no OpenAPI document");
        Ok(Self { document, validators: Mutex::default() })
    }

    /// An error says what in the answer is not as the document says.
    pub fn check(&self, answered: &Answered<'_>) -> anyhow::Result<()> {
        let found = self.fault(answered).err();
        let Some(fault) = found else { return Ok(()) };
        let body: String = answered.body.to_string().chars().take(SHOWN).collect();
        let Answered { method, path, status, media_type, .. } = answered;
        Err(fault).with_context(|| {
            format!("{method} {path} answered {status} {media_type} against the OpenAPI document: {body}")
        })
    }

    fn fault(&self, answered: &Answered<'_>) -> anyhow::Result<()> {
        let paths = self.document["paths"].as_object().context("a document without paths")?;
        let method = if answered.method == "HEAD" { "get".to_owned() } else { answered.method.to_ascii_lowercase() };
        let operation =
            template_of(paths, answered.path).and_then(|template| Some((template, paths[template].get(&method)?)));
        let Some((template, operation)) = operation else { return nowhere(answered) };
        let response =
            operation["responses"].get(answered.status.to_string()).context("the status is not documented")?;
        let response = self.resolve(response);
        let Some(content) = response.get("content").and_then(Value::as_object) else { return Ok(()) };
        if answered.method == "HEAD" {
            return Ok(());
        }
        let essence = answered.media_type.split(';').next().unwrap_or_default().trim();
        let documented = |name: &str| name.split(';').next().unwrap_or_default().trim() == essence || name == "*/*";
        let (name, media) =
            content.iter().find(|(name, _)| documented(name)).context("the media type is not documented")?;
        if !(essence.ends_with("/json") || essence.ends_with("+json")) {
            return Ok(());
        }
        let validator = self.validator(&format!("{method} {template} {} {name}", answered.status), &media["schema"])?;
        let faults: Vec<String> = validator
            .iter_errors(answered.body)
            .take(FAULTS_TOLD)
            .map(|fault| format!("{} at `{}`", fault, fault.instance_path()))
            .collect();
        ensure!(faults.is_empty(), "the body does not fit its schema: {}", faults.join("; "));
        Ok(())
    }

    /// What a reference leads to, or the value itself.
    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        let pointer = value.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
        pointer.and_then(|pointer| self.document.pointer(pointer)).unwrap_or(value)
    }

    fn validator(&self, name: &str, schema: &Value) -> anyhow::Result<Arc<Validator>> {
        let mut known = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(validator) = known.get(name) {
            return Ok(Arc::clone(validator));
        }
        // References lead to components of the document, which stand beside the schema.
        let whole = json!({ "allOf": [schema], "components": { "schemas": self.document["components"]["schemas"] } });
        let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
        let made = options.build(&whole).map_err(|error| anyhow::anyhow!("the schema of {name} is none: {error}"))?;
        let validator = Arc::new(made);
        known.insert(name.to_owned(), Arc::clone(&validator));
        Ok(validator)
    }
}

/// The template that a path fits; one with fewer parameters goes before another.
fn template_of<'a>(paths: &'a Map<String, Value>, path: &str) -> Option<&'a str> {
    let is_parameter = |part: &str| part.starts_with('{');
    let fits = |template: &str| {
        let (parts, given) = (template.split('/'), path.split('/'));
        parts.clone().count() == given.clone().count()
            && parts.zip(given).all(|(part, given)| part == given || (is_parameter(part) && !given.is_empty()))
    };
    let fitting = paths.keys().filter(|template| fits(template));
    fitting.min_by_key(|template| template.split('/').filter(|part| is_parameter(part)).count()).map(String::as_str)
}

/// What no operation of the document answers is answered with a problem that says so.
fn nowhere(answered: &Answered<'_>) -> anyhow::Result<()> {
    match (answered.status, answered.body["code"].as_str()) {
        (404, Some("no-such-route")) | (405, Some("method-not-allowed")) => Ok(()),
        _ => bail!("the document has no such operation"),
    }
}

/// The documents of the processes that a client has spoken to, by origin. One without the role `api` serves none.
#[derive(Debug, Default)]
pub(crate) struct Contracts(tokio::sync::Mutex<HashMap<String, Option<Arc<Contract>>>>);

impl Contracts {
    /// Holds an answer against the document of the process that gave it.
    pub(crate) async fn check(
        &self,
        http: &reqwest::Client,
        origin: &str,
        answered: &Answered<'_>,
    ) -> anyhow::Result<()> {
        let contract = self.of(http, origin).await?;
        contract.map_or(Ok(()), |contract| contract.check(answered))
    }

    async fn of(&self, http: &reqwest::Client, origin: &str) -> anyhow::Result<Option<Arc<Contract>>> {
        let mut known = self.0.lock().await;
        if let Some(contract) = known.get(origin) {
            return Ok(contract.clone());
        }
        // A process that ends right now serves no document either; it is asked again for the next answer.
        let Ok(response) = http.get(format!("{origin}/openapi.json")).send().await else { return Ok(None) };
        let contract = match response.status().as_u16() {
            200 => {
                let Ok(document) = response.json().await else { return Ok(None) };
                Some(Arc::new(Contract::try_new(document)?))
            }
            _ => None,
        };
        known.insert(origin.to_owned(), contract.clone());
        Ok(contract)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contract() -> Contract {
        let problem = json!({ "$ref": "#/components/responses/NotFound" });
        let thing =
            json!({ "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Thing" } } } });
        let document = json!({
            "paths": {
                "/things/{id}": { "get": { "responses": { "200": thing, "304": {}, "404": problem } } },
                "/things/all": { "get": { "responses": { "200": { "content": { "text/plain": {} } } } } },
            },
            "components": {
                "schemas": {
                    "Thing": { "type": "object", "required": ["id"], "properties": { "id": { "$ref": "#/components/schemas/Id" } } },
                    "Id": { "type": "string", "format": "uuid" },
                    "Problem": { "type": "object", "required": ["code"] },
                },
                "responses": {
                    "NotFound": { "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } } },
                },
            },
        });
        Contract::try_new(document).unwrap()
    }

    fn fault(method: &str, path: &str, status: u16, media_type: &str, body: Value) -> String {
        let answered = Answered { method, path, status, media_type, body: &body };
        contract().check(&answered).map_or_else(|error| format!("{error:#}"), |()| "none".to_owned())
    }

    #[test]
    fn what_is_documented_is_taken() {
        let id = "0190163d-8694-739b-aea5-966c26f8ad91";
        assert_eq!(fault("GET", "/things/7", 200, "application/json; charset=utf-8", json!({ "id": id })), "none");
        assert_eq!(fault("GET", "/things/7", 404, "application/problem+json", json!({ "code": "gone" })), "none");
        assert_eq!(fault("GET", "/things/7", 304, "", Value::Null), "none");
        assert_eq!(fault("GET", "/things/all", 200, "text/plain", json!("a text")), "none");
        assert_eq!(
            fault("GET", "/nowhere", 404, "application/problem+json", json!({ "code": "no-such-route" })),
            "none"
        );
    }

    #[test]
    fn what_is_not_documented_is_told() {
        let body = || json!({ "id": "7" });
        let told = |found: String, what: &str| assert!(found.contains(what), "{found}");
        told(fault("GET", "/things/7", 410, "application/json", body()), "the status is not documented");
        told(fault("GET", "/things/7", 200, "text/html", body()), "the media type is not documented");
        told(fault("GET", "/things/7", 200, "application/json", body()), "is not a \"uuid\"");
        told(fault("GET", "/things/7", 200, "application/json", json!([])), "is not of type \"object\"");
        told(fault("GET", "/things/7", 404, "application/problem+json", json!({})), "\"code\" is a required property");
        told(fault("GET", "/nowhere", 200, "application/json", body()), "no such operation");
        told(fault("DELETE", "/things/7", 200, "application/json", body()), "no such operation");
    }
}
