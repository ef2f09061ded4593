//! Key files: created once, readable by their owner only.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use accounts::Seed;
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
    write_new(&dir.join("vault.key"), &BASE64.encode(random()))?;
    let (private, public) = (dir.join("token.key"), dir.join("token.pub"));
    if private.exists() != public.exists() {
        return Err(anyhow!("{} and {} belong together, and one is missing", private.display(), public.display()));
    }
    let key = SigningKey::from_bytes(&random());
    let der = key.to_pkcs8_der().map_err(|error| anyhow!("{error}"))?;
    write_new(&private, &BASE64.encode(der.as_bytes()))?;
    write_new(&public, &BASE64.encode(key.verifying_key().to_bytes()))?;
    for name in ["nats-core.nk", "nats-system.nk"] {
        write_new(&dir.join(name), &Seed::of_random(random()).secret())?;
    }
    Ok(())
}

/// Makes the nkey of a program, and prints its public half.
pub(crate) fn nkey(file: &Path) -> anyhow::Result<()> {
    let seed = Seed::of_random(random());
    create(file, &seed.secret()).with_context(|| format!("could not make the new file {}", file.display()))?;
    say!("{}", seed.public());
    Ok(())
}

fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    SystemEntropy.fill(&mut bytes);
    bytes
}

/// Makes a file of one line that only its owner can read. A file that exists is never overwritten: it may be the only copy.
fn create(path: &Path, line: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{line}").and_then(|()| file.sync_all())
}

/// Makes a file that is missing, and says whether it was.
fn write_new(path: &Path, line: &str) -> anyhow::Result<()> {
    match create(path, line) {
        Ok(()) => say!("wrote {}", path.display()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => say!("kept  {}", path.display()),
        Err(error) => return Err(error).with_context(|| format!("could not write {}", path.display())),
    }
    Ok(())
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
