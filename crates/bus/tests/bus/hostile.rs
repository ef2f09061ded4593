//! What one department's program sends, by mistake or not, disturbs neither the publisher nor another department.

use std::sync::Arc;
use std::time::Duration;

use app::intake::{Answer, Expected, Request};
use app::port::{Moved, Receipt};
use async_trait::async_trait;
use bus::commands::Door;
use bus::department::{Department, DepartmentOptions, Reply};
use futures::StreamExt as _;
use kernel::{CommandId, StreamId, Version};
use serde_json::{Value, json};
use testkit::client::eventually;
use testkit::nats::{NatsServer, department_user};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::vec_log::{ONE, OTHER, code};
use crate::world::{World, credentials};

/// Header blocks that are none.
const HEADERS: [(&str, &[u8]); 12] = [
    ("a name with a blank", b"NATS/1.0\r\nDual grid: x\r\n\r\n"),
    ("a byte that is not UTF-8", b"NATS/1.0\r\nDualgrid-Case-Id: \xff\r\n\r\n"),
    ("a value in GBK", b"NATS/1.0\r\nDualgrid-Actor: \xc0\xee\xce\xb0\r\n\r\n"),
    ("a status that is no number", b"NATS/1.0 abc\r\n\r\n"),
    ("a status out of range", b"NATS/1.0 99999\r\n\r\n"),
    ("another version", b"NATS/2.0\r\nA: x\r\n\r\n"),
    ("no version", b"A: x\r\nB: y\r\n\r\n"),
    ("a line without a colon", b"NATS/1.0\r\nnothing\r\n\r\n"),
    ("no name", b"NATS/1.0\r\n: x\r\n\r\n"),
    ("a name that is not UTF-8", b"NATS/1.0\r\n\xc0\xee: x\r\n\r\n"),
    ("a carriage return in a value", b"NATS/1.0\r\nDualgrid-Case-Id: x\ry\r\n\r\n"),
    ("a control character in a name", b"NATS/1.0\r\nA\x01: x\r\n\r\n"),
];

/// Reply subjects that are none.
const REPLIES: [&[u8]; 2] = [b"_INBOX_CGZF.\xff\xfe", b"_INBOX_CGZF.\xe3\x80\x80x"];

struct Yes;

#[async_trait]
impl Door for Yes {
    async fn submit(&self, request: Request, _: Option<Expected>) -> Result<Answer, app::Error> {
        let streams = vec![Moved { stream: case(), version: Version(1) }];
        Ok(Receipt { command: request.command, streams, first: None, events: 0, replayed: false }.into())
    }
}

fn case() -> StreamId {
    StreamId::new("case", Uuid::from_u128(5))
}

fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            text.push(char::from(LETTERS[(bits >> (18 - 6 * place) & 63) as usize]));
        }
    }
    text
}

/// A department's program that speaks the protocol itself, and not well.
async fn raw(nats: &NatsServer, department: &str) -> BufReader<TcpStream> {
    let address = nats.url().strip_prefix("nats://").unwrap().to_owned();
    let mut socket = BufReader::new(TcpStream::connect(address).await.unwrap());
    let mut line = String::new();
    socket.read_line(&mut line).await.unwrap();
    let info: Value = serde_json::from_str(line.strip_prefix("INFO ").unwrap()).unwrap();
    let seed = nats.seed(&department_user(department)).unwrap();
    let connect = json!({
        "verbose": false, "pedantic": false, "headers": true, "protocol": 1, "lang": "raw", "version": "0",
        "nkey": seed.public().as_str(), "sig": base64url(&seed.sign(info["nonce"].as_str().unwrap().as_bytes())),
    });
    socket.write_all(format!("CONNECT {connect}\r\nPING\r\n").as_bytes()).await.unwrap();
    line.clear();
    socket.read_line(&mut line).await.unwrap();
    assert_eq!(line, "PONG\r\n");
    socket
}

async fn send(socket: &mut BufReader<TcpStream>, reply: &[u8], headers: &[u8]) {
    let mut bytes = [b"HPUB dg.cmd.CGZF.accept-order ", reply].concat();
    bytes.extend(format!(" {} {}\r\n", headers.len(), headers.len() + 2).as_bytes());
    bytes.extend([headers, b"{}\r\n"].concat());
    socket.write_all(&bytes).await.unwrap();
}

async fn department(world: &World, name: &str) -> Department {
    let credentials = credentials(&world.nats, &department_user(name));
    let (code, url, tls) = (code(name), world.nats.url(), app::peer::Tls::default());
    let options = DepartmentOptions { code, url, credentials, tls, clerk_token_file: None };
    Department::connect(options).await.unwrap()
}

/// Takes two seconds.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_disturbs_nobody_else() {
    let mut world = World::new().await;
    let commands = world.commands(Arc::new(Yes));
    world.tasks.spawn(async move { commands.run(std::future::pending()).await });
    world.commands_are_taken().await;
    let publisher = world.publisher().await;
    let (one, other) = (department(&world, ONE).await, department(&world, OTHER).await);
    let mut hostile = raw(&world.nats, ONE).await;
    let reply = b"_INBOX_CGZF.x".as_slice();
    let mut broken = Vec::new();
    let all = HEADERS.iter().map(|(what, headers)| (*what, reply, *headers));
    let replies = REPLIES.iter().map(|reply| ("a reply subject", *reply, b"NATS/1.0\r\nA: x\r\n\r\n".as_slice()));
    for (number, (what, reply, headers)) in all.chain(replies).enumerate() {
        // The control: a connection of the core that hears the same.
        let witness = world.connection().await;
        let mut heard = witness.client().subscribe("dg.cmd.CGZF.*").await.unwrap();
        witness.client().flush().await.unwrap();
        send(&mut hostile, reply, headers).await;
        let (about, body) = (case(), json!({}));
        let answered = other.send("accept-order", &about, CommandId::named(&format!("{number}")), &body);
        let answered = tokio::time::timeout(Duration::from_secs(2), answered).await;
        assert!(matches!(answered, Ok(Ok(Reply::Accepted(_)))), "after {what}: {answered:?}");
        let mut link = witness.link();
        let lost = async {
            tokio::select! {
                _ = link.wait_for(|link| link.connects != 1 || !link.up) => true,
                message = heard.next() => message.is_none(),
            }
        };
        if tokio::time::timeout(Duration::from_secs(1), lost).await.unwrap_or(false) {
            broken.push(what);
        }
        world.log.grow(2);
    }
    assert!(broken.len() >= 8, "the control notices: {broken:?}");
    world.settle().await;
    assert_eq!(publisher.status().borrow().rebuilds, 0);
    let taken_again = async || {
        let sent = one.send("accept-order", &case(), CommandId::named("z"), &json!({})).await;
        Ok(matches!(sent, Ok(Reply::Accepted(_))).then_some(()))
    };
    eventually("its own good command is answered again", Duration::from_secs(30), taken_again).await.unwrap();
}
