//! Where NATS is, and how the core shows it who it is.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use bus::Credentials;
use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};

/// The most copies of a stream that NATS keeps.
const REPLICAS_MAX: usize = 5;

/// NATS. Exactly one way to show who we are: user and password, creds file, or nkey file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nats {
    /// `nats://host:port`.
    pub(crate) url: String,
    /// The core's user.
    pub(crate) user: Option<String>,
    /// Its password.
    pub(crate) password: Option<Secret>,
    /// A file with its password, instead.
    pub(crate) password_file: Option<PathBuf>,
    /// A `.creds` file (JWT and seed), instead of user and password.
    pub(crate) creds_file: Option<PathBuf>,
    /// A file with the seed of an nkey, instead of user and password.
    pub(crate) nkey_file: Option<PathBuf>,
    /// Copies of the stream in a cluster of nats-servers.
    #[serde(default = "one", deserialize_with = "replicas")]
    pub(crate) replicas: usize,
}

impl Nats {
    /// How the core shows NATS who it is.
    pub(crate) fn credentials(&self) -> anyhow::Result<Credentials> {
        let by_password = self.user.is_some() || self.password.is_some() || self.password_file.is_some();
        match (by_password, &self.creds_file, &self.nkey_file) {
            (true, None, None) => {
                let user = self.user.clone().context("set nats.user beside its password")?;
                Ok(Credentials::Password { user, password: self.password()? })
            }
            (false, Some(file), None) => Ok(Credentials::CredsFile(file.clone())),
            (false, None, Some(file)) => Ok(Credentials::NkeyFile(file.clone())),
            (false, None, None) => {
                bail!("set how NATS knows the core: nats.user and its password, nats.creds_file, or nats.nkey_file")
            }
            _ => bail!("set only one of nats.user with its password, nats.creds_file and nats.nkey_file"),
        }
    }

    /// The password, from wherever it is given.
    fn password(&self) -> anyhow::Result<String> {
        match (&self.password, &self.password_file) {
            (Some(Secret(password)), None) => Ok(password.clone()),
            (None, Some(file)) => {
                let text =
                    std::fs::read_to_string(file).with_context(|| format!("could not read {}", file.display()))?;
                Ok(text.trim().to_owned())
            }
            _ => bail!("set either nats.password or nats.password_file"),
        }
    }
}

const fn one() -> usize {
    1
}

fn replicas<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let replicas = usize::deserialize(deserializer)?;
    let fits = (1..=REPLICAS_MAX).contains(&replicas);
    if fits { Ok(replicas) } else { Err(D::Error::custom(format_args!("it must be 1 to {REPLICAS_MAX}"))) }
}

/// A text that is never printed: not by `Debug`, and not by an error about what was given in its place.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Serde's own error would quote the number, and a number here is a password of digits.
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Given {
            Text(String),
            Other(IgnoredAny),
        }
        match Given::deserialize(deserializer)? {
            Given::Text(text) => Ok(Self(text)),
            Given::Other(_) => Err(D::Error::custom(
                "it is a secret and must be a text, but this reads as a number or a list; \
                 put double quotes around it, inside the variable too",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use figment::Figment;
    use figment::providers::{Format as _, Toml};

    use super::*;

    fn nats(keys: &str) -> Result<Nats, Box<figment::Error>> {
        Figment::from(Toml::string(&format!("url = \"nats://127.0.0.1:4222\"\n{keys}"))).extract().map_err(Box::new)
    }

    fn refused(keys: &str) -> String {
        nats(keys).unwrap().credentials().unwrap_err().to_string()
    }

    #[test]
    fn each_way_alone_is_taken() {
        let by = |keys: &str| nats(keys).unwrap().credentials().unwrap();
        let password = by("user = \"core\"\npassword = \"secret\"");
        assert!(matches!(password, Credentials::Password { user, password } if user == "core" && password == "secret"));
        assert!(
            matches!(by("creds_file = \"a.creds\""), Credentials::CredsFile(file) if file.as_os_str() == "a.creds")
        );
        assert!(matches!(by("nkey_file = \"a.nk\""), Credentials::NkeyFile(file) if file.as_os_str() == "a.nk"));
    }

    #[test]
    fn a_password_may_stand_in_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "12345\n").unwrap();
        let nats = nats(&format!("user = \"core\"\npassword_file = {:?}", file.path())).unwrap();
        assert!(matches!(nats.credentials().unwrap(), Credentials::Password { password, .. } if password == "12345"));
    }

    #[test]
    fn exactly_one_way_is_given() {
        assert!(refused("").starts_with("set how NATS knows the core"));
        let two = "set only one of";
        assert!(refused("creds_file = \"a\"\nnkey_file = \"b\"").starts_with(two));
        assert!(refused("user = \"core\"\nnkey_file = \"b\"").starts_with(two));
        assert!(refused("password = \"secret\"\ncreds_file = \"a\"").starts_with(two));
        assert_eq!(refused("password = \"secret\""), "set nats.user beside its password");
        let either = "set either nats.password or nats.password_file";
        assert_eq!(refused("user = \"core\""), either);
        assert_eq!(refused("user = \"core\"\npassword = \"a\"\npassword_file = \"b\""), either);
    }

    #[test]
    fn a_password_is_never_printed() {
        for given in ["31415926", "3.1415926", "true", "[31415926]", "{a=31415926}"] {
            // As the provider of environment variables reads them.
            let value: figment::value::Value = given.parse().unwrap();
            let figment = Figment::from(Toml::string("url = \"nats://a:1\"")).merge(("password", value));
            let error = figment.extract::<Nats>().unwrap_err();
            for text in [error.to_string(), format!("{error:?}"), format!("{:#}", anyhow::Error::new(error))] {
                assert!(!text.contains("1415926") && !text.contains("true"), "{text}");
                assert!(text.contains("password") && text.contains("double quotes"), "{text}");
            }
        }
        let nats = nats("user = \"core\"\npassword = \"canary\"").unwrap();
        assert!(!format!("{nats:?}").contains("canary"));
    }

    #[test]
    fn digits_in_quotes_are_a_text() {
        let nats = nats("user = \"core\"\npassword = \"0123\"").unwrap();
        assert!(matches!(nats.credentials().unwrap(), Credentials::Password { password, .. } if password == "0123"));
    }

    #[test]
    fn the_stream_has_one_copy_unless_more_are_asked_for() {
        assert_eq!(nats("").unwrap().replicas, 1);
        assert_eq!(nats("replicas = 3").unwrap().replicas, 3);
        for wrong in ["replicas = 0", "replicas = 6"] {
            assert!(nats(wrong).unwrap_err().to_string().contains("1 to 5"));
        }
    }
}
