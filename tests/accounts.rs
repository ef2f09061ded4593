//! Who may use NATS changes while the system runs: the register and the file of programs are read, and nats-server has its accounts
//! within seconds.

use std::time::Duration;

use accounts::Seed;
use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use testkit::client::{command_id, eventually};
use testkit::nats::{CORE, NatsServer, NatsSetup, SYSTEM, seed};
use testkit::system::{Store, System, SystemSetup};

/// What changes in the file is in force within this time.
const PATIENCE: Duration = Duration::from_secs(15);

/// One integrator in the file of programs.
fn integrator(seed: &Seed, audiences: &str) -> String {
    format!("[[integrator]]\nname = \"city\"\nkeys = [\"{}\"]\naudiences = [{audiences}]\n", seed.public())
}

async fn connects(nats: &NatsServer, seed: &Seed) -> bool {
    let options = async_nats::ConnectOptions::with_nkey(seed.secret()).connection_timeout(Duration::from_secs(2));
    options.connect(nats.url()).await.is_ok()
}

/// The sample on a nats-server whose accounts it keeps, by this file of programs.
async fn started(nats: NatsServer) -> anyhow::Result<System> {
    let settings = nats.settings();
    let programs = nats.dir().join("programs.toml");
    std::fs::write(&programs, "")?;
    let variable = |name: &str, value: String| (format!("DUALGRID__{name}"), value);
    let environment = vec![
        variable("NATS__PROGRAMS_FILE", programs.display().to_string()),
        variable("NATS_SERVER__CONFIG_FILE", nats.config_path().display().to_string()),
        variable("NATS_SERVER__SYSTEM_NKEY_FILE", nats.seed_file(SYSTEM).display().to_string()),
        variable("NATS_SERVER__NAME", settings.name.clone()),
        variable("NATS_SERVER__LISTEN", settings.listen.clone()),
        variable("NATS_SERVER__STORE_DIR", settings.store_dir.clone()),
    ];
    System::start(SystemSetup { nats: Some(nats), environment, ..SystemSetup::sample(Store::Sqlite)? }).await
}

/// About six seconds.
#[tokio::test]
async fn a_program_is_let_in_and_shut_out_by_the_file_of_programs() -> anyhow::Result<()> {
    let nats = NatsServer::start(NatsSetup::default()).await?;
    let programs = nats.dir().join("programs.toml");
    let city = seed()?;
    let core = nats.connect(CORE).await?;
    let connection = core.server_info().client_id;
    let system = started(nats).await?;
    let nats = system.nats();
    ensure!(!connects(nats, &city).await, "nobody knows this key yet");

    std::fs::write(&programs, integrator(&city, "\"district\""))?;
    let let_in = async || Ok(connects(nats, &city).await.then_some(()));
    eventually("the integrator is let in", PATIENCE, let_in).await?;
    let client = async_nats::ConnectOptions::with_nkey(city.secret()).connect(nats.url()).await?;
    let stream = async_nats::jetstream::with_domain(client, accounts::DOMAIN);
    let hears = async || {
        let found = stream.get_consumer_from_stream("integ-city", accounts::STREAM).await;
        let Ok(consumer): Result<async_nats::jetstream::consumer::PullConsumer, _> = found else { return Ok(None) };
        let mut messages = consumer.fetch().max_messages(1).messages().await?;
        Ok(futures::StreamExt::next(&mut messages).await.transpose().ok().flatten())
    };
    let first = eventually("the integrator hears of the district", PATIENCE, hears).await?;
    ensure!(first.subject.starts_with("dg.evt.district."), "{} was not granted", first.subject);

    // What cannot be used is told, and changes nothing.
    std::fs::write(&programs, integrator(&city, "\"internal\""))?;
    let told = async || {
        let ready = system.http().get("", "/readyz").await?.body.to_string();
        Ok(ready.contains("nats accounts").then_some(ready))
    };
    let told = eventually("readiness warns of the file", PATIENCE, told).await?;
    ensure!(told.contains("the audience internal is granted to nobody"), "{told}");
    ensure!(connects(nats, &city).await, "an unusable file has shut the integrator out");

    std::fs::write(&programs, "")?;
    let shut_out = async || Ok((!connects(nats, &city).await).then_some(()));
    eventually("the integrator is shut out", PATIENCE, shut_out).await?;
    ensure!(core.server_info().client_id == connection, "somebody else was disconnected");
    let text = std::fs::read_to_string(nats.config_path()).context("the configuration is gone")?;
    ensure!(!text.contains("I_city"), "{text}");
    Ok(())
}

/// About six seconds.
#[tokio::test]
async fn the_register_rotates_and_closes_although_the_file_of_programs_cannot_be_used() -> anyhow::Result<()> {
    let nats = NatsServer::start(NatsSetup::default()).await?;
    let programs = nats.dir().join("programs.toml");
    let (city, former, current) = (seed()?, seed()?, seed()?);
    let system = started(nats).await?;
    let nats = system.nats();
    let administrator = system.token("operator", "security_administrator", &[]).await?;
    let change = async |verb: &str, mut body: Value| {
        body["program"] = json!({"department": "CGZF"});
        let id = command_id()?;
        let answer = system.http().command(&administrator, &format!("/programs/{verb}"), id, body).await?;
        answer.accepted().with_context(|| format!("{verb} was refused"))
    };
    let becomes = async |what: &str, seed: &Seed, wanted: bool| {
        eventually(what, PATIENCE, async || Ok((connects(nats, seed).await == wanted).then_some(()))).await
    };

    std::fs::write(&programs, integrator(&city, "\"district\""))?;
    change("register-program", json!({"keys": [former.public().to_string()]})).await?;
    becomes("the department is let in", &former, true).await?;
    becomes("the integrator is let in", &city, true).await?;
    let staying = async_nats::ConnectOptions::with_nkey(city.secret()).connect(nats.url()).await?;
    let connection = staying.server_info().client_id;

    // From here on nobody can read who is in the file.
    std::fs::write(&programs, "[[department]\n")?;
    change("change-program-keys", json!({"keys": [current.public().to_string()]})).await?;
    becomes("the new key is let in", &current, true).await?;
    becomes("the former key is shut out", &former, false).await?;
    let ready = system.http().get("", "/readyz").await?.body.to_string();
    ensure!(ready.contains("nats accounts") && ready.contains("the programs in"), "{ready}");
    change("close-program", json!({"reason": "合同到期"})).await?;
    becomes("the department is shut out", &current, false).await?;
    ensure!(connects(nats, &city).await, "what cannot be read has shut the integrator out");
    ensure!(staying.server_info().client_id == connection, "the integrator was disconnected");
    Ok(())
}
