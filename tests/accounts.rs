//! Who may use NATS changes while the system runs: the file of programs is read, and nats-server has its accounts within seconds.

use std::time::Duration;

use accounts::Seed;
use anyhow::{Context as _, ensure};
use testkit::client::eventually;
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

/// About six seconds.
#[tokio::test]
async fn a_program_is_let_in_and_shut_out_by_the_file_of_programs() -> anyhow::Result<()> {
    let nats = NatsServer::start(NatsSetup::default()).await?;
    let settings = nats.settings();
    let programs = nats.dir().join("programs.toml");
    let city = seed()?;
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
    let core = nats.connect(CORE).await?;
    let connection = core.server_info().client_id;
    let setup = SystemSetup { nats: Some(nats), environment, ..SystemSetup::sample(Store::Sqlite)? };
    let system = System::start(setup).await?;
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
