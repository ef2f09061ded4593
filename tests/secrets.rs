//! Who holds which secret: each role runs with its own files and no others, and the wrapping key is exchanged while the system serves.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use dualgrid_tests::World;
use serde_json::json;
use testkit::client::command_id;
use testkit::system::{Store, System, SystemSetup};

/// Who reports what is found here.
const REPORTER: &str = "祝英台";

fn variable(name: &str, value: &str) -> (String, String) {
    (format!("DUALGRID__{name}"), value.to_owned())
}

/// Every secret that a configuration can name, and the roles that use it.
const SECRETS: [(&str, &[&str]); 6] = [
    ("VAULT__URL", &["api"]),
    ("VAULT__KEY_FILE", &["api"]),
    ("EVIDENCE__URL", &["api"]),
    ("AUTH__PUBLIC_KEY_FILE", &["api"]),
    ("AUTH__PRIVATE_KEY_FILE", &[]),
    ("NATS__NKEY_FILE", &["api", "publisher"]),
];

/// What leads nowhere: whoever opens it fails.
fn nowhere(name: &str) -> (String, String) {
    let value = match name {
        "VAULT__URL" => "sqlite:/nowhere/vault.db",
        "EVIDENCE__URL" => "file:///proc/nowhere",
        _ => "/nowhere/a.key",
    };
    variable(name, value)
}

/// A case with a reporter, whose key is in the vault from then on.
async fn reported(world: &World) -> anyhow::Result<String> {
    let mut body = dualgrid_tests::discovery("JAS-R03-M02", "楼道堆物");
    body["reporter"] = json!({ "name": REPORTER });
    let answer = world.http().command(&world.leader, "/cases/discover-issue", command_id()?, body).await?.accepted()?;
    Ok(answer["id"].as_str().context("the answer names no case")?.to_owned())
}

/// What a configuration says of the wrapping keys.
fn keys(system: &System, current: &str, others: &[&str]) -> Vec<(String, String)> {
    let file = |name: &str| system.dir().join(name).display().to_string();
    let others: Vec<String> = others.iter().map(|name| format!("\"{}\"", file(name))).collect();
    vec![
        variable("VAULT__KEY_FILE", &file(current)),
        variable("VAULT__OTHER_KEY_FILES", &format!("[{}]", others.join(","))),
    ]
}

/// About fifteen seconds, with [`the_wrapping_key`] in it.
#[tokio::test]
async fn each_role_runs_with_its_own_secrets_and_the_wrapping_key_is_exchanged() -> anyhow::Result<()> {
    let system = System::start(SystemSetup::sample(Store::Sqlite)?).await?;
    let mut world = World::of(system).await?;
    for role in ["api", "publisher", "projector", "processor"] {
        let foreign: Vec<_> =
            SECRETS.iter().filter(|(_, users)| !users.contains(&role)).map(|(name, _)| nowhere(name)).collect();
        // It is ready: everything that it does, it can do.
        let mut peer = world.system.peer(&[role], foreign).await.with_context(|| format!("the role {role} alone"))?;
        peer.stop().await?;
    }
    the_wrapping_key(&mut world).await
}

/// A person can be read under either key at any time, and under the former one never again.
async fn the_wrapping_key(world: &mut World) -> anyhow::Result<()> {
    let mut cases = vec![reported(world).await?];
    let new = world.system.dir().join("new.key");
    world.system.run_cli(&["keys", "wrapping", new.to_str().context("a path in UTF-8")?]).await?;
    // Two processes, as while they are restarted one by one: each wraps under another key, and both read both.
    let mut late = world.system.peer(&["api"], keys(&world.system, "vault.key", &["new.key"])).await?;
    world.system.set_environment(keys(&world.system, "new.key", &["vault.key"]));
    world.system.restart().await?;
    cases.push(reported(world).await?);
    all_are_read(world, &cases).await?;

    let configured = keys(&world.system, "new.key", &["vault.key"]);
    let rewrapped = world.system.run_cli_with(&["keys", "rewrap"], &configured).await?;
    ensure!(rewrapped.contains("Every key of a person is under the wrapping key"), "{rewrapped}");
    all_are_read(world, &cases).await?;
    late.stop().await?;
    world.system.set_environment(keys(&world.system, "new.key", &[]));
    world.system.restart().await?;
    cases.push(reported(world).await?);
    all_are_read(world, &cases).await?;

    let former = keys(&world.system, "vault.key", &["new.key"]);
    let refused = world.system.run_cli_with(&["serve", "--roles", "api"], &former).await;
    let why = format!("{:#}", refused.map(drop).expect_err("the former key was taken"));
    ensure!(why.contains("was exchanged and is never used again"), "{why}");
    tokio::time::timeout(Duration::from_secs(30), world.system.stop()).await?
}

async fn all_are_read(world: &World, cases: &[String]) -> anyhow::Result<()> {
    for case in cases {
        let path = format!("/cases/{case}/reporter?purpose=contact");
        let shown = world.http().get(&world.leader, &path).await?.accepted()?;
        ensure!(shown["items"][0]["name"] == REPORTER, "{shown}");
    }
    Ok(())
}
