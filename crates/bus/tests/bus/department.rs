//! A department receives its own events, each until it is acknowledged, also across a rebuild of the stream.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use app::intake::{Answer, Expected, Request};
use app::port::{EventLog as _, Moved, Receipt};
use async_nats::jetstream;
use async_nats::jetstream::stream::Config;
use async_trait::async_trait;
use bus::commands::Door;
use bus::department::{
    Delivery, Department, DepartmentOptions, Disposal, Policy, ReturnRequest, Step, UploadError, Uploader,
};
use kernel::digest::Digest;
use kernel::{CommandId, Position, StreamId, Version};
use testkit::client::eventually;
use testkit::nats::CORE;

use crate::vec_log::{ONE, OTHER, VecLog, code};
use crate::world::{PATIENCE, World, credentials};

async fn department(world: &World) -> Department {
    let options = DepartmentOptions {
        code: code(ONE),
        url: world.nats.url(),
        credentials: credentials(&world.nats, "dept-CGZF"),
        tls: app::peer::Tls::default(),
        clerk_token_file: None,
    };
    Department::connect(options).await.unwrap()
}

/// Fetches until there are `count` events; the consumer may have to be made first.
async fn fetch(department: &Department, count: usize) -> Vec<Delivery> {
    let mut fetched = Vec::new();
    let enough = async || {
        if let Ok(more) = department.next_events(count - fetched.len(), Duration::from_millis(300)).await {
            fetched.extend(more);
        }
        Ok((fetched.len() >= count).then_some(()))
    };
    eventually("the department has its events", PATIENCE, enough).await.unwrap();
    fetched
}

fn positions(deliveries: &[Delivery]) -> Vec<u64> {
    deliveries.iter().map(|delivery| delivery.position.0).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_department_gets_its_own_events_and_again_those_it_did_not_acknowledge() {
    let mut world = World::new().await;
    world.publisher().await;
    world.departments().await;
    let department = department(&world).await;
    world.log.grow(12);
    let first = fetch(&department, 4).await;
    assert_eq!(positions(&first), [3, 6, 9, 12]);
    assert_eq!(first[0].bytes, world.log.events()[2].bytes);
    for delivery in &first[..3] {
        delivery.ack().await.unwrap();
    }
    first[3].later(Duration::from_millis(1)).await.unwrap();
    let again = fetch(&department, 1).await;
    assert_eq!((again[0].position, again[0].event), (Position(12), first[3].event));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_rebuild_a_department_gets_nothing_twice_and_misses_nothing() {
    let mut world = World::new().await;
    let publisher = world.publisher().await;
    world.departments().await;
    let department = department(&world).await;
    world.log.grow(30);
    for delivery in fetch(&department, 5).await {
        delivery.ack().await.unwrap();
    }
    // The department even acknowledges the rogue message: the event that takes its place must not be missed.
    let client = world.nats.connect(CORE).await.unwrap();
    for delivery in fetch(&department, 5).await {
        delivery.ack().await.unwrap();
    }
    let bytes = world.log.events()[2].bytes.clone();
    publish_rogue(&client, "31", bytes).await;
    let rogue = fetch(&department, 1).await;
    assert_eq!(positions(&rogue), [31]);
    rogue[0].ack().await.unwrap();
    world.log.push("order_dispatched", Some(ONE), "in the place of the rogue");
    world.log.grow(8);
    world.settle().await;
    assert_eq!(publisher.status().borrow().rebuilds, 1);
    assert_eq!(positions(&fetch(&department, 4).await), [31, 33, 36, 39]);
    let more = department.next_events(1, Duration::from_millis(300)).await.unwrap();
    assert!(more.is_empty(), "{:?}", positions(&more));
}

/// Puts a message where only the publisher writes.
async fn publish_rogue(client: &async_nats::Client, position: &str, bytes: bytes::Bytes) {
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Dualgrid-Position", position);
    let subject = "dg.evt.order.CGZF.order_dispatched";
    let sent = jetstream::new(client.clone()).publish_with_headers(subject, headers, bytes).await;
    sent.unwrap().await.unwrap();
}

/// Whoever puts a message into the stream has the bytes of an event at best, and not its place.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_does_not_say_its_own_position_is_not_taken_for_an_event() {
    let mut world = World::new().await;
    world.publisher().await;
    world.log.grow(3);
    world.settle().await;
    world.keeper().await.keep().await.unwrap();
    // Nobody removes what is put there now.
    world.tasks.shutdown().await;
    let department = department(&world).await;
    for delivery in fetch(&department, 1).await {
        delivery.ack().await.unwrap();
    }
    let client = world.nats.connect(CORE).await.unwrap();
    let bytes = world.log.events()[2].bytes.clone();
    for position in ["3", "", "6"] {
        publish_rogue(&client, position, bytes.clone()).await;
    }
    // The fourth message says that it is the third one, the fifth says nothing; the sixth is what a forger who counts can do.
    let taken = fetch(&department, 1).await;
    assert_eq!(positions(&taken), [6]);
    let more = department.next_events(1, Duration::from_millis(300)).await.unwrap();
    assert!(more.is_empty(), "{:?}", positions(&more));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_department_goes_on_after_a_rebuild_too() {
    let mut world = World::new().await;
    let publisher = world.publisher().await;
    world.log.grow(12);
    world.settle().await;
    world.keeper().await.keep().await.unwrap();
    let department = department(&world).await;
    for delivery in fetch(&department, 2).await {
        delivery.ack().await.unwrap();
    }
    let without = world.keeper_of(&[OTHER]).await;
    for rebuilds in 1..=2 {
        let context = jetstream::new(world.nats.connect(CORE).await.unwrap());
        context.publish("dg.evt.street.JAS.case_closed", "{}".into()).await.unwrap().await.unwrap();
        world.settle().await;
        assert_eq!(publisher.status().borrow().rebuilds, rebuilds);
    }
    without.keep().await.unwrap();
    assert_eq!(positions(&fetch(&department, 2).await), [9, 12]);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_wipe_a_department_goes_on_where_it_was() {
    let mut world = World::new().await;
    world.publisher().await;
    world.departments().await;
    let department = department(&world).await;
    world.log.grow(9);
    for delivery in fetch(&department, 3).await {
        delivery.ack().await.unwrap();
    }
    let kept = async || Ok((world.log.floors().await?.get("dept-CGZF") == Some(&Position(9))).then_some(()));
    eventually("what it has acknowledged is kept", PATIENCE, kept).await.unwrap();
    world.nats.wipe().await.unwrap();
    world.log.grow(3);
    assert_eq!(positions(&fetch(&department, 1).await), [12]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_is_made_when_the_stream_has_come_to_where_its_department_was() {
    let mut world = World::new().await;
    let context = jetstream::new(world.nats.connect(CORE).await.unwrap());
    world.log.raise_floors(BTreeMap::from([("dept-CGZF".to_owned(), Position(6))])).await.unwrap();
    let subjects = vec![bus::subject::SUBJECTS.to_owned()];
    let stream = Config { name: bus::stream::STREAM.to_owned(), subjects, ..Config::default() };
    let stream = context.create_stream(stream).await.unwrap();
    let departments = world.keeper().await;
    departments.keep().await.unwrap();
    assert!(stream.consumer_info("dept-LHSR").await.is_ok());
    let early = stream.consumer_info("dept-CGZF").await.unwrap_err();
    assert!(early.to_string().contains("not found"), "made before its time: {early}");
    world.log.grow(12);
    let publisher = world.publisher().await;
    world.settle().await;
    departments.keep().await.unwrap();
    assert_eq!(positions(&fetch(&department(&world).await, 2).await), [9, 12]);
    assert_eq!(publisher.status().borrow().rebuilds, 0, "the configuration was corrected in place");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_deletes_is_told_and_the_department_goes_on_where_it_was() {
    let mut world = World::new().await;
    world.publisher().await;
    world.log.grow(12);
    world.settle().await;
    let departments = world.keeper().await;
    let told = departments.deletions();
    departments.keep().await.unwrap();
    let department = department(&world).await;
    for delivery in fetch(&department, 2).await {
        delivery.ack().await.unwrap();
    }
    departments.keep().await.unwrap();
    let context = jetstream::new(world.nats.connect(CORE).await.unwrap());
    // Recreated by ourselves: nobody is told.
    context.publish("dg.evt.street.JAS.case_closed", "{}".into()).await.unwrap().await.unwrap();
    world.settle().await;
    departments.keep().await.unwrap();
    departments.keep().await.unwrap();
    assert_eq!(*told.borrow(), None);
    context.delete_consumer_from_stream("dept-CGZF", "DUALGRID").await.unwrap();
    departments.keep().await.unwrap();
    let said = told.borrow().clone().unwrap();
    assert!(said.starts_with("somebody else deleted the consumer dept-CGZF;"), "{said}");
    context.delete_stream("DUALGRID").await.unwrap();
    world.settle().await;
    departments.keep().await.unwrap();
    departments.keep().await.unwrap();
    let said = told.borrow().clone().unwrap();
    assert!(said.starts_with("somebody else deleted the stream DUALGRID;"), "{said}");
    assert_eq!(positions(&fetch(&department, 2).await), [9, 12]);
}

/// Plays the core: answers commands and records what they make happen.
struct Core {
    log: Arc<VecLog>,
    taken: Mutex<HashMap<CommandId, Answer>>,
    order: Mutex<Vec<String>>,
    refusals: Mutex<u32>,
}

#[async_trait]
impl Door for Core {
    async fn submit(&self, request: Request, _: Option<Expected>) -> Result<Answer, app::Error> {
        if let Some(first) = self.taken.lock().unwrap().get(&request.command) {
            return Ok(Answer { replayed: true, ..first.clone() });
        }
        if request.name == "submit-disposal" && *self.refusals.lock().unwrap() > 0 {
            *self.refusals.lock().unwrap() -= 1;
            let detail = "assisting departments have not finished".into();
            return Err(app::Error::Refused { status: 409, code: "assisting-parts-open", detail });
        }
        let stream = StreamId::new("case", request.id.unwrap());
        let first = Some(Position(self.log.len() + 1));
        let streams = vec![Moved { stream, version: Version(1) }];
        let answer: Answer = Receipt { command: request.command, streams, first, events: 1, replayed: false }.into();
        self.taken.lock().unwrap().insert(request.command, answer.clone());
        self.order.lock().unwrap().push(request.name.clone());
        match request.name.as_str() {
            "accept-order" => self.log.push("order_accepted", Some(ONE), "accepted"),
            "request-return" => self.log.push("return_refused", Some(ONE), "refused"),
            _ => {}
        }
        Ok(answer)
    }
}

struct OneFile;

#[async_trait]
impl Uploader for OneFile {
    async fn upload(&self, name: &str) -> Result<Digest, UploadError> {
        Ok(Digest::of(name.as_bytes()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_department_works_its_orders_off() {
    let mut world = World::new().await;
    let core = Arc::new(Core {
        log: Arc::clone(&world.log),
        taken: Mutex::default(),
        order: Mutex::default(),
        refusals: Mutex::new(1),
    });
    world.publisher().await;
    world.departments().await;
    let commands = world.commands(Arc::clone(&core) as Arc<dyn Door>);
    world.tasks.spawn(async move { commands.run(std::future::pending()).await });
    let department = department(&world).await;
    let policy = Policy {
        request_return: Some(ReturnRequest {
            reason: "not_our_matter".into(),
            legal_basis: "《上海市城市管理综合行政执法条例》".into(),
            explanation: "不属于本部门职责".into(),
        }),
        progress: Some("已到现场".into()),
        dispose: Some(Disposal { result: "已整改".into(), evidence: vec!["after.jpg".into()] }),
    };
    let steps = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&steps);
    world.tasks.spawn(async move {
        let tell = move |step: Step| told.lock().unwrap().push(step);
        department.run(&policy, &OneFile, &tell, std::future::pending()).await;
    });
    world.log.push("order_dispatched", Some(ONE), "first");
    let done = async || Ok((core.order.lock().unwrap().len() == 4).then_some(()));
    eventually("the order is disposed", PATIENCE, done).await.unwrap();
    let expected = ["request-return", "accept-order", "record-progress", "submit-disposal"];
    assert_eq!(*core.order.lock().unwrap(), expected);
    world.log.push("order_rework_required", Some(ONE), "again");
    let again = async || Ok((core.order.lock().unwrap().len() == 5).then_some(()));
    eventually("the rework is disposed", PATIENCE, again).await.unwrap();
    world.log.accept_loss(2, 1);
    world.log.push("order_dispatched", Some(ONE), "second");
    let raised = Step::EpochRaised { epoch: 2 };
    let told = async || Ok(steps.lock().unwrap().contains(&raised).then_some(()));
    eventually("the department is told that events were lost", PATIENCE, told).await.unwrap();
    let steps = steps.lock().unwrap();
    assert!(steps.iter().any(|step| matches!(step, Step::Waiting { verb: "submit-disposal", .. })), "{steps:?}");
    assert!(steps.iter().any(|step| step.to_string().starts_with("← order_dispatched 占道经营")));
}
