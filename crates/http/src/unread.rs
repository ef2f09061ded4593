//! Bodies that nobody read. An answer may come before its request has ended: a token that is not taken, a body that is too
//! large. What is left of the request would break the next one on the same connection, so it is read and dropped, and where
//! that would take too long the connection is closed and says so (RFC 9112, section 9.3).

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, HttpBody as _};
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::{CONNECTION, EXPECT};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures::{Stream, StreamExt as _};

use crate::evidence;

/// How much is read and dropped, in bytes: the largest file that is taken, so that whoever sends one hears why it was refused.
const DROPPED_BYTES_MAX: usize = evidence::BYTES_MAX + 64 * 1024;

/// How long that may take.
const DROPPING_PATIENCE: Duration = Duration::from_secs(5);

/// Lets no answer leave while its request is still on the connection.
pub(crate) async fn settle(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let asks_first = request.headers().contains_key(EXPECT);
    let (parts, body) = request.into_parts();
    let rest = Rest::of(body);
    let mut response = next.run(Request::from_parts(parts, Body::from_stream(rest.clone()))).await;
    if !rest.settle(asks_first).await {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// A body that can still be read when its handler has ended.
#[derive(Clone)]
struct Rest(Arc<Mutex<Unread>>);

struct Unread {
    /// `None` when it has ended, well or not.
    body: Option<BodyDataStream>,
    /// Whether anybody began to read it.
    is_begun: bool,
}

impl Rest {
    fn of(body: Body) -> Self {
        Self(Arc::new(Mutex::new(Unread { body: Some(body.into_data_stream()), is_begun: false })))
    }

    /// Reads and drops what is left. False where the connection cannot be used again.
    ///
    /// A caller that asks before it sends a body (`Expect: 100-continue`) and got no sign sends none, or all of it: nobody can tell.
    async fn settle(mut self, asks_first: bool) -> bool {
        let is_begun = self.0.lock().unwrap_or_else(PoisonError::into_inner).is_begun;
        if asks_first && !is_begun {
            return false;
        }
        let drop_all = async {
            let mut dropped = 0_usize;
            while let Some(piece) = self.next().await {
                let Ok(piece) = piece else { return false };
                dropped = dropped.saturating_add(piece.len());
                if dropped > DROPPED_BYTES_MAX {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(DROPPING_PATIENCE, drop_all).await.unwrap_or(false)
    }
}

impl Stream for Rest {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut unread = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        unread.is_begun = true;
        let Some(body) = unread.body.as_mut() else { return Poll::Ready(None) };
        let polled = body.poll_next_unpin(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            unread.body = None;
        }
        polled
    }
}
