//! Commands over NATS: answered, answered again, refused, and only for one's own department.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use app::Problem;
use app::evidence::Uploaded;
use app::intake::{Answer, Expected, Request};
use app::port::{Lost, Moved, Receipt};
use async_nats::HeaderMap;
use async_trait::async_trait;
use bus::commands::Door;
use bus::department::{Department, DepartmentOptions, Reply};
use bytes::Bytes;
use kernel::digest::Digest;
use kernel::{Actor, CommandId, Position, StreamId, Version};
use serde_json::json;
use testkit::nats::CORE;
use tokio::sync::{Barrier, Notify, oneshot};
use uuid::Uuid;

use crate::vec_log::{ONE, OTHER, code};
use crate::world::{PATIENCE, TOKEN, World, credentials};

/// Takes `accept-order`, remembers the ids of commands, refuses everything else.
#[derive(Default)]
struct Recorder {
    answered: Mutex<HashMap<CommandId, Answer>>,
    seen: Mutex<Vec<Request>>,
}

fn answer(command: CommandId) -> Answer {
    let moved = Moved { stream: case(), version: Version(3) };
    let streams = vec![moved];
    Receipt { command, streams, first: Some(Position(9)), events: 1, replayed: false }.into()
}

/// The case that the commands are about.
fn case() -> StreamId {
    StreamId::new("case", Uuid::from_u128(5))
}

#[async_trait]
impl Door for Recorder {
    async fn submit(&self, request: Request, expected: Option<Expected>) -> Result<Answer, app::Error> {
        self.seen.lock().unwrap().push(request.clone());
        if expected.is_some_and(|expected| expected != Expected::Versions(vec![Version(3)])) {
            return Err(app::Error::VersionDiffers { version: Version(3) });
        }
        if request.name == "record-progress" {
            return Err(app::Error::Halted(Lost { after: Position(3), to: Position(9) }));
        }
        if request.name != "accept-order" {
            return Err(app::Error::Refused { status: 409, code: "order-not-ready", detail: "not now".into() });
        }
        let mut answered = self.answered.lock().unwrap();
        if let Some(first) = answered.get(&request.command) {
            return Ok(Answer { replayed: true, ..first.clone() });
        }
        answered.insert(request.command, answer(request.command));
        Ok(answer(request.command))
    }

    async fn upload(&self, by: &Actor, media_type: &str, file: Bytes) -> Result<Uploaded, app::Error> {
        assert_eq!((by.id.as_str(), media_type), ("li.wei", "image/png"));
        let (sha256, size) = (Digest::of(&file), file.len() as u64);
        let unnamed_until = chrono::DateTime::UNIX_EPOCH;
        Ok(Uploaded { sha256, media_type: media_type.into(), size, original_sha256: sha256, unnamed_until })
    }
}

async fn department(world: &World, name: &str) -> Department {
    let file = world.nats.dir().join("li.wei.token");
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    let options = DepartmentOptions {
        code: code(name),
        url: world.nats.url(),
        credentials: credentials(&world.nats, &format!("dept-{name}")),
        tls: app::peer::Tls::default(),
        clerk_token_file: Some(file),
    };
    Department::connect(options).await.unwrap()
}

async fn serve(world: &mut World, door: Arc<dyn Door>) {
    let commands = world.commands(door);
    world.tasks.spawn(async move { commands.run(std::future::pending()).await });
    world.commands_are_taken().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_answered_and_again_with_the_same_answer() {
    let mut world = World::new().await;
    let door = Arc::new(Recorder::default());
    serve(&mut world, Arc::clone(&door) as Arc<dyn Door>).await;
    serve(&mut world, Arc::clone(&door) as Arc<dyn Door>).await;
    let department = department(&world, ONE).await;
    let (case, command) = (case(), CommandId::named("b"));
    let mut answers = Vec::new();
    for _ in 0..4 {
        let reply = department.send("accept-order", &case, command, &json!({ "order": Uuid::nil() })).await.unwrap();
        let Reply::Accepted(answer) = reply else { panic!("{reply:?}") };
        assert_eq!((&answer["first"], &answer["version"]), (&json!(9), &json!(3)));
        answers.push(answer["replayed"].as_bool().unwrap());
    }
    assert_eq!(answers, [false, true, true, true]);
    let seen = door.seen.lock().unwrap();
    assert_eq!(seen.len(), 4, "each request is handled by one of the two processes");
    assert_eq!(seen[0].actor.id, "li.wei");
    assert_eq!(seen[0].id, Some(case.id()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_a_problem_with_the_headers_of_a_service_error() {
    let mut world = World::new().await;
    serve(&mut world, Arc::new(Recorder::default())).await;
    let department = department(&world, ONE).await;
    let reply = department.send("submit-disposal", &case(), CommandId::named("b"), &json!({})).await.unwrap();
    let Reply::Refused(problem) = reply else { panic!("{reply:?}") };
    assert_eq!((problem.status, problem.code.as_str()), (409, "order-not-ready"));
    let client = department.connection().client();
    let bare = client.request("dg.cmd.CGZF.accept-order", "{}".into()).await.unwrap();
    let headers = bare.headers.unwrap();
    assert_eq!(headers.get("Nats-Service-Error").unwrap().as_str(), "header-missing");
    assert_eq!(headers.get("Nats-Service-Error-Code").unwrap().as_str(), "400");
    assert_eq!(headers.get("Content-Type").unwrap().as_str(), "application/problem+json");
    assert!(headers.get("Retry-After").is_none());
}

/// A command with these headers, and its problem.
async fn refused(department: &Department, verb: &str, headers: &[(&str, &str)]) -> (HeaderMap, Problem) {
    let mut all = HeaderMap::new();
    all.insert("Dualgrid-Command-Id", CommandId::named("b").to_string());
    all.insert("Dualgrid-Case-Id", case().id().to_string());
    for (name, value) in headers {
        all.append(*name, *value);
    }
    let client = department.connection().client();
    let answer = client.request_with_headers(format!("dg.cmd.CGZF.{verb}"), all, "{}".into()).await.unwrap();
    (answer.headers.clone().unwrap(), serde_json::from_slice(&answer.payload).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_may_pass_later_says_when_to_send_it_again() {
    let mut world = World::new().await;
    serve(&mut world, Arc::new(Recorder::default())).await;
    let department = department(&world, ONE).await;
    let (headers, problem) = refused(&department, "record-progress", &[]).await;
    assert_eq!((problem.status, problem.code.as_str(), problem.retry_after), (503, "log-went-back", Some(30)));
    assert_eq!(headers.get("Retry-After").unwrap().as_str(), "30");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_relies_on_a_version_as_over_http() {
    let mut world = World::new().await;
    serve(&mut world, Arc::new(Recorder::default())).await;
    let department = department(&world, ONE).await;
    let (headers, problem) = refused(&department, "accept-order", &[("If-Match", "\"2\"")]).await;
    assert_eq!((problem.status, problem.code.as_str()), (412, "version-differs"));
    assert_eq!(headers.get("Nats-Service-Error-Code").unwrap().as_str(), "412");
    let (_, problem) = refused(&department, "accept-order", &[("If-Match", "2")]).await;
    assert_eq!((problem.status, problem.code.as_str()), (400, "if-match-invalid"));
    let (_, problem) = refused(&department, "accept-order", &[("If-None-Match", "*")]).await;
    assert_eq!((problem.status, problem.code.as_str()), (400, "precondition-not-taken"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_kept_and_a_door_that_keeps_none_says_so() {
    let mut world = World::new().await;
    serve(&mut world, Arc::new(Recorder::default())).await;
    let department = department(&world, ONE).await;
    let digest = department.upload("image/png", Bytes::from_static(b"png")).await.unwrap();
    assert_eq!(digest, Digest::of(b"png"));
    world.tasks.shutdown().await;
    serve(&mut world, Arc::new(Together(Barrier::new(2)))).await;
    let kept_none = async || {
        let refused = department.upload("image/png", Bytes::from_static(b"png")).await;
        let cause = refused.err().and_then(|error| std::error::Error::source(&error).map(ToString::to_string));
        Ok(cause.filter(|cause| cause.starts_with("there is no place here")))
    };
    testkit::client::eventually("the door says that it keeps no files", PATIENCE, kept_none).await.unwrap();
}

/// Answers only when two requests are there at once.
struct Together(Barrier);

#[async_trait]
impl Door for Together {
    async fn submit(&self, request: Request, _: Option<Expected>) -> Result<Answer, app::Error> {
        self.0.wait().await;
        Ok(answer(request.command))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_command_does_not_hold_up_another() {
    let mut world = World::new().await;
    serve(&mut world, Arc::new(Together(Barrier::new(2)))).await;
    let department = department(&world, ONE).await;
    let send = |id: &str| {
        let command = CommandId::named(id);
        let department = &department;
        async move { department.send("accept-order", &case(), command, &json!({})).await.unwrap() }
    };
    let both = tokio::time::timeout(PATIENCE, async { tokio::join!(send("b"), send("c")) }).await.unwrap();
    assert!(matches!(both, (Reply::Accepted(_), Reply::Accepted(_))));
}

/// Holds every request until it is let go.
#[derive(Default)]
struct Gate {
    inside: AtomicUsize,
    entered: Notify,
    open: Notify,
}

#[async_trait]
impl Door for Gate {
    async fn submit(&self, request: Request, _: Option<Expected>) -> Result<Answer, app::Error> {
        self.inside.fetch_add(1, Ordering::SeqCst);
        self.entered.notify_one();
        self.open.notified().await;
        Ok(answer(request.command))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_shutdown_what_is_under_way_is_answered_and_nothing_more_is_taken() {
    let mut world = World::new().await;
    let gate = Arc::new(Gate::default());
    let commands = world.commands(Arc::clone(&gate) as Arc<dyn Door>);
    let (stop, stopped) = oneshot::channel::<()>();
    world.tasks.spawn(async move {
        let shutdown = async { stopped.await.unwrap_or_default() };
        commands.run(shutdown).await;
    });
    let department = department(&world, ONE).await;
    let body = json!({});
    let case = case();
    let under_way = department.send("accept-order", &case, CommandId::named("b"), &body);
    let rest = async {
        gate.entered.notified().await;
        stop.send(()).unwrap();
        let client = department.connection().client();
        let refused = async || {
            let probe = client.request("dg.cmd.CGZF.accept-order", "{}".into());
            // A probe may get lost while the subscription ends.
            Ok(tokio::time::timeout(Duration::from_millis(300), probe).await.ok().and_then(Result::err))
        };
        testkit::client::eventually("nobody takes commands", PATIENCE, refused).await.unwrap();
        gate.open.notify_one();
    };
    let (reply, ()) = tokio::join!(under_way, rest);
    assert!(matches!(reply.unwrap(), Reply::Accepted(_)));
    tokio::time::timeout(PATIENCE, world.tasks.join_next()).await.unwrap().unwrap().unwrap();
    assert_eq!(gate.inside.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_department_cannot_command_or_read_for_another() {
    let mut world = World::new().await;
    let door = Arc::new(Recorder::default());
    serve(&mut world, Arc::clone(&door) as Arc<dyn Door>).await;
    world.log.grow(30);
    world.publisher().await;
    world.departments().await;
    world.settle().await;
    let department = department(&world, ONE).await;
    let client = department.connection().client();
    let short = Duration::from_millis(500);
    for subject in [
        format!("dg.cmd.{OTHER}.accept-order"),
        format!("$JS.API.CONSUMER.MSG.NEXT.DUALGRID.dept-{OTHER}"),
        format!("$JS.API.CONSUMER.INFO.DUALGRID.dept-{OTHER}"),
        "$JS.API.CONSUMER.CREATE.DUALGRID.mine".to_owned(),
        "$JS.API.STREAM.MSG.GET.DUALGRID".to_owned(),
        "$JS.API.DIRECT.GET.DUALGRID".to_owned(),
        "$JS.API.STREAM.DELETE.DUALGRID".to_owned(),
    ] {
        let answer = tokio::time::timeout(short, client.request(subject.clone(), "{}".into())).await;
        assert!(!matches!(answer, Ok(Ok(_))), "{subject} was answered");
    }
    // A subscription to the events of others, or to the answers to others, brings nothing.
    let mut events = client.subscribe(format!("dg.evt.order.{OTHER}.>")).await.unwrap();
    client.flush().await.unwrap();
    world.log.grow(30);
    world.settle().await;
    let heard = tokio::time::timeout(short, futures::StreamExt::next(&mut events)).await;
    assert!(!matches!(heard, Ok(Some(_))), "a department heard the events of another");
    assert!(door.seen.lock().unwrap().is_empty());
}

/// The core may publish everything in its account, and nats-server lets anybody name any reply subject.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_never_leaves_the_account_of_its_department() {
    let mut world = World::new().await;
    let door = Arc::new(Recorder::default());
    serve(&mut world, Arc::clone(&door) as Arc<dyn Door>).await;
    world.log.grow(9);
    world.publisher().await;
    world.settle().await;
    let department = department(&world, ONE).await;
    let client = department.connection().client();
    let core = world.nats.connect(CORE).await.unwrap();
    let elsewhere = ["dg.evt.order.CGZF.y", "$JS.API.STREAM.NAMES", "_INBOX.x", "dg.cmd.LHSR.accept-order"];
    let mut heard = Vec::new();
    for subject in elsewhere {
        heard.push(core.subscribe(subject).await.unwrap());
    }
    core.flush().await.unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("Dualgrid-Command-Id", CommandId::named("b").to_string());
    headers.insert("Dualgrid-Case-Id", case().id().to_string());
    let accept = "dg.cmd.CGZF.accept-order";
    for reply in elsewhere {
        client.publish_with_reply_and_headers(accept, reply, headers.clone(), "{}".into()).await.unwrap();
    }
    // Without a reply subject, and by whoever is no department.
    client.publish_with_headers(accept, headers.clone(), "{}".into()).await.unwrap();
    headers.insert("Dualgrid-Command-Id", CommandId::named("d").to_string());
    headers.insert("Nats-Request-Info", r#"{"acc":"D_CGZF"}"#);
    core.publish_with_reply_and_headers(accept, "_INBOX.x", headers, "{}".into()).await.unwrap();
    core.flush().await.unwrap();
    // What was sent before it has been looked at when this one is answered.
    let reply = department.send("accept-order", &case(), CommandId::named("c"), &json!({})).await.unwrap();
    assert!(matches!(reply, Reply::Accepted(_)));
    core.flush().await.unwrap();
    let seen: Vec<_> = door.seen.lock().unwrap().iter().map(|request| request.command).collect();
    assert!(!seen.contains(&CommandId::named("d")), "the core's own user is no department");
    assert_eq!(seen.iter().filter(|id| **id == CommandId::named("b")).count(), 4, "commands like any other");
    // The core's own, and nothing that was answered to a department.
    for (subject, subscription) in elsewhere.iter().zip(&mut heard) {
        let patience = Duration::from_millis(50);
        let next = tokio::time::timeout(patience, futures::StreamExt::next(subscription)).await;
        assert!(next.ok().is_none(), "something was answered at {subject}");
    }
    world.settle().await;
}
