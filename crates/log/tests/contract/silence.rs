//! A PostgreSQL that is cut off without a word: nothing is refused, nothing is closed, nothing arrives.

use std::sync::Arc;
use std::time::Duration;

use app::port::{AppendError, EventLog, Failure};
use kernel::Position;
use log::{Options, PgLog};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::faults::write_until_answered;
use crate::place::{Place, all_at_once, append, everything, stream};

/// What has to be noticed is noticed within this time.
const PATIENCE: Duration = Duration::from_mins(1);

/// Which of the connections nothing passes through.
#[derive(Clone, Copy, Default)]
struct Silence {
    /// All of them, for a while.
    everywhere: bool,
    /// Those before this number, for ever.
    before: u64,
}

impl Silence {
    const fn is_on(self, connection: u64) -> bool {
        self.everywhere || connection < self.before
    }
}

/// The way to a server.
struct Way {
    url: String,
    silence: watch::Sender<Silence>,
    opened: watch::Receiver<u64>,
    _tasks: JoinSet<()>,
}

impl Way {
    /// To the server of `url`, at an address of its own.
    async fn to(url: &str) -> Self {
        let (login, place) = url.rsplit_once('@').unwrap();
        let (server, database) = place.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("{login}@{}/{database}", listener.local_addr().unwrap());
        let (silence, silent) = watch::channel(Silence::default());
        let (count, opened) = watch::channel(0);
        let mut tasks = JoinSet::new();
        tasks.spawn(carry(listener, server.to_owned(), silent, count));
        Self { url, silence, opened, _tasks: tasks }
    }

    fn freeze(&self, everywhere: bool) {
        self.silence.send_modify(|silence| silence.everywhere = everywhere);
    }

    /// The connections that there are fall silent for ever, as after a loss of power; new ones are fine.
    fn lose(&self) {
        let before = *self.opened.borrow();
        self.silence.send_modify(|silence| silence.before = before);
    }

    async fn log(&self) -> Arc<dyn EventLog> {
        let (acquire_timeout, answer_timeout) = (Duration::from_secs(2), Duration::from_secs(2));
        let options = Options { acquire_timeout, answer_timeout, ..Options::default() };
        Arc::new(PgLog::connect(&self.url, &options).await.unwrap())
    }
}

async fn carry(listener: TcpListener, server: String, silent: watch::Receiver<Silence>, count: watch::Sender<u64>) {
    let mut pumps = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let Ok(server) = TcpStream::connect(&server).await else { continue };
        let number = *count.borrow();
        count.send_replace(number + 1);
        let ((asked, answers), (answered, questions)) = (client.into_split(), server.into_split());
        pumps.spawn(pump(asked, questions, number, silent.clone()));
        pumps.spawn(pump(answered, answers, number, silent.clone()));
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    number: u64,
    mut silent: watch::Receiver<Silence>,
) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        let audible = silent.wait_for(|silence| !silence.is_on(number)).await.is_ok();
        if !audible || to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it took too long")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_into_a_silence_fails_as_passing_and_is_there_once() {
    let place = Place::postgres().await;
    let way = Way::to(&place.url).await;
    let log = way.log().await;
    let one = stream("one");
    log.append(append("a", &one, 0, 1)).await.unwrap();
    way.freeze(true);
    let failed = soon(log.append(append("b", &one, 1, 2))).await;
    assert!(matches!(&failed, Err(AppendError::Failure(Failure { passing: true, .. }))), "{failed:?}");
    let unread = soon(log.head()).await;
    assert!(matches!(&unread, Err(Failure { passing: true, .. })), "{unread:?}");
    // What was on its way arrives now, and is executed although nobody waits for it.
    way.freeze(false);
    let again = async {
        loop {
            match log.append(append("b", &one, 1, 2)).await {
                Err(AppendError::Failure(failure)) if failure.passing => tokio::task::yield_now().await,
                answer => return answer,
            }
        }
    };
    assert_eq!(soon(again).await.unwrap().first, Some(Position(2)));
    assert_eq!(everything(&place.log().await).await.len(), 3);
    soon(until_read(&log)).await;
}

async fn until_read(log: &Arc<dyn EventLog>) {
    while log.head().await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_vanished_is_left_for_the_one_that_answers() {
    let place = Place::postgres().await;
    let way = Way::to(&place.url).await;
    let log = way.log().await;
    let mut writing = write_until_answered(&log, 8, 40);
    let mut committed = log.committed();
    for part in 1..=3 {
        soon(committed.wait_for(|newest| newest.0 >= part * 60)).await.unwrap();
        way.lose();
    }
    while let Some(written) = soon(writing.join_next()).await {
        written.unwrap();
    }
    way.lose();
    let answers =
        soon(all_at_once(&log, (0..9).map(|n| append(&format!("{n}"), &stream(&format!("{n}")), 0, 1)).collect()));
    assert!(answers.await.iter().all(Result::is_ok));
    assert_eq!(everything(&place.log().await).await.len(), 8 * 40 + 9);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_leave_a_server_that_vanished() {
    let place = Place::postgres().await;
    let way = Way::to(&place.url).await;
    let log = way.log().await;
    log.append(append("a", &stream("a"), 0, 3)).await.unwrap();
    let mut reading = JoinSet::new();
    for _ in 0..24 {
        let log = Arc::clone(&log);
        reading.spawn(async move {
            loop {
                let _ = log.after(Position::START, 10).await;
            }
        });
    }
    for _ in 0..4 {
        soon(until_read(&log)).await;
        // In the middle of whatever the readers do with their connections.
        way.lose();
    }
    reading.shutdown().await;
    soon(until_read(&log)).await;
}
