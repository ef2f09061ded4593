//! An authority of our own and certificates of servers, good ones and bad ones.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd};

use crate::secret::write_secret;

/// From when on, and until before when, a certificate is valid that is not expired: years.
const VALID: (i32, i32) = (2020, 2120);

/// How long a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// For all tests.
    Current,
    /// It was valid once.
    Expired,
}

/// A certificate with its private key: paths of PEM files.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authority that signed it.
    pub authority: PathBuf,
}

/// An authority that nobody else trusts.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    dir: PathBuf,
    file: PathBuf,
}

impl Authority {
    /// A new one, whose files go into this folder. Its name tells it from others there.
    pub fn new(dir: &Path, name: &str) -> anyhow::Result<Self> {
        let mut params = params(&[], name)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().context("no key for an authority")?;
        let own = params.self_signed(&key).context("no certificate for an authority")?;
        let file = dir.join(format!("{name}.pem"));
        std::fs::write(&file, own.pem()).with_context(|| format!("could not write {}", file.display()))?;
        Ok(Self { issuer: Issuer::new(params, key), dir: dir.to_owned(), file })
    }

    /// Its own certificate.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// A certificate for these host names and addresses, in files of that name.
    pub fn issue(&self, file: &str, names: &[&str], validity: Validity) -> anyhow::Result<Issued> {
        let mut params = params(names, file)?;
        if validity == Validity::Expired {
            params.not_after = date_time_ymd(VALID.0 + 1, 1, 1);
        }
        let key = KeyPair::generate().context("no key for a certificate")?;
        let signed = params.signed_by(&key, &self.issuer).context("no certificate")?;
        let path = |kind: &str| self.dir.join(format!("{file}.{kind}"));
        let issued = Issued { certificate: path("pem"), key: path("key"), authority: self.file.clone() };
        std::fs::write(&issued.certificate, signed.pem()).context("could not write a certificate")?;
        write_secret(&issued.key, &key.serialize_pem())?;
        Ok(issued)
    }
}

fn params(names: &[&str], common_name: &str) -> anyhow::Result<CertificateParams> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).context("a name that no certificate can have")?;
    params.distinguished_name.push(DnType::CommonName, common_name);
    (params.not_before, params.not_after) = (date_time_ymd(VALID.0, 1, 1), date_time_ymd(VALID.1, 1, 1));
    Ok(params)
}
