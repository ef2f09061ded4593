//! Commands of departments over NATS: `dg.cmd.<CODE>.<verb>` ends in the same `App::submit` as HTTP.
//!
//! Each department's commands arrive on a connection of their own: async-nats drops its connection over a message that it cannot
//! read, and neither the publisher nor another department notices ([`Losses`]).
//!
//! | part of the request | meaning |
//! |---|---|
//! | second last token of the subject | the department; only its own account reaches the core there |
//! | last token | the verb, for example `accept-order`; [`rules`](crate::rules) has them all |
//! | `Dualgrid-Command-Id` | a UUID made by the department; the same id again gets the same answer |
//! | `Dualgrid-<Kind>-Id` | what the command is about, for example `Dualgrid-Case-Id` |
//! | `Dualgrid-Actor` | staff id of the clerk, read as in a token; optional, `dept/<CODE>` without it |
//! | `If-Match` | optional, as over HTTP: the version of what the command is about on which the sender relies, in quotes |
//! | `Dualgrid-Correlation-Id`, `traceparent` | optional |
//! | `Content-Type`, `Content-Encoding` | optional; a body that says that it is no JSON in UTF-8 as it is gets 415 |
//! | payload | the JSON body, as over HTTP, with the same limits |
//! | `Nats-Request-Info` | written by nats-server: the account that the command came from, `D_<CODE>` |
//!
//! Names of headers are compared without case, as over HTTP; one given twice, in whatever case, is 400 `header-repeated`.
//!
//! `upload-evidence` takes a file: the payload is its bytes and `Content-Type` its media type. It needs no other header, and
//! the answer is the evidence (digest, type, size) that commands name.
//!
//! The answer is the JSON of `app::intake::Answer`. An error is an RFC 9457 problem with the headers of a NATS service
//! error: `Nats-Service-Error-Code` is its status, `Nats-Service-Error` its code. What may pass (503) says in the header `Retry-After`
//! and in the problem in how many seconds to send the same command again.
//!
//! INVARIANT: an answer goes into the department's own account or nowhere. The core may publish everywhere in its account, and
//! nats-server does not check a reply subject against the sender's rights: a department that could name any subject of the
//! core's account would write with ours.

mod lane;
mod losses;
mod request;
mod seldom;

pub(crate) use losses::Losses;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use app::intake::{Answer, Expected, Request};
use app::port::EventLog;
use app::refusals::{NOBODY, Refused};
use app::{App, Problem};
use async_nats::service::{NATS_SERVICE_ERROR, NATS_SERVICE_ERROR_CODE};
use async_nats::{Client, HeaderMap, Message};
use async_trait::async_trait;
use bytes::Bytes;
use kernel::{Actor, DepartmentCode, Evidence};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::sleep;

use crate::departments::{Directory, department_of};
use crate::error::chain;
use crate::subject::UPLOAD;
use crate::{ConnectionOptions, Error, header};
use lane::Lane;
use seldom::Seldom;

/// How often departments without a way for their commands are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Messages that were ignored, by department.
const IGNORED: &str = "dualgrid_department_messages_ignored_total";
/// How often a line of the log tells of them, for each department.
const TELL_EVERY: Duration = Duration::from_secs(30);

/// Takes commands and answers them.
#[async_trait]
pub trait Door: Send + Sync + 'static {
    /// Counts a request of a department, or says that it makes too many. A door may take as many as come.
    fn admit(&self, principal: &str) -> Result<(), app::Error> {
        tracing::trace!(principal, "admitted");
        Ok(())
    }

    /// Tells that a request was refused. A door may keep it to itself.
    fn tell_refused(&self, refused: &Refused<'_>) {
        tracing::trace!(code = refused.code, "refused");
    }

    /// Handles a command, if what it is about is as expected; the same command again gets the same answer.
    async fn submit(&self, request: Request, expected: Option<Expected>) -> Result<Answer, app::Error>;

    /// Keeps a file. The same file again is the same evidence. A door may refuse all files.
    async fn upload(&self, by: &Actor, media_type: &str, file: Bytes) -> Result<Evidence, app::Error> {
        let what = format!("place here for the {media_type} of {} bytes that {} sent", file.len(), by.id);
        Err(app::Error::NotFound { what })
    }
}

#[async_trait]
impl Door for App {
    fn admit(&self, principal: &str) -> Result<(), app::Error> {
        Self::admit(self, principal)
    }

    fn tell_refused(&self, refused: &Refused<'_>) {
        Self::tell_refused(self, refused);
    }

    async fn submit(&self, request: Request, expected: Option<Expected>) -> Result<Answer, app::Error> {
        self.submit_if(request, expected).await
    }

    async fn upload(&self, by: &Actor, media_type: &str, file: Bytes) -> Result<Evidence, app::Error> {
        self.put_evidence(by, media_type, file).await
    }
}

/// The commands that one process takes. Several processes share the work.
pub struct Commands {
    options: ConnectionOptions,
    directory: Arc<dyn Directory>,
    log: Arc<dyn EventLog>,
    door: Arc<dyn Door>,
}

impl Commands {
    /// Commands for `door`, on a connection for each department of `directory` and for each that had a consumer once: it may have
    /// orders to finish. None is taken until it is run.
    pub fn new(
        options: ConnectionOptions,
        directory: Arc<dyn Directory>,
        log: Arc<dyn EventLog>,
        door: Arc<dyn Door>,
    ) -> Self {
        Self { options, directory, log, door }
    }

    /// Takes commands until `shutdown`, then answers those under way and ends.
    ///
    /// A command that arrives at the moment of the unsubscription may get no answer. It had no effect, and the department
    /// sends it again with the same id.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) {
        let stop = watch::Sender::new(false);
        let mut lanes = JoinSet::new();
        tokio::select! {
            () = shutdown => {}
            never = self.keep(&mut lanes, &stop) => match never {},
        }
        stop.send_replace(true);
        while lanes.join_next().await.is_some() {}
    }

    /// Opens a lane for each department that has none.
    async fn keep(&self, lanes: &mut JoinSet<()>, stop: &watch::Sender<bool>) -> Infallible {
        metrics::describe_counter!(
            IGNORED,
            "Messages of departments that came neither through their account nor with an answer's address"
        );
        let mut open = BTreeSet::new();
        loop {
            match self.departments().await {
                Ok(departments) => {
                    for department in departments.difference(&open).cloned().collect::<Vec<_>>() {
                        let options = ConnectionOptions {
                            name: format!("{} commands {department}", self.options.name),
                            ..self.options.clone()
                        };
                        open.insert(department.clone());
                        let (door, told) = (Arc::clone(&self.door), Seldom::every(TELL_EVERY));
                        lanes.spawn(Lane { department, options, door, told }.run(stop.subscribe()));
                    }
                }
                Err(error) => tracing::warn!(
                    reason = chain(&error),
                    "departments without a way for commands could not be looked for"
                ),
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn departments(&self) -> Result<BTreeSet<DepartmentCode>, Error> {
        let mut departments: BTreeSet<DepartmentCode> = self.directory.departments().await?.into_iter().collect();
        let floors = self.log.floors().await?;
        departments.extend(floors.keys().filter_map(|consumer| department_of(consumer)));
        Ok(departments)
    }
}

/// Counts a message that is not the department's, or asks for no answer.
fn ignore(department: &DepartmentCode, told: &Seldom) {
    metrics::counter!(IGNORED, "department" => department.to_string()).increment(1);
    if let Some(others) = told.pass() {
        tracing::warn!(
            %department,
            others,
            "a message was ignored: it did not come through the account of its department, D_<CODE>, or has no reply subject"
        );
    }
}

fn note(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a command ended without an answer");
    }
}

/// Handles a command or keeps a file, and tells what is refused.
async fn outcome(door: &dyn Door, message: &Message) -> Result<Value, Problem> {
    let ended = handled(door, message).await;
    if let Err(Problem { status: status @ 400..500, code, .. }) = &ended {
        let who = request::sender(message).unwrap_or_else(|_| NOBODY.to_owned());
        let (what, on) = request::about_of(message);
        let role = Some(crate::rules::ROLE.as_str());
        door.tell_refused(&Refused { who: &who, role, what, on: &on, from: "nats", status: *status, code });
    }
    ended
}

/// Handles a command or keeps a file, as the last token of the subject says.
async fn handled(door: &dyn Door, message: &Message) -> Result<Value, Problem> {
    // Before anything is read: who floods costs next to nothing.
    door.admit(&request::sender(message)?).map_err(|error| error.problem())?;
    let value = if message.subject.ends_with(&format!(".{UPLOAD}")) {
        let upload = request::read_upload(message)?;
        let kept = door.upload(&upload.by, &upload.media_type, upload.file).await;
        serde_json::to_value(kept.map_err(|error| error.problem())?)
    } else {
        let (read, expected) = request::read(message)?;
        serde_json::to_value(door.submit(read, expected).await.map_err(|error| error.problem())?)
    };
    value.map_err(|error| Problem::new(500, "internal", error.to_string()))
}

async fn answer(door: Arc<dyn Door>, client: Client, message: Message) {
    let Some(reply) = message.reply.clone() else { return };
    let (body, headers) = match outcome(&*door, &message).await {
        Ok(answer) => (serde_json::to_vec(&answer), headers("application/json")),
        Err(problem) => (serde_json::to_vec(&problem), problem_headers(&problem)),
    };
    let Ok(body) = body.inspect_err(|error| tracing::error!(%error, "an answer cannot be written as JSON")) else {
        return;
    };
    if let Err(error) = client.publish_with_headers(reply, headers, Bytes::from(body)).await {
        tracing::warn!(%error, subject = %message.subject, "an answer could not be sent");
    }
}

fn headers(content_type: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, content_type);
    headers
}

fn problem_headers(problem: &Problem) -> HeaderMap {
    let mut headers = headers("application/problem+json");
    headers.insert(NATS_SERVICE_ERROR, problem.code.as_str());
    headers.insert(NATS_SERVICE_ERROR_CODE, problem.status.to_string());
    if let Some(seconds) = problem.retry_after {
        headers.insert(header::RETRY_AFTER, seconds.to_string());
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes nothing any more of one department, and keeps what it is told.
    #[derive(Default)]
    struct Flooded(std::sync::Mutex<Vec<String>>);

    #[async_trait]
    impl Door for Flooded {
        fn admit(&self, principal: &str) -> Result<(), app::Error> {
            let is_flooding = principal == "dept/CGZF";
            if is_flooding { Err(app::Error::TooManyRequests { per_second: 100, wait_s: 7 }) } else { Ok(()) }
        }

        fn tell_refused(&self, refused: &Refused<'_>) {
            let Refused { who, what, on, from, status, code, .. } = *refused;
            self.0.lock().unwrap().push(format!("{who} {what} {on} {from} {status} {code}"));
        }

        async fn submit(&self, request: Request, _: Option<Expected>) -> Result<Answer, app::Error> {
            assert!(!request.name.is_empty(), "a command that was admitted");
            Err(app::Error::Conflict)
        }
    }

    fn message(subject: &str) -> Message {
        let mut headers = HeaderMap::new();
        let id = "0190163d-8694-739b-aea5-966c26f8ad91";
        headers.insert(header::COMMAND_ID, id);
        headers.insert(header::id_of("case"), id);
        let (subject, payload) = (subject.into(), Bytes::from_static(b"{}"));
        Message { subject, reply: None, payload, headers: Some(headers), status: None, description: None, length: 0 }
    }

    #[tokio::test]
    async fn a_department_that_floods_is_told_to_wait_and_no_other_one() {
        let door = Flooded::default();
        for verb in ["accept-order", "no-such-verb", UPLOAD] {
            let problem = outcome(&door, &message(&format!("dg.cmd.CGZF.{verb}"))).await.unwrap_err();
            assert_eq!((problem.status, problem.code.as_str()), (429, "too-many-requests"), "{verb}");
            let headers = problem_headers(&problem);
            assert_eq!(headers.get(header::RETRY_AFTER).unwrap().as_str(), "7");
            assert_eq!(headers.get(NATS_SERVICE_ERROR_CODE).unwrap().as_str(), "429");
        }
        let problem = outcome(&door, &message("dg.cmd.SCJG.accept-order")).await.unwrap_err();
        assert_eq!(problem.code, "busy", "another department's command is handled");
        let id = "0190163d-8694-739b-aea5-966c26f8ad91";
        let told = [
            format!("dept/CGZF accept-order {id} nats 429 too-many-requests"),
            "dept/CGZF unknown  nats 429 too-many-requests".to_owned(),
            "dept/CGZF upload-evidence  nats 429 too-many-requests".to_owned(),
        ];
        assert_eq!(*door.0.lock().unwrap(), told, "who, what, on what, from where, with which result");
    }
}
