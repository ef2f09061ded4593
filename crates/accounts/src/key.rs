//! Nkeys (Ed25519). Nobody but the program itself ever has its seed; nats-server knows the public key.

use std::fmt;

use nkeys::{KeyPair, KeyPairType};

/// What was given is no nkey of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// Not a public key.
    #[error("it is not the public nkey of a user: that is 56 letters and digits, begins with U, and its checksum fits")]
    Public,
    /// Not a seed.
    #[error(
        "it is not the seed of a user's nkey: that is 58 letters and digits, begins with SU, and its checksum fits"
    )]
    Seed,
}

/// The public key by which nats-server knows a program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(String);

impl PublicKey {
    /// Reads the public nkey of a user.
    pub fn try_new(text: &str) -> Result<Self, InvalidKey> {
        let read = KeyPair::from_public_key(text).map_err(|_| InvalidKey::Public)?;
        // Written again, so that no other spelling of the same key gets into the configuration.
        match read.key_pair_type() {
            KeyPairType::User if read.public_key() == text => Ok(Self(text.to_owned())),
            _ => Err(InvalidKey::Public),
        }
    }

    /// `U` and 55 more letters and digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The secret half. It prints nothing of itself.
pub struct Seed(Box<KeyPair>);

impl Seed {
    /// The seed made of 32 random bytes.
    #[expect(clippy::missing_panics_doc, reason = "any 32 bytes are a key of Ed25519")]
    pub fn of_random(bytes: [u8; 32]) -> Self {
        Self(Box::new(KeyPair::new_from_raw(KeyPairType::User, bytes).expect("any 32 bytes are a key of Ed25519")))
    }

    /// Reads the seed of a user, as the file of a program holds it.
    pub fn try_new(text: &str) -> Result<Self, InvalidKey> {
        let read = KeyPair::from_seed(text.trim()).map_err(|_| InvalidKey::Seed)?;
        if read.key_pair_type() == KeyPairType::User { Ok(Self(Box::new(read))) } else { Err(InvalidKey::Seed) }
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.public_key())
    }

    /// The text for the file of its program. A secret.
    #[expect(clippy::missing_panics_doc, reason = "it was made with its seed")]
    pub fn secret(&self) -> String {
        self.0.seed().expect("it was made with its seed")
    }

    /// Signs what nats-server sent to be signed.
    #[expect(clippy::missing_panics_doc, reason = "it was made with its seed")]
    pub fn sign(&self, nonce: &[u8]) -> Vec<u8> {
        self.0.sign(nonce).expect("it was made with its seed")
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seed({})", self.public())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_read_back_and_prints_no_secret() {
        let seed = Seed::of_random([7; 32]);
        let again = Seed::try_new(&format!("{}\n", seed.secret())).unwrap();
        assert_eq!(again.public(), seed.public());
        assert!(seed.secret().starts_with("SU") && !format!("{seed:?}").contains(&seed.secret()));
        assert_eq!(PublicKey::try_new(seed.public().as_str()), Ok(seed.public()));
    }

    #[test]
    fn what_is_no_key_of_a_user_is_refused() {
        let public = Seed::of_random([7; 32]).public().to_string();
        let account = KeyPair::new_from_raw(KeyPairType::Account, [7; 32]).unwrap();
        let secret = Seed::of_random([7; 32]).secret();
        for wrong in
            ["", "U", &public[..55], &public.to_lowercase(), &format!("{public} "), &account.public_key(), &secret]
        {
            assert_eq!(PublicKey::try_new(wrong), Err(InvalidKey::Public), "{wrong}");
        }
        for wrong in ["", "SU", &public, &account.seed().unwrap()] {
            assert_eq!(Seed::try_new(wrong).map(|seed| seed.public()), Err(InvalidKey::Seed), "{wrong}");
        }
    }
}
