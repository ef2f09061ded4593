//! `dualgrid serve`: the roles of one process, supervised until one ends or the process is told to stop.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use app::App;
use app::health::{SILENT_LAG_MAX, show_stalled};
use bus::commands::{Commands, Core};
use bus::departments::Departments;
use bus::publisher::{Publisher, PublisherOptions, PublisherState, PublisherStatus};
use bus::server::ServerKeeper;
use bus::{Connection, ConnectionOptions};
use http_api::server;
use http_api::telemetry::Metrics;
use http_api::token::Verifier;
use kernel::{SystemClock, SystemEntropy};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::clerks::AtDoors;
use crate::config::Config;
use crate::programs::Registered;
use crate::roles::RoleName;
use crate::system::Uses;
use crate::{descriptors, nats, needs, standby, system};

/// How often departments without a consumer are looked for.
const LOOK_FOR_DEPARTMENTS_EVERY: Duration = Duration::from_secs(2);
/// How long roles may take to end.
const STOP_PATIENCE: Duration = Duration::from_secs(30);

type Task = Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>>;

/// Runs until a signal, or until a role ends by itself, which is an error.
pub(crate) async fn serve(config: Config, roles: &[RoleName]) -> anyhow::Result<()> {
    let roles = RoleName::asked(roles);
    let has = |role| roles.contains(&role);
    needs::check(&config, roles)?;
    // First of all: what is described before there is a recorder has no description.
    let metrics = http_api::telemetry::install()?;
    descriptors::raise(config.limits.descriptors());
    let app = system::open(&config, if has(RoleName::Api) { Uses::Stores } else { Uses::Log }).await?;
    standby::check(&config, &*app.ports().log).await?;
    let stop = watch::Sender::new(false);
    let mut tasks: JoinSet<(&'static str, anyhow::Result<()>)> = JoinSet::new();
    let mut start = |name: &'static str, task: Task| {
        tasks.spawn(async move { (name, task.await) });
    };
    if has(RoleName::Api) || has(RoleName::Processor) {
        start("log", watching(Arc::clone(&app), stop.subscribe()));
    }
    if has(RoleName::Api) {
        start("stores", watching_stores(Arc::clone(&app), stop.subscribe()));
        start("evidence", sweeping(Arc::clone(&app), stop.subscribe()));
        start("erasures", ending(Arc::clone(&app).keep_erasures(stop.subscribe())));
    }
    start("calendars", watching_calendars(Arc::clone(&app), stop.subscribe()));
    if config.store.require_standby {
        start("standby", until(stop.subscribe(), standby::watch(Arc::clone(&app))));
    }
    start("database user", until(stop.subscribe(), warning_of_excess(&config, &app)));
    if has(RoleName::Projector) {
        start("views", ending(Arc::clone(&app).project(stop.subscribe())));
    }
    if has(RoleName::Processor) {
        start("processes", ending(Arc::clone(&app).process(stop.subscribe())));
    }
    if has(RoleName::Publisher) || has(RoleName::Api) {
        let connection = Connection::connect(nats_options(&config)?).await?;
        if has(RoleName::Publisher) {
            start("publisher", publisher(&config, &app, &connection, stop.subscribe()));
            let registered = Arc::new(Registered::new(Arc::clone(&app), config.nats.programs_file.clone()));
            if config.nats_server.is_some() {
                start("accounts", accounts(&config, &app, Arc::clone(&registered), stop.subscribe()).await?);
            }
            start("departments", departments(&config, &app, connection.clone(), registered, stop.subscribe()));
        } else {
            start("epoch", watching_epoch(&config, &app, &connection, stop.subscribe()));
        }
        if has(RoleName::Api) {
            let verifier = Verifier::new(&config.auth.public_keys()?, &config.installation);
            let door: Arc<App> = Arc::clone(&app);
            let core = Core { door, clerks: Arc::new(AtDoors::new(Arc::clone(&app), verifier)) };
            let directory: Arc<App> = Arc::clone(&app);
            let commands = Commands::new(nats_options(&config)?, directory, Arc::clone(&app.ports().log), core);
            let stopped = stopped(stop.subscribe());
            start("department commands", ending(async move { commands.run(stopped).await }));
        }
    }
    start("http", http(&config, &app, has(RoleName::Api), metrics, stop.subscribe()).await?);
    supervise(tasks, &stop).await
}

/// A task that ends only when it is told to.
fn ending(task: impl Future<Output = ()> + Send + 'static) -> Task {
    Box::pin(async move {
        task.await;
        Ok(())
    })
}

/// A task without end, until the process is told to stop.
fn until(stop: watch::Receiver<bool>, task: impl Future<Output = ()> + Send + 'static) -> Task {
    ending(async move {
        tokio::select! {
            () = stopped(stop) => {}
            () = task => {}
        }
    })
}

/// Warns where this process may change what was recorded, as far as its database says.
fn warning_of_excess(config: &Config, app: &Arc<App>) -> impl Future<Output = ()> + Send + use<> {
    let (url, options, app) = (config.store.url.clone(), config.store.options(), Arc::clone(app));
    async move {
        let excess = log::excess(&url, &options).await;
        match excess {
            Ok(excess) if excess.is_empty() => {}
            Ok(excess) => {
                let warning = format!(
                    "the user of store.url may do more than it needs ({}): make an owner beside it, and run `dualgrid migrate`",
                    excess.join(", ")
                );
                tracing::warn!(warning, "the database does not keep this process from changing what was recorded");
                app.health().warn("database user", Some(warning));
            }
            Err(error) => tracing::warn!(error = error.chain(), "could not ask what the user of store.url may do"),
        }
        std::future::pending::<()>().await;
    }
}

/// Watches whether the log takes appends, until the process is told to stop.
fn watching(app: Arc<App>, stop: watch::Receiver<bool>) -> Task {
    until(stop, async move {
        app.watch_log().await;
    })
}

/// Removes files that nothing names when their time is over, until the process is told to stop.
fn sweeping(app: Arc<App>, stop: watch::Receiver<bool>) -> Task {
    until(stop, async move {
        app.watch_evidence().await;
    })
}

/// Watches whether vault and store of evidence answer, until the process is told to stop.
fn watching_stores(app: Arc<App>, stop: watch::Receiver<bool>) -> Task {
    until(stop, async move {
        app.watch_stores().await;
    })
}

/// Watches how far the working calendars reach, until the process is told to stop.
fn watching_calendars(app: Arc<App>, stop: watch::Receiver<bool>) -> Task {
    until(stop, async move {
        app.watch_calendars().await;
    })
}

async fn supervise(
    mut tasks: JoinSet<(&'static str, anyhow::Result<()>)>,
    stop: &watch::Sender<bool>,
) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let outcome = tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        Some(ended) = tasks.join_next() => match ended {
            Ok((name, Ok(()))) => Err(anyhow!("the role {name} ended by itself")),
            Ok((name, Err(error))) => Err(error.context(format!("the role {name} failed"))),
            Err(error) => Err(anyhow!(error).context("a role panicked")),
        },
    };
    tracing::info!("stopping: requests in flight are finished first");
    stop.send_replace(true);
    let ended = async {
        while let Some(ended) = tasks.join_next().await {
            if let Ok((name, Err(error))) = ended {
                tracing::error!(role = name, error = format!("{error:#}"), "a role failed while it stopped");
            }
        }
    };
    tokio::select! {
        () = ended => {}
        _ = terminate.recv() => tracing::warn!("told twice: stopping without waiting"),
        _ = interrupt.recv() => tracing::warn!("told twice: stopping without waiting"),
        () = tokio::time::sleep(STOP_PATIENCE) => tracing::warn!("some roles did not end in time"),
    }
    outcome
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    // The sender outlives every role; an error would mean that the process is ending anyway.
    let ended = stop.wait_for(|stop| *stop).await;
    drop(ended);
}

fn nats_options(config: &Config) -> anyhow::Result<ConnectionOptions> {
    config.nats.connection(format!("dualgrid {}", config.installation))
}

fn publisher_of(config: &Config, app: &App, connection: &Connection) -> Publisher {
    let log = Arc::clone(&app.ports().log);
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let options = PublisherOptions {
        installation: config.installation.clone(),
        replicas: config.nats.replicas(),
        ..PublisherOptions::default()
    };
    Publisher::new(connection.clone(), log, clock, entropy, options)
}

fn publisher(config: &Config, app: &Arc<App>, connection: &Connection, stop: watch::Receiver<bool>) -> Task {
    let publisher = publisher_of(config, app, connection);
    let (app, status, connection) = (Arc::clone(app), publisher.status(), connection.clone());
    Box::pin(async move {
        tokio::select! {
            () = publisher.run(stopped(stop)) => {}
            () = tell(&app, &connection, status) => {}
        }
        Ok(())
    })
}

/// Keeps the consumers of departments and integrators, and tells readiness where somebody else deletes them.
fn departments(
    config: &Config,
    app: &Arc<App>,
    connection: Connection,
    registered: Arc<Registered>,
    stop: watch::Receiver<bool>,
) -> Task {
    let (log, installation) = (Arc::clone(&app.ports().log), config.installation.as_str());
    let departments = Departments::new(connection, registered, log, installation, LOOK_FOR_DEPARTMENTS_EVERY);
    let warning = warning(app, "nats deletions", departments.deletions());
    ending(async move {
        tokio::select! {
            () = departments.run(stopped(stop)) => {}
            () = warning => {}
        }
    })
}

/// Keeps the accounts of nats-server as the register wants them, and tells readiness where it cannot.
async fn accounts(
    config: &Config,
    app: &Arc<App>,
    register: Arc<Registered>,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<Task> {
    let settings = nats::settings(config)?;
    let file = config.nats_server.as_ref().context("there is no [nats_server]")?.config_file.clone();
    let connection = nats::system_connection(config).await?;
    let keeper = ServerKeeper::new(connection, register, settings, file, LOOK_FOR_DEPARTMENTS_EVERY);
    let warning = warning(app, "nats accounts", keeper.trouble());
    Ok(ending(async move {
        tokio::select! {
            () = keeper.run(stopped(stop)) => {}
            () = warning => {}
        }
    }))
}

/// Shows in readiness what `told` says, without end.
fn warning(
    app: &Arc<App>,
    name: &'static str,
    mut told: watch::Receiver<Option<String>>,
) -> impl Future<Output = ()> + Send + use<> {
    let app = Arc::clone(app);
    async move {
        loop {
            app.health().warn(name, told.borrow_and_update().clone());
            if told.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }
}

/// Watches whether NATS has a later epoch of the log, in a process that takes commands and does not publish.
fn watching_epoch(config: &Config, app: &App, connection: &Connection, stop: watch::Receiver<bool>) -> Task {
    let publisher = publisher_of(config, app, connection);
    ending(async move {
        tokio::select! {
            () = stopped(stop) => {}
            never = publisher.watch_epoch() => match never {},
        }
    })
}

/// Reports to readiness how the publisher is. Work that waits long without progress is reported, whatever the reason.
async fn tell(app: &App, connection: &Connection, status: watch::Receiver<PublisherStatus>) {
    loop {
        let now = status.borrow().clone();
        let silent = app.clock().now().signed_duration_since(now.progressed).to_std().unwrap_or_default();
        let stalled = now.lag() > 0 && silent > SILENT_LAG_MAX;
        let detail =
            format!("{}, at {} of {}, progress {} s ago", now.state, now.published, now.head, silent.as_secs());
        show_stalled("publisher", stalled);
        let cannot_go_on = matches!(now.state, PublisherState::Stopped(_) | PublisherState::Blocked(_));
        app.health().report("publisher", !stalled && !cannot_go_on, detail);
        app.health().warn("nats", connection.payload_warning());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Every process tells how it is on the operations listener; one with the role `api` also takes commands and queries, on another.
async fn http(
    config: &Config,
    app: &Arc<App>,
    data: bool,
    metrics: Metrics,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<Task> {
    // Nothing that needs a token is answered without the role `api`.
    let keys = if data { config.auth.public_keys()? } else { Vec::new() };
    let operations = listen(config.operations.listen, config.operations.address_file.as_deref()).await;
    let operations = operations.context("operations.listen")?;
    let public = if data {
        let public = listen(config.http.listen, config.http.address_file.as_deref()).await;
        Some(public.context("http.listen")?)
    } else {
        None
    };
    let options = server::Options {
        public,
        operations,
        verifier: Verifier::new(&keys, &config.installation),
        instance: config.instance.clone(),
        metrics: Some(metrics),
        limits: config.limits.of_http(),
        shutdown: stopped(stop),
    };
    Ok(ending(server::serve(Arc::clone(app), options)))
}

/// Listens, and writes the address that was taken into a file.
async fn listen(address: SocketAddr, file: Option<&Path>) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("could not listen on {address}"))?;
    let address = listener.local_addr()?;
    if let Some(file) = file {
        // Written whole or not at all: whoever waits for it may read it at any moment.
        let half = file.with_extension("half");
        std::fs::write(&half, address.to_string())?;
        std::fs::rename(&half, file).with_context(|| format!("could not write {}", file.display()))?;
    }
    tracing::info!(%address, "listening");
    Ok(listener)
}
