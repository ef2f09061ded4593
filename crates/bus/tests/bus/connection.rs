//! Who is let in, and which nats-server is refused.

use bus::connection::ConnectError;
use bus::{Connection, ConnectionOptions, Credentials};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::world::World;

fn options(url: String) -> ConnectionOptions {
    ConnectionOptions {
        url,
        name: "test".into(),
        credentials: Credentials::Anonymous,
        inbox_prefix: "_INBOX".into(),
        tls: app::peer::Tls::default(),
    }
}

/// Speaks just enough of the protocol to tell its version.
async fn fake_server(version: &'static str) -> (String, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let info = format!(
            "INFO {{\"server_id\":\"a\",\"server_name\":\"a\",\"version\":\"{version}\",\"headers\":true,\
             \"max_payload\":1048576,\"proto\":1,\"host\":\"127.0.0.1\",\"port\":4222}}\r\n"
        );
        socket.write_all(info.as_bytes()).await.unwrap();
        let (read, mut write) = socket.split();
        let mut lines = BufReader::new(read).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if line.starts_with("PING") {
                write.write_all(b"PONG\r\n").await.unwrap();
            }
        }
    });
    (url, tasks)
}

#[tokio::test]
async fn a_server_that_is_too_old_is_refused_with_what_to_do() {
    let (url, _server) = fake_server("2.12.6").await;
    let error = Connection::connect(options(url)).await.unwrap_err();
    assert!(matches!(&error, ConnectError::TooOld(old) if old.found == "2.12.6"), "{error}");
    assert!(error.to_string().contains("needs 2.12.7 or later. Install"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_new_enough_is_taken() {
    let (url, _server) = fake_server("2.12.7").await;
    assert!(Connection::connect(options(url)).await.unwrap().is_up());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_an_error_and_not_an_absence() {
    let world = World::new().await;
    let file = world.nats.dir().join("stranger.nk");
    let refused = async |text: &str| {
        std::fs::write(&file, text).unwrap();
        let credentials = Credentials::NkeyFile(file.clone());
        let options = ConnectionOptions { credentials, ..options(world.nats.url()) };
        Connection::connect(options).await.unwrap_err().to_string()
    };
    let error = refused(&testkit::nats::seed().unwrap().secret()).await;
    assert!(error.contains("check its nkey"), "{error}");
    let error = refused("p1234").await;
    assert!(error.contains("holds no nkey") && error.contains("dualgrid nats key"), "{error}");
}

#[tokio::test]
async fn a_missing_credentials_file_is_named() {
    let credentials = Credentials::NkeyFile("/does/not/exist.nk".into());
    let options = ConnectionOptions { credentials, ..options("nats://127.0.0.1:1".into()) };
    let error = Connection::connect(options).await.unwrap_err();
    assert!(error.to_string().contains("/does/not/exist.nk"), "{error}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_no_error() {
    let connection = Connection::connect(options("nats://127.0.0.1:1".into())).await.unwrap();
    assert!(!connection.is_up());
    assert!(connection.check_version().is_ok());
}
