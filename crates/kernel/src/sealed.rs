//! Personal data under the key of one person (AES-256-GCM), and that key under the installation's.

use std::fmt;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use crate::canonical::PERSONAL;
use crate::digest::Digest;
use crate::{Entropy, PersonId};

const NONCE_BYTES: usize = 12;
/// Length of the name of a wrapping key, in hex digits.
const KEY_ID_LEN: usize = 16;

/// What could not be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The key does not fit, or the ciphertext, person or field was changed.
    #[error("the sealed value cannot be opened with this key")]
    Unreadable,
    /// Not base64, or too short to hold a nonce.
    #[error("the sealed value is damaged")]
    Damaged,
}

/// Which datum of a person a sealed value holds; part of what is authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PersonalField {
    /// 姓名.
    Name,
    /// 电话.
    Phone,
    /// 住址.
    Address,
    /// When and where a photo was taken, as its camera says.
    Capture,
}

impl PersonalField {
    const fn as_str(self) -> &'static str {
        match self {
            PersonalField::Name => "name",
            PersonalField::Phone => "phone",
            PersonalField::Address => "address",
            PersonalField::Capture => "capture",
        }
    }
}

/// Personal data in clear, in a command: only ever in memory, never recorded. Shows nothing when printed.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Personal<T>(T);

impl<T: Serialize> Serialize for Personal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(PERSONAL, &self.0)
    }
}

impl<T> Personal<T> {
    /// Wraps a value in clear.
    pub const fn new(value: T) -> Self {
        Self(value)
    }
    /// The value in clear, for sealing and for checking its length.
    pub const fn clear(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Personal(..)")
    }
}

/// The key of one person. Shows nothing when printed.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonKey([u8; 32]);

impl PersonKey {
    /// A fresh key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut key = [0; 32];
        entropy.fill(&mut key);
        Self(key)
    }

    /// A digest of personal data by which they can be told again, and by nobody any more once this key is gone. Its key is derived
    /// from this one.
    pub fn digest(&self, personal: &[u8]) -> Digest {
        let key = Digest::keyed(&self.0, &[b"dualgrid personal data of a command"]);
        Digest::keyed(key.as_bytes(), &[personal])
    }
}

impl fmt::Debug for PersonKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonKey(..)")
    }
}

/// The key of the installation, under which person keys are kept. Shows nothing when printed.
#[derive(Clone)]
pub struct WrappingKey([u8; 32]);

impl WrappingKey {
    /// Wraps 32 bytes from a key file.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its public name: 16 hex digits, which tell it from other keys and nothing else of it.
    pub fn id(&self) -> String {
        let digest = crate::digest::Digest::from_bytes(self.derive("dualgrid name of a wrapping key"));
        digest.to_string().chars().take(KEY_ID_LEN).collect()
    }

    /// A key for another purpose, derived from this one: HMAC-SHA-256 over `purpose`.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        *Digest::keyed(&self.0, &[purpose.as_bytes()]).as_bytes()
    }

    /// Wraps the key of `person`: nonce and ciphertext in one.
    pub fn wrap(&self, person: PersonId, key: &PersonKey, entropy: &dyn Entropy) -> Vec<u8> {
        encrypt(&self.0, &key.0, &aad(person, "key"), entropy)
    }

    /// Opens a wrapped key of `person`.
    pub fn unwrap(&self, person: PersonId, wrapped: &[u8]) -> Result<PersonKey, Error> {
        let key = decrypt(&self.0, wrapped, &aad(person, "key"))?;
        key.try_into().map(PersonKey).map_err(|_| Error::Damaged)
    }
}

impl fmt::Debug for WrappingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WrappingKey(..)")
    }
}

/// One datum of one person, readable only with that person's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    /// Whose datum it is.
    pub person: PersonId,
    /// Which datum it is.
    pub field: PersonalField,
    /// Nonce (12 bytes), ciphertext and tag (16 bytes), base64. AES-256-GCM, AAD = person id and field.
    pub ciphertext: String,
}

impl Sealed {
    /// Seals `text` as `field` of `person`.
    pub fn seal(person: PersonId, field: PersonalField, text: &str, key: &PersonKey, entropy: &dyn Entropy) -> Self {
        let bytes = encrypt(&key.0, text.as_bytes(), &aad(person, field.as_str()), entropy);
        Self { person, field, ciphertext: BASE64.encode(bytes) }
    }

    /// The clear text.
    pub fn open(&self, key: &PersonKey) -> Result<String, Error> {
        let bytes = BASE64.decode(&self.ciphertext).map_err(|_| Error::Damaged)?;
        let text = decrypt(&key.0, &bytes, &aad(self.person, self.field.as_str()))?;
        String::from_utf8(text).map_err(|_| Error::Damaged)
    }
}

fn aad(person: PersonId, field: &str) -> Vec<u8> {
    let mut aad = person.uuid().as_bytes().to_vec();
    aad.extend_from_slice(field.as_bytes());
    aad
}

fn encrypt(key: &[u8; 32], text: &[u8], aad: &[u8], entropy: &dyn Entropy) -> Vec<u8> {
    let mut nonce = [0; NONCE_BYTES];
    entropy.fill(&mut nonce);
    let cipher = Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key));
    let sealed =
        cipher.encrypt(&Nonce::from(nonce), Payload { msg: text, aad }).expect("AES-GCM seals anything under 64 GiB");
    [nonce.as_slice(), &sealed].concat()
}

fn decrypt(key: &[u8; 32], bytes: &[u8], aad: &[u8]) -> Result<Vec<u8>, Error> {
    let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(Error::Damaged)?;
    let cipher = Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key));
    cipher.decrypt(&Nonce::from(*nonce), Payload { msg: sealed, aad }).map_err(|_| Error::Unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;

    #[test]
    fn only_the_key_of_that_person_and_field_opens_it() {
        let (one, other) = (PersonId::named("one"), PersonId::named("other"));
        let key = PersonKey::generate(&SystemEntropy);
        let sealed = Sealed::seal(one, PersonalField::Phone, "13800000000", &key, &SystemEntropy);
        assert_eq!(sealed.open(&key).as_deref(), Ok("13800000000"));
        assert_eq!(sealed.open(&PersonKey::generate(&SystemEntropy)), Err(Error::Unreadable));
        assert_eq!(Sealed { person: other, ..sealed.clone() }.open(&key), Err(Error::Unreadable));
        assert_eq!(Sealed { field: PersonalField::Name, ..sealed.clone() }.open(&key), Err(Error::Unreadable));
        assert_eq!(Sealed { ciphertext: "AA==".into(), ..sealed }.open(&key), Err(Error::Damaged));
    }

    #[test]
    fn a_wrapped_key_opens_only_for_its_person() {
        let wrapping = WrappingKey::from_bytes([7; 32]);
        let (one, key) = (PersonId::named("one"), PersonKey::generate(&SystemEntropy));
        let wrapped = wrapping.wrap(one, &key, &SystemEntropy);
        assert_eq!(wrapping.unwrap(one, &wrapped), Ok(key));
        assert_eq!(wrapping.unwrap(PersonId::named("other"), &wrapped), Err(Error::Unreadable));
    }

    #[test]
    fn a_wrapping_key_has_a_name_that_is_always_the_same_and_no_part_of_it() {
        let (one, other) = (WrappingKey::from_bytes([7; 32]), WrappingKey::from_bytes([8; 32]));
        assert_eq!((one.id(), one.id().len()), (WrappingKey::from_bytes([7; 32]).id(), 16));
        assert_ne!(one.id(), other.id());
        assert!(!one.id().contains("0707"));
    }

    #[test]
    fn keys_print_nothing() {
        assert_eq!(format!("{:?}", PersonKey([1; 32])), "PersonKey(..)");
        assert_eq!(format!("{:?}", WrappingKey([1; 32])), "WrappingKey(..)");
    }
}
