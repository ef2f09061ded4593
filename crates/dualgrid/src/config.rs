//! Configuration: a TOML file, then environment variables, then flags; the later wins.

mod limits;
mod nats;
mod tls;

use std::iter;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use app::evidence::Keeping;
use app::port::uploads::Quotas;
use chrono::TimeDelta;
use figment::Figment;
use figment::providers::{Env, Format as _, Toml};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::keys;

pub(crate) use limits::Limits;
pub(crate) use nats::{Nats, NatsServer};
pub(crate) use tls::{Tls, refuse_clear};

/// The keys that are tables.
const TABLES: [&str; 10] =
    ["http", "operations", "limits", "store", "vault", "evidence", "auth", "nats", "nats_server", "log"];

/// Everything that can be set.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Name of the installation, part of every event's source, which is a URI reference: 1 to 64 of A-Z, a-z, 0-9 and . _ -
    #[serde(deserialize_with = "installation")]
    pub(crate) installation: String,
    /// Echoed by `/healthz`, so that whoever started this process knows that it answers.
    #[serde(default = "default_instance")]
    pub(crate) instance: String,
    /// HTTP.
    #[serde(default)]
    pub(crate) http: Http,
    /// Measurements, readiness in full, and the page to try the API.
    #[serde(default)]
    pub(crate) operations: Operations,
    /// How much callers may take.
    #[serde(default)]
    pub(crate) limits: Limits,
    /// The event log.
    pub(crate) store: Store,
    /// Keys of persons.
    #[serde(default)]
    pub(crate) vault: Vault,
    /// Files.
    #[serde(default)]
    pub(crate) evidence: Evidence,
    /// Tokens.
    #[serde(default)]
    pub(crate) auth: Auth,
    /// NATS.
    #[serde(default)]
    pub(crate) nats: Nats,
    /// The configuration of nats-server; only where it is kept, by the role `publisher`.
    pub(crate) nats_server: Option<NatsServer>,
    /// What the program prints of itself.
    #[serde(default)]
    pub(crate) log: Log,
}

/// Longest name of an installation, in characters.
const INSTALLATION_LEN_MAX: usize = 64;

/// Refuses a name that could not stand in the source of an event as it is, or that says nothing.
fn installation<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if begins && name.len() <= INSTALLATION_LEN_MAX && name.bytes().all(is_allowed) {
        return Ok(name);
    }
    Err(D::Error::custom(
        "the name of the installation is 1 to 64 of A-Z, a-z, 0-9 and . _ -, and begins with a letter or digit, for example `jingan`",
    ))
}

fn default_instance() -> String {
    "dualgrid".into()
}

/// HTTP of callers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Http {
    /// Address; port 0 takes a free one.
    pub(crate) listen: SocketAddr,
    /// Where the address that was taken is written.
    pub(crate) address_file: Option<PathBuf>,
}

impl Default for Http {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8080)), address_file: None }
    }
}

/// Where who runs it comes in. It belongs inside the network.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Operations {
    /// Address; port 0 takes a free one.
    pub(crate) listen: SocketAddr,
    /// Where the address that was taken is written.
    pub(crate) address_file: Option<PathBuf>,
}

impl Default for Operations {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8090)), address_file: None }
    }
}

/// The event log.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Store {
    /// `sqlite:/path/log.db` or `postgres://user:password@host/database`.
    pub(crate) url: String,
    /// The same database as its owner, for `dualgrid migrate` alone.
    pub(crate) owner_url: Option<String>,
    /// Whether a commit must wait for another machine.
    #[serde(default)]
    pub(crate) require_standby: bool,
    /// Certificates for a PostgreSQL on another machine.
    #[serde(default)]
    tls: Tls,
}

impl Store {
    /// How its databases are opened.
    pub(crate) fn options(&self) -> log::Options {
        log::Options { tls: self.tls.files(), ..log::Options::default() }
    }
}

/// A setting that only some roles and commands use.
///
/// # Errors
/// Where it is not set, with its name.
fn needed<'a, T: ?Sized>(setting: &str, value: Option<&'a T>) -> anyhow::Result<&'a T> {
    value.with_context(|| format!("{setting} is not set (docs/operations.md)"))
}

/// Keys of persons: a database of its own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vault {
    /// Like `store.url`, but another database.
    url: Option<String>,
    /// The same database as its owner, for `dualgrid migrate` alone.
    pub(crate) owner_url: Option<String>,
    /// The key under which the keys of persons are wrapped.
    key_file: Option<PathBuf>,
    /// Others under which some still are, or will be, while the key is exchanged.
    #[serde(default)]
    pub(crate) other_key_files: Vec<PathBuf>,
    /// Certificates for a PostgreSQL on another machine.
    #[serde(default)]
    tls: Tls,
}

impl Vault {
    pub(crate) fn url(&self) -> anyhow::Result<&str> {
        needed("vault.url", self.url.as_deref())
    }

    pub(crate) fn key_file(&self) -> anyhow::Result<&Path> {
        needed("vault.key_file", self.key_file.as_deref())
    }

    /// How it is opened.
    pub(crate) fn options(&self) -> log::Options {
        log::Options { tls: self.tls.files(), ..log::Options::default() }
    }
}

/// Files.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Evidence {
    /// `file:///path`, or `s3://bucket/prefix` with the feature `s3`.
    url: Option<String>,
    /// Where clamd listens, `tcp://host:port` or `unix:///path`; without it nobody looks into files.
    pub(crate) scanner: Option<String>,
    /// How long a file is kept that nothing names, in hours; at least a day, for which bytes are counted.
    unnamed_hours: Option<NonZeroU32>,
    /// MiB of files that one principal may send in a day.
    mib_per_day: Option<NonZeroU32>,
    /// The same for everybody of one department together.
    department_mib_per_day: Option<NonZeroU32>,
}

impl Evidence {
    pub(crate) fn url(&self) -> anyhow::Result<&str> {
        needed("evidence.url", self.url.as_deref())
    }

    /// How long files are kept, and how many may be sent.
    pub(crate) fn keeping(&self) -> anyhow::Result<Keeping> {
        const MIB: u64 = 1024 * 1024;
        let usual = Keeping::default();
        let bytes = |mib: Option<NonZeroU32>, usual| mib.map_or(usual, |mib| u64::from(mib.get()).saturating_mul(MIB));
        let hours = self.unnamed_hours.map_or(usual.unnamed, |hours| TimeDelta::hours(hours.get().into()));
        ensure!(
            hours >= TimeDelta::hours(24),
            "evidence.unnamed_hours must be at least 24: for a day it is counted what everybody sends"
        );
        let quotas = Quotas {
            principal_bytes: bytes(self.mib_per_day, usual.quotas.principal_bytes),
            department_bytes: bytes(self.department_mib_per_day, usual.quotas.department_bytes),
        };
        Ok(Keeping { unnamed: hours, quotas })
    }
}

/// Tokens.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Auth {
    /// Checks tokens; belongs to the private key where there is one.
    public_key_file: Option<PathBuf>,
    /// Check tokens as well, until the last token of a former key is over.
    #[serde(default)]
    pub(crate) former_public_key_files: Vec<PathBuf>,
    /// Makes tokens; only where tokens are issued.
    pub(crate) private_key_file: Option<PathBuf>,
}

impl Auth {
    pub(crate) fn public_key_file(&self) -> anyhow::Result<&Path> {
        needed("auth.public_key_file", self.public_key_file.as_deref())
    }

    /// The files of all public keys, the current one first.
    pub(crate) fn public_key_files(&self) -> anyhow::Result<impl Iterator<Item = &Path>> {
        let former = self.former_public_key_files.iter().map(PathBuf::as_path);
        Ok(iter::once(self.public_key_file()?).chain(former))
    }

    /// All public keys.
    pub(crate) fn public_keys(&self) -> anyhow::Result<Vec<[u8; 32]>> {
        self.public_key_files()?.map(keys::read_32).collect()
    }
}

/// What the program prints of itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    /// For programs or for people.
    pub(crate) format: LogFormat,
    /// `tracing` directives, for example `info,app=debug`.
    pub(crate) filter: String,
    /// OTLP endpoint for traces, with the feature `otel`.
    pub(crate) otlp_endpoint: Option<String>,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".into(), otlp_endpoint: None }
    }
}

/// For programs or for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Lines for people.
    Text,
}

/// Flags that win over file and environment.
#[derive(Debug, Default)]
pub(crate) struct Overrides {
    pub(crate) listen: Option<String>,
}

impl Config {
    /// Reads the configuration.
    pub(crate) fn load(path: &Path, overrides: Overrides) -> anyhow::Result<Self> {
        ensure!(
            path.exists(),
            "there is no configuration at {}; write one (docs/operations.md shows every key) or name it with --config",
            path.display()
        );
        let mut figment = Figment::from(Toml::file(path)).merge(Env::prefixed("DUALGRID__").split("__"));
        if let Some(listen) = overrides.listen {
            figment = figment.merge(("http.listen", listen));
        }
        Self::read(&figment).with_context(|| format!("the configuration {} cannot be used", path.display()))
    }

    /// Reads a text without a file.
    #[cfg(test)]
    pub(crate) fn of_text(text: &str) -> anyhow::Result<Self> {
        Self::read(&Figment::from(Toml::string(text)))
    }

    /// Reads what was merged. A list is never taken for a table, although its values would fill the fields in their order.
    fn read(figment: &Figment) -> anyhow::Result<Self> {
        for table in TABLES {
            let Ok(value) = figment.find_value(table) else { continue };
            let source = figment.get_metadata(value.tag()).map(|from| format!(" in {}", from.name)).unwrap_or_default();
            ensure!(
                value.as_dict().is_some(),
                "{table}{source} must be a table with a name for each value, for example [{table}], not {}",
                value.to_actual()
            );
        }
        Ok(figment.extract()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = r#"
        installation = "sample"
        [store]
        url = "sqlite:log.db"
    "#;

    #[test]
    fn a_minimal_file_is_enough_and_listens_on_loopback() {
        let config: Config = Figment::from(Toml::string(MINIMAL)).extract().unwrap();
        assert!(config.http.listen.ip().is_loopback());
        assert!(config.operations.listen.ip().is_loopback());
        assert_ne!(config.http.listen, config.operations.listen);
    }

    #[test]
    fn a_key_that_does_not_exist_is_refused() {
        let wrong = format!("{MINIMAL}\n[http]\nlisten = \"127.0.0.1:1\"\nport = 1\n");
        let refused = Figment::from(Toml::string(&wrong)).extract::<Config>().unwrap_err().to_string();
        assert!(refused.contains("unknown field: found `port`"), "{refused}");
    }

    #[test]
    fn an_installation_has_a_name_that_can_stand_in_a_source() {
        let named = |name: &str| {
            let given = Figment::from(Toml::string(MINIMAL)).merge(("installation", name));
            Config::read(&given).map(|config| config.installation).map_err(|refused| format!("{refused:#}"))
        };
        for good in ["a", "7", "jingan", "JA-01.test_2", &"a".repeat(64)] {
            assert_eq!(named(good), Ok(good.to_owned()));
        }
        for bad in
            ["", " ", "oth er", "jingan ", "静安", "a/b", "a?b", "a#b", "a%20", "a\nb", "a\"b", ".", "..", "-a", "_"]
        {
            let refused = named(bad).unwrap_err();
            assert!(refused.contains("the name of the installation is 1 to 64 of"), "{bad:?}: {refused}");
        }
        assert!(named(&"a".repeat(65)).unwrap_err().contains("the name of the installation is 1 to 64 of"));
    }

    /// Every key, as the reader itself names them.
    fn keys() -> Vec<String> {
        let unknown = Figment::from(Toml::string("no_such_key = 1")).extract::<Config>().unwrap_err().to_string();
        let (_, known) = unknown.split_once("expected").unwrap();
        let is_key =
            |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        known.split('`').filter(is_key).map(str::to_owned).collect()
    }

    #[test]
    fn a_list_is_never_taken_for_a_table() {
        let keys = keys();
        assert!(TABLES.iter().all(|table| keys.iter().any(|key| key == table)), "{keys:?}");
        for key in keys {
            let lists =
                ["[]", "[\"sqlite:x\"]", "[\"sqlite:x\", \"vault.key\"]", "[\"127.0.0.1:1\", \"x\"]", "7", "\"x\""];
            for value in lists.iter().filter(|value| value.starts_with('[') || TABLES.contains(&key.as_str())) {
                let given = Toml::string(&format!("{key} = {value}"));
                let refused = Config::read(&Figment::from(Toml::string(MINIMAL)).merge(given)).unwrap_err().to_string();
                let said = format!("{key} in TOML source string must be a table");
                assert!(refused.starts_with(&said) || refused.contains("invalid type"), "{key} = {value}: {refused}");
                assert_eq!(refused.starts_with(&said), TABLES.contains(&key.as_str()), "{key} = {value}: {refused}");
            }
        }
    }
}
