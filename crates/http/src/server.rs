//! The server: accepts connections until it is told to stop, then lets requests in flight end.

mod connections;
mod patient;

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use app::App;
use axum::Router;
use axum::middleware::from_fn;
use tokio::net::TcpListener;

use crate::api::Api;
use crate::limits::Limits;
use crate::telemetry::Metrics;
use crate::token::Verifier;
use crate::{headers, router};
use connections::Connections;

/// How long requests in flight may take once the server stops. A request that never arrives whole is not waited for longer.
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// What the binary gives the server.
#[derive(Debug)]
pub struct Options<S> {
    /// Where callers come in, with commands and queries; `None` where the process takes none and only tells how it is.
    pub public: Option<TcpListener>,
    /// Where who runs it comes in: measurements, the whole report of readiness, and the page to try the API.
    pub operations: TcpListener,
    /// Who may come in.
    pub verifier: Verifier,
    /// The name of this process.
    pub instance: String,
    /// What `/metrics` shows; without it the route says that there are none.
    pub metrics: Option<Metrics>,
    /// How much callers may take.
    pub limits: Limits,
    /// Ready when the server is to stop.
    pub shutdown: S,
}

/// Serves until `shutdown` is ready and the requests in flight have ended.
///
/// Streams of events end at once then; their readers come back elsewhere with `Last-Event-ID`.
pub async fn serve<S>(app: Arc<App>, options: Options<S>)
where
    S: Future<Output = ()> + Send + 'static,
{
    let Options { public, operations, verifier, instance, metrics, limits, shutdown } = options;
    let api = Api::new(app, verifier, instance, metrics, limits);
    let of_operators = if public.is_some() { router::everything } else { router::operations };
    // Who fills one of them keeps nobody from the other.
    let serve = async |listener: Option<TcpListener>, routes: fn(Arc<Api>) -> Router| {
        let Some(listener) = listener else { return };
        let routes = routes(Arc::clone(&api)).layer(from_fn(headers::check_transfer));
        let routes = router::observed(routes.layer(from_fn(headers::check_host)), Arc::clone(&api));
        Connections::new(routes, limits, api.stopping()).serve(listener).await;
    };
    let overdue = async {
        shutdown.await;
        api.stop();
        tokio::time::sleep(DRAIN_TIME).await;
    };
    tokio::select! {
        ((), ()) = async { tokio::join!(serve(public, router::public), serve(Some(operations), of_operators)) } => {}
        () = overdue => tracing::warn!(drain_s = DRAIN_TIME.as_secs(), "stopped with requests in flight"),
        never = keep_up(api.metrics.as_ref()) => match never {},
    }
}

async fn keep_up(metrics: Option<&Metrics>) -> Infallible {
    match metrics {
        Some(metrics) => metrics.keep_up().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use tokio::sync::oneshot;

    use super::*;
    use crate::testing::{Bench, auditor, token, verifier};

    /// Sends a request and reads until `mark` or the end.
    async fn ask(connection: &mut TcpStream, request: String, mark: &str) -> String {
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        let mut piece = [0; 4096];
        while !text.contains(mark) {
            match connection.read(&mut piece).await.unwrap() {
                0 => break,
                read => text.push_str(&String::from_utf8_lossy(&piece[..read])),
            }
        }
        text
    }

    async fn options<S>(public: TcpListener, limits: Limits, shutdown: S) -> Options<S> {
        let operations = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (public, instance) = (Some(public), "one".into());
        Options { public, operations, verifier: verifier(), instance, metrics: None, limits, shutdown }
    }

    #[tokio::test]
    async fn it_answers_and_stops_also_under_an_open_stream() {
        let bench = Bench::new();
        bench.log.record("{}");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async move { stopped.await.unwrap_or_default() };
        let options = options(listener, Limits::default(), shutdown).await;
        let client = async {
            let mut connection = TcpStream::connect(address).await.unwrap();
            let alive = ask(&mut connection, "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n".into(), "}").await;
            assert!(alive.starts_with("HTTP/1.1 200 OK"), "{alive}");
            let token = token(&auditor());
            let request = format!("GET /events HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\r\n");
            let events = ask(&mut connection, request, "data: {}").await;
            assert!(events.contains("id: 0:1"), "{events}");
            stop.send(()).unwrap();
            let mut rest = Vec::new();
            connection.read_to_end(&mut rest).await.unwrap();
            let rest = String::from_utf8(rest).unwrap();
            assert!(rest.contains("event: end") && rest.contains("stopping"), "it says why: {rest}");
            assert!(rest.ends_with("0\r\n\r\n"), "the stream ends whole");
        };
        let both = async { tokio::join!(serve(Arc::clone(&bench.api.app), options), client) };
        tokio::time::timeout(DRAIN_TIME / 2, both).await.expect("it stops at once");
    }

    #[tokio::test]
    async fn a_request_names_one_host() {
        served(async |address| {
            let cases = [
                ("HTTP/1.1\r\n", "400"),
                ("HTTP/1.1\r\nhost: a\r\nhost: a\r\n", "400"),
                ("HTTP/1.1\r\nhost: a\r\nHost: b\r\n", "400"),
                ("HTTP/1.0\r\nhost: a\r\nhost: b\r\n", "400"),
                ("HTTP/1.1\r\nhost: a\r\n", "200"),
                ("HTTP/1.1\r\nhost:\r\n", "200"),
                ("HTTP/1.0\r\n", "200"),
            ];
            for (rest, status) in cases {
                let mut connection = TcpStream::connect(address).await.unwrap();
                connection.write_all(format!("GET /healthz {rest}\r\n").as_bytes()).await.unwrap();
                let head = answer(&mut connection).await;
                assert_eq!(head.split(' ').nth(1), Some(status), "{rest}: {head}");
            }
        })
        .await;
    }

    /// Requests that never arrive whole do not keep the server from stopping.
    #[tokio::test]
    async fn it_stops_in_time_under_requests_that_never_end() {
        let bench = Bench::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async move { stopped.await.unwrap_or_default() };
        let options = options(listener, Limits::default(), shutdown).await;
        let client = async {
            let mut half_a_head = TcpStream::connect(address).await.unwrap();
            half_a_head.write_all(b"GET /healthz HTTP/1.1\r\nhos").await.unwrap();
            let mut half_a_body = TcpStream::connect(address).await.unwrap();
            let head = format!("authorization: Bearer {}\r\ncontent-type: application/json\r\n", token(&auditor()));
            let id = "idempotency-key: 0190163d-8694-739b-aea5-966c26f8ad91\r\ncontent-length: 9\r\n\r\n{";
            half_a_body.write_all(format!("{COMMAND}{head}{id}").as_bytes()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
            stop.send(()).unwrap();
            std::future::pending::<()>().await;
        };
        let ended = tokio::select! {
            ended = tokio::time::timeout(Duration::from_secs(6), serve(Arc::clone(&bench.api.app), options)) => ended,
            () = client => panic!("the client waits"),
        };
        ended.expect("it stops within five seconds");
    }

    /// Reads one answer: its head, and its body by `Content-Length`.
    async fn answer(connection: &mut TcpStream) -> String {
        let mut text = Vec::new();
        loop {
            let mut byte = [0];
            assert_eq!(
                connection.read(&mut byte).await.unwrap(),
                1,
                "an answer, not {}",
                String::from_utf8_lossy(&text)
            );
            text.push(byte[0]);
            if text.ends_with(b"\r\n\r\n") {
                break;
            }
        }
        let head = String::from_utf8(text).unwrap().to_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        connection.read_exact(&mut body).await.unwrap();
        head
    }

    /// Serves while `client` talks to it.
    async fn served<F: Future<Output = ()>>(client: impl FnOnce(std::net::SocketAddr) -> F) {
        served_within(Limits::default(), client).await;
    }

    async fn served_within<F: Future<Output = ()>>(limits: Limits, client: impl FnOnce(std::net::SocketAddr) -> F) {
        let bench = Bench::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = std::future::pending::<()>();
        let options = options(listener, limits, shutdown).await;
        tokio::select! {
            () = serve(Arc::clone(&bench.api.app), options) => panic!("it ended"),
            () = client(address) => (),
        }
    }

    /// Waits until the server has closed the connection.
    async fn closed(connection: &mut TcpStream) -> String {
        let mut rest = Vec::new();
        let end = tokio::time::timeout(Duration::from_secs(5), connection.read_to_end(&mut rest)).await;
        end.expect("it is closed").unwrap();
        String::from_utf8(rest).unwrap()
    }

    const ALIVE: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";

    /// A silent one, one with half a head, one that is silent after an answer; whoever asks goes on.
    #[tokio::test]
    async fn who_sends_no_whole_head_is_closed_in_time() {
        let idle = Duration::from_millis(300);
        served_within(Limits { idle, ..Limits::default() }, async |address| {
            let connect = async || TcpStream::connect(address).await.unwrap();
            let (mut silent, mut half, mut once, mut asking) =
                (connect().await, connect().await, connect().await, connect().await);
            half.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\nx-rest: ").await.unwrap();
            once.write_all(ALIVE).await.unwrap();
            assert!(answer(&mut once).await.starts_with("http/1.1 200"));
            let started = tokio::time::Instant::now();
            let (silent, half, once, ()) =
                tokio::join!(closed(&mut silent), closed(&mut half), closed(&mut once), async {
                    for _ in 0..6 {
                        asking.write_all(ALIVE).await.unwrap();
                        assert!(answer(&mut asking).await.starts_with("http/1.1 200"));
                        tokio::time::sleep(idle / 3).await;
                    }
                });
            assert_eq!((silent.as_str(), half.as_str(), once.as_str()), ("", "", ""));
            assert!(started.elapsed() >= idle, "nobody is closed early");
        })
        .await;
    }

    /// A head that trickles in has no more time than one that does not come.
    #[tokio::test]
    async fn a_head_that_trickles_in_is_closed_too() {
        let idle = Duration::from_millis(300);
        served_within(Limits { idle, ..Limits::default() }, async |address| {
            let mut trickling = TcpStream::connect(address).await.unwrap();
            trickling.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\nx-rest: ").await.unwrap();
            let trickle = async {
                while trickling.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(idle / 10).await;
                }
            };
            tokio::time::timeout(idle * 10, trickle).await.expect("it is closed");
        })
        .await;
    }

    #[tokio::test]
    async fn one_address_has_so_many_connections_and_hears_why_no_more() {
        let limits = Limits { connections_per_peer: 2, connections: 3, ..Limits::default() };
        served_within(limits, async |address| {
            let mut first = TcpStream::connect(address).await.unwrap();
            let _second = TcpStream::connect(address).await.unwrap();
            let mut third = TcpStream::connect(address).await.unwrap();
            let told = closed(&mut third).await;
            assert!(told.starts_with("HTTP/1.1 429 Too Many Requests\r\n"), "{told}");
            assert!(told.contains("retry-after: 1\r\n") && told.contains(r#""code":"too-many-at-once""#), "{told}");
            first.write_all(ALIVE).await.unwrap();
            assert!(answer(&mut first).await.starts_with("http/1.1 200"), "who is inside is served");
            let other = |last: u8| async move {
                let socket = tokio::net::TcpSocket::new_v4().unwrap();
                socket.bind(std::net::SocketAddr::from(([127, 0, 0, last], 0))).unwrap();
                socket.connect(address).await.unwrap()
            };
            let mut of_another = other(2).await;
            of_another.write_all(ALIVE).await.unwrap();
            assert!(answer(&mut of_another).await.starts_with("http/1.1 200"), "another address is let in");
            let told = closed(&mut other(3).await).await;
            assert!(told.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{told}");
            assert!(told.contains(r#""code":"crowded""#), "{told}");
            drop(of_another);
            let mut again = other(3).await;
            for _ in 0..50 {
                again.write_all(ALIVE).await.unwrap();
                if answer(&mut again).await.starts_with("http/1.1 200") {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
                again = other(3).await;
            }
            panic!("a place is free again");
        })
        .await;
    }

    #[tokio::test]
    async fn a_body_in_a_coding_that_is_not_taken_is_said_so() {
        served(async |address| {
            let cases = [
                ("chunked", "401"),
                ("Chunked", "401"),
                ("gzip, chunked", "501"),
                ("gzip,chunked", "501"),
                ("deflate\r\ntransfer-encoding: chunked", "501"),
                ("identity, chunked", "501"),
                ("chunked, chunked", "501"),
            ];
            for (coding, status) in cases {
                let mut connection = TcpStream::connect(address).await.unwrap();
                let head = format!("{COMMAND}transfer-encoding: {coding}\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n");
                connection.write_all(head.as_bytes()).await.unwrap();
                let head = answer(&mut connection).await;
                assert_eq!(head.split(' ').nth(1), Some(status), "{coding}: {head}");
            }
        })
        .await;
    }

    const COMMAND: &str = "POST /cases/0190163d-8694-739b-aea5-966c26f8ad91/void-issue HTTP/1.1\r\nhost: a\r\n";

    #[tokio::test]
    async fn a_request_that_is_refused_early_does_not_break_the_next_one() {
        served(async |address| {
            let token = format!("authorization: Bearer {}\r\n", token(&auditor()));
            let json = "content-type: application/json\r\n";
            let refusals = [
                (COMMAND.to_owned(), 200 * 1024, "401"),
                (format!("{COMMAND}{token}{json}"), 200 * 1024, "400"),
                (format!("{COMMAND}{token}{json}"), 300 * 1024, "400"),
                (format!("POST /evidence HTTP/1.1\r\nhost: a\r\n{token}"), 3 * 1024 * 1024, "415"),
                (format!("POST /nowhere HTTP/1.1\r\nhost: a\r\n{token}"), 100 * 1024, "404"),
                ("PUT /events HTTP/1.1\r\nhost: a\r\n".to_owned(), 100 * 1024, "405"),
                ("GET /healthz HTTP/1.1\r\nhost: a\r\n".to_owned(), 100 * 1024, "200"),
            ];
            let mut connection = TcpStream::connect(address).await.unwrap();
            for round in 0..20 {
                for (head, length, status) in &refusals {
                    let head = format!("{head}content-length: {length}\r\n\r\n");
                    connection.write_all(head.as_bytes()).await.unwrap();
                    // The body comes when the head was read, as clients send it.
                    tokio::task::yield_now().await;
                    connection.write_all(&vec![b' '; *length]).await.unwrap();
                    let answered = answer(&mut connection).await;
                    assert!(answered.starts_with(&format!("http/1.1 {status}")), "{round}: {head}{answered}");
                    assert!(!answered.contains("connection: close"), "{round}: {head}{answered}");
                }
            }
        })
        .await;
    }

    #[tokio::test]
    async fn a_connection_that_cannot_be_used_again_is_closed_and_says_so() {
        served(async |address| {
            // Nothing shows whether a body follows when nobody asked for it.
            let mut asking = TcpStream::connect(address).await.unwrap();
            let head = format!("{COMMAND}expect: 100-continue\r\ncontent-length: 9\r\n\r\n");
            asking.write_all(head.as_bytes()).await.unwrap();
            let answered = answer(&mut asking).await;
            assert!(answered.starts_with("http/1.1 401") && answered.contains("connection: close"), "{answered}");
            assert_eq!(asking.read(&mut [0; 16]).await.unwrap(), 0, "nothing follows");
            // A body that does not come.
            let mut silent = TcpStream::connect(address).await.unwrap();
            silent.write_all(format!("{COMMAND}content-length: 9\r\n\r\n").as_bytes()).await.unwrap();
            let answered = answer(&mut silent).await;
            assert!(answered.starts_with("http/1.1 401") && answered.contains("connection: close"), "{answered}");
            assert_eq!(silent.read(&mut [0; 16]).await.unwrap(), 0, "nothing follows");
        })
        .await;
    }
}
