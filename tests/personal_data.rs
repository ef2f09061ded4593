//! The name, telephone and address of a reporter are nowhere in clear, and can be erased forever.
//!
//! The same search looks for what is no secret, so that it is known to work.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, ensure};
use dualgrid_tests::{World, database_of, in_database, in_file_or_database, in_files, stream_equals_log};
use testkit::client::command_id;
use testkit::postgres::Postgres;
use testkit::stories::health_certificates::{REPORTER_ADDRESS, REPORTER_NAME, REPORTER_PHONE, TITLE};
use testkit::stories::{Timeline, health_certificates};
use testkit::system::Store;

const SECRETS: [&str; 3] = [REPORTER_NAME, REPORTER_PHONE, REPORTER_ADDRESS];

#[tokio::test]
async fn a_reporter_is_nowhere_in_clear_and_can_be_erased_on_sqlite() -> anyhow::Result<()> {
    let world = World::start(Store::Sqlite).await?;
    let case = played(&world).await?;
    let positive = in_files(world.system.dir(), TITLE)?;
    let store = world.system.nats().store_dir();
    for file in [world.system.dir().join("log.db"), world.system.dir().join("log.views.db"), store] {
        // Whether in the file or in what SQLite writes beside it.
        let begins = file.to_str().context("a path in UTF-8")?;
        ensure!(positive.iter().any(|place| place.starts_with(begins)), "no title in {begins}: {positive:?}");
    }
    nowhere_in_files(&world).await?;
    for kept in ["log.db", "log.views.db", "vault.db", "evidence"] {
        is_its_owners(&world.system.dir().join(kept))?;
    }
    erased(world, &case).await
}

/// A file, or a folder with all that is in it, which nobody else may look into, whatever the umask is under which the program started.
fn is_its_owners(path: &Path) -> anyhow::Result<()> {
    let metadata = std::fs::metadata(path).with_context(|| format!("{} is missing", path.display()))?;
    let mode = metadata.permissions().mode() & 0o777;
    let wanted = if metadata.is_dir() { 0o700 } else { 0o600 };
    ensure!(mode == wanted, "{} has mode {mode:o}", path.display());
    if metadata.is_dir() {
        for entry in std::fs::read_dir(path)? {
            is_its_owners(&entry?.path())?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_reporter_is_nowhere_in_clear_and_can_be_erased_on_postgresql() -> anyhow::Result<()> {
    let world = World::start(Store::Postgres).await?;
    let case = played(&world).await?;
    let server = Postgres::shared().await?;
    let log = database_of(world.system.store_url())?;
    let positive = in_database(server, log, TITLE).await?;
    ensure!(positive.len() >= 2, "the title should be in the log and in views: {positive:?}");
    for database in [log, database_of(world.system.vault_url())?] {
        for secret in SECRETS {
            let found = in_database(server, database, secret).await?;
            ensure!(found.is_empty(), "{secret} is in {found:?} of {database}");
        }
    }
    nowhere_in_files(&world).await?;
    erased(world, &case).await
}

/// Plays the story with a reporter, and waits until NATS has it; also what is refused must leave no trace.
async fn played(world: &World) -> anyhow::Result<String> {
    let ending = health_certificates::play(&world.system, &Timeline::start()).await?;
    let mut body = dualgrid_tests::discovery("NO-SUCH-GRID", "不成立的发现");
    body["reporter"] = serde_json::json!({ "name": REPORTER_NAME, "phone": REPORTER_PHONE, "address": 7 });
    let refused = world.http().command(&world.leader, "/cases/discover-issue", command_id()?, body.clone()).await?;
    ensure!(refused.status == 400, "an address is a text: {}", refused.text);
    body["reporter"] = serde_json::json!({ "name": REPORTER_NAME, "address": REPORTER_ADDRESS });
    let refused = world.http().command(&world.duty, "/cases/discover-issue", command_id()?, body).await?;
    ensure!(refused.status.is_client_error(), "there is no such grid: {}", refused.text);
    stream_equals_log(&world.system, &world.auditor).await?;
    Ok(ending.case.to_string())
}

/// Databases, NATS, evidence and the program's own output; and what it tells of itself.
async fn nowhere_in_files(world: &World) -> anyhow::Result<()> {
    for secret in SECRETS {
        let found = in_files(world.system.dir(), secret)?;
        ensure!(found.is_empty(), "{secret} is in {found:?}");
    }
    let output = in_files(&world.system.log_path(), "listening")?;
    ensure!(!output.is_empty(), "the output of the program was not searched");
    let metrics = world.http().get("", "/metrics").await?;
    ensure!(metrics.status == 200 && metrics.text.contains("# TYPE"), "no metrics: {}", metrics.text);
    ensure!(!SECRETS.iter().any(|secret| metrics.text.contains(secret)), "metrics tell of a person");
    let events = dualgrid_tests::read_log(&world.http(), &world.auditor).await?;
    ensure!(!events.iter().any(|event| SECRETS.iter().any(|secret| event.text.contains(secret))), "events do");
    Ok(())
}

/// The duty officer sees the person until they are erased; the history stays as it was.
async fn erased(mut world: World, case: &str) -> anyhow::Result<()> {
    let duty = world.system.token("bz-duty", "duty_officer", &["--grid", "BZ"]).await?;
    let reporter = async || world.http().get(&duty, &format!("/cases/{case}/reporter?purpose=answer")).await;
    let history = async || world.http().get(&world.auditor, &format!("/cases/{case}/history?limit=200")).await;
    let shown = reporter().await?.accepted()?;
    let person = &shown["items"][0];
    ensure!(person["name"] == REPORTER_NAME && person["address"] == REPORTER_ADDRESS, "another person is shown");
    let elsewhere = world.http().get(&world.duty, &format!("/cases/{case}/reporter?purpose=answer")).await?;
    ensure!(elsewhere.problem_code() == Some("unknown-case"), "another street sees the person: {}", elsewhere.text);

    let before = history().await?;
    in_vault(&world, "create table backup as select * from keys").await?;
    let id = person["person"].as_str().context("a person has an id")?;
    let ground = ["--ground", "consent-withdrawn", "--reason", "本人申请 2026-0031"];
    world.system.run_cli(&[&["erase", "person", id][..], &ground[..]].concat()).await?;
    let gone = reporter().await?;
    ensure!(gone.status == 410 && gone.problem_code() == Some("person-erased"), "{} {}", gone.status, gone.text);
    ensure!(before.text == history().await?.text, "erasing a person changed the history");
    stream_equals_log(&world.system, &world.auditor).await?;

    // The vault comes back from its backup; whoever opens it erases them again before anything is served.
    world.system.stop().await?;
    let held = in_vault(&world, "select count(*) from keys where erased_at is null").await?;
    in_vault(&world, "delete from keys; insert into keys select * from backup;").await?;
    let restored = in_vault(&world, "select count(*) from keys where erased_at is null").await?;
    ensure!(restored.trim().parse::<u64>()? == held.trim().parse::<u64>()? + 1, "the control: {held} and {restored}");
    world.system.restart().await?;
    let still = world.http().get(&duty, &format!("/cases/{case}/reporter?purpose=answer")).await?;
    ensure!(still.status == 410 && still.problem_code() == Some("person-erased"), "{} {}", still.status, still.text);
    let after = in_vault(&world, "select count(*) from keys where erased_at is null").await?;
    ensure!(after == held, "{after} keys after the start, and {held} before");
    Ok(())
}

/// Asks the vault, whichever database it is in.
async fn in_vault(world: &World, sql: &str) -> anyhow::Result<String> {
    in_file_or_database(world.system.vault_url(), sql).await
}
