//! The operations that are no commands.

use app::authorise::{READ_CAPTURE, READ_EVENTS, READ_EVIDENCE, READ_OUTCOME, UPLOAD_EVIDENCE};
use app::kind::Kind;
use app::shown::Shown;
use kernel::Allowed;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{Operation, OperationBuilder, Parameter};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::{Object, Ref, Required};

use super::parts::{
    at, header, if_none_match, in_header, in_path, in_query, json, locked, number, one_of, paged, response, text,
    text_as, text_like,
};
use super::schemas::{
    ANSWER, CAPTURES, FILES, HISTORY, PERSONS, UPLOADED, document_name, page_name, row_name, similar_name,
};
use crate::events::{CLOUD_EVENT, EPOCH, POSITION};
use crate::operation::PROMETHEUS;
use crate::routes::{Endpoint, key_of};

/// The form of a code.
const CODE: &str = "^[A-Z0-9][A-Z0-9-]{0,31}$";
/// The form of a digest.
const DIGEST: &str = "^[0-9a-f]{64}$";

/// Name, tag, summary, and what else to know.
struct Words(String, &'static str, &'static str, &'static str);

fn words(endpoint: Endpoint) -> Words {
    let words = |id: &str, tag, summary, text| Words(id.to_owned(), tag, summary, text);
    match endpoint {
        Endpoint::Command(kind, verb) => words(verb.name, kind.plural(), verb.name, ""),
        Endpoint::History(kind) => words(
            kind.read_action(),
            kind.plural(),
            "Its events in order",
            "Read from the log itself, so that it never lags; `beyond` is a version, or `next` of the page before.",
        ),
        Endpoint::Person(kind, personal) => words(
            personal.action,
            kind.plural(),
            "Personal data in clear",
            "Every reading is recorded before anything is shown, with its reader and its purpose; for a duty in it alone, and so many days \
             after, and so often in a day, as the rules say.",
        ),
        Endpoint::Similar(kind, similar) => {
            words(similar.action, kind.plural(), "Open ones that may be the same, and why", SIMILAR)
        }
        Endpoint::Document(kind, document) => words(document.action, kind.plural(), document.about, ""),
        Endpoint::Rows(view) => Words(view.action().replace("read-", "list-"), tag_of(view), view.about(), LIST),
        Endpoint::Row(view) => {
            words(view.action(), tag_of(view), view.about(), if view.is_of_one() { ONE } else { ROW })
        }
        Endpoint::Outcome => {
            words("read-outcome", "operation", "What a command did", "For a command whose answer was lost.")
        }
        Endpoint::Events => words("read-events", "events", "The log after a position", EVENTS),
        Endpoint::Event => {
            words("read-event", "events", "One event, as recorded", "The body is the exact bytes of the log.")
        }
        Endpoint::PutEvidence => words("upload-evidence", "evidence", "Upload a file", EVIDENCE),
        Endpoint::GetEvidence => words("read-evidence", "evidence", "Download a file", DOWNLOAD),
        Endpoint::Captures => {
            words("read-capture", "evidence", "When and where a file says that it was taken", CAPTURE)
        }
        Endpoint::NamedFiles(kind) => words(
            &format!("list-evidence-of-{}", kind.plural()),
            kind.plural(),
            "The files that it names",
            "In the order of its events, read from the log itself; for whoever may read its history.",
        ),
        Endpoint::Healthz => words("healthz", "operation", "Whether the process is alive", ELSEWHERE),
        Endpoint::Readyz => words("readyz", "operation", "Whether the process can do its work", ELSEWHERE),
        Endpoint::Metrics => words("metrics", "operation", "What was measured", OPERATORS),
        Endpoint::OpenApi => words("openapi", "operation", "This document", ""),
        Endpoint::Docs => words("docs", "operation", "Leads to the page on which to try it", OPERATORS),
        Endpoint::DocsFile => words("docs-file", "operation", "A file of that page", OPERATORS),
    }
}

/// The kind whose rows a view shows.
fn tag_of(view: &dyn Shown) -> &'static str {
    let of = view.from().first().and_then(|category| app::registry::kind(category).ok());
    of.map_or("views", |kind| kind.plural())
}

/// What is said in full only to who runs it.
const ELSEWHERE: &str = "In full on the operations listener; elsewhere nothing but yes or no.";
/// What only who runs it is answered.
const OPERATORS: &str = "On the operations listener only.";

/// A place in the log: a position, with the epoch before it where it is known.
const MARK: &str = "^([0-9]{1,10}:)?[0-9]{1,19}$";
const LIST: &str = "\
Follows the log within moments; `Dualgrid-View-Position` says how far. Filters can be given together only as listed.";
const ROW: &str = "Follows the log within moments; `Dualgrid-View-Position` says how far.";
const ONE: &str = "Read from the log itself: what was written can be read at once.";
const SIMILAR: &str = "\
Near, or told of in like words, by the limits of the rules; those in the likest words first, then the nearest. At most 20 that the \
caller may read. Follows the log within moments; `Dualgrid-View-Position` says how far.";
const EVENTS: &str = "\
As `text/event-stream` it has no end of its own: each event has `EPOCH:POSITION` as `id`, its type as `event`, and its exact text as \
`data`. Where the server ends it, the last event is `end`, without an `id`, and its data has a `code` and says why; come back with \
`Last-Event-ID`. As `application/json` it is a page.";
const EVIDENCE: &str = "\
A JPEG, PNG, WebP, PDF or MP4 (by any compatible brand) of at most 20 MiB, sent as it is, without Content-Encoding. It is kept under its SHA-256 digest, which commands then name; the \
same file again is the same evidence. Of pictures and films, what tells of their maker is taken out first (place, time, texts), so that the \
digest is that of what is kept; `original_sha256` is that of what was sent. A file that nothing names by `unnamed_until` is removed.";
const DOWNLOAD: &str = "\
For whoever sent it, until something names it; then for whoever may read the history of what names it. Another file is answered as one \
that does not exist. Checked against its digest. One range of bytes can be asked for.";
const CAPTURE: &str = "\
What was taken out of the file when it came, for each who sent it and whose file told something. It is what a camera says, and no proof.";

/// The operation of a route that is no command.
pub(super) fn operation(endpoint: Endpoint) -> Operation {
    let Words(id, tag, summary, text) = words(endpoint);
    let operation = OperationBuilder::new().operation_id(Some(id)).tag(tag).summary(Some(summary));
    match closed(endpoint) {
        None => open(endpoint, operation)
            .response("400", Ref::from_response_name("BadRequest"))
            .response("412", Ref::from_response_name("Moved"))
            .build(),
        Some((allowed, problems, describe)) => {
            // What is uploaded has no version that could be named.
            let is_read = !matches!(endpoint, Endpoint::PutEvidence);
            let problems = [problems, if is_read { &["412"] } else { &[] }].concat();
            locked(describe(operation), allowed, text, &problems)
        }
    }
}

type Describe = Box<dyn FnOnce(OperationBuilder) -> OperationBuilder>;

/// What needs a token: who may, the problems beside those that every such route has, and what else there is to say.
fn closed(endpoint: Endpoint) -> Option<(Allowed, &'static [&'static str], Describe)> {
    Some(match endpoint {
        Endpoint::History(kind) => {
            (kind.read(), &["400", "404", "409"], Box::new(move |it| page(of_one(it, kind), HISTORY)) as Describe)
        }
        Endpoint::Person(kind, personal) => {
            let shown = json("Everybody, in the order in which they came", PERSONS).build();
            let purpose = in_query("purpose", "What it is read for; needed", one_of((personal.purposes)()));
            let describe = move |it| of_one(it, kind).parameter(purpose).response("200", shown);
            (personal.read, &["400", "404", "409", "410"], Box::new(describe))
        }
        Endpoint::Similar(kind, similar) => {
            let shown = json("What may be the same", &similar_name(kind)).build();
            (similar.read, &["400", "404"], Box::new(move |it| of_one(it, kind).response("200", shown)))
        }
        Endpoint::Document(_, document) => {
            (document.read, &["400"], Box::new(move |it| shown(it, &document_name(document.path))))
        }
        Endpoint::Rows(view) => (view.read(), &["400", "404", "409"], Box::new(move |it| rows(it, view))),
        Endpoint::Row(view) => (view.read(), &["400", "404"], Box::new(move |it| row(it, view))),
        Endpoint::Outcome => (READ_OUTCOME.allowed, &["400", "404"], Box::new(outcome)),
        Endpoint::Events => (READ_EVENTS.allowed, &["400", "406", "409"], Box::new(events)),
        Endpoint::Event => (READ_EVENTS.allowed, &["400", "404"], Box::new(event)),
        Endpoint::PutEvidence => (UPLOAD_EVIDENCE.allowed, &["400", "408", "413", "415", "422"], Box::new(upload)),
        Endpoint::GetEvidence => (READ_EVIDENCE.allowed, &["400", "404", "416"], Box::new(download)),
        Endpoint::Captures => {
            let shown = json("What it told", CAPTURES).build();
            (READ_CAPTURE.allowed, &["400", "404"], Box::new(|it| it.parameter(digest()).response("200", shown)))
        }
        Endpoint::NamedFiles(kind) => {
            let shown = json("The files", FILES).build();
            (kind.read(), &["400", "404"], Box::new(move |it| of_one(it, kind).response("200", shown)))
        }
        _ => return None,
    })
}

fn of_one(operation: OperationBuilder, kind: &dyn Kind) -> OperationBuilder {
    if kind.is_single() { operation } else { operation.parameter(in_path(kind.category(), "Its id", text_as("uuid"))) }
}

fn outcome(operation: OperationBuilder) -> OperationBuilder {
    let command = in_path("command", "The Idempotency-Key of the command", text_as("uuid"));
    operation.parameter(command).response("200", json("What it did", ANSWER).build())
}

fn rows(operation: OperationBuilder, view: &dyn Shown) -> OperationBuilder {
    let mut filters: Vec<&str> = view.filters().iter().flat_map(|set| set.iter().copied()).collect();
    filters.sort_unstable();
    filters.dedup();
    let together = |filter: &str| -> String {
        let sets = view.filters().iter().filter(|set| set.contains(&filter));
        sets.map(|set| set.join(" and ")).collect::<Vec<_>>().join(", or ")
    };
    let operation = filters.into_iter().fold(operation, |operation, filter| {
        operation.parameter(in_query(filter, &format!("Filter; offered: {}", together(filter)), form(view, filter)))
    });
    let found = json("A page", &page_name(view)).header("Dualgrid-View-Position", header("How far the view follows"));
    paged(operation).response("200", found.build())
}

/// What a filter takes.
fn form(view: &dyn Shown, filter: &str) -> Object {
    match (view.words(filter), filter) {
        (Some(words), _) => one_of(words),
        (None, "grid" | "department") => text_like(CODE),
        (None, _) => text(),
    }
}

fn row(operation: OperationBuilder, view: &dyn Shown) -> OperationBuilder {
    let found = json("The row", &row_name(view)).header("ETag", header("Its version"));
    let key = in_path(key_of(view), "Its key", if view.is_of_one() { text_as("uuid") } else { text() });
    let operation = operation
        .parameter(key)
        .parameter(if_none_match())
        .response("200", found.build())
        .response("304", ResponseBuilder::new().description("Not modified").build());
    if view.is_of_one() { operation.parameter(at()) } else { operation }
}

fn shown(operation: OperationBuilder, name: &str) -> OperationBuilder {
    let tag = header("The same for every moment at which the document says the same; weak, because `at` differs");
    operation
        .parameter(at())
        .parameter(if_none_match())
        .response("200", json("As of that moment", name).header("ETag", tag).build())
        .response("304", ResponseBuilder::new().description("Not modified").build())
}

/// What needs no token: nothing of a case.
fn open(endpoint: Endpoint, operation: OperationBuilder) -> OperationBuilder {
    let operation = if endpoint.is_for_operators() {
        operation.response("404", Ref::from_response_name("NotFound"))
    } else {
        operation
    };
    match endpoint {
        Endpoint::Healthz => operation.response("200", json("The process is alive", "Alive").build()),
        Endpoint::Readyz => operation
            .response("200", json("The process is ready", "Report").build())
            .response("503", json("The process is not ready; the checks say why", "Report").build()),
        Endpoint::Metrics => {
            operation.response("200", response("In the text format of Prometheus", PROMETHEUS, "Text").build())
        }
        Endpoint::Docs => operation.response(
            "308",
            ResponseBuilder::new().description("Moved").header("Location", header("The page")).build(),
        ),
        Endpoint::DocsFile => operation
            .parameter(in_path("file", "Its name; begin with index.html", text()))
            .response("200", response("The file", "*/*", "File").build()),
        _ => operation.response("200", json("The document", "Document").build()),
    }
}

fn page(operation: OperationBuilder, of: &str) -> OperationBuilder {
    paged(operation).response("200", json("A page", of).build())
}

fn events(operation: OperationBuilder) -> OperationBuilder {
    let stream = ContentBuilder::new().schema(Some(Ref::from_schema_name("Text"))).build();
    let most = Some(app::query::PAGE_ROWS_MAX);
    let page = json("The events", "EventPage").content("text/event-stream", stream);
    let page = page.header(EPOCH, header("The epoch of the log"));
    operation
        .parameter(in_query(
            "after",
            "After which event to begin: `EPOCH:POSITION` as it was told, or a position; 0 is the beginning",
            text_like(MARK),
        ))
        .parameter(in_query("limit", "At most so many events on a page; 50 without it", number(1, most)))
        .parameter(in_header(
            "Last-Event-ID",
            "Where to resume: the `id` of the last event, `EPOCH:POSITION`, or a position; counts before `after`",
            text_like(MARK),
            Required::False,
        ))
        .parameter(in_query(
            "epoch",
            "The epoch in which the reader came to a position that is given alone; 409 where events were lost since that it has",
            number(0, None),
        ))
        .response("409", Ref::from_response_name("Refused"))
        .response("200", page.build())
}

fn event(operation: OperationBuilder) -> OperationBuilder {
    let found = response("The event", CLOUD_EVENT, "Event").header("ETag", header("Its id"));
    let found = found.header(POSITION, header("Its place in the log, which is not part of its bytes"));
    let found = found.header(EPOCH, header("The epoch of the log"));
    operation
        .parameter(in_path("position", "Its place in the log", number(1, None)))
        .parameter(if_none_match())
        .response("200", found.build())
        .response("304", ResponseBuilder::new().description("Not modified").build())
}

fn upload(operation: OperationBuilder) -> OperationBuilder {
    let file = || ContentBuilder::new().schema(Some(Ref::from_schema_name("File"))).build();
    let body = RequestBodyBuilder::new().content("*/*", file()).required(Some(Required::True)).build();
    let kept = json("Stored", UPLOADED).header("Location", header("Where it is"));
    operation.request_body(Some(body)).response("201", kept.build())
}

fn digest() -> Parameter {
    in_path("sha256", "The digest: 64 hexadecimal digits in lower case", text_like(DIGEST))
}

fn download(operation: OperationBuilder) -> OperationBuilder {
    let file = |meaning: &str| response(meaning, "*/*", "File").header("ETag", header("The digest"));
    let part = file("The part of it that is asked for").header("Content-Range", header("Where it stands in the whole"));
    let range = "One range of bytes, for example `bytes=0-1023`; of several none counts";
    let same = "Where the file has another digest, the range does not count";
    operation
        .parameter(digest())
        .parameter(if_none_match())
        .parameter(in_header("Range", range, text(), Required::False))
        .parameter(in_header("If-Range", same, text(), Required::False))
        .response("200", file("The file").build())
        .response("206", part.build())
        .response("304", ResponseBuilder::new().description("Not modified").build())
}
