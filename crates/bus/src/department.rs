//! A department's side: receives its orders and answers them. It may be interrupted at any point.
//!
//! An event is acknowledged after it was answered. The id of each command is made from the id of its event and its verb,
//! so that an event that is delivered again leads to the same command and changes nothing.

mod delivery;
mod policy;
mod work;

pub use delivery::Delivery;
pub use policy::{Disposal, Policy, ReturnRequest, UploadError, Uploader};
pub use work::Step;

use std::path::PathBuf;
use std::time::Duration;

use app::Problem;
use app::evidence::Uploaded;
use app::peer::Tls;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::consumer::pull::Batch;
use async_nats::jetstream::{self, Context};
use async_nats::service::NATS_SERVICE_ERROR;
use async_nats::{HeaderMap, Request, RequestErrorKind};
use bytes::Bytes;
use futures::StreamExt as _;
use kernel::digest::Digest;
use kernel::{CommandId, DepartmentCode, EventId, StreamId};
use serde_json::Value;
use tokio::time::Instant;
use uuid::Uuid;

use crate::connection::ConnectError;
use crate::departments::consumer_of;
use crate::error::chain;
use crate::stream::STREAM;
use crate::subject::{self, UPLOAD};
use crate::{Connection, ConnectionOptions, Credentials, Error, header};

/// How long one attempt to send a command waits for its answer.
const ANSWER_PATIENCE: Duration = Duration::from_secs(5);
/// How long a command is tried: less than the time after which an event is delivered again.
const SEND_PATIENCE: Duration = Duration::from_secs(20);
/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(500);

/// Who the department is, and where NATS is.
#[derive(Clone, Debug)]
pub struct DepartmentOptions {
    pub code: DepartmentCode,
    /// One or more addresses, separated by commas.
    pub url: String,
    /// How it shows NATS who it is: the key of its account `D_<CODE>`.
    pub credentials: Credentials,
    /// Certificates for a nats-server on another machine.
    pub tls: Tls,
    /// A file with the token of the clerk in whose name it acts, if it acts for one. It is read for each command: such a token is
    /// valid for minutes, and whoever renews it writes it there.
    pub clerk_token_file: Option<PathBuf>,
}

/// What came back for a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// The command was done, or had been done before.
    Accepted(Value),
    /// The command was refused.
    Refused(Problem),
}

/// One department's connection.
pub struct Department {
    options: DepartmentOptions,
    connection: Connection,
    jetstream: Context,
}

impl Department {
    /// Connects as the department. If NATS does not answer, the connection is made later.
    pub async fn connect(options: DepartmentOptions) -> Result<Self, ConnectError> {
        let connection = Connection::connect(ConnectionOptions {
            url: options.url.clone(),
            name: format!("dualgrid department {}", options.code),
            credentials: options.credentials.clone(),
            inbox_prefix: "_INBOX".to_owned(),
            tls: options.tls.clone(),
        })
        .await?;
        let jetstream = jetstream::with_domain(connection.client().clone(), accounts::DOMAIN);
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

    /// The next events about its orders, at most `count`. If there are none, waits `patience` for the first one. They are not
    /// acknowledged yet.
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

    /// Sends a command about an aggregate, for example the case of an order, and waits for the answer. While there is no
    /// answer, the command is sent again with the same id.
    pub async fn send(&self, verb: &str, about: &StreamId, command: CommandId, body: &Value) -> Result<Reply, Error> {
        let subject = subject::command(self.code(), verb);
        let body = Bytes::from(body.to_string());
        let deadline = Instant::now() + SEND_PATIENCE;
        loop {
            let request = Request::new()
                .headers(self.headers(about, command).await?)
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
        self.prove(&mut headers).await?;
        let subject = subject::command(self.code(), UPLOAD);
        let request = Request::new().headers(headers).payload(file).timeout(Some(SEND_PATIENCE));
        let answer = self.connection.client().send_request(subject, request).await;
        let answer = answer.map_err(Error::nats("upload a file"))?;
        let kept: Uploaded = serde_json::from_slice(&answer.payload).map_err(|error| {
            let problem: Option<Problem> = serde_json::from_slice(&answer.payload).ok();
            let source = problem.map_or_else(|| error.into(), |problem| problem.detail.into());
            Error::Nats { operation: "upload a file", source }
        })?;
        Ok(kept.sha256)
    }

    async fn headers(&self, about: &StreamId, command: CommandId) -> Result<HeaderMap, Error> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, "application/json");
        headers.insert(header::COMMAND_ID, command.to_string());
        headers.insert(header::id_of(about.category()), about.id().to_string());
        self.prove(&mut headers).await?;
        Ok(headers)
    }

    /// Shows who the clerk is, where it acts for one.
    async fn prove(&self, headers: &mut HeaderMap) -> Result<(), Error> {
        let Some(file) = &self.options.clerk_token_file else { return Ok(()) };
        let token = tokio::fs::read_to_string(file).await.map_err(Error::nats("read the token of the clerk"))?;
        headers.insert(header::AUTHORIZATION, format!("Bearer {}", token.trim()));
        Ok(())
    }
}

async fn deliveries(mut batch: Batch) -> Result<Vec<Delivery>, Error> {
    let mut deliveries = Vec::new();
    while let Some(message) = batch.next().await {
        let message = message.map_err(|source| Error::Nats { operation: "fetch events", source })?;
        match Delivery::read(message) {
            Ok(delivery) => deliveries.push(delivery),
            // Not acknowledged, so not skipped: it is delivered again, unless the publisher finds and removes it.
            Err(error) => {
                tracing::warn!(reason = chain(&error), "a message of the consumer is no event about an order");
            }
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
