//! A department's side: receives its orders, answers them, and may be interrupted anywhere.
//!
//! An event is acknowledged after it was answered. The id of each command is made from the id of its event and its
//! verb, so that an event that comes again asks for the same command again and changes nothing.

mod delivery;
mod policy;
mod work;

pub use delivery::Delivery;
pub use policy::{Disposal, Policy, ReturnRequest, UploadError, Uploader};
pub use work::Step;

use std::time::Duration;

use app::Problem;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::consumer::pull::Batch;
use async_nats::jetstream::{self, Context};
use async_nats::service::NATS_SERVICE_ERROR;
use async_nats::{HeaderMap, Request, RequestErrorKind};
use bytes::Bytes;
use futures::StreamExt as _;
use kernel::digest::Digest;
use kernel::{CaseId, CommandId, DepartmentCode, EventId, Evidence};
use serde_json::Value;
use tokio::time::Instant;
use uuid::Uuid;

use crate::commands::UPLOAD;
use crate::connection::ConnectError;
use crate::departments::consumer_of;
use crate::error::chain;
use crate::header;
use crate::stream::STREAM;
use crate::{Connection, ConnectionOptions, Credentials, Error};

/// How long one attempt to send a command waits for its answer.
const ANSWER_PATIENCE: Duration = Duration::from_secs(5);
/// How long a command is tried; below the time after which an event comes again.
const SEND_PATIENCE: Duration = Duration::from_secs(20);
/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(500);

/// Prefix of the subjects at which a department hears its answers; nobody else may listen there.
pub(crate) fn inbox_prefix(department: &DepartmentCode) -> String {
    format!("_INBOX_{department}")
}

/// Who the department is, and where NATS is.
#[derive(Clone, Debug)]
pub struct DepartmentOptions {
    /// Its code.
    pub code: DepartmentCode,
    /// One or more addresses, separated by commas.
    pub url: String,
    /// How it shows NATS who it is; its user is `dept-<CODE>`.
    pub credentials: Credentials,
    /// Staff id of the clerk in whose name it acts, if it does.
    pub clerk: Option<String>,
}

/// What came back for a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// It was taken: the answer.
    Accepted(Value),
    /// It was not: why.
    Refused(Problem),
}

/// One department's connection.
pub struct Department {
    options: DepartmentOptions,
    connection: Connection,
    jetstream: Context,
}

impl Department {
    /// Connects as the department; later, where NATS does not answer.
    pub async fn connect(options: DepartmentOptions) -> Result<Self, ConnectError> {
        let connection = Connection::connect(ConnectionOptions {
            url: options.url.clone(),
            name: format!("dualgrid department {}", options.code),
            credentials: options.credentials.clone(),
            inbox_prefix: inbox_prefix(&options.code),
        })
        .await?;
        let jetstream = jetstream::new(connection.client().clone());
        Ok(Self { options, connection, jetstream })
    }

    /// Its code.
    pub fn code(&self) -> &DepartmentCode {
        &self.options.code
    }

    /// The connection underneath.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The next events about its orders: what is there, at most `count`; where there is nothing, the first one that
    /// comes within `patience`. Not acknowledged yet.
    pub async fn next_events(&self, count: usize, patience: Duration) -> Result<Vec<Delivery>, Error> {
        let consumer = self.jetstream.get_consumer_from_stream(consumer_of(self.code()), STREAM).await;
        let consumer: PullConsumer = consumer.map_err(Error::nats("find the consumer of the department"))?;
        let there = consumer.fetch().max_messages(count).messages().await;
        let there = deliveries(there.map_err(Error::nats("fetch events"))?).await?;
        if !there.is_empty() {
            return Ok(there);
        }
        let first = consumer.batch().max_messages(1).expires(patience).messages().await;
        deliveries(first.map_err(Error::nats("fetch events"))?).await
    }

    /// The id of the command that answers an event with `verb`: the same for the same event.
    pub fn command_id(event: EventId, verb: &str) -> CommandId {
        CommandId::new(Uuid::new_v5(&event.uuid(), verb.as_bytes()))
    }

    /// Sends a command and waits for the answer; sends it again with the same id while there is none.
    pub async fn send(&self, verb: &str, case: CaseId, command: CommandId, body: &Value) -> Result<Reply, Error> {
        let subject = format!("dg.cmd.{}.{verb}", self.code());
        let body = Bytes::from(body.to_string());
        let deadline = Instant::now() + SEND_PATIENCE;
        loop {
            let request = Request::new()
                .headers(self.headers(case, command))
                .payload(body.clone())
                .timeout(Some(ANSWER_PATIENCE));
            let error = match self.connection.client().send_request(subject.clone(), request).await {
                Ok(answer) => {
                    let is_refused = answer.headers.as_ref().is_some_and(|all| all.get(NATS_SERVICE_ERROR).is_some());
                    return read_reply(is_refused, &answer.payload);
                }
                Err(error) => error,
            };
            let is_passing =
                !matches!(error.kind(), RequestErrorKind::InvalidSubject | RequestErrorKind::MaxPayloadExceeded);
            if !is_passing || Instant::now() + PAUSE > deadline {
                return Err(Error::nats("send a command")(error));
            }
            tracing::debug!(%error, verb, "no answer to a command; it is sent again with the same id");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Uploads a file that shows a disposal, of at most `max_payload` of nats-server (1 MiB by default).
    pub async fn upload(&self, media_type: &str, file: Bytes) -> Result<Digest, Error> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, media_type);
        if let Some(clerk) = &self.options.clerk {
            headers.insert(header::ACTOR, clerk.as_str());
        }
        let subject = format!("dg.cmd.{}.{UPLOAD}", self.code());
        let request = Request::new().headers(headers).payload(file).timeout(Some(SEND_PATIENCE));
        let answer = self.connection.client().send_request(subject, request).await;
        let answer = answer.map_err(Error::nats("upload a file"))?;
        let kept: Evidence = serde_json::from_slice(&answer.payload).map_err(|error| {
            let problem: Option<Problem> = serde_json::from_slice(&answer.payload).ok();
            let source = problem.map_or_else(|| error.into(), |problem| problem.detail.into());
            Error::Nats { operation: "upload a file", source }
        })?;
        Ok(kept.sha256)
    }

    fn headers(&self, case: CaseId, command: CommandId) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, "application/json");
        headers.insert(header::COMMAND_ID, command.to_string());
        headers.insert(header::CASE_ID, case.to_string());
        if let Some(clerk) = &self.options.clerk {
            headers.insert(header::ACTOR, clerk.as_str());
        }
        headers
    }
}

async fn deliveries(mut batch: Batch) -> Result<Vec<Delivery>, Error> {
    let mut deliveries = Vec::new();
    while let Some(message) = batch.next().await {
        let message = message.map_err(|source| Error::Nats { operation: "fetch events", source })?;
        match Delivery::read(message) {
            Ok(delivery) => deliveries.push(delivery),
            // Not acknowledged, so not skipped: it comes again, or is gone when the publisher has noticed it.
            Err(error) => tracing::warn!(reason = chain(&error), "a message of the consumer is no event of an order"),
        }
    }
    Ok(deliveries)
}

fn read_reply(is_refused: bool, payload: &[u8]) -> Result<Reply, Error> {
    let read = if is_refused {
        serde_json::from_slice(payload).map(Reply::Refused)
    } else {
        serde_json::from_slice(payload).map(Reply::Accepted)
    };
    read.map_err(Error::nats("read the answer to a command"))
}
