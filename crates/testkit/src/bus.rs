//! NATS as a department or an auditor of the stream sees it.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull};
use async_nats::jetstream::{self, Message};
use async_nats::{Client, HeaderMap};
use bytes::Bytes;
use futures::StreamExt as _;
use serde_json::Value;
use uuid::Uuid;

use crate::nats::{CORE, NatsServer, STREAM, department_user};

/// How long a connection or an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long one fetch waits for messages.
const FETCH_PATIENCE: Duration = Duration::from_millis(500);

/// The header with the id of a command, which makes a repeat harmless.
pub const COMMAND_ID_HEADER: &str = "Dualgrid-Command-Id";

/// The header with the id of what a command is about, here of a case.
pub const CASE_ID_HEADER: &str = "Dualgrid-Case-Id";

/// The answer to a command.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Its headers; a service error says what it is in `Nats-Service-Error` and `Nats-Service-Error-Code`.
    pub headers: HeaderMap,
    /// Its body; `Null` when empty.
    pub body: Value,
}

impl Reply {
    /// The code and text of a service error, if it is one.
    pub fn error(&self) -> Option<(String, String)> {
        let text = self.headers.get("Nats-Service-Error")?.to_string();
        let code = self.headers.get("Nats-Service-Error-Code").map(ToString::to_string).unwrap_or_default();
        Some((code, text))
    }

    /// The body of an answer that is no error.
    pub fn accepted(self) -> anyhow::Result<Value> {
        match self.error() {
            None => Ok(self.body),
            Some((code, text)) => bail!("answered {code} {text}: {}", self.body),
        }
    }
}

/// One department's connection.
#[derive(Debug, Clone)]
pub struct Department {
    code: String,
    client: Client,
}

impl Department {
    /// Connects as the department with that code.
    pub async fn connect(nats: &NatsServer, code: &str) -> anyhow::Result<Self> {
        Ok(Self { code: code.to_owned(), client: nats.connect(&department_user(code)).await? })
    }

    /// The connection underneath, for what a department should not be able to do.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The next messages of its consumer: as many as `count`, fewer when `patience` is over. Not acknowledged yet.
    pub async fn next(&self, count: usize, patience: Duration) -> anyhow::Result<Vec<Message>> {
        let name = department_user(&self.code);
        let consumer: PullConsumer = jetstream::with_domain(self.client.clone(), accounts::DOMAIN)
            .get_consumer_from_stream(&name, STREAM)
            .await
            .with_context(|| format!("no consumer {name}"))?;
        let batch = consumer.batch().max_messages(count).expires(patience).messages().await;
        let mut batch = batch.with_context(|| format!("{name} gave no messages"))?;
        let mut messages = Vec::with_capacity(count);
        while let Some(message) = batch.next().await {
            match message {
                Ok(message) => messages.push(message),
                Err(error) => bail!("the messages of {name} broke off: {error}"),
            }
        }
        Ok(messages)
    }

    /// Its code.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Waits for an event of this type, such as `order_dispatched`, about this case, and gives it as JSON.
    ///
    /// What comes before it is acknowledged and passed over: other cases, and echoes of its own commands.
    pub async fn event(&self, kind: &str, case: Uuid, patience: Duration) -> anyhow::Result<Value> {
        let (kind, case) = (format!("cn.dualgrid.case.{kind}.v1"), case.to_string());
        let what = format!("{} hears of {kind} in case {case}", self.code);
        crate::client::eventually(&what, patience, async || {
            // The consumer is made by dualgrid, which may still be about to.
            let Ok(messages) = self.next(1, FETCH_PATIENCE).await else { return Ok(None) };
            for message in messages {
                message.ack().await.map_err(|error| anyhow::anyhow!("could not acknowledge: {error}"))?;
                let event: Value = serde_json::from_slice(&message.payload).context("an event is no JSON")?;
                if event["type"] == kind.as_str() && event["data"]["order"]["case"] == case.as_str() {
                    return Ok(Some(event));
                }
            }
            Ok(None)
        })
        .await
    }

    /// Sends a command about a case and waits for the answer.
    pub async fn command(&self, verb: &str, case: Uuid, command_id: Uuid, body: &Value) -> anyhow::Result<Reply> {
        let subject = format!("dg.cmd.{}.{verb}", self.code);
        let mut headers = HeaderMap::new();
        headers.insert(COMMAND_ID_HEADER, command_id.to_string());
        headers.insert(CASE_ID_HEADER, case.to_string());
        let payload = Bytes::from(serde_json::to_vec(body).context("the body is no JSON")?);
        let answer = self.client.request_with_headers(subject.clone(), headers, payload).await;
        let answer = answer.with_context(|| format!("no answer to {subject}"))?;
        let body = match answer.payload.as_ref() {
            b"" => Value::Null,
            json => serde_json::from_slice(json).with_context(|| format!("the answer to {subject} is no JSON"))?,
        };
        Ok(Reply { headers: answer.headers.unwrap_or_default(), body })
    }
}

/// One message of the stream: sequence (which is the position in the log), subject and bytes.
pub type Stored = (u64, String, Bytes);

/// The last sequence of the stream; none while the stream does not exist.
pub async fn last_sequence(client: &Client) -> anyhow::Result<Option<u64>> {
    use async_nats::jetstream::ErrorCode;
    use async_nats::jetstream::context::GetStreamErrorKind;
    match jetstream::new(client.clone()).get_stream(STREAM).await {
        Ok(stream) => Ok(Some(stream.cached_info().state.last_sequence)),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(cause) if cause.error_code() == ErrorCode::STREAM_NOT_FOUND => Ok(None),
            _ => Err(error).context("could not look at the stream"),
        },
    }
}

/// Everything in the stream from a sequence on, read as `core`.
pub async fn read_stream(nats: &NatsServer, from_sequence: u64) -> anyhow::Result<Vec<Stored>> {
    let client = nats.connect(CORE).await?;
    let Some(last) = last_sequence(&client).await? else { return Ok(Vec::new()) };
    let from_sequence = from_sequence.max(1);
    if from_sequence > last {
        return Ok(Vec::new());
    }
    let stream = jetstream::new(client).get_stream(STREAM).await.context("the stream is gone")?;
    let config = pull::Config {
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: from_sequence },
        ack_policy: AckPolicy::None,
        inactive_threshold: PATIENCE,
        ..Default::default()
    };
    let consumer = stream.create_consumer(config).await.context("could not read the stream")?;
    let mut messages = consumer.messages().await.context("could not read the stream")?;
    let mut stored: Vec<Stored> = Vec::new();
    while stored.last().is_none_or(|(sequence, _, _)| *sequence < last) {
        let next = tokio::time::timeout(PATIENCE, messages.next()).await;
        let next = next.with_context(|| format!("the stream ended before its last sequence {last}"))?;
        let message = next.context("the stream broke off")?.context("the stream broke off")?;
        let sequence = message.info().map_err(|error| anyhow::anyhow!("a message without position: {error}"))?;
        let sequence = sequence.stream_sequence;
        ensure!(stored.last().is_none_or(|(before, _, _)| *before < sequence), "the stream went back");
        stored.push((sequence, message.subject.to_string(), message.payload.clone()));
    }
    Ok(stored)
}
