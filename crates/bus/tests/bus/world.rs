//! A nats-server, a log, and publishers between them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use app::Problem;
use async_trait::async_trait;
use bus::commands::{Clerks, Commands, Core, Door};
use bus::departments::{Departments, Directory};
use bus::publisher::{Publisher, PublisherOptions};
use bus::subject::subject_of;
use bus::{Connection, ConnectionOptions, Credentials};
use kernel::{Actor, DepartmentCode, Role, Scope, SystemClock, SystemEntropy};
use testkit::bus::{Stored, last_sequence, read_stream};
use testkit::client::eventually;
use testkit::nats::{CORE, NatsServer, NatsSetup};
use tokio::task::JoinSet;

use crate::vec_log::{ONE, OTHER, VecLog, code};

/// What has to be noticed is noticed within this time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

pub(crate) struct World {
    pub(crate) nats: NatsServer,
    pub(crate) log: Arc<VecLog>,
    /// Ends with the test.
    pub(crate) tasks: JoinSet<()>,
}

struct Active(Vec<DepartmentCode>);

#[async_trait]
impl Directory for Active {
    async fn departments(&self) -> Result<Vec<DepartmentCode>, app::Error> {
        Ok(self.0.clone())
    }
}

/// Knows li.wei by [`TOKEN`], and every program.
struct Known;

/// The token of li.wei.
pub(crate) const TOKEN: &str = "token-of-li-wei";

#[async_trait]
impl Clerks for Known {
    async fn program(&self, department: &DepartmentCode) -> Result<Actor, Problem> {
        Ok(clerk(Actor::id_of_department(department), department))
    }

    async fn clerk(&self, department: &DepartmentCode, token: &str, _: Option<&str>) -> Result<Actor, Problem> {
        let refused = || Problem::new(401, "token-invalid", "not li.wei");
        if token == TOKEN { Ok(clerk("li.wei".into(), department)) } else { Err(refused()) }
    }
}

fn clerk(id: String, department: &DepartmentCode) -> Actor {
    Actor { id, role: Role::DepartmentClerk, scope: Scope::Department(department.clone()), seconded_by: None }
}

pub(crate) fn credentials(nats: &NatsServer, user: &str) -> Credentials {
    assert!(nats.seed(user).is_ok(), "no user {user}");
    Credentials::NkeyFile(nats.seed_file(user))
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::stored_in(None).await
    }

    /// With a nats-server that keeps its files in this folder.
    pub(crate) async fn stored_in(store_dir: Option<PathBuf>) -> Self {
        Self::with(NatsSetup { store_dir, ..NatsSetup::default() }).await
    }

    /// With a nats-server like this, and both departments.
    pub(crate) async fn with(setup: NatsSetup) -> Self {
        let setup = NatsSetup { departments: vec![ONE.into(), OTHER.into()], ..setup };
        let nats = NatsServer::start(setup).await.unwrap();
        Self { nats, log: Arc::new(VecLog::new()), tasks: JoinSet::new() }
    }

    fn options(&self) -> ConnectionOptions {
        ConnectionOptions {
            url: self.nats.url(),
            name: "test".into(),
            credentials: credentials(&self.nats, CORE),
            inbox_prefix: "_INBOX".into(),
            tls: app::peer::Tls::default(),
        }
    }

    pub(crate) async fn connection(&self) -> Connection {
        Connection::connect(self.options()).await.unwrap()
    }

    /// Commands of both departments for this door.
    pub(crate) fn commands(&self, door: Arc<dyn Door>) -> Commands {
        let active = Active([ONE, OTHER].into_iter().map(code).collect());
        let log = Arc::clone(&self.log) as Arc<dyn app::port::EventLog>;
        Commands::new(self.options(), Arc::new(active), log, Core { door, clerks: Arc::new(Known) })
    }

    /// Waits until somebody listens for the commands of both departments.
    pub(crate) async fn commands_are_taken(&self) {
        let core = self.nats.connect(CORE).await.unwrap();
        for department in [ONE, OTHER] {
            let subject = format!("dg.cmd.{department}.probe");
            let listens = async || {
                let probe = tokio::time::timeout(Duration::from_millis(200), core.request(subject.clone(), "".into()));
                // Nobody answers a probe, but a server without a listener says so at once.
                Ok(probe.await.is_err().then_some(()))
            };
            eventually("the commands of a department are taken", PATIENCE, listens).await.unwrap();
        }
    }

    pub(crate) async fn publisher_with(&mut self, options: PublisherOptions) -> Arc<Publisher> {
        self.publisher_of(Arc::clone(&self.log), options).await
    }

    /// A process that publishes nothing and looks at the epoch of the stream.
    pub(crate) async fn watcher(&mut self, options: PublisherOptions) -> Arc<Publisher> {
        let watcher = self.idle(Arc::clone(&self.log), options).await;
        let watching = Arc::clone(&watcher);
        self.tasks.spawn(async move { match watching.watch_epoch().await {} });
        watcher
    }

    /// A publisher that publishes nothing.
    pub(crate) async fn idle(&self, log: Arc<VecLog>, options: PublisherOptions) -> Arc<Publisher> {
        let connection = self.connection().await;
        Arc::new(Publisher::new(connection, log, Arc::new(SystemClock), Arc::new(SystemEntropy), options))
    }

    /// A publisher of a log that may be another than ours.
    pub(crate) async fn publisher_of(&mut self, log: Arc<VecLog>, options: PublisherOptions) -> Arc<Publisher> {
        let publisher = self.idle(log, options).await;
        let running = Arc::clone(&publisher);
        self.tasks.spawn(async move { running.run(std::future::pending()).await });
        publisher
    }

    pub(crate) async fn publisher(&mut self) -> Arc<Publisher> {
        self.publisher_with(PublisherOptions::default()).await
    }

    /// Keeps the consumers of both departments, when it is asked to.
    pub(crate) async fn keeper(&self) -> Departments {
        self.keeper_of(&[ONE, OTHER]).await
    }

    /// The same while only these departments are active.
    pub(crate) async fn keeper_of(&self, active: &[&str]) -> Departments {
        let active = Active(active.iter().copied().map(code).collect());
        let log = Arc::clone(&self.log) as Arc<dyn app::port::EventLog>;
        Departments::new(self.connection().await, Arc::new(active), log, "", Duration::from_millis(100))
    }

    pub(crate) async fn departments(&mut self) {
        let departments = self.keeper().await;
        self.tasks.spawn(async move { departments.run(std::future::pending()).await });
    }

    /// Waits until the stream is the log, byte for byte and under the right subjects.
    pub(crate) async fn settle(&self) {
        let wanted: Vec<Stored> = self
            .log
            .events()
            .iter()
            .map(|event| (event.position.0, subject_of(event).unwrap(), event.bytes.clone()))
            .collect();
        let client = self.nats.connect(CORE).await.unwrap();
        let equal = async || {
            let is_there = last_sequence(&client).await?.unwrap_or(0) == wanted.len() as u64;
            Ok((is_there && read_stream(&self.nats, 1).await.is_ok_and(|stored| stored == wanted)).then_some(()))
        };
        eventually("the stream is the log", PATIENCE, equal).await.unwrap();
    }
}
