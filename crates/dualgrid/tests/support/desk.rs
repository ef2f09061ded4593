//! The use cases on SQLite in a folder of their own, with the sample district and a clock that stands.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests may panic; in the unit tests, which use them too, they may anyway"
)]

use std::path::Path;
use std::sync::Arc;

use app::intake::{Answer, Request};
use app::port::evidence_store::pieces_of;
use app::port::uploads::{Quotas, Upload};
use app::port::{Append, AppendError, EventLog, Failure, Fingerprint, Receipt};
use app::query::{Page, PageRequest};
use app::shown::Shown;
use app::{App, Error, Ports, Settings, registry};
use chrono::{DateTime, Utc};
use kernel::{
    Actor, Clock as _, CommandId, DepartmentCode, Entropy, GridCode, ManualClock, Position, Recorded, Role, Scope,
    StreamId, SystemEntropy, Version, WrappingKey,
};
use log::{Options, Wrapping};
use serde_json::{Value, json};
use uuid::Uuid;

/// Monday 2026-03-02, 10:00 in Shanghai.
pub(crate) fn now() -> DateTime<Utc> {
    "2026-03-02T10:00:00+08:00".parse().unwrap()
}

/// A system without servers.
pub(crate) struct Desk {
    pub(crate) app: Arc<App>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) photo: String,
    folder: tempfile::TempDir,
    /// Where the log is, where it is not in the folder.
    log: Option<String>,
}

impl Desk {
    /// Opens it and loads the sample district.
    pub(crate) async fn open() -> Self {
        Self::open_with("district.toml").await
    }

    /// Opens it and loads the district of this file of the samples.
    pub(crate) async fn open_with(file: &str) -> Self {
        Self::open_on(file, None).await
    }

    /// Opens it with its log and its views in this database, or else in its folder.
    pub(crate) async fn open_on(file: &str, log: Option<String>) -> Self {
        let desk = Self::empty(log).await;
        desk.load_sample(file).await;
        desk
    }

    /// Opens it with nothing in it but the file of the examples.
    pub(crate) async fn empty(log: Option<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(now()));
        let app = open(folder.path(), log.as_deref(), clock.clone()).await;
        let photo = pieces_of(kernel::evidence::EXAMPLE.into());
        let photo = app.ports().evidence.receive("image/png", photo).await.unwrap();
        photo.keep().await.unwrap();
        Self { app, clock, photo: photo.evidence().sha256.to_string(), folder, log }
    }

    /// Another process on the same files.
    pub(crate) async fn another(&self) -> Arc<App> {
        open(self.folder.path(), self.log.as_deref(), self.clock.clone()).await
    }

    async fn load_sample(&self, file: &str) {
        let administrator = actor("operator", Role::SystemAdministrator, None);
        for name in ["publish-rules", "load-district"] {
            let body = sample_body(name, file);
            self.submit(&administrator, None, name, id(), &body).await.unwrap();
        }
        self.name_administrators().await;
        let persons = if file == "district.toml" { "persons.toml" } else { "five-levels-persons.toml" };
        self.submit(&security(), None, "describe-persons", id(), &described(persons)).await.unwrap();
    }

    /// Names the first administrators, as the sample does.
    pub(crate) async fn name_administrators(&self) {
        let three = json!({"system": "system-admin", "security": "security-admin", "audit": "audit-admin"});
        self.submit(&Actor::system("init"), None, "name-administrators", id(), &three).await.unwrap();
    }

    /// Gives a command.
    pub(crate) async fn submit(
        &self,
        by: &Actor,
        about: Option<Uuid>,
        name: &str,
        command: CommandId,
        body: &Value,
    ) -> Result<Answer, Error> {
        if body.to_string().contains(&self.photo) {
            self.own_photo(by).await;
        }
        self.app.submit(request(by, about, name, command, body)).await
    }

    /// The connector that hands in the numbers of the hotline, registered.
    pub(crate) async fn hotline(&self) -> Actor {
        let hotline = json!({"program": {"connector": "12345"}, "sources": ["hotline"]});
        self.submit(&security(), None, "register-program", id(), &hotline).await.unwrap();
        actor("connector/12345", Role::Connector, None)
    }

    /// Makes the photo somebody's own, so that they may name it.
    pub(crate) async fn own_photo(&self, by: &Actor) {
        let evidence = self.app.ports().evidence.find(self.photo.parse().unwrap()).await.unwrap().unwrap();
        let (at, original, received) = (self.clock.now(), evidence.sha256, evidence.size);
        let owner = kernel::evidence::owner_of(&by.id, &by.scope.to_string()).to_owned();
        let (by, until) = (by.id.clone(), Some(at + chrono::TimeDelta::days(3)));
        let upload = Upload { evidence, owner, by, department: None, original, received, at, captured: None, until };
        let plenty = Quotas { principal_bytes: u64::MAX, department_bytes: u64::MAX };
        self.app.ports().uploads.enter(&upload, plenty).await.unwrap();
    }

    /// Gives a command on a case, with a fresh id.
    pub(crate) async fn tell(&self, by: &Actor, case: Uuid, name: &str, body: Value) -> Result<Answer, Error> {
        self.submit(by, Some(case), name, id(), &body).await
    }

    /// Discovers an issue in the micro grid of the sample's business building.
    pub(crate) async fn discover(&self) -> Uuid {
        self.submit(&member(), None, "discover-issue", id(), &discovery()).await.unwrap().id
    }

    /// A case that was dispatched to WSJK.
    pub(crate) async fn dispatched(&self) -> (Uuid, Value) {
        let case = self.discover().await;
        let register = json!({"matter": "FW-0301", "handling": "promised"});
        self.tell(&leader(), case, "register-issue", register).await.unwrap();
        self.tell(&leader(), case, "escalate-issue", json!({"reason": "网格内没有办理资质"})).await.unwrap();
        self.tell(&duty(), case, "file-case", all_met()).await.unwrap();
        let dispatch = json!({"lead": "WSJK", "instructions": "设集体办理点"});
        self.tell(&dispatcher(), case, "dispatch-case", dispatch).await.unwrap();
        (case, self.summary(case).await["parts"]["orders"][0]["order"].clone())
    }

    /// A copy of the vault as it is, as a backup would have it.
    pub(crate) fn vault_copied(&self) -> std::path::PathBuf {
        let copy = self.folder.path().join("backup.db");
        for beside in ["", "-wal"] {
            let of = |file: &Path| format!("{}{beside}", file.display());
            std::fs::copy(of(&self.folder.path().join("vault.db")), of(&copy)).unwrap();
        }
        copy
    }

    /// That vault alone, opened with a wrapping key; what it says where that does not fit.
    pub(crate) async fn vault_under(
        &self,
        vault: &Path,
        key: WrappingKey,
    ) -> Result<Arc<dyn app::port::Vault>, String> {
        let (url, options) = (format!("sqlite:{}", vault.display()), Options::default());
        let opened = log::open_vault(&url, &options, wrapping(key, self.clock.clone())).await;
        opened.map_err(|error| error.to_string())
    }

    /// Another process on the same files, with that vault.
    pub(crate) async fn with_vault(&self, vault: &Path) -> Arc<App> {
        open_vault_of(self.folder.path(), self.log.as_deref(), self.clock.clone(), vault).await
    }

    /// Erases a person.
    pub(crate) async fn erase(&self, person: kernel::PersonId) -> Result<Answer, Error> {
        let body = json!({"person": person, "ground": "consent_withdrawn", "reason": "本人申请 2026-0031"});
        self.submit(&security(), None, "erase-person", id(), &body).await
    }

    /// What is shown of a case.
    pub(crate) async fn summary(&self, case: Uuid) -> Value {
        let auditor = actor("auditor", Role::Auditor, None);
        let found = self.app.row(&auditor, view("cases"), &case.to_string(), None).await.unwrap();
        serde_json::from_str(found.doc.get()).unwrap()
    }

    /// The first page of a view.
    pub(crate) async fn rows(&self, by: &Actor, path: &str, filters: &[(&str, &str)]) -> Result<Page, Error> {
        let filters = filters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.app.rows(by, view(path), &filters, PageRequest { beyond: None, limit: 200 }).await
    }
}

/// A view by its route.
pub(crate) fn view(path: &str) -> &'static dyn Shown {
    registry::view(path).unwrap()
}

async fn open(folder: &Path, log: Option<&str>, clock: Arc<ManualClock>) -> Arc<App> {
    open_vault_of(folder, log, clock, &folder.join("vault.db")).await
}

async fn open_vault_of(folder: &Path, log: Option<&str>, clock: Arc<ManualClock>, vault: &Path) -> Arc<App> {
    let url = |name: &str| format!("sqlite:{}", folder.join(name).display());
    let entropy = Arc::new(SystemEntropy);
    let log = log.map_or_else(|| url("log.db"), str::to_owned);
    let opened = log::open(&log, &Options::default()).await.unwrap();
    let wrapping = wrapping(wrapping_key(), clock.clone());
    let vault = log::open_vault(&format!("sqlite:{}", vault.display()), &Options::default(), wrapping).await.unwrap();
    let evidence = log::open_evidence(&format!("file://{}", folder.join("evidence").display())).unwrap();
    let (log, views, uploads) = (opened.log, opened.views, opened.uploads);
    let ports = Ports { log, views, vault, evidence, uploads, scanner: None, clock, entropy };
    App::new(ports, Settings::new("test"))
}

/// The key under which keys of persons are kept.
pub(crate) fn wrapping_key() -> WrappingKey {
    WrappingKey::from_bytes([7; 32])
}

fn wrapping(key: WrappingKey, clock: Arc<ManualClock>) -> Wrapping {
    Wrapping { key, others: Vec::new(), entropy: Arc::new(SystemEntropy), clock }
}

/// A log that gives three events at a time and says that these are all, until it is asked again.
pub(crate) struct ShortPages(pub(crate) Arc<dyn EventLog>);

#[async_trait::async_trait]
impl EventLog for ShortPages {
    async fn append(&self, append: Append) -> Result<Receipt, AppendError> {
        self.0.append(append).await
    }
    async fn outcome(&self, principal: &str, command: CommandId) -> Result<Option<(Receipt, Fingerprint)>, Failure> {
        self.0.outcome(principal, command).await
    }
    async fn stream(&self, stream: &StreamId, after: Version) -> Result<Vec<Recorded>, Failure> {
        self.0.stream(stream, after).await
    }
    async fn after(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, Failure> {
        self.0.after(after, limit.min(3)).await
    }
    async fn head(&self) -> Result<Position, Failure> {
        self.0.head().await
    }
    fn committed(&self) -> tokio::sync::watch::Receiver<Position> {
        self.0.committed()
    }
}

/// A command as it comes in.
pub(crate) fn request(by: &Actor, about: Option<Uuid>, name: &str, command: CommandId, body: &Value) -> Request {
    let body = serde_json::to_vec(body).unwrap().into();
    let (actor, name) = (by.clone(), name.to_owned());
    Request { actor, command, correlation: None, causation: None, traceparent: None, name, id: about, body }
}

/// The body of a filing: every criterion of the sample is met.
pub(crate) fn all_met() -> Value {
    let asked = sample("district.toml").remove("filing_criteria").unwrap();
    let asked = asked.as_array().unwrap().iter();
    let answers: Vec<Value> =
        asked.map(|one| json!({"criterion": one["text"].as_str().unwrap(), "met": true})).collect();
    json!({ "criteria": answers })
}

/// The sample files joined.
/// The body of `publish-rules` or `load-district` that is made of this file of the samples.
pub(crate) fn sample_body(name: &str, file: &str) -> Value {
    let (_, verb) = registry::verb(name).unwrap();
    let schema = (verb.schema)().to_value();
    let reference = schema["$ref"].as_str().and_then(|path| schema.pointer(path.trim_start_matches('#')));
    let fields = &reference.unwrap_or(&schema)["properties"];
    let mut body = sample(file);
    body.retain(|key, _| fields.get(key).is_some());
    serde_json::to_value(body).unwrap()
}

fn sample(file: &str) -> toml::Table {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/sample");
    let read = |name: &str| -> toml::Table { std::fs::read_to_string(folder.join(name)).unwrap().parse().unwrap() };
    let mut all = read(file);
    for name in all.remove("include").unwrap().as_array().unwrap().clone() {
        for (key, value) in read(name.as_str().unwrap()) {
            match (all.get_mut(&key), value) {
                (Some(toml::Value::Array(known)), toml::Value::Array(more)) => known.extend(more),
                (_, value) => drop(all.insert(key, value)),
            }
        }
    }
    all
}

/// The persons of a file of the samples.
pub(crate) fn described(file: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/sample").join(file);
    let table: toml::Table = std::fs::read_to_string(file).unwrap().parse().unwrap();
    serde_json::to_value(table).unwrap()
}

/// Who cares for the persons of the sample.
pub(crate) fn security() -> Actor {
    actor("security-admin", Role::SecurityAdministrator, None)
}

/// A fresh command id.
pub(crate) fn id() -> CommandId {
    CommandId::new(SystemEntropy.uuid(now()))
}

/// Somebody with a role, in a grid or everywhere.
pub(crate) fn actor(id: &str, role: Role, grid: Option<&str>) -> Actor {
    let scope = grid.map_or(Scope::Everywhere, |code| Scope::Grid(GridCode::try_new(code).unwrap()));
    Actor { id: id.into(), role, scope, seconded_by: None }
}

pub(crate) fn member() -> Actor {
    actor("bz-r01-b01-member", Role::GridMember, Some("BZ-R01-B01"))
}

pub(crate) fn leader() -> Actor {
    actor("bz-r01-b01-leader", Role::GridLeader, Some("BZ-R01-B01"))
}

pub(crate) fn duty() -> Actor {
    actor("bz-duty", Role::DutyOfficer, Some("BZ"))
}

pub(crate) fn dispatcher() -> Actor {
    actor("bz-dispatcher", Role::Dispatcher, Some("BZ"))
}

pub(crate) fn clerk(department: &str) -> Actor {
    let scope = Scope::Department(DepartmentCode::try_new(department).unwrap());
    Actor { id: format!("{department}/clerk"), role: Role::DepartmentClerk, scope, seconded_by: None }
}

/// The body of a discovery.
pub(crate) fn discovery() -> Value {
    json!({
        "source": "patrol",
        "title": "商户不知如何办理健康证",
        "description": "多家餐饮企业不清楚办理地点和时间",
        "grid": "BZ-R01-B01",
        "location": {"text": "大悦城北座"},
        "reporter": {"name": "王秀英", "phone": "13800001111", "address": "西藏北路198号"},
    })
}
