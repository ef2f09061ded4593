//! Nobody gets more than theirs: everything that a member may ask, with every dangerous reply subject, and everything that it may
//! not ask, leaves stream, consumers, commands and inboxes as they were. In one account for all, the same finds effects.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use accounts::{Grant, Member};
use async_nats::connection::State;
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::stream::Config;
use async_nats::jetstream::{self, Context};
use async_nats::{Client, Subscriber};
use async_trait::async_trait;
use bus::Connection;
use bus::departments::{Departments, Directory, Integrator};
use bus::server::{Granted, Register, ServerError, ServerKeeper, reload};
use futures::StreamExt as _;
use kernel::DepartmentCode;
use testkit::bus::read_stream;
use testkit::client::eventually;
use testkit::nats::{CORE, NatsServer, NatsSetup, STREAM, SYSTEM, department_user, integrator_user};

use crate::vec_log::{ONE, OTHER, VecLog, code};
use crate::world::{PATIENCE, World, credentials};

/// How long what was asked may take to have its effect.
const SETTLE: Duration = Duration::from_millis(400);
const CITY: &str = "city";

/// What everybody must not change, nor hear.
struct Watched {
    core: Client,
    context: Context,
    /// Subscriptions of the core: commands, and the inboxes and events of others.
    heard: Vec<(&'static str, Subscriber)>,
}

/// Subjects at which nothing may arrive that the core has not sent.
const LISTENED: [&str; 6] = ["dg.cmd.LHSR.>", "_INBOX.theirs.>", "dg.feed.>", "theirs.>", "$KV.>", "$O.>"];

impl Watched {
    async fn new(nats: &NatsServer) -> Self {
        let core = nats.connect(CORE).await.unwrap();
        let context = jetstream::new(core.clone());
        let subjects = vec!["dg.evt.>".to_owned()];
        let stream = Config { name: STREAM.into(), subjects, allow_direct: true, ..Config::default() };
        let stream = context.create_stream(stream).await.unwrap();
        for name in [department_user(ONE), department_user(OTHER), integrator_user(CITY)] {
            let config = pull::Config {
                durable_name: Some(name),
                filter_subject: "dg.evt.>".into(),
                ack_policy: AckPolicy::Explicit,
                ..pull::Config::default()
            };
            stream.create_consumer(config).await.unwrap();
        }
        for _ in 0..5 {
            context.publish("dg.evt.order.LHSR.order_dispatched", "{}".into()).await.unwrap().await.unwrap();
        }
        // A bucket and an object store of the core, as other programs of the operator may have them there.
        for (name, subject) in [("KV_bucket", "$KV.bucket.>"), ("OBJ_store", "$O.store.>")] {
            let subjects = vec![subject.to_owned()];
            let config = Config { name: name.into(), subjects, allow_direct: true, ..Config::default() };
            context.create_stream(config).await.unwrap();
        }
        for subject in ["$KV.bucket.key", "$O.store.M.a"] {
            context.publish(subject, "for the core".into()).await.unwrap().await.unwrap();
        }
        let mut heard = Vec::new();
        for subject in LISTENED {
            heard.push((subject, core.subscribe(subject).await.unwrap()));
        }
        core.flush().await.unwrap();
        Self { core, context, heard }
    }

    /// All streams with what is in them, and all consumers with how they are configured.
    async fn state(&self) -> BTreeMap<String, String> {
        let mut state = BTreeMap::new();
        let mut streams = self.context.streams();
        while let Some(Ok(stream)) = streams.next().await {
            let held = &stream.state;
            let said = format!("{:?} {} {}", stream.created, held.messages, held.last_sequence);
            state.insert(format!("stream {}", stream.config.name), said);
            let named = self.context.get_stream(&stream.config.name).await.unwrap();
            let mut consumers = named.consumers();
            while let Some(Ok(consumer)) = consumers.next().await {
                let said = format!("{:?} {}", consumer.created, consumer.config.filter_subject);
                state.insert(format!("consumer {} of {}", consumer.name, stream.config.name), said);
            }
        }
        state
    }

    /// What was changed since `before`, and what arrived where nothing may.
    async fn effects(&mut self, before: &BTreeMap<String, String>) -> Vec<String> {
        tokio::time::sleep(SETTLE).await;
        self.core.flush().await.unwrap();
        let now = self.state().await;
        let mut effects: Vec<String> = before
            .iter()
            .filter(|(what, said)| now.get(*what) != Some(said))
            .map(|(what, _)| format!("{what} was changed"))
            .collect();
        effects.extend(now.keys().filter(|what| !before.contains_key(*what)).map(|what| format!("{what} was made")));
        for (subject, heard) in &mut self.heard {
            while let Ok(Some(message)) = tokio::time::timeout(Duration::from_millis(20), heard.next()).await {
                effects.push(format!("{} arrived at {subject}", message.subject));
            }
        }
        effects
    }
}

/// Reply subjects that make nats-server, or the core, act where the asker may not.
fn replies() -> Vec<String> {
    let of_stream =
        ["DELETE", "PURGE", "UPDATE", "CREATE", "INFO", "SNAPSHOT", "RESTORE", "LEADER.STEPDOWN", "PEER.REMOVE"];
    let mut replies: Vec<String> = of_stream.iter().map(|verb| format!("$JS.API.STREAM.{verb}.{STREAM}")).collect();
    replies.extend(["GET", "DELETE"].map(|verb| format!("$JS.API.STREAM.MSG.{verb}.{STREAM}")));
    for consumer in [department_user(OTHER), department_user(ONE), integrator_user(CITY)] {
        for verb in ["DELETE", "CREATE", "DURABLE.CREATE", "PAUSE", "RESET", "UNPIN"] {
            replies.push(format!("$JS.API.CONSUMER.{verb}.{STREAM}.{consumer}"));
        }
        replies.push(format!("$JS.ACK.{STREAM}.{consumer}.1.1.1.1.0"));
        replies.push(format!("$JS.core.API.CONSUMER.DELETE.{STREAM}.{consumer}"));
    }
    let others = [
        "$JS.API.CONSUMER.CREATE.DUALGRID.mine.dg.evt.>",
        "$JS.API.STREAM.CREATE.MINE",
        "$JS.API.STREAM.NAMES",
        "$JS.API.ACCOUNT.PURGE.CORE",
        "$JS.core.API.STREAM.DELETE.DUALGRID",
        "$JS.API.DIRECT.GET.DUALGRID",
        "$JS.API.META.LEADER.STEPDOWN",
        "dg.evt.order.LHSR.order_dispatched",
        "dg.evt.order.CGZF.order_dispatched",
        "dg.evt.district.matter_published",
        "dg.evt.internal.loss_accepted",
        "dg.cmd.LHSR.accept-order",
        "dg.feed.a",
        "_INBOX.theirs.a",
        "theirs.a",
        "$SYS.REQ.SERVER.PING",
        "$SYS.REQ.SERVER.RELOAD",
        "$SRV.PING",
        "$KV.bucket.key",
        "$O.store.M.a",
        "_R_.a.b",
    ];
    // Of a bucket and an object store that the core has.
    for (stream, subject) in [("KV_bucket", "$KV.bucket.key"), ("OBJ_store", "$O.store.M.a")] {
        replies.extend(["DELETE", "PURGE", "UPDATE"].map(|verb| format!("$JS.API.STREAM.{verb}.{stream}")));
        replies.extend(["GET", "DELETE"].map(|verb| format!("$JS.API.STREAM.MSG.{verb}.{stream}")));
        replies.push(format!("$JS.API.DIRECT.GET.{stream}.{subject}"));
        replies.push(format!("$JS.API.CONSUMER.CREATE.{stream}"));
        replies.push(format!("$JS.core.API.STREAM.DELETE.{stream}"));
    }
    // First what is only heard: once the stream is deleted, nothing answers.
    others.map(str::to_owned).into_iter().rev().chain(replies).collect()
}

/// What a member may publish, with bodies that make nats-server answer: at once, with an error, with events.
fn permitted(member: &Member) -> Vec<(String, &'static str)> {
    let mut permitted = Vec::new();
    for subject in member.publishes() {
        if subject.contains(".CONSUMER.INFO.") {
            permitted.push((subject, ""));
        } else if subject.contains(".MSG.NEXT.") {
            let bodies =
                ["{\"batch\":\"x\"}", "{\"batch\":1,\"no_wait\":true}", "{\"batch\":1,\"expires\":1000000}", "+"];
            permitted.extend(bodies.map(|body| (subject.clone(), body)));
        } else if let Some(consumer) = subject.strip_suffix(".>") {
            let ack = consumer.starts_with("$JS.ACK");
            let bodies: &[&str] = if ack { &["+ACK", "+NXT", "-NAK", "x"] } else { &["{}", ""] };
            let subject = if ack { format!("{consumer}.1.1.1.1.0") } else { format!("{consumer}.accept-order") };
            permitted.extend(bodies.iter().map(|body| (subject.clone(), *body)));
        }
    }
    permitted
}

/// What nobody but the core may ask, whatever the reply subject.
fn forbidden() -> Vec<String> {
    let mut forbidden = replies();
    forbidden.extend(
        [
            "$JS.API.INFO",
            "$JS.API.STREAM.LIST",
            "$JS.API.CONSUMER.LIST.DUALGRID",
            "$JS.API.CONSUMER.NAMES.DUALGRID",
            "$JS.API.CONSUMER.MSG.NEXT.DUALGRID.dept-LHSR",
            "$JS.core.API.CONSUMER.MSG.NEXT.DUALGRID.dept-LHSR",
            "$JS.core.API.CONSUMER.INFO.DUALGRID.dept-LHSR",
            "$JS.core.API.CONSUMER.CREATE.DUALGRID",
            "$JS.core.API.CONSUMER.DURABLE.CREATE.DUALGRID.mine",
            "$JS.core.API.STREAM.CREATE.MINE",
            "$JS.core.API.STREAM.MSG.GET.DUALGRID",
            "$JS.core.API.DIRECT.GET.DUALGRID.dg.evt.order.LHSR.order_dispatched",
            "$O.store.C.a",
            "$KV.bucket.other",
            "$JS.API.STREAM.CREATE.KV_mine",
            "$JS.API.STREAM.CREATE.OBJ_mine",
            "$JS.FC.DUALGRID.dept-LHSR.a",
            "dg.cmd.LHSR.upload-evidence",
            "dg.cmd.a",
            "$SYS.REQ.ACCOUNT.PING.CONNZ",
            "$SYS.REQ.SERVER.PING.VARZ",
            "$SYS.REQ.USER.INFO",
            "$SRV.INFO.dualgrid-commands",
            "$SRV.STATS",
        ]
        .map(str::to_owned),
    );
    forbidden
}

/// Subscriptions that would hear others.
const WIDE: [&str; 11] =
    [">", "$KV.>", "$O.>", "dg.>", "dg.evt.>", "dg.cmd.>", "_INBOX.theirs.>", "_R_.>", "$JS.>", "$SYS.>", "$SRV.>"];

/// As each kind of user tries everything, what comes of it.
async fn tried(nats: &NatsServer) -> Vec<String> {
    let mut watched = Watched::new(nats).await;
    let before = watched.state().await;
    let users =
        [Member::department(ONE).unwrap(), Member::department("XFJY").unwrap(), Member::integrator(CITY).unwrap()];
    let mut effects = Vec::new();
    for member in &users {
        let client = nats.connect(&member.consumer()).await.unwrap();
        let connection = client.server_info().client_id;
        let mut ears = Vec::new();
        // Not where its own answers arrive: that is its own inbox.
        for subject in WIDE {
            ears.push((subject, client.subscribe(subject).await.unwrap()));
        }
        for reply in replies() {
            for (subject, body) in permitted(member) {
                client.publish_with_reply(subject, reply.clone(), body.into()).await.unwrap();
            }
        }
        client.flush().await.unwrap();
        for subject in forbidden() {
            for body in ["", "{}", "{\"name\":\"MINE\",\"subjects\":[\"mine.>\"]}", "{\"seq\":1}"] {
                client.publish_with_reply(subject.clone(), "_INBOX.mine.a", body.into()).await.unwrap();
            }
        }
        client.flush().await.unwrap();
        watched.core.publish("_INBOX.theirs.secret", "for the core".into()).await.unwrap();
        watched.core.publish("dg.cmd.LHSR.secret", "for the core".into()).await.unwrap();
        assert_eq!(client.server_info().client_id, connection, "shut out before everything was tried");
        let found = watched.effects(&before).await;
        // What the core itself has just sent arrives, once each.
        let own = ["_INBOX.theirs.secret arrived at _INBOX.theirs.>", "dg.cmd.LHSR.secret arrived at dg.cmd.LHSR.>"];
        let found = found.into_iter().filter(|effect| !own.contains(&effect.as_str()));
        effects.extend(found.map(|effect| format!("{}: {effect}", member.account())));
        for (subject, mut ear) in ears {
            while let Ok(Some(message)) = tokio::time::timeout(Duration::from_millis(10), ear.next()).await {
                // At an inbox of its own account, whatever it is called, it receives the events of its own consumer.
                let is_secret = message.payload.as_ref() == b"for the core"
                    || message.subject.starts_with("dg.evt.") && !subject.starts_with("_INBOX.");
                if is_secret {
                    effects.push(format!("{} heard {} at {subject}", member.account(), message.subject));
                }
            }
        }
    }
    effects
}

async fn started(shared_account: bool) -> NatsServer {
    let departments = vec![ONE.to_owned(), OTHER.to_owned(), "XFJY".to_owned()];
    let setup = NatsSetup { departments, integrators: vec![CITY.into()], shared_account, ..NatsSetup::default() };
    NatsServer::start(setup).await.unwrap()
}

/// About five seconds.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_member_sends_has_an_effect_outside_its_own() {
    assert!(replies().len() >= 40, "{}", replies().len());
    let nats = started(false).await;
    assert_eq!(tried(&nats).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn in_one_account_for_all_the_same_has_effects() {
    let nats = started(true).await;
    let effects = tried(&nats).await;
    for wanted in ["D_CGZF: stream DUALGRID was changed", "D_CGZF: consumer dept-LHSR of DUALGRID was changed"] {
        assert!(effects.iter().any(|effect| effect == wanted), "{wanted}: {effects:?}");
    }
    assert!(effects.iter().any(|effect| effect.contains("arrived at dg.cmd.LHSR.>")), "{effects:?}");
}

/// A register that a test changes.
struct Listed(Mutex<Vec<Grant>>);

#[async_trait]
impl Register for Listed {
    async fn grants(&self, _: Vec<Grant>) -> Result<Granted, ServerError> {
        Ok(self.0.lock().unwrap().clone().into())
    }
}

async fn system(nats: &NatsServer) -> Connection {
    let options = bus::ConnectionOptions {
        url: nats.url(),
        name: "accounts".into(),
        credentials: credentials(nats, SYSTEM),
        inbox_prefix: "_INBOX".into(),
        tls: app::peer::Tls::default(),
    };
    Connection::connect(options).await.unwrap()
}

async fn client_of(nats: &NatsServer, seed: &accounts::Seed) -> Result<Client, async_nats::ConnectError> {
    async_nats::ConnectOptions::with_nkey(seed.secret()).connect(nats.url()).await
}

/// Whether a command of the department is answered.
async fn is_answered(client: &Client, code: &str) -> bool {
    let asked = client.request(format!("dg.cmd.{code}.accept-order"), "{}".into());
    matches!(tokio::time::timeout(PATIENCE, asked).await, Ok(Ok(_)))
}

/// Answers every command.
async fn answering(nats: &NatsServer) -> tokio::task::JoinSet<()> {
    let core = nats.connect(CORE).await.unwrap();
    let mut requests = core.subscribe("dg.cmd.>").await.unwrap();
    core.flush().await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        while let Some(request) = requests.next().await {
            let Some(reply) = request.reply else { continue };
            core.publish(reply, "done".into()).await.unwrap();
        }
    });
    tasks
}

fn keeper(nats: &NatsServer, register: &Arc<Listed>, system: Connection) -> ServerKeeper {
    let register = Arc::clone(register) as Arc<dyn Register>;
    ServerKeeper::new(system, register, nats.settings(), nats.config_path(), Duration::from_millis(100))
}

/// About two seconds.
#[tokio::test(flavor = "multi_thread")]
async fn a_department_is_let_in_and_an_old_key_shut_out_while_everybody_else_stays_connected() {
    let nats = started(false).await;
    let _answering = answering(&nats).await;
    let watched = Watched::new(&nats).await;
    let register = Arc::new(Listed(Mutex::new(nats.grants())));
    let keeper = keeper(&nats, &register, system(&nats).await);
    let mut told = None;
    keeper.keep(&mut told).await.unwrap();
    let staying = nats.connect(&department_user(ONE)).await.unwrap();
    let leaving = nats.connect(&department_user(OTHER)).await.unwrap();
    let known_as = |client: &Client| client.server_info().client_id;
    let before = (known_as(&staying), known_as(&watched.core));
    assert!(is_answered(&staying, ONE).await && is_answered(&leaving, OTHER).await);
    // A department that waits for its next event meanwhile.
    let consumer: PullConsumer = jetstream::with_domain(staying.clone(), accounts::DOMAIN)
        .get_consumer_from_stream(department_user(ONE), STREAM)
        .await
        .unwrap();
    let mut held = consumer.fetch().max_messages(10).messages().await.unwrap();
    while let Some(message) = held.next().await {
        message.unwrap().double_ack().await.unwrap();
    }
    let mut waiting = consumer.batch().max_messages(1).expires(PATIENCE).messages().await.unwrap();

    let (new, rotated) = (testkit::nats::seed().unwrap(), testkit::nats::seed().unwrap());
    assert!(client_of(&nats, &new).await.is_err_and(|error| error.to_string().contains("authorization")));
    {
        let mut listed = register.0.lock().unwrap();
        listed.push(Grant { member: Member::department("NEW").unwrap(), keys: vec![new.public()] });
        let other = listed.iter_mut().find(|grant| grant.member.name() == OTHER).unwrap();
        other.keys = vec![rotated.public()];
    }
    keeper.keep(&mut told).await.unwrap();

    let new = client_of(&nats, &new).await.unwrap();
    assert!(is_answered(&new, "NEW").await, "its first command after one reading of the file only would find nobody");
    let rotated = client_of(&nats, &rotated).await.unwrap();
    assert!(is_answered(&rotated, OTHER).await);
    let gone = async || Ok((leaving.connection_state() != State::Connected).then_some(()));
    eventually("the old key is shut out", PATIENCE, gone).await.unwrap();
    watched.context.publish("dg.evt.order.CGZF.a", "{}".into()).await.unwrap().await.unwrap();
    let next = tokio::time::timeout(PATIENCE, waiting.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(next.subject.as_str(), "dg.evt.order.CGZF.a");
    next.double_ack().await.unwrap();
    assert!(is_answered(&staying, ONE).await);
    assert_eq!((known_as(&staying), known_as(&watched.core)), before, "nobody else was disconnected");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nats_server_does_not_take_is_told_and_leaves_everything_as_it_was() {
    let nats = started(false).await;
    let register = Arc::new(Listed(Mutex::new(nats.grants())));
    let system = system(&nats).await;
    let keeper = keeper(&nats, &register, system.clone());
    let kept = std::fs::read_to_string(nats.config_path()).unwrap();
    let twice = register.0.lock().unwrap()[0].keys[0].clone();
    register.0.lock().unwrap()[1].keys = vec![twice.clone()];
    let error = keeper.keep(&mut None).await.unwrap_err();
    assert!(matches!(&error, ServerError::DuplicateKey(found) if found.key == twice), "{error}");
    assert_eq!(std::fs::read_to_string(nats.config_path()).unwrap(), kept, "nothing was written");
    bus::server::write(&nats.config_path(), "accounts {").unwrap();
    let error = reload(&system).await.unwrap_err();
    assert!(matches!(&error, ServerError::Refused { reason, .. } if reason.contains("Parse error")), "{error}");
    assert!(nats.connect(&department_user(ONE)).await.is_ok());
    let core = nats.connect(CORE).await.unwrap();
    let in_core = bus::ConnectionOptions {
        url: nats.url(),
        name: "test".into(),
        credentials: credentials(&nats, CORE),
        inbox_prefix: "_INBOX".into(),
        tls: app::peer::Tls::default(),
    };
    let error = reload(&Connection::connect(in_core).await.unwrap()).await.unwrap_err();
    assert!(matches!(&error, ServerError::Nobody), "{error}");
    drop(core);
}

/// A directory with an integrator and a department.
struct WithCity;

#[async_trait]
impl Directory for WithCity {
    async fn departments(&self) -> Result<Vec<DepartmentCode>, app::Error> {
        Ok(vec![code(ONE)])
    }

    async fn integrators(&self) -> Vec<Integrator> {
        let audiences = ["district", "order.*", "order.LHSR"].map(str::to_owned);
        vec![Integrator::try_new(CITY, &audiences).unwrap()]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_integrator_receives_what_it_was_granted_and_nothing_else() {
    let nats = started(false).await;
    let mut world = World { nats, log: Arc::new(VecLog::new()), tasks: tokio::task::JoinSet::new() };
    world.log.grow(12);
    world.publisher().await;
    world.settle().await;
    let log = Arc::clone(&world.log) as Arc<dyn app::port::EventLog>;
    let keeper = Departments::new(world.connection().await, Arc::new(WithCity), log, "", Duration::from_millis(100));
    keeper.keep().await.unwrap();
    keeper.keep().await.unwrap();
    let name = integrator_user(CITY);
    let client = world.nats.connect(&name).await.unwrap();
    let consumer: PullConsumer =
        jetstream::with_domain(client, accounts::DOMAIN).get_consumer_from_stream(name, STREAM).await.unwrap();
    let mut messages = consumer.fetch().max_messages(100).messages().await.unwrap();
    let mut heard = Vec::new();
    while let Some(message) = messages.next().await {
        heard.push(message.unwrap().subject.to_string());
    }
    let granted = |subject: &String| subject.starts_with("dg.evt.order.") || subject.starts_with("dg.evt.district.");
    let all: Vec<String> =
        read_stream(&world.nats, 1).await.unwrap().into_iter().map(|(_, subject, _)| subject).collect();
    let wanted: Vec<String> = all.iter().filter(|subject| granted(subject)).cloned().collect();
    assert_eq!(heard, wanted);
    assert!(!wanted.is_empty() && wanted.len() < all.len(), "{all:?}");
}
