//! Key files: created once, readable by their owner only.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey as _;
use kernel::{Entropy as _, SystemEntropy, WrappingKey};

use crate::output::say;

/// Writes the key files that are missing and says which were written.
pub(crate) fn init(dir: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("could not create {}", dir.display()))?;
    write_new(&dir.join("vault.key"), &random())?;
    let (private, public) = (dir.join("token.key"), dir.join("token.pub"));
    if private.exists() != public.exists() {
        return Err(anyhow!("{} and {} belong together, and one is missing", private.display(), public.display()));
    }
    let key = SigningKey::from_bytes(&random());
    write_new(&private, key.to_pkcs8_der().map_err(|error| anyhow!("{error}"))?.as_bytes())?;
    write_new(&public, &key.verifying_key().to_bytes())?;
    crate::nkeys::of_core(dir)
}

fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    SystemEntropy.fill(&mut bytes);
    bytes
}

fn write_new(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match opened {
        Ok(mut file) => {
            writeln!(file, "{}", BASE64.encode(bytes)).and_then(|()| file.sync_all())?;
            say!("wrote {}", path.display());
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            say!("kept  {}", path.display());
            Ok(())
        }
        Err(error) => Err(error).with_context(|| format!("could not write {}", path.display())),
    }
}

/// The bytes of a key file.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let text = std::fs::read_to_string(path).with_context(|| {
        format!("could not read the key {}; `dualgrid keys init --dir DIR` creates the key files", path.display())
    })?;
    BASE64.decode(text.trim()).with_context(|| format!("{} is not a key file: it is not base64", path.display()))
}

/// The key of the installation.
pub(crate) fn wrapping(path: &Path) -> anyhow::Result<WrappingKey> {
    Ok(WrappingKey::from_bytes(read_32(path)?))
}

/// A key of 32 bytes.
pub(crate) fn read_32(path: &Path) -> anyhow::Result<[u8; 32]> {
    read(path)?.try_into().map_err(|_| anyhow!("{} does not hold a key of 32 bytes", path.display()))
}
