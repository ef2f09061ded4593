//! Where NATS is, how the core shows it who it is, and what is written into the configuration of nats-server.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use bus::{ConnectionOptions, Credentials};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::{Tls, needed};

/// The most copies of a stream that NATS keeps.
const REPLICAS_MAX: usize = 5;

/// NATS.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nats {
    /// `nats://host:port`.
    url: Option<String>,
    /// The file with the core's nkey.
    nkey_file: Option<PathBuf>,
    /// The programs of departments and integrators with their public nkeys, in TOML.
    pub(crate) programs_file: Option<PathBuf>,
    /// Copies of the stream in a cluster of nats-servers.
    #[serde(default, deserialize_with = "replicas")]
    replicas: Option<usize>,
    /// Certificates for a nats-server on another machine.
    #[serde(default)]
    tls: Tls,
}

impl Nats {
    pub(crate) fn url(&self) -> anyhow::Result<&str> {
        needed("nats.url", self.url.as_deref())
    }

    pub(crate) fn nkey_file(&self) -> anyhow::Result<&Path> {
        needed("nats.nkey_file", self.nkey_file.as_deref())
    }

    /// Copies of the stream: one if nothing is said.
    pub(crate) fn replicas(&self) -> usize {
        self.replicas.unwrap_or(1)
    }

    /// A connection of the core under this name in the lists of nats-server.
    pub(crate) fn connection(&self, name: String) -> anyhow::Result<ConnectionOptions> {
        self.connection_with(self.nkey_file()?, name)
    }

    /// The same with another key.
    pub(crate) fn connection_with(&self, nkey_file: &Path, name: String) -> anyhow::Result<ConnectionOptions> {
        Ok(ConnectionOptions {
            url: self.url()?.to_owned(),
            name,
            credentials: Credentials::NkeyFile(nkey_file.to_owned()),
            inbox_prefix: "_INBOX".into(),
            tls: self.tls.files(),
        })
    }
}

/// What the configuration of nats-server says beside its accounts, and where it is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NatsServer {
    /// The file that nats-server was started with. It is replaced whole, so it must be in a folder that both see.
    pub(crate) config_file: PathBuf,
    /// The file with the nkey that may tell nats-server to read its configuration again.
    pub(crate) system_nkey_file: PathBuf,
    /// Name of the server.
    #[serde(default = "name")]
    pub(crate) name: String,
    /// Where it listens for clients.
    #[serde(default = "listen")]
    pub(crate) listen: SocketAddr,
    /// Where it answers monitoring requests over HTTP; nowhere if absent.
    pub(crate) monitor: Option<SocketAddr>,
    /// Where JetStream keeps its files, as nats-server sees it.
    pub(crate) store_dir: String,
    /// Most bytes of a message with its headers.
    pub(crate) max_payload: Option<usize>,
    /// Its certificate (PEM), as nats-server sees it; with the next key, and connections are in clear without them.
    pub(crate) certificate_file: Option<String>,
    /// The private key of that certificate (PEM).
    pub(crate) key_file: Option<String>,
    /// The authority (PEM) whose certificates clients must show; none if absent.
    pub(crate) client_authority_file: Option<String>,
}

fn name() -> String {
    "dualgrid".into()
}

fn listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 4222))
}

fn replicas<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    let replicas = usize::deserialize(deserializer)?;
    let fits = (1..=REPLICAS_MAX).contains(&replicas);
    if fits { Ok(Some(replicas)) } else { Err(D::Error::custom(format_args!("it must be 1 to {REPLICAS_MAX}"))) }
}

#[cfg(test)]
mod tests {
    use figment::Figment;
    use figment::providers::{Format as _, Toml};

    use super::*;

    fn nats(keys: &str) -> Result<Nats, Box<figment::Error>> {
        let keys = format!("url = \"nats://127.0.0.1:4222\"\nnkey_file = \"a.nk\"\n{keys}");
        Figment::from(Toml::string(&keys)).extract().map_err(Box::new)
    }

    #[test]
    fn the_core_shows_a_key_and_nothing_else() {
        let options = nats("").unwrap().connection("test".into()).unwrap();
        assert!(matches!(options.credentials, Credentials::NkeyFile(file) if file.as_os_str() == "a.nk"));
        for gone in ["user = \"core\"", "password = \"a\"", "creds_file = \"a\""] {
            assert!(nats(gone).unwrap_err().to_string().contains("unknown field"), "{gone}");
        }
    }

    #[test]
    fn the_stream_has_one_copy_unless_more_are_asked_for() {
        assert_eq!(nats("").unwrap().replicas(), 1);
        assert_eq!(nats("replicas = 3").unwrap().replicas(), 3);
        for wrong in ["replicas = 0", "replicas = 6"] {
            assert!(nats(wrong).unwrap_err().to_string().contains("1 to 5"));
        }
    }
}
