//! The proxy between a real client and a real PostgreSQL, and between two sockets.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::postgres::{Address, Postgres};
use crate::process::run;
use crate::tools;

const PATIENCE: Duration = Duration::from_secs(10);

/// A server that says everything twice.
async fn echo() -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            connections.spawn(async move {
                let (mut from, mut to) = socket.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    (address, tasks)
}

async fn heard(socket: &mut TcpStream) -> Option<u8> {
    let mut byte = [0];
    tokio::time::timeout(PATIENCE, socket.read_exact(&mut byte)).await.expect("neither a byte nor an end").ok()?;
    Some(byte[0])
}

#[tokio::test]
async fn what_is_sent_comes_through_until_everything_is_cut() {
    let (target, _server) = echo().await;
    let proxy = Proxy::start(target, NoWatch::default).await.unwrap();
    let mut socket = TcpStream::connect(proxy.address()).await.unwrap();
    socket.write_all(b"a").await.unwrap();
    assert_eq!(heard(&mut socket).await, Some(b'a'));
    proxy.cut_all();
    assert_eq!(heard(&mut socket).await, None);
    let mut again = TcpStream::connect(proxy.address()).await.unwrap();
    again.write_all(b"b").await.unwrap();
    assert_eq!(heard(&mut again).await, Some(b'b'));
    assert_eq!(proxy.cuts(), 0, "nothing was cut at a request");
}

#[tokio::test]
async fn who_is_led_elsewhere_is_cut_off_and_finds_the_other_server() {
    let (target, _server) = echo().await;
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let proxy = Proxy::start(target, NoWatch::default).await.unwrap();
    let mut socket = TcpStream::connect(proxy.address()).await.unwrap();
    socket.write_all(b"a").await.unwrap();
    assert_eq!(heard(&mut socket).await, Some(b'a'));
    proxy.lead_to(other.local_addr().unwrap().port());
    assert_eq!(heard(&mut socket).await, None);
    let mut again = TcpStream::connect(proxy.address()).await.unwrap();
    let (mut accepted, _) = other.accept().await.unwrap();
    accepted.write_all(b"other").await.unwrap();
    assert_eq!(heard(&mut again).await, Some(b'o'));
}

#[tokio::test]
async fn what_is_stalled_comes_later_and_what_is_delayed_too() {
    let (target, _server) = echo().await;
    let proxy = Proxy::start(target, NoWatch::default).await.unwrap();
    let mut socket = TcpStream::connect(proxy.address()).await.unwrap();
    proxy.stall();
    socket.write_all(b"a").await.unwrap();
    let early = Duration::from_millis(200);
    assert!(tokio::time::timeout(early, socket.readable()).await.is_err(), "something came through");
    proxy.flow();
    assert_eq!(heard(&mut socket).await, Some(b'a'));
    let (begin, delay) = (tokio::time::Instant::now(), Duration::from_millis(50));
    proxy.delay(delay);
    socket.write_all(b"b").await.unwrap();
    assert_eq!(heard(&mut socket).await, Some(b'b'));
    assert!(begin.elapsed() >= delay * 2, "there and back");
}

#[tokio::test]
async fn a_server_does_not_hear_of_who_comes_while_everything_is_stalled() {
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let proxy = Proxy::start(server.local_addr().unwrap(), NoWatch::default).await.unwrap();
    proxy.stall();
    let mut cut = TcpStream::connect(proxy.address()).await.unwrap();
    let early = Duration::from_millis(200);
    assert!(tokio::time::timeout(early, server.accept()).await.is_err(), "it has heard");
    proxy.cut_all();
    assert_eq!(heard(&mut cut).await, None);
    let mut late = TcpStream::connect(proxy.address()).await.unwrap();
    proxy.flow();
    let (mut accepted, _) = tokio::time::timeout(PATIENCE, server.accept()).await.expect("nobody came").unwrap();
    late.write_all(b"a").await.unwrap();
    assert_eq!(heard(&mut accepted).await, Some(b'a'));
}

/// A database with a function that appends, as its name says.
struct Database {
    server: &'static Postgres,
    name: String,
    bin: std::path::PathBuf,
}

impl Database {
    async fn create() -> Self {
        let server = Postgres::shared().await.unwrap();
        let url = server.create_database().await.unwrap();
        let name = url.rsplit('/').next().unwrap().to_owned();
        let appending = "create table t (n int);
            create function append_batch(n int) returns void language sql as 'insert into t values (n)'";
        server.query(&name, appending).await.unwrap();
        Self { server, name, bin: tools::postgresql_bin().await.unwrap() }
    }

    fn address(&self) -> Address {
        self.server.admin_url().parse().unwrap()
    }

    async fn through(&self, proxy: &Proxy, sql: &str) -> anyhow::Result<String> {
        let address = Address { port: proxy.address().port(), ..self.address() };
        run(address.psql(&self.bin, &self.name, sql)).await
    }

    async fn loses_its_answer(&self, proxy: &Proxy, sql: &str) {
        let error = format!("{:#}", self.through(proxy, sql).await.unwrap_err());
        assert!(error.contains("server closed the connection unexpectedly"), "{error}");
    }

    async fn rows(&self) -> String {
        self.server.query(&self.name, "select count(*) from t").await.unwrap().trim().to_owned()
    }
}

#[tokio::test]
async fn the_answer_of_the_nth_append_is_lost_and_the_append_is_not() {
    let database = Database::create().await;
    let proxy = Proxy::before_postgres(database.address().port).await.unwrap();
    proxy.cut_at(2, Cut::Answered);
    database.through(&proxy, "select 1").await.unwrap();
    database.through(&proxy, "select append_batch(1)").await.unwrap();
    database.loses_its_answer(&proxy, "select append_batch(2)").await;
    proxy.wait_for_cuts(1, PATIENCE).await.unwrap();
    assert_eq!(database.rows().await, "2");
    database.through(&proxy, "select append_batch(3)").await.unwrap();
    assert_eq!((proxy.cuts(), database.rows().await.as_str()), (1, "3"));
}

#[tokio::test]
async fn the_answer_of_a_commit_is_lost_and_the_commit_is_not() {
    let database = Database::create().await;
    let proxy = Proxy::before_postgres(database.address().port).await.unwrap();
    proxy.cut_at(1, Cut::Sent);
    database.loses_its_answer(&proxy, "select append_batch(1)").await;
    assert_eq!(proxy.cuts(), 1);
    crate::client::eventually("the server has done it", PATIENCE, async || {
        Ok((database.rows().await == "1").then_some(()))
    })
    .await
    .unwrap();
    proxy.cut_at(1, Cut::Sent);
    proxy.disarm();
    database.through(&proxy, "select append_batch(2)").await.unwrap();
}
