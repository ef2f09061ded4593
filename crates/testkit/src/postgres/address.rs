//! Where a PostgreSQL is, and as whom we go there.

use std::path::Path;
use std::process::Command;
use std::str::FromStr;

use anyhow::{Context as _, ensure};

/// A server on the loopback interface and its superuser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The port on 127.0.0.1.
    pub port: u16,
    /// The user.
    pub user: String,
    /// Its password; letters and digits only, so that it needs no escaping in an address.
    pub password: String,
}

impl Address {
    /// The address of one database.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{}:{}@127.0.0.1:{}/{database}", self.user, self.password, self.port)
    }

    /// A psql that runs one statement; the password travels in its environment, where `ps` does not show it.
    pub(crate) fn psql(&self, bin: &Path, database: &str, sql: &str) -> Command {
        let mut psql = Command::new(bin.join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1", "--no-password"])
            .args(["--host=127.0.0.1", &format!("--port={}", self.port), &format!("--username={}", self.user)])
            .args([&format!("--dbname={database}"), "--command", sql])
            .env("PGPASSWORD", &self.password)
            .env("PGCONNECT_TIMEOUT", "5");
        psql
    }
}

impl FromStr for Address {
    type Err = anyhow::Error;

    /// Reads what `url` writes, and nothing more general.
    fn from_str(url: &str) -> Result<Self, Self::Err> {
        let rest = url.strip_prefix("postgres://").context("does not start with postgres://")?;
        let (login, place) = rest.split_once('@').context("has no user")?;
        let (user, password) = login.split_once(':').context("has no password")?;
        let (host, path) = place.split_once(':').context("has no port")?;
        ensure!(host == "127.0.0.1", "is not on 127.0.0.1");
        let port = path.split_once('/').map_or(path, |(port, _)| port).parse().context("has no number as port")?;
        Ok(Self { port, user: user.to_owned(), password: password.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_it_is_written() {
        let address = Address { port: 4711, user: "postgres".into(), password: "p1".into() };
        assert_eq!(address.url("postgres").parse::<Address>().unwrap(), address);
    }

    #[test]
    fn other_addresses_are_refused() {
        for (url, why) in [
            ("mysql://a:b@127.0.0.1:1/x", "does not start with postgres://"),
            ("postgres://a:b@db:1/x", "is not on 127.0.0.1"),
            ("postgres://a@127.0.0.1:1/x", "has no password"),
        ] {
            assert_eq!(url.parse::<Address>().unwrap_err().to_string(), why);
        }
    }
}
