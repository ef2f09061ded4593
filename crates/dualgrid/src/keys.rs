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

/// The folder of each key file where each is apart, so that a machine or a container can be given its own and no other.
const FOLDERS: [(&str, &str); 5] = [
    ("vault.key", "vault"),
    ("token.key", "tokens"),
    ("token.pub", "public"),
    ("nats-core.nk", "core"),
    ("nats-system.nk", "system"),
];

/// Writes the key files that are missing and says which were written. All go into the folder, or each into one of its own there.
pub(crate) fn init(dir: &Path, is_apart: bool) -> anyhow::Result<()> {
    let place = |name: &str| {
        let folder = FOLDERS.iter().find(|(file, _)| is_apart && *file == name).map(|(_, folder)| dir.join(folder));
        folder.unwrap_or_else(|| dir.to_owned()).join(name)
    };
    for (name, _) in FOLDERS {
        let folder = place(name).parent().map(Path::to_owned).unwrap_or_default();
        std::fs::create_dir_all(&folder).with_context(|| format!("could not create {}", folder.display()))?;
    }
    write_new(&place("vault.key"), &BASE64.encode(random()))?;
    let (private, public) = (place("token.key"), place("token.pub"));
    if private.exists() != public.exists() {
        return Err(anyhow!("{} and {} belong together, and one is missing", private.display(), public.display()));
    }
    let key = SigningKey::from_bytes(&random());
    let der = key.to_pkcs8_der().map_err(|error| anyhow!("{error}"))?;
    write_new(&private, &BASE64.encode(der.as_bytes()))?;
    write_new(&public, &BASE64.encode(key.verifying_key().to_bytes()))?;
    for name in ["nats-core.nk", "nats-system.nk"] {
        write_new(&place(name), &Seed::of_random(random()).secret())?;
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

/// Makes a wrapping key, and prints its public name.
pub(crate) fn new_wrapping(file: &Path) -> anyhow::Result<()> {
    let bytes = random();
    create(file, &BASE64.encode(bytes)).with_context(|| format!("could not make the new file {}", file.display()))?;
    say!("{}", WrappingKey::from_bytes(bytes).id());
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

/// The key of a program, from its file.
pub(crate) fn nkey_of(file: &Path) -> anyhow::Result<Seed> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("could not read the key {}; `dualgrid nats key FILE` makes one", file.display()))?;
    Seed::try_new(&text).with_context(|| format!("the key in {}", file.display()))
}

/// The key of the installation.
pub(crate) fn wrapping(path: &Path) -> anyhow::Result<WrappingKey> {
    Ok(WrappingKey::from_bytes(read_32(path)?))
}

/// A key of 32 bytes.
pub(crate) fn read_32(path: &Path) -> anyhow::Result<[u8; 32]> {
    read(path)?.try_into().map_err(|_| anyhow!("{} does not hold a key of 32 bytes", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_files_are_made_once_together_or_each_in_a_folder_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let (together, apart) = (folder.path().join("together"), folder.path().join("apart"));
        init(&together, false).unwrap();
        init(&apart, true).unwrap();
        for (name, own) in FOLDERS {
            let (one, other) = (together.join(name), apart.join(own).join(name));
            let before = std::fs::read(&one).unwrap();
            assert_eq!(std::fs::read_dir(apart.join(own)).unwrap().count(), 1, "{own} holds {name} alone");
            init(&together, false).unwrap();
            assert_eq!(std::fs::read(&one).unwrap(), before, "{name} was made anew");
            assert_ne!(std::fs::read(&other).unwrap(), before);
        }
    }

    #[test]
    fn a_wrapping_key_never_takes_the_place_of_another() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("vault-2.key");
        new_wrapping(&file).unwrap();
        let id = wrapping(&file).unwrap().id();
        let refused = new_wrapping(&file).unwrap_err().to_string();
        assert!(refused.starts_with("could not make the new file"), "{refused}");
        assert_eq!(wrapping(&file).unwrap().id(), id);
    }
}
