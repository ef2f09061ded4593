//! Pieces that many operations share: parameters, responses, problems.

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Header, Object, Ref, Required};

use kernel::{Allowed, Reach};

use super::BEARER;
use crate::problem::PROBLEM_JSON;

/// Status, name and meaning of every answer that is a problem.
const PROBLEMS: [(&str, &str, &str); 16] = [
    ("400", "BadRequest", "The request does not fit its form"),
    ("401", "NoToken", "The token is missing or not accepted, or nobody is registered under its subject"),
    ("403", "NotAllowed", "The role does not allow it, or not in that place; or the register lets you act no more"),
    ("404", "NotFound", "It does not exist"),
    ("406", "NotAcceptable", "It is not offered in that form"),
    ("408", "TooSlow", "The body did not arrive in time"),
    ("409", "Refused", "The domain says no; `code` says why"),
    ("410", "Erased", "The person's data was erased"),
    ("412", "Moved", "It does not have a tag, or is not at a version, that `If-Match` names"),
    ("413", "TooLarge", "The body is too large"),
    ("415", "UnsupportedMediaType", "The body is of a type that is not accepted"),
    ("416", "NoSuchRange", "No byte is in the range that is asked for"),
    ("422", "Unprocessable", "What the body names does not exist or cannot be right, or the id was used before"),
    ("429", "TooMany", "More requests, streams or uploads than one caller may have; come back after `Retry-After`"),
    ("500", "Internal", "Something is broken on our side"),
    ("503", "Busy", "Not now; send the same again, with the same Idempotency-Key, after `Retry-After`"),
];

/// The answers that are problems, by name.
pub(super) fn problems() -> impl Iterator<Item = (&'static str, Response)> {
    PROBLEMS.iter().map(|(status, name, meaning)| {
        let problem = response(meaning, PROBLEM_JSON, "Problem");
        let again = || header("After how many seconds to send it again");
        (*name, if matches!(*status, "429" | "503") { problem.header("Retry-After", again()) } else { problem }.build())
    })
}

/// A response with a body of this schema.
pub(super) fn response(meaning: &str, media_type: &str, schema: &str) -> ResponseBuilder {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
    ResponseBuilder::new().description(meaning).content(media_type, content)
}

/// A response of JSON.
pub(super) fn json(meaning: &str, schema: &str) -> ResponseBuilder {
    response(meaning, "application/json", schema)
}

/// An operation that needs a token: who may, and the problems that it may be answered with.
pub(super) fn locked(operation: OperationBuilder, by: Allowed, text: &str, problems: &[&str]) -> Operation {
    let operation = operation
        .description(Some(format!("{text}\n\n{}", who_may(by))))
        .parameter(post())
        .security(SecurityRequirement::new::<_, [&str; 0], &str>(BEARER, []));
    let always = ["400", "401", "403", "429", "500", "503"];
    let refused = PROBLEMS.iter().filter(|(status, ..)| always.contains(status) || problems.contains(status));
    refused
        .fold(operation, |operation, (status, name, _)| operation.response(*status, Ref::from_response_name(*name)))
        .build()
}

/// A row of the table of permissions, in words.
fn who_may(allowed: Allowed) -> String {
    let roles: Vec<String> =
        allowed.iter().map(|(role, reach)| format!("`{role}`{}", reach_in_words(*reach))).collect();
    format!("Allowed to: {}.", roles.join(", "))
}

const fn reach_in_words(reach: Reach) -> &'static str {
    match reach {
        Reach::Grid => " in its grid and below",
        Reach::Department => " for what its department was sent",
        Reach::Own => " for what is their own",
        Reach::Everywhere => " with a scope of everywhere",
        Reach::Any => "",
    }
}

/// A text.
pub(super) fn text() -> Object {
    ObjectBuilder::new().schema_type(Type::String).build()
}

/// A text of a known form.
pub(super) fn text_as(format: &str) -> Object {
    ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::Custom(format.to_owned()))).build()
}

/// A text that is one of these words.
pub(super) fn one_of(words: Vec<String>) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).build()
}

/// A text of a known pattern.
pub(super) fn text_like(pattern: &str) -> Object {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).build()
}

/// A number from `least`, and up to `most` where there is an end.
pub(super) fn number(least: u32, most: Option<u32>) -> Object {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(least)).maximum(most).build()
}

/// A part of the path.
pub(super) fn in_path(name: &str, meaning: &str, schema: Object) -> Parameter {
    parameter(ParameterIn::Path, name, meaning, schema, Required::True)
}

/// A part of the query; none is required.
pub(super) fn in_query(name: &str, meaning: &str, schema: Object) -> Parameter {
    parameter(ParameterIn::Query, name, meaning, schema, Required::False)
}

/// A header of the request.
pub(super) fn in_header(name: &str, meaning: &str, schema: Object, required: Required) -> Parameter {
    parameter(ParameterIn::Header, name, meaning, schema, required)
}

fn parameter(place: ParameterIn, name: &str, meaning: &str, schema: Object, required: Required) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .description(Some(meaning))
        .schema(Some(schema))
        .required(required)
        .build()
}

/// A header of the response.
pub(super) fn header(meaning: &str) -> Header {
    HeaderBuilder::new().schema(Some(text())).description(Some(meaning)).build()
}

/// `?beyond=&limit=`
pub(super) fn paged(operation: OperationBuilder) -> OperationBuilder {
    operation
        .parameter(in_query("beyond", "`next` of the page before; nothing for the first", text()))
        .parameter(in_query("limit", "At most so many rows; 50 without it", number(1, Some(app::query::PAGE_ROWS_MAX))))
}

/// `?at=`
pub(super) fn at() -> Parameter {
    in_query("at", "As it was at this moment (RFC 3339); as it is without it", text_as("date-time"))
}

/// `Dualgrid-Post`
fn post() -> Parameter {
    let meaning = "In which post you act, where you hold several (一肩挑): its code in the register of persons";
    in_header("Dualgrid-Post", meaning, text(), Required::False)
}

/// `If-None-Match`
pub(super) fn if_none_match() -> Parameter {
    in_header("If-None-Match", "The ETag of what you have", text(), Required::False)
}
