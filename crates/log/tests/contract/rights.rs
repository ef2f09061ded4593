//! The user of a running process on PostgreSQL: it can do all that a process does, and nothing that changes what was recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use app::port::{Lost, ViewSpec};
use kernel::{ManualClock, PersonId, PersonKey, Position, SystemEntropy, Version, WrappingKey};
use log::{OpenError, Options, Wrapping, migrate_log, migrate_vault};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use testkit::client::eventually;
use testkit::postgres::{Commit, Postgres, Users};

use crate::place::{append, at, stream};

const BOARD: ViewSpec = ViewSpec { name: "board", version: 1, filters: &[&["grid"], &[]] };

async fn users() -> Users {
    let server = Postgres::shared().await.unwrap();
    let url = server.create_database().await.unwrap();
    server.create_users(&url).await.unwrap()
}

/// A log that its owner has made.
async fn log_of_owner() -> Users {
    let users = users().await;
    migrate_log(&users.owner_url, &users.url, &Options::default()).await.unwrap();
    users
}

fn wrapping() -> Wrapping {
    Wrapping {
        key: WrappingKey::from_bytes([1; 32]),
        others: Vec::new(),
        entropy: Arc::new(SystemEntropy),
        clock: Arc::new(ManualClock::at(at(0))),
    }
}

/// A vault that its owner has made.
async fn vault_of_owner() -> Users {
    let users = users().await;
    migrate_vault(&users.owner_url, &users.url, &Options::default()).await.unwrap();
    users
}

#[tokio::test]
async fn a_running_process_may_do_what_it_does() {
    let users = log_of_owner().await;
    let opened = log::open(&users.url, &Options::default()).await.unwrap();
    let log = opened.log;
    // The first append looks everything up, the second one knows its stream.
    for n in 0..2 {
        log.append(append(&format!("{n}"), &stream("a"), n, 1)).await.unwrap();
    }
    assert_eq!(log.after(Position::START, 10).await.unwrap().len(), 2);
    assert_eq!(log.stream(&stream("a"), Version(0)).await.unwrap().len(), 2);
    log.raise_floors(BTreeMap::from([("dept-A".to_owned(), Position(1))])).await.unwrap();
    log.raise_floors(BTreeMap::from([("dept-A".to_owned(), Position(2))])).await.unwrap();
    assert_eq!(log.floors().await.unwrap()["dept-A"], Position(2));
    assert!(log.lease_rebuild(uuid::Uuid::from_u128(1), Duration::from_secs(1)).await.unwrap());
    assert_eq!(log.standbys().await.unwrap(), 0);
    log.halt(Lost { after: Position(2), to: Position(3) }, Version(0)).await.unwrap();
    assert!(log.lost().await.unwrap().is_some());
    let views = opened.views;
    for _ in 0..2 {
        let build = views.begin(&BOARD).await.unwrap();
        views.activate(&build).await.unwrap();
    }
    let build = views.begin_bulk(&BOARD).await.unwrap();
    views.finish_bulk(&build, Position(2)).await.unwrap();
    views.activate(&build).await.unwrap();
    assert_eq!(views.builds().await.unwrap().len(), 1);
    // The owner may come again, whatever was built meanwhile.
    migrate_log(&users.owner_url, &users.url, &Options::default()).await.unwrap();
    assert_eq!(views.builds().await.unwrap().len(), 1);
    assert_eq!(log::excess(&users.url, &Options::default()).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_running_process_keeps_and_erases_keys() {
    let users = vault_of_owner().await;
    let vault = log::open_vault(&users.url, &Options::default(), wrapping()).await.unwrap();
    let (person, key) = (PersonId::named("one"), PersonKey::generate(&SystemEntropy));
    vault.check().await.unwrap();
    assert!(vault.keep(person, &key).await.unwrap() == key);
    assert!(vault.key(person).await.unwrap() == Some(key));
    assert_eq!(vault.erase(&[person]).await.unwrap(), 1);
}

/// Everything in `sql` is refused for want of a right.
async fn refused(url: &str, statements: &[&str]) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    for sql in statements {
        let refused = sqlx::query(AssertSqlSafe((*sql).to_owned())).execute(&mut connection).await.unwrap_err();
        let code = refused.as_database_error().and_then(|error| error.code().map(String::from));
        assert_eq!(code.as_deref(), Some("42501"), "{sql}: {refused}");
    }
}

#[tokio::test]
async fn a_running_process_cannot_change_what_was_recorded() {
    let users = log_of_owner().await;
    log::open(&users.url, &Options::default()).await.unwrap();
    refused(
        &users.url,
        &[
            "update events set version = 7",
            "delete from events",
            "truncate events",
            "update commands set events = 7",
            "delete from commands",
            "truncate commands",
            "insert into head (position) values (7)",
            "delete from head",
            "truncate head",
            "insert into upkeep default values",
            "update upkeep set only_row = true",
            "delete from upkeep",
            "update floors set consumer = 'x'",
            "delete from floors",
            "truncate floors",
            "delete from log_migrations",
            "select * from events_readable",
            "do $$ begin lock table events in access exclusive mode; end $$",
            "alter table events disable trigger all",
            "alter table events disable trigger events_are_append_only",
            "alter table commands disable trigger commands_are_append_only",
            "alter table head disable trigger head_is_one_row",
            "drop trigger events_are_append_only on events",
            "create trigger mine before insert on events for each row execute function refuse_change()",
            "create rule mine as on delete to events do instead nothing",
            "create or replace function refuse_change() returns trigger language plpgsql as 'begin return old; end'",
            "drop function refuse_change() cascade",
            "alter function refuse_change() owner to current_user",
            "alter table events owner to current_user",
            "alter table events drop column bytes",
            "alter table events rename to old",
            "drop table events cascade",
            "drop table upkeep",
            "create index mine on events (id)",
            "create table mine ()",
            "create view mine as select 1",
            "create function mine() returns integer language sql as 'select 1'",
            "create sequence mine",
            "create temporary table mine ()",
            "create schema mine",
            "alter schema public owner to current_user",
            "drop schema views cascade",
            "drop table views.views",
            "alter table views.views drop column active",
            "truncate views.views",
            "set session_replication_role = replica",
            "alter role current_user superuser",
            "copy events to program 'true'",
            "comment on table events is 'mine'",
        ],
    )
    .await;
}

#[tokio::test]
async fn a_running_process_cannot_change_how_the_vault_is_kept() {
    let users = vault_of_owner().await;
    let statements = [
        "update keys set person = gen_random_uuid()",
        "update keys set created_at = now()",
        "delete from keys",
        "truncate keys",
        "update wrapping_keys set check_value = ''",
        "delete from wrapping_keys",
        "truncate wrapping_keys",
        "delete from vault_migrations",
        "alter table keys disable trigger all",
        "alter table keys owner to current_user",
        "alter table keys drop column wrapped",
        "drop table keys",
        "create table mine ()",
        "create temporary table mine ()",
        "create schema mine",
        "set session_replication_role = replica",
    ];
    refused(&users.url, &statements).await;
}

#[tokio::test]
async fn nothing_belongs_to_the_user_of_a_running_process_but_tables_of_views() {
    let users = log_of_owner().await;
    let opened = log::open(&users.url, &Options::default()).await.unwrap();
    opened.views.begin(&BOARD).await.unwrap();
    let mut connection = PgConnection::connect(&users.url).await.unwrap();
    let owned = "select format('%s.%s', relnamespace::regnamespace, relname)
        from pg_class
        where pg_get_userbyid(relowner) = current_user and relkind = 'r'
        order by 1";
    let owned: Vec<String> = sqlx::query_scalar(owned).fetch_all(&mut connection).await.unwrap();
    assert_eq!(owned, ["views.view_board_1", "views.view_board_1_by"]);
}

#[tokio::test]
async fn every_table_has_a_line_of_rights() {
    let (log, vault) = (log_of_owner().await, vault_of_owner().await);
    for (url, schema) in [(&log.owner_url, "public"), (&log.owner_url, "views"), (&vault.owner_url, "public")] {
        let mut connection = PgConnection::connect(url).await.unwrap();
        let names = async |connection: &mut PgConnection, sql: &str| -> BTreeSet<String> {
            let found = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).bind(schema).fetch_all(connection).await;
            found.unwrap().into_iter().collect()
        };
        let tables = names(&mut connection, "select tablename::text from pg_tables where schemaname = $1").await;
        let granted = "select distinct table_name::text
            from information_schema.role_table_grants
            where table_schema = $1 and grantee like 'running%'";
        assert_eq!(names(&mut connection, granted).await, tables, "{schema}: a table without a line in rights.rs");
    }
}

#[tokio::test]
async fn tables_are_made_by_their_owner_and_a_running_process_says_so() {
    let users = users().await;
    let server = Postgres::shared().await.unwrap();
    let (_, database) = users.url.rsplit_once('/').unwrap();
    let options = Options::default();
    let refusal = async |url: &str| log::open(url, &options).await.map(drop).unwrap_err();
    assert!(matches!(refusal(&users.url).await, OpenError::NotMigrated));
    let refused = migrate_log(&users.url, &users.url, &options).await.unwrap_err();
    assert!(matches!(refused, OpenError::NotOwner { .. }), "{refused}");
    let elsewhere = users.url.replace(database, "postgres");
    let refused = migrate_log(&users.owner_url, &elsewhere, &options).await.unwrap_err();
    assert!(matches!(refused, OpenError::OtherDatabase { .. }), "{refused}");
    migrate_log(&users.owner_url, &users.url, &options).await.unwrap();
    log::open(&users.url, &options).await.unwrap();
    // Of another version of the program.
    server.query(database, "update log_migrations set checksum = '\\x00'").await.unwrap();
    assert!(matches!(refusal(&users.url).await, OpenError::NotMigrated));
}

#[tokio::test]
async fn a_user_that_may_more_than_it_needs_is_told() {
    let users = log_of_owner().await;
    let options = Options::default();
    let of_owner = log::excess(&users.owner_url, &options).await.unwrap();
    assert!(of_owner.contains(&"it owns the table events".to_owned()), "{of_owner:?}");
    let server = Postgres::shared().await.unwrap();
    let (_, database) = users.url.rsplit_once('/').unwrap();
    let superuser = format!("{}/{database}", server.admin_url().rsplit_once('/').unwrap().0);
    let of_superuser = log::excess(&superuser, &options).await.unwrap();
    assert!(of_superuser.contains(&"it is a superuser".to_owned()), "{of_superuser:?}");
    server.query(database, &format!("grant delete on commands to \"running_{database}\"")).await.unwrap();
    assert_eq!(log::excess(&users.url, &options).await.unwrap(), ["it may delete commands"]);
}

/// About five seconds.
#[tokio::test]
async fn only_a_standby_that_commits_wait_for_counts() {
    let mut primary = Postgres::start().await.unwrap();
    let url = primary.create_database().await.unwrap();
    let log = log::open(&url, &Options::default()).await.unwrap().log;
    assert_eq!(log.standbys().await.unwrap(), 0);
    let standby = primary.standby().await.unwrap();
    assert_eq!(log.standbys().await.unwrap(), 0, "it follows, and nobody waits for it");
    primary.wait_for(&standby, Commit::Flushed).await.unwrap();
    assert_eq!(log.standbys().await.unwrap(), 1);
    drop(standby);
    let gone = async || Ok((log.standbys().await? == 0).then_some(()));
    eventually("the standby that has ended does not count", Duration::from_secs(20), gone).await.unwrap();
}
