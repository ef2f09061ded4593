//! What each role reads of the configuration, beside the log: looked at before anything is opened, so that a role that cannot work says at
//! once which setting it lacks. What is not listed for a role is not read by it, and need not be where it runs.

use anyhow::Context as _;

use crate::config::Config;
use crate::keys;
use crate::roles::RoleName::{self, Api, Publisher};

/// A setting, and the roles that use what it names.
struct Need {
    setting: &'static str,
    roles: &'static [RoleName],
    /// Fails where it is not set, or what it names cannot be read.
    look: fn(&Config) -> anyhow::Result<()>,
}

/// Nobody needs `auth.private_key_file`: `dualgrid token issue` alone reads it.
const NEEDS: &[Need] = &[
    Need { setting: "vault.url", roles: &[Api], look: |config| config.vault.url().map(drop) },
    Need {
        setting: "vault.key_file",
        roles: &[Api],
        look: |config| config.vault.key_file().and_then(keys::wrapping).map(drop),
    },
    Need { setting: "evidence.url", roles: &[Api], look: |config| config.evidence.url().map(drop) },
    Need { setting: "auth.public_key_file", roles: &[Api], look: |config| config.auth.public_keys().map(drop) },
    Need { setting: "nats.url", roles: &[Api, Publisher], look: |config| config.nats.url().map(drop) },
    Need {
        setting: "nats.nkey_file",
        roles: &[Api, Publisher],
        look: |config| config.nats.nkey_file().and_then(keys::nkey_of).map(drop),
    },
    Need {
        setting: "nats_server.system_nkey_file",
        roles: &[Publisher],
        look: |config| {
            let server = config.nats_server.as_ref();
            server.map_or(Ok(()), |server| keys::nkey_of(&server.system_nkey_file).map(drop))
        },
    },
];

/// Refuses roles that lack something, with the role and the setting.
pub(crate) fn check(config: &Config, roles: &[RoleName]) -> anyhow::Result<()> {
    for role in roles {
        for need in NEEDS.iter().filter(|need| need.roles.contains(role)) {
            (need.look)(config).with_context(|| format!("the role {} needs {}", role.name(), need.setting))?;
        }
    }
    Ok(())
}

/// Whether one of these roles uses that setting.
pub(crate) fn is_used(roles: &[RoleName], setting: &str) -> bool {
    NEEDS.iter().any(|need| need.setting == setting && need.roles.iter().any(|role| roles.contains(role)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// A folder with every key, and a configuration that names all of them.
    fn installation(folder: &Path) -> Config {
        keys::init(folder, false).unwrap();
        let file = |name: &str| folder.join(name).display().to_string();
        let text = format!(
            r#"
            installation = "sample"
            store.url = "sqlite:{}"
            vault.url = "sqlite:{}"
            vault.key_file = "{}"
            evidence.url = "file://{}"
            auth.public_key_file = "{}"
            auth.private_key_file = "{}"
            nats.url = "nats://127.0.0.1:4222"
            nats.nkey_file = "{}"
            nats_server.config_file = "nats.conf"
            nats_server.store_dir = "/data"
            nats_server.system_nkey_file = "{}"
            "#,
            file("log.db"),
            file("vault.db"),
            file("vault.key"),
            file("evidence"),
            file("token.pub"),
            file("token.key"),
            file("nats-core.nk"),
            file("nats-system.nk"),
        );
        Config::of_text(&text).unwrap()
    }

    /// Every key file with its setting, and the roles that read it.
    const SECRETS: [(&str, &str, &[RoleName]); 5] = [
        ("vault.key", "vault.key_file", &[Api]),
        ("token.pub", "auth.public_key_file", &[Api]),
        ("token.key", "auth.private_key_file", &[]),
        ("nats-core.nk", "nats.nkey_file", &[Api, Publisher]),
        ("nats-system.nk", "nats_server.system_nkey_file", &[Publisher]),
    ];

    #[test]
    fn a_role_reads_its_own_files_and_refuses_with_the_setting_of_the_one_that_is_missing() {
        for (name, setting, readers) in SECRETS {
            let folder = tempfile::tempdir().unwrap();
            let config = installation(folder.path());
            std::fs::remove_file(folder.path().join(name)).unwrap();
            for role in RoleName::ALL {
                let refused = check(&config, &[role]).map_err(|error| format!("{error:#}"));
                if readers.contains(&role) {
                    let said = format!("the role {} needs {setting}: could not read the key", role.name());
                    assert!(refused.clone().unwrap_err().starts_with(&said), "{refused:?}");
                } else {
                    assert_eq!(refused, Ok(()), "{} reads {name}", role.name());
                }
            }
        }
    }

    #[test]
    fn a_setting_that_is_missing_is_named_with_the_role() {
        let config = Config::of_text("installation = \"sample\"\nstore.url = \"sqlite:log.db\"").unwrap();
        for role in RoleName::ALL {
            let refused = check(&config, &[role]).map_err(|error| format!("{error:#}"));
            let expected = match role {
                Api => Err("the role api needs vault.url: vault.url is not set (docs/operations.md)".to_owned()),
                Publisher => {
                    Err("the role publisher needs nats.url: nats.url is not set (docs/operations.md)".to_owned())
                }
                RoleName::Projector | RoleName::Processor => Ok(()),
            };
            assert_eq!(refused, expected);
        }
    }
}
