//! The operations that are no commands.

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{Operation, OperationBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::{Object, Ref, Required};

use super::parts::{
    at, header, if_none_match, in_header, in_path, in_query, json, locked, number, paged, response, text, text_as,
};
use super::views;
use crate::events::{CLOUD_EVENT, POSITION};
use crate::operation::PROMETHEUS;
use crate::routes::Endpoint;

/// Who answers with data: name, tag, summary, and what else to know.
struct Words(&'static str, &'static str, &'static str, &'static str);

const fn words(endpoint: Endpoint) -> Words {
    match endpoint {
        Endpoint::Command(_, name) => Words(name, "cases", name, ""),
        Endpoint::Case => Words("read-case", "cases", "Where a case stands, or stood", ""),
        Endpoint::History => Words(
            "read-history",
            "cases",
            "The events of a case in order",
            "Read from the log itself; `beyond` is a version.",
        ),
        Endpoint::Reporter => {
            Words("read-reporter", "cases", "Who reported a case, in clear", "Every look is logged with who looked.")
        }
        Endpoint::Board => {
            Words("read-board", "cases", "The cases of a grid and everything below it", "The newest first.")
        }
        Endpoint::Orders => Words("read-orders", "cases", "The orders of a department", "The newest first."),
        Endpoint::Obligations => Words(
            "read-obligations",
            "cases",
            "Who has to do what, until when",
            "Every case that is not closed has a next actor and a due time (闭合链). The most urgent first.",
        ),
        Endpoint::Outcome => {
            Words("read-outcome", "cases", "What a command did", "For a command whose answer was lost.")
        }
        Endpoint::Events => Words("read-events", "events", "The log after a position", EVENTS),
        Endpoint::Event => {
            Words("read-event", "events", "One event, as recorded", "The body is the exact bytes of the log.")
        }
        Endpoint::District => Words("read-district", "district", "Grids, departments and posts", ""),
        Endpoint::Matters => Words("read-matters", "rules", "The catalogue of matters", ""),
        Endpoint::PutEvidence => Words("upload-evidence", "evidence", "Upload a file", EVIDENCE),
        Endpoint::GetEvidence => Words("read-evidence", "evidence", "Download a file", "Checked against its digest."),
        Endpoint::Healthz => Words("healthz", "operation", "Whether the process is alive, and which it is", ""),
        Endpoint::Readyz => Words("readyz", "operation", "Whether the process can do its work", ""),
        Endpoint::Metrics => Words("metrics", "operation", "What was measured", ""),
        Endpoint::OpenApi => Words("openapi", "operation", "This document", ""),
        Endpoint::Docs => Words("docs", "operation", "The way to the page on which to try it", ""),
        Endpoint::DocsFile => Words("docs-file", "operation", "A file of that page", ""),
    }
}

const EVENTS: &str = "\
As `text/event-stream` it does not end: each event has its position as `id`, its type as `event`, and its exact text as \
`data`; come back with `Last-Event-ID`. As `application/json` it is a page.";
const EVIDENCE: &str = "\
A JPEG, PNG, WebP, PDF or MP4 of at most 20 MiB. It is kept under its SHA-256 digest, which commands then name; the \
same file again is the same evidence.";

/// The operation of a route that is no command.
pub(super) fn operation(endpoint: Endpoint) -> Operation {
    let Words(id, tag, summary, text) = words(endpoint);
    let operation = OperationBuilder::new().operation_id(Some(id)).tag(tag).summary(Some(summary));
    match endpoint.action() {
        None => open(endpoint, operation).build(),
        Some(action) => {
            let (operation, problems) = closed(endpoint, operation);
            locked(operation, action, text, problems)
        }
    }
}

/// What stands behind a token: parameters, answers, and the problems beside those that every such route has.
fn closed(endpoint: Endpoint, operation: OperationBuilder) -> (OperationBuilder, &'static [&'static str]) {
    match endpoint {
        Endpoint::Case => (case(operation.parameter(of_case())), &["400", "404"]),
        Endpoint::History => (page(operation.parameter(of_case()), views::HISTORY), &["400", "404"]),
        Endpoint::Reporter => {
            let shown = json("The reporter", "Reporter").build();
            (operation.parameter(of_case()).response("200", shown), &["400", "404", "410"])
        }
        Endpoint::Board => {
            let grid = in_path("grid", "The grid, for example JAS-R03", text());
            let stage = in_query("stage", "Only cases in this stage", text());
            (page(operation.parameter(grid).parameter(stage), views::BOARD), &["400", "422"])
        }
        Endpoint::Orders => {
            let department = in_path("department", "The department, for example CGZF", text());
            let status = in_query("status", "Only orders of this status", text());
            (page(operation.parameter(department).parameter(status), views::ORDERS), &["400"])
        }
        Endpoint::Obligations => {
            let grid = in_query("grid", "Only in this grid and below", text());
            let department = in_query("department", "Only of this department", text());
            (page(operation.parameter(grid).parameter(department), views::OBLIGATIONS), &["400", "422"])
        }
        Endpoint::Outcome => {
            let command = in_path("command", "The Idempotency-Key of the command", text_as("uuid"));
            let answer = json("What it did", "Answer").build();
            (operation.parameter(command).response("200", answer), &["400", "404"])
        }
        Endpoint::Events => (events(operation), &["400", "406"]),
        Endpoint::Event => (event(operation), &["400", "404"]),
        Endpoint::PutEvidence => (upload(operation), &["400", "413", "415"]),
        Endpoint::GetEvidence => (download(operation), &["400", "404"]),
        _ => (operation.parameter(at()).response("200", json("As of that moment", "Document").build()), &["400"]),
    }
}

/// What stands open: nothing of a case.
fn open(endpoint: Endpoint, operation: OperationBuilder) -> OperationBuilder {
    match endpoint {
        Endpoint::Healthz => operation.response("200", json("It is alive", "Alive").build()),
        Endpoint::Readyz => operation
            .response("200", json("It can", "Report").build())
            .response("503", json("It cannot; the checks say why", "Report").build()),
        Endpoint::Metrics => operation
            .response("200", response("In the text format of Prometheus", PROMETHEUS, "Text").build())
            .response("404", Ref::from_response_name("NotFound")),
        Endpoint::Docs => operation.response(
            "308",
            ResponseBuilder::new().description("There").header("Location", header("The page")).build(),
        ),
        Endpoint::DocsFile => operation
            .parameter(in_path("file", "Its name; begin with index.html", text()))
            .response("200", response("The file", "*/*", "File").build())
            .response("404", Ref::from_response_name("NotFound")),
        _ => operation.response("200", json("The document", "Document").build()),
    }
}

fn of_case() -> utoipa::openapi::path::Parameter {
    in_path("case", "The case", text_as("uuid"))
}

fn case(operation: OperationBuilder) -> OperationBuilder {
    let found = json("The case", views::CASE).header("ETag", header("Its version")).build();
    operation
        .parameter(at())
        .parameter(if_none_match())
        .response("200", found)
        .response("304", ResponseBuilder::new().description("You have it").build())
}

fn page(operation: OperationBuilder, of: &str) -> OperationBuilder {
    paged(operation).response("200", json("A page", of).build())
}

fn events(operation: OperationBuilder) -> OperationBuilder {
    let stream = ContentBuilder::new().schema(Some(Ref::from_schema_name("Text"))).build();
    let most = Some(app::query::PAGE_ROWS_MAX);
    operation
        .parameter(in_query("after", "The position after which to begin; 0 is the beginning", number(0, None)))
        .parameter(in_query("limit", "At most so many events on a page; 50 without it", number(1, most)))
        .parameter(in_header(
            "Last-Event-ID",
            "Where to resume; counts before `after`",
            number(0, None),
            Required::False,
        ))
        .response("200", json("The events", "EventPage").content("text/event-stream", stream).build())
}

fn event(operation: OperationBuilder) -> OperationBuilder {
    let found = response("The event", CLOUD_EVENT, "Event").header("ETag", header("Its id"));
    let found = found.header(POSITION, header("Its place in the log, which is not part of its bytes"));
    operation.parameter(in_path("position", "Its place in the log", number(1, None))).response("200", found.build())
}

fn upload(operation: OperationBuilder) -> OperationBuilder {
    let file = || ContentBuilder::new().schema(Some(Ref::from_schema_name("File"))).build();
    let body = RequestBodyBuilder::new().content("*/*", file()).required(Some(Required::True)).build();
    let kept = json("It is kept", "Evidence").header("Location", header("Where it is"));
    operation.request_body(Some(body)).response("201", kept.build())
}

fn download(operation: OperationBuilder) -> OperationBuilder {
    let digest: Object = text();
    operation
        .parameter(in_path("sha256", "The digest: 64 hexadecimal digits in lower case", digest))
        .parameter(if_none_match())
        .response("200", response("The file", "*/*", "File").header("ETag", header("The digest")).build())
        .response("304", ResponseBuilder::new().description("You have it").build())
}
