//! Certificates for a peer: the authority that it must show a certificate of, and our own where it asks for one.

use std::path::PathBuf;

use anyhow::ensure;
use app::peer;
use serde::Deserialize;

/// The table `tls` of a peer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "Files")]
pub(crate) struct Tls(peer::Tls);

/// What stands in the table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Files {
    /// The authority (PEM) that signed the certificate of the peer.
    #[serde(rename = "authority_file")]
    authority: Option<PathBuf>,
    /// Our own certificate (PEM).
    #[serde(rename = "certificate_file")]
    certificate: Option<PathBuf>,
    /// Its private key (PEM).
    #[serde(rename = "key_file")]
    key: Option<PathBuf>,
}

impl TryFrom<Files> for Tls {
    type Error = &'static str;

    fn try_from(files: Files) -> Result<Self, Self::Error> {
        if files.certificate.is_some() != files.key.is_some() {
            return Err("certificate_file and key_file belong together: set both or none");
        }
        Ok(Self(peer::Tls { authority: files.authority, client: files.certificate.zip(files.key) }))
    }
}

impl Tls {
    /// The same as adapters take it.
    pub(crate) fn files(&self) -> peer::Tls {
        self.0.clone()
    }
}

/// Refuses an address that leads to another machine in clear. `setting` is its name.
pub(crate) fn refuse_clear(setting: &str, url: &str) -> anyhow::Result<()> {
    ensure!(
        !peer::is_in_clear(url, "https"),
        "{setting} leads to another machine without TLS: give an address that begins with https://, or one on this machine"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use figment::Figment;
    use figment::providers::{Format as _, Toml};

    use super::*;

    #[test]
    fn a_certificate_and_its_key_belong_together() {
        let read = |keys: &str| Figment::from(Toml::string(keys)).extract::<Tls>().map_err(|error| error.to_string());
        let both = read("authority_file = \"ca.pem\"\ncertificate_file = \"a.pem\"\nkey_file = \"a.key\"").unwrap();
        assert_eq!(both.files().client, Some(("a.pem".into(), "a.key".into())));
        assert!(!read("").unwrap().files().is_asked());
        assert!(read("authority_file = \"ca.pem\"").unwrap().files().is_asked());
        for half in ["certificate_file = \"a.pem\"", "key_file = \"a.key\""] {
            let refused = read(half).unwrap_err();
            assert!(refused.contains("certificate_file and key_file belong together"), "{refused}");
        }
        assert!(read("ca_file = \"ca.pem\"").unwrap_err().contains("unknown field"));
    }

    #[test]
    fn another_machine_in_clear_is_refused_with_the_setting() {
        refuse_clear("log.otlp_endpoint", "http://127.0.0.1:4318/v1/traces").unwrap();
        refuse_clear("log.otlp_endpoint", "https://collector.example/v1/traces").unwrap();
        let refused = refuse_clear("log.otlp_endpoint", "http://collector.example/v1/traces").unwrap_err().to_string();
        assert!(refused.starts_with("log.otlp_endpoint leads to another machine without TLS"), "{refused}");
    }
}
