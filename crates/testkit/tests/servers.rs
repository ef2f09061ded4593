//! The servers themselves: started, stopped, killed, wiped, and told apart from others.

use std::time::Duration;

use async_nats::jetstream::{self, stream};
use dualgrid_testkit::bus::{self, Department};
use dualgrid_testkit::nats::{CORE, NatsServer, NatsSetup, STREAM, integrator_user};
use dualgrid_testkit::postgres::{Commit, Postgres, PostgresSetup, SHARED_VARIABLE};
use serde_json::json;
use uuid::Uuid;

const COMMAND: Uuid = Uuid::from_u128(1);
const CASE: Uuid = Uuid::from_u128(2);

async fn started_nats() -> anyhow::Result<NatsServer> {
    let departments = vec!["CG-01".to_owned(), "SC".to_owned()];
    let integrators = vec!["city".to_owned()];
    NatsServer::start(NatsSetup { departments, integrators, ..NatsSetup::default() }).await
}

/// The stream and the consumers, as dualgrid makes them.
async fn lay_out(nats: &NatsServer) -> anyhow::Result<jetstream::Context> {
    let context = jetstream::new(nats.connect(CORE).await?);
    let config = stream::Config { name: STREAM.into(), subjects: vec!["dg.evt.>".into()], ..Default::default() };
    let stream = context.create_stream(config).await?;
    for code in ["CG-01", "SC"] {
        let consumer = jetstream::consumer::pull::Config {
            durable_name: Some(format!("dept-{code}")),
            filter_subject: format!("dg.evt.{code}.>"),
            ..Default::default()
        };
        stream.create_consumer(consumer).await?;
    }
    Ok(context)
}

async fn publish(context: &jetstream::Context, subject: &'static str, text: &'static str) -> anyhow::Result<()> {
    context.publish(subject, text.into()).await?.await?;
    Ok(())
}

#[tokio::test]
async fn postgres_keeps_what_was_committed_over_stops_of_both_kinds() {
    let mut server = Postgres::start().await.unwrap();
    let url = server.create_database().await.unwrap();
    assert_ne!(url, server.create_database().await.unwrap());
    let database = url.rsplit('/').next().unwrap().to_owned();
    server.query(&database, "create table t (n int); insert into t values (7)").await.unwrap();

    server.stop().await.unwrap();
    let stopped = format!("{:#}", server.query(&database, "select 1").await.unwrap_err());
    assert!(stopped.contains("Connection refused"), "{stopped}");
    server.start_again().await.unwrap();
    server.query(&database, "insert into t values (8)").await.unwrap();
    server.stop_immediately().await.unwrap();
    server.start_again().await.unwrap();

    assert_eq!(server.query(&database, "select sum(n) from t").await.unwrap().trim(), "15");
    for (setting, value) in [("fsync", "on"), ("synchronous_commit", "on"), ("listen_addresses", "127.0.0.1")] {
        assert_eq!(server.query(&database, &format!("show {setting}")).await.unwrap().trim(), value);
    }
}

#[tokio::test]
async fn a_standby_has_what_it_was_not_held_back_from_when_it_takes_the_place_of_its_primary() {
    let mut primary = Postgres::start().await.unwrap();
    let url = primary.create_database().await.unwrap();
    let database = url.rsplit('/').next().unwrap().to_owned();
    primary.query(&database, "create table t (n int)").await.unwrap();
    let standby = primary.standby().await.unwrap();
    primary.query(&database, "insert into t values (1)").await.unwrap();
    standby.catches_up(&primary).await.unwrap();
    assert_eq!(standby.query(&database, "select sum(n) from t").await.unwrap().trim(), "1");
    let refused = format!("{:#}", standby.query(&database, "insert into t values (9)").await.unwrap_err());
    assert!(refused.contains("read-only transaction"), "{refused}");
    standby.hold_back();
    primary.query(&database, "insert into t values (2)").await.unwrap();

    primary.stop_immediately().await.unwrap();
    let promoted = standby.promote().await.unwrap();
    assert_ne!(promoted.port(), primary.port());
    assert_eq!(promoted.query(&database, "select sum(n) from t").await.unwrap().trim(), "1");
    promoted.query(&database, "insert into t values (4)").await.unwrap();
    // The one before may come back, and knows of nothing.
    primary.start_again().await.unwrap();
    assert_eq!(primary.query(&database, "select sum(n) from t").await.unwrap().trim(), "3");
}

#[tokio::test]
async fn a_commit_waits_for_a_standby_that_is_to_be_waited_for() {
    let mut primary = Postgres::start().await.unwrap();
    let url = primary.create_database().await.unwrap();
    let database = url.rsplit('/').next().unwrap().to_owned();
    primary.query(&database, "create table t (n int)").await.unwrap();
    let standby = primary.standby().await.unwrap();
    for (commit, setting) in [(Commit::Flushed, "on"), (Commit::Applied, "remote_apply")] {
        primary.wait_for(&standby, commit).await.unwrap();
        assert_eq!(primary.query(&database, "show synchronous_commit").await.unwrap().trim(), setting);
    }
    primary.query(&database, "insert into t values (1)").await.unwrap();
    assert_eq!(standby.query(&database, "select sum(n) from t").await.unwrap().trim(), "1");
    standby.hold_back();
    let waiting = primary.query(&database, "insert into t values (2)");
    assert!(tokio::time::timeout(Duration::from_secs(1), waiting).await.is_err(), "nobody was waited for");
    standby.let_follow();
    primary.query(&database, "insert into t values (4)").await.unwrap();

    primary.stop_immediately().await.unwrap();
    let promoted = standby.promote().await.unwrap();
    assert_eq!(promoted.query(&database, "select sum(n) from t where n <> 2").await.unwrap().trim(), "5");
}

#[tokio::test]
async fn postgres_lets_nobody_in_without_its_password() {
    let server = Postgres::start().await.unwrap();
    let mut address: dualgrid_testkit::postgres::Address = server.admin_url().parse().unwrap();
    address.password = "wrong".into();
    let url = address.url("postgres");
    let psql = dualgrid_testkit::tools::postgresql_bin().await.unwrap().join("psql");
    let psql = std::process::Command::new(psql).args(["-w", "-c", "select 1", &url]).output();
    assert!(!psql.unwrap().status.success());
}

#[tokio::test]
async fn the_shared_postgres_is_one_and_is_not_to_be_stopped_by_a_test() {
    assert!(SHARED_VARIABLE.starts_with("DUALGRID_"));
    let (one, other) = tokio::join!(Postgres::shared(), Postgres::shared());
    assert!(std::ptr::eq(one.unwrap(), other.unwrap()));
    assert!(SHARED_VARIABLE.starts_with("DUALGRID_"));
}

#[tokio::test]
async fn nats_keeps_its_stream_over_a_stop_and_a_kill_and_loses_it_when_wiped() {
    let mut nats = started_nats().await.unwrap();
    let context = lay_out(&nats).await.unwrap();
    publish(&context, "dg.evt.SC.a", "one").await.unwrap();
    publish(&context, "dg.evt.CG-01.b", "two").await.unwrap();

    nats.stop().await.unwrap();
    assert_eq!(nats.pid(), None);
    let stopped = nats.connect(CORE).await.unwrap_err().to_string();
    assert!(stopped.starts_with("could not connect to"), "{stopped}");
    nats.start_again().await.unwrap();
    nats.kill().unwrap();
    nats.start_again().await.unwrap();

    let stored = bus::read_stream(&nats, 1).await.unwrap();
    let expected = [(1, "dg.evt.SC.a".to_owned(), "one".into()), (2, "dg.evt.CG-01.b".to_owned(), "two".into())];
    assert_eq!(stored, expected);
    assert_eq!(bus::read_stream(&nats, 2).await.unwrap(), expected[1..]);
    assert!(bus::read_stream(&nats, 3).await.unwrap().is_empty());

    nats.wipe().await.unwrap();
    assert!(bus::read_stream(&nats, 1).await.unwrap().is_empty());
    assert_eq!(bus::last_sequence(&nats.connect(CORE).await.unwrap()).await.unwrap(), None);
}

#[tokio::test]
async fn nats_has_again_what_a_copy_held() {
    let mut nats = started_nats().await.unwrap();
    let context = lay_out(&nats).await.unwrap();
    publish(&context, "dg.evt.SC.a", "one").await.unwrap();
    let copy = nats.dir().join("copy");
    nats.copy_store(&copy).await.unwrap();
    publish(&jetstream::new(nats.connect(CORE).await.unwrap()), "dg.evt.SC.a", "two").await.unwrap();
    assert_eq!(bus::read_stream(&nats, 1).await.unwrap().len(), 2);
    nats.restore_store(&copy).await.unwrap();
    assert_eq!(bus::read_stream(&nats, 1).await.unwrap(), [(1, "dg.evt.SC.a".to_owned(), "one".into())]);
}

#[tokio::test]
async fn postgres_and_nats_keep_their_data_where_they_are_told() {
    let folder = tempfile::tempdir().unwrap();
    // The account of the database has to get through.
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = folder.path().canonicalize().unwrap();
    let setup = PostgresSetup {
        data_dir: Some(path.join("data")),
        wal_dir: Some(path.join("wal")),
        wal_segment_mib: Some(1),
        settings: "max_wal_size = '8MB'\n".into(),
        tls: None,
    };
    let server = Postgres::start_with(setup).await.unwrap();
    assert!(path.join("data/PG_VERSION").is_file() && path.join("wal/archive_status").is_dir());
    for (setting, value) in [("max_wal_size", "8MB"), ("wal_segment_size", "1MB")] {
        assert_eq!(server.query("postgres", &format!("show {setting}")).await.unwrap().trim(), value);
    }
    let setup = NatsSetup { store_dir: Some(path.join("nats")), flushes_seldom: true, ..NatsSetup::default() };
    let nats = NatsServer::start(setup).await.unwrap();
    assert!(path.join("nats/jetstream").is_dir());
    assert!(!std::fs::read_to_string(nats.config_path()).unwrap().contains("sync_interval"));
}

#[tokio::test]
async fn a_department_reads_its_own_consumer_and_nothing_else() {
    let nats = started_nats().await.unwrap();
    let context = lay_out(&nats).await.unwrap();
    publish(&context, "dg.evt.SC.a", "for SC").await.unwrap();
    publish(&context, "dg.evt.CG-01.b", "for CG-01").await.unwrap();

    let department = Department::connect(&nats, "CG-01").await.unwrap();
    let messages = department.next(5, Duration::from_millis(500)).await.unwrap();
    assert_eq!(messages.iter().map(|message| message.payload.as_ref()).collect::<Vec<_>>(), [b"for CG-01".as_slice()]);
    messages[0].double_ack().await.unwrap();
}

#[tokio::test]
async fn a_department_sends_its_own_commands_and_no_others() {
    use futures::StreamExt as _;

    let nats = started_nats().await.unwrap();
    let core = nats.connect(CORE).await.unwrap();
    let mut requests = core.subscribe("dg.cmd.>").await.unwrap();
    core.flush().await.unwrap();
    let mut answering = tokio::task::JoinSet::new();
    answering.spawn(async move {
        while let Some(request) = requests.next().await {
            let id = request.headers.unwrap().get(bus::COMMAND_ID_HEADER).unwrap().to_string();
            core.publish(request.reply.unwrap(), json!({ "id": id }).to_string().into()).await.unwrap();
        }
    });

    let own = Department::connect(&nats, "SC").await.unwrap();
    let reply = own.command("accept-order", CASE, COMMAND, &json!({})).await.unwrap();
    assert_eq!(reply.accepted().unwrap(), json!({ "id": COMMAND.to_string() }));

    let forged = own.client().request("dg.cmd.CG-01.accept-order", "{}".into());
    let forged = tokio::time::timeout(Duration::from_millis(500), forged).await;
    assert!(!matches!(forged, Ok(Ok(_))), "nobody may answer this one");
}

#[tokio::test]
async fn an_integrator_reads_through_the_consumer_that_was_made_for_it_and_makes_none() {
    use futures::StreamExt as _;

    let nats = started_nats().await.unwrap();
    let context = lay_out(&nats).await.unwrap();
    publish(&context, "dg.evt.SC.a", "for SC").await.unwrap();
    let name = integrator_user("city");
    let config =
        |name: &str| jetstream::consumer::pull::Config { durable_name: Some(name.into()), ..Default::default() };
    context.get_stream(STREAM).await.unwrap().create_consumer(config(&name)).await.unwrap();
    let integrator = jetstream::with_domain(nats.connect(&name).await.unwrap(), accounts::DOMAIN);
    let consumer: jetstream::consumer::PullConsumer = integrator.get_consumer_from_stream(&name, STREAM).await.unwrap();
    let mut messages = consumer.fetch().max_messages(1).messages().await.unwrap();
    let message = messages.next().await.unwrap().unwrap();
    message.ack().await.unwrap();
    assert_eq!(message.payload.as_ref(), b"for SC");

    let other = integrator.create_consumer_on_stream(config("another"), STREAM);
    assert!(!matches!(tokio::time::timeout(Duration::from_millis(500), other).await, Ok(Ok(_))));
}

#[tokio::test]
async fn the_configuration_is_for_our_eyes_only() {
    use std::os::unix::fs::PermissionsExt as _;

    let nats = started_nats().await.unwrap();
    assert_eq!(nats.config_path().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(nats.store_dir().starts_with(nats.dir()));
}

#[tokio::test]
async fn nats_server_itself_finds_the_configuration_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let nats = started_nats().await.unwrap();
    let path = dir.path().join("nats.conf");
    let server = dualgrid_testkit::tools::nats_server().await.unwrap();
    let check = |text: &str| {
        std::fs::write(&path, text).unwrap();
        std::process::Command::new(&server).arg("-t").arg("-c").arg(&path).output().unwrap().status.success()
    };
    let text = accounts::Configuration::try_new(nats.settings(), nats.grants()).unwrap().text();
    assert!(check(&text));
    assert!(!check(&text.replacen("I_city", "I_other", 1)), "one account under two names");
}
