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
//! | `Authorization` | `Bearer TOKEN` of a clerk, meant for this door alone ([`Clerks`]); without it the department's program acts |
//! | `Dualgrid-Post` | the post of the clerk, where they hold several |
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

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use app::evidence::Uploaded;
use app::intake::{Answer, Expected, Request};
use app::port::EventLog;
use app::port::evidence_store::pieces_of;
use app::refusals::{NOBODY, Refused};
use app::{App, Problem};
use async_nats::service::{NATS_SERVICE_ERROR, NATS_SERVICE_ERROR_CODE};
use async_nats::{Client, HeaderMap, Message};
use async_trait::async_trait;
use bytes::Bytes;
use kernel::{Actor, DepartmentCode};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::sleep;

use crate::departments::{Directory, department_of};
use crate::error::chain;
use crate::subject::UPLOAD;
use crate::{ConnectionOptions, Error, header};
use lane::Lane;
use request::Claim;
use seldom::Seldom;

/// How often departments without a way for their commands are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Messages that were ignored, by department.
const IGNORED: &str = "dualgrid_department_messages_ignored_total";
/// How often a line of the log tells of them, for each department.
const TELL_EVERY: Duration = Duration::from_secs(30);

/// Proves who acts at the door of a department. Nobody is who a header says.
#[async_trait]
pub trait Clerks: Send + Sync + 'static {
    /// The department's own program: its connection has proved it.
    ///
    /// # Errors
    /// Why it may not act, as its sender is told.
    async fn program(&self, department: &DepartmentCode) -> Result<Actor, Problem>;

    /// The clerk of the department who has this token for its door, in the post that was named, or in the only one.
    ///
    /// # Errors
    /// Why they may not act, as the sender is told.
    async fn clerk(&self, department: &DepartmentCode, token: &str, post: Option<&str>) -> Result<Actor, Problem>;
}

/// Takes commands and answers them.
#[async_trait]
pub trait Door: Send + Sync + 'static {
    /// Counts a request of a department, or says that it makes too many. A door may take as many as come.
    fn admit(&self, principal: &str) -> Result<(), app::Error> {
        tracing::trace!(principal, "admitted");
        Ok(())
    }

    /// Counts the bytes of a message of a department, or says that it sends too many. A door may take as many as come.
    fn admit_bytes(&self, principal: &str, bytes: u64) -> Result<(), app::Error> {
        tracing::trace!(principal, bytes, "admitted");
        Ok(())
    }

    /// Tells that a request was refused. A door may keep it to itself.
    fn tell_refused(&self, refused: &Refused<'_>) {
        tracing::trace!(code = refused.code, "refused");
    }

    /// Handles a command, if what it is about is as expected; the same command again gets the same answer.
    async fn submit(&self, request: Request, expected: Option<Expected>) -> Result<Answer, app::Error>;

    /// Keeps a file. The same file again is the same evidence. A door may refuse all files.
    async fn upload(&self, by: &Actor, media_type: &str, file: Bytes) -> Result<Uploaded, app::Error> {
        let what = format!("place here for the {media_type} of {} bytes that {} sent", file.len(), by.id);
        Err(app::Error::NotFound { what })
    }
}

#[async_trait]
impl Door for App {
    fn admit(&self, principal: &str) -> Result<(), app::Error> {
        Self::admit(self, principal)
    }

    fn admit_bytes(&self, principal: &str, bytes: u64) -> Result<(), app::Error> {
        Self::admit_bytes(self, principal, bytes)
    }

    fn tell_refused(&self, refused: &Refused<'_>) {
        Self::tell_refused(self, refused);
    }

    async fn submit(&self, request: Request, expected: Option<Expected>) -> Result<Answer, app::Error> {
        self.submit_if(request, expected).await
    }

    async fn upload(&self, by: &Actor, media_type: &str, file: Bytes) -> Result<Uploaded, app::Error> {
        self.put_evidence(by, media_type, pieces_of(file)).await
    }
}

/// The commands that one process takes. Several processes share the work.
pub struct Commands {
    options: ConnectionOptions,
    directory: Arc<dyn Directory>,
    log: Arc<dyn EventLog>,
    core: Core,
}

/// What is behind the doors of departments.
#[derive(Clone)]
pub struct Core {
    /// Takes their commands.
    pub door: Arc<dyn Door>,
    /// Proves who gives them.
    pub clerks: Arc<dyn Clerks>,
}

impl Commands {
    /// Commands for `core`, on a connection for each department of `directory` and for each that had a consumer once: it may have
    /// orders to finish. None is taken until it is run.
    pub fn new(options: ConnectionOptions, directory: Arc<dyn Directory>, log: Arc<dyn EventLog>, core: Core) -> Self {
        Self { options, directory, log, core }
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
        let mut open = HashMap::new();
        loop {
            close(lanes, &mut open);
            match self.departments().await {
                Ok(departments) => {
                    for department in departments {
                        if open.values().any(|known| *known == department) {
                            continue;
                        }
                        let options = ConnectionOptions {
                            name: format!("{} commands {department}", self.options.name),
                            ..self.options.clone()
                        };
                        let (core, told) = (self.core.clone(), Seldom::every(TELL_EVERY));
                        let lane = Lane { department: department.clone(), options, core, told };
                        open.insert(lanes.spawn(lane.run(stop.subscribe())).id(), department);
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

/// Forgets the lanes that have ended, which only a fault of ours does to one: they are opened again.
fn close(lanes: &mut JoinSet<()>, open: &mut HashMap<Id, DepartmentCode>) {
    while let Some(ended) = lanes.try_join_next_with_id() {
        let (id, error) = ended.map_or_else(|error| (error.id(), Some(error)), |(id, ())| (id, None));
        let Some(department) = open.remove(&id) else { continue };
        let reason = error.map(|error| error.to_string());
        tracing::error!(%department, reason, "the way of a department's commands has ended; it is opened again");
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
async fn outcome(core: &Core, message: &Message) -> Result<Value, Problem> {
    let mut who = request::sender(message).unwrap_or_else(|_| NOBODY.to_owned());
    let ended = handled(core, message, &mut who).await;
    if let Err(Problem { status: status @ 400..500, code, .. }) = &ended {
        let (what, on) = request::about_of(message);
        let role = Some(crate::rules::ROLE.as_str());
        core.door.tell_refused(&Refused { who: &who, role, what, on: &on, from: "nats", status: *status, code });
    }
    ended
}

/// Handles a command or keeps a file, as the last token of the subject says. `who` becomes whoever was proved to ask.
async fn handled(core: &Core, message: &Message, who: &mut String) -> Result<Value, Problem> {
    let Core { door, clerks } = core;
    // Before anything is read: who floods costs next to nothing.
    let sender = request::sender(message)?;
    door.admit(&sender).map_err(|error| error.problem())?;
    door.admit_bytes(&sender, message.payload.len() as u64).map_err(|error| error.problem())?;
    let Claim { department, token, post } = request::claim(message)?;
    let actor = match token {
        None => clerks.program(&department).await?,
        Some(token) => clerks.clerk(&department, token, post).await?,
    };
    who.clone_from(&actor.id);
    let value = if message.subject.ends_with(&format!(".{UPLOAD}")) {
        let (media_type, file) = request::read_upload(message)?;
        let kept = door.upload(&actor, &media_type, file).await;
        serde_json::to_value(kept.map_err(|error| error.problem())?)
    } else {
        let (read, expected) = request::read(message, actor)?;
        serde_json::to_value(door.submit(read, expected).await.map_err(|error| error.problem())?)
    };
    value.map_err(|error| Problem::new(500, "internal", error.to_string()))
}

async fn answer(core: Core, client: Client, message: Message) {
    let Some(reply) = message.reply.clone() else { return };
    let (body, headers) = match outcome(&core, &message).await {
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

/// Sends a message back of which too many wait.
async fn crowded(own: &Core, client: &Client, message: &Message) {
    let Some(reply) = message.reply.clone() else { return };
    let detail = "too many commands of the department wait; wait for answers, and send this one again with the same id";
    let problem = Problem::new(503, "crowded", detail).retried_after(1);
    let who = request::sender(message).unwrap_or_else(|_| NOBODY.to_owned());
    let (what, on) = request::about_of(message);
    let (status, code) = (problem.status, &*problem.code);
    let role = Some(crate::rules::ROLE.as_str());
    own.door.tell_refused(&Refused { who: &who, role, what, on: &on, from: "nats", status, code });
    let Ok(body) = serde_json::to_vec(&problem) else { return };
    // Nobody waits for a client that is gone.
    let _ = client.publish_with_headers(reply, problem_headers(&problem), Bytes::from(body)).await;
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
            let is_flooding = principal == "department/CGZF";
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

    /// Lets the programs of departments act, and nobody else.
    struct Programs;

    #[async_trait]
    impl Clerks for Programs {
        async fn program(&self, department: &DepartmentCode) -> Result<Actor, Problem> {
            let (id, scope) = (Actor::id_of_department(department), kernel::Scope::Department(department.clone()));
            Ok(Actor { id, role: crate::rules::ROLE, scope, seconded_by: None })
        }

        async fn clerk(&self, _: &DepartmentCode, token: &str, post: Option<&str>) -> Result<Actor, Problem> {
            Err(Problem::new(401, "token-invalid", format!("{token} {}", post.unwrap_or("-"))))
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
    async fn a_lane_that_panics_is_opened_again() {
        let code = |code| DepartmentCode::try_new(code).unwrap();
        let (mut lanes, mut open) = (JoinSet::new(), HashMap::new());
        let panics = lanes.spawn(async { panic!("a fault of ours") });
        open.insert(panics.id(), code("CGZF"));
        open.insert(lanes.spawn(std::future::pending()).id(), code("SCJG"));
        while !panics.is_finished() {
            tokio::task::yield_now().await;
        }
        close(&mut lanes, &mut open);
        assert_eq!(open.into_values().collect::<Vec<_>>(), [code("SCJG")], "the other one has no way, and gets one");
    }

    #[tokio::test]
    async fn a_department_that_floods_is_told_to_wait_and_no_other_one() {
        let door = Arc::new(Flooded::default());
        let core = Core { door: Arc::clone(&door) as Arc<_>, clerks: Arc::new(Programs) };
        for verb in ["accept-order", "no-such-verb", UPLOAD] {
            let problem = outcome(&core, &message(&format!("dg.cmd.CGZF.{verb}"))).await.unwrap_err();
            assert_eq!((problem.status, problem.code.as_str()), (429, "too-many-requests"), "{verb}");
            let headers = problem_headers(&problem);
            assert_eq!(headers.get(header::RETRY_AFTER).unwrap().as_str(), "7");
            assert_eq!(headers.get(NATS_SERVICE_ERROR_CODE).unwrap().as_str(), "429");
        }
        let problem = outcome(&core, &message("dg.cmd.SCJG.accept-order")).await.unwrap_err();
        assert_eq!(problem.code, "busy", "another department's command is handled");
        let id = "0190163d-8694-739b-aea5-966c26f8ad91";
        let told = [
            format!("department/CGZF accept-order {id} nats 429 too-many-requests"),
            "department/CGZF unknown  nats 429 too-many-requests".to_owned(),
            "department/CGZF upload-evidence  nats 429 too-many-requests".to_owned(),
        ];
        assert_eq!(*door.0.lock().unwrap(), told, "who, what, on what, from where, with which result");
    }

    /// Nobody is who a header says.
    #[tokio::test]
    async fn a_clerk_is_proved_by_a_token_and_nobody_by_a_name() {
        let core = Core { door: Arc::new(Flooded::default()), clerks: Arc::new(Programs) };
        let with = |name: &str, value: &str| {
            let mut message = message("dg.cmd.SCJG.accept-order");
            let headers = message.headers.get_or_insert_default();
            headers.append(name.parse::<async_nats::HeaderName>().unwrap(), value);
            message
        };
        let table = [
            ("Dualgrid-Actor", "li.wei", 400, "actor-not-taken"),
            ("dualgrid-actor", "", 400, "actor-not-taken"),
            ("Authorization", "Bearer abc", 401, "token-invalid"),
            ("authorization", "bearer abc", 401, "token-invalid"),
            ("Authorization", "Basic abc", 401, "token-missing"),
            ("Authorization", "", 401, "token-missing"),
            ("Dualgrid-Post", "a", 400, "post-not-taken"),
        ];
        for (name, value, status, code) in table {
            let problem = outcome(&core, &with(name, value)).await.unwrap_err();
            assert_eq!((problem.status, problem.code.as_str()), (status, code), "{name}: {value}");
        }
        let mut both = with("Authorization", "Bearer abc");
        both.headers.get_or_insert_default().insert("Dualgrid-Post", "desk");
        assert_eq!(outcome(&core, &both).await.unwrap_err().detail, "abc desk");
    }
}
