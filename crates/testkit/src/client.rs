//! A thin JSON client: what any program that speaks to dualgrid over HTTP would write.
//!
//! INVARIANT: every answer is held against the OpenAPI document that the same process serves, and every event in it against the
//! schema that its program publishes; what breaks one of them is an error.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tokio::time::Instant;
use uuid::Uuid;

use crate::contract::{Answered, Contracts};
use crate::process::POLL_INTERVAL;
use crate::published::Events;
use crate::random;

/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
    /// The body; `Null` when it is empty, a string when it is not JSON.
    pub body: Value,
}

impl Answer {
    /// The body of an answer of the 2xx family; anything else is an error that shows the body.
    pub fn accepted(self) -> anyhow::Result<Value> {
        if self.status.is_success() {
            return Ok(self.body);
        }
        bail!("answered {}: {}", self.status, self.body)
    }

    /// The code of a problem (RFC 9457), if it is one.
    pub fn problem_code(&self) -> Option<&str> {
        let is_problem = self.header("content-type") == Some("application/problem+json");
        self.body.get("code").and_then(Value::as_str).filter(|_| is_problem)
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// What is asked on the operations listener: there it is answered in full, or at all.
const OF_OPERATORS: [&str; 4] = ["/healthz", "/readyz", "/metrics", "/docs"];

/// Where a process listens.
#[derive(Debug, Default)]
struct Addresses {
    public: String,
    operations: String,
}

/// A client of one dualgrid. Clones follow it when it is restarted at another address.
#[derive(Debug, Clone)]
pub struct Client {
    addresses: Arc<Mutex<Addresses>>,
    http: reqwest::Client,
    contracts: Arc<Contracts>,
    events: Arc<Events>,
}

impl Client {
    /// A client of a process that will run this program, once it is led to its address.
    pub(crate) async fn of_program(binary: &Path) -> anyhow::Result<Self> {
        Self::try_new(Events::of(binary).await?)
    }

    fn try_new(events: Arc<Events>) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().timeout(REQUEST_TIMEOUT).no_proxy().build().context("no HTTP client")?;
        Ok(Self { addresses: Arc::default(), http, contracts: Arc::default(), events })
    }

    /// The address of callers, such as `127.0.0.1:8080`.
    pub fn address(&self) -> String {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner).public.clone()
    }

    /// The address of operators.
    pub fn operations_address(&self) -> String {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner).operations.clone()
    }

    /// Points this client and its clones elsewhere.
    pub(crate) fn follow(&self, public: &str, operations: &str) {
        let there = Addresses { public: public.to_owned(), operations: operations.to_owned() };
        *self.addresses.lock().unwrap_or_else(PoisonError::into_inner) = there;
    }

    /// The whole address of a path; of one for operators, on their listener.
    pub fn url(&self, path: &str) -> String {
        let is_of_operators = OF_OPERATORS.iter().any(|of| path.strip_prefix(of).is_some_and(is_end_of_segment));
        if is_of_operators { format!("http://{}{path}", self.operations_address()) } else { self.public_url(path) }
    }

    /// The whole address of a path on the listener of callers, whatever it is.
    pub fn public_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// The client underneath, for what this one does not know.
    pub fn raw(&self) -> &reqwest::Client {
        &self.http
    }

    /// Sends a command: POST with its id as `Idempotency-Key`.
    pub async fn command(&self, token: &str, path: &str, command_id: Uuid, body: Value) -> anyhow::Result<Answer> {
        let request = self.http.post(self.url(path)).header("Idempotency-Key", command_id.to_string()).json(&body);
        self.send(token, request).await
    }

    /// Asks.
    pub async fn get(&self, token: &str, path: &str) -> anyhow::Result<Answer> {
        self.send(token, self.http.get(self.url(path))).await
    }

    /// Uploads a piece of evidence.
    pub async fn upload(&self, token: &str, path: &str, media_type: &str, bytes: Vec<u8>) -> anyhow::Result<Answer> {
        let request = self.http.post(self.url(path)).header(CONTENT_TYPE, media_type).body(bytes);
        self.send(token, request).await
    }

    /// Sends a request made with [`Client::raw`], with the token, unless that is empty: an empty one stands for nobody.
    pub async fn send(&self, token: &str, request: RequestBuilder) -> anyhow::Result<Answer> {
        let request = if token.is_empty() { request } else { shown(request, token) };
        let request = request.build().context("this is no request")?;
        let (method, path) = (request.method().as_str().to_owned(), request.url().path().to_owned());
        let origin = request.url().origin().ascii_serialization();
        let response = self.http.execute(request).await.with_context(|| format!("no answer from {path}"))?;
        let answer = read(response).await.with_context(|| format!("the answer from {path} broke off"))?;
        let status = answer.status.as_u16();
        let media_type = answer.header("content-type").unwrap_or_default();
        let answered = Answered { method: &method, path: &path, status, media_type, body: &answer.body };
        self.contracts.check(&self.http, &origin, &answered).await?;
        self.events.check_all(&answer.body).with_context(|| format!("{method} {path}"))?;
        Ok(answer)
    }
}

/// What somebody acts with: a token, and the post in which they act, where they may have several.
pub(crate) fn pass_of(token: &str, post: &str) -> String {
    format!("{token}#{post}")
}

/// The token alone, for who has one post.
pub fn token_of(pass: &str) -> &str {
    pass.split_once('#').map_or(pass, |(token, _)| token)
}

/// The request with the token, and with the post that goes with it.
fn shown(request: RequestBuilder, pass: &str) -> RequestBuilder {
    let request = request.header(AUTHORIZATION, format!("Bearer {}", token_of(pass)));
    match pass.split_once('#') {
        Some((_, post)) => request.header("Dualgrid-Post", post),
        None => request,
    }
}

fn is_end_of_segment(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with(['/', '?'])
}

/// A fresh id for a command.
pub fn command_id() -> anyhow::Result<Uuid> {
    Ok(uuid::Builder::from_random_bytes(random::bytes()?).into_uuid())
}

async fn read(response: Response) -> anyhow::Result<Answer> {
    let status = response.status();
    let headers = response.headers().clone();
    let text = response.text().await?;
    let body = match text.as_str() {
        "" => Value::Null,
        json => serde_json::from_str(json).unwrap_or_else(|_| Value::String(text.clone())),
    };
    Ok(Answer { status, headers, text, body })
}

/// Asks again until there is a value: views follow the log at their own pace.
///
/// An error ends the waiting at once, `Ok(None)` means not yet.
pub async fn eventually<T>(
    what: &str,
    patience: Duration,
    mut ask: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(value) = ask().await.with_context(|| format!("while waiting until {what}"))? {
            return Ok(value);
        }
        if Instant::now() >= deadline {
            bail!("waited {patience:?}, but not yet: {what}");
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn eventually_asks_until_there_is_a_value() {
        let mut asked = 0;
        let value = eventually("it is three", Duration::from_secs(5), async || {
            asked += 1;
            Ok((asked == 3).then_some(asked))
        });
        assert_eq!(value.await.unwrap(), 3);
    }

    #[tokio::test]
    async fn eventually_gives_up_and_says_what_it_waited_for() {
        let error = eventually("pigs fly", Duration::ZERO, async || Ok(None::<()>)).await.unwrap_err();
        assert!(error.to_string().contains("pigs fly"));
    }

    #[test]
    fn a_clone_follows_to_another_address() {
        let client = Client::try_new(Arc::default()).unwrap();
        let clone = client.clone();
        client.follow("127.0.0.1:2", "127.0.0.1:3");
        assert_eq!(clone.url("/cases?limit=1"), "http://127.0.0.1:2/cases?limit=1");
        assert_eq!(clone.url("/metricsx"), "http://127.0.0.1:2/metricsx");
        assert_eq!(clone.public_url("/metrics"), "http://127.0.0.1:2/metrics");
        for path in ["/healthz", "/readyz?a=1", "/docs/index.html"] {
            assert_eq!(clone.url(path), format!("http://127.0.0.1:3{path}"));
        }
    }
}
