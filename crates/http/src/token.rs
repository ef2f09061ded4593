//! Bearer tokens: JWTs signed with Ed25519 (RFC 8037), which prove who somebody is, and nothing else.
//!
//! In which role they act and where, the register of persons and programs says ([`app::who`]). A token that says it itself is refused.
//!
//! They are read by the profile of RFC 9068 and RFC 8725: one type, one algorithm, a key that is named and known, no
//! claim twice, and no longer validity than [`valid_hours_max`] allows.

mod audiences;
mod members;
#[cfg(test)]
mod profile;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use app::who::{InvalidPersonCode, Subject, SubjectId};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use kernel::DepartmentCode;
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use members::Members;

pub use audiences::Audiences;

/// The audience of tokens for HTTP.
pub const AUDIENCE: &str = "dualgrid";

/// The audience of tokens by which clerks are known at the door of their department.
pub fn audience_of(department: &DepartmentCode) -> String {
    format!("{AUDIENCE}/department/{department}")
}

/// For how many seconds a token for the door of a department is valid at most: it goes through the department's program.
pub const DOOR_SECONDS_MAX: u32 = 600;

/// What a token said once, and the register says now.
const OF_REGISTER: [&str; 3] = ["role", "grid", "department"];

/// The type of every token (RFC 9068, section 2.1), and its long form.
const TYPES: [&str; 2] = ["at+jwt", "application/at+jwt"];

/// By how much the clocks of issuer and verifier may differ.
const LEEWAY: TimeDelta = TimeDelta::seconds(60);

/// The last moment at which a token may expire: the end of the year 9999, in seconds since 1970.
const LAST_EXPIRY: i64 = 253_402_300_799;

/// How many hours a token of a person may be valid: a day; that of a program a leap year.
///
/// The register ends what somebody may do within seconds; whoever lost a token has their sessions ended (`end-sessions`), or their
/// program closed.
pub const fn valid_hours_max(subject: &SubjectId) -> u32 {
    if subject.is_program() { 8784 } else { 24 }
}

/// How many tokens are remembered.
const KNOWN_MAX: usize = 4096;

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who: the staff id of a person, never their name, or `department/CODE`, `integrator/NAME` or `connector/NAME`.
    pub sub: String,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// When it expires, in seconds since 1970.
    pub exp: i64,
    /// `dualgrid/<installation>`.
    pub iss: String,
    /// The doors for which it is meant: [`AUDIENCE`], or that of a department ([`audience_of`]).
    pub aud: Audiences,
    /// Before when it is not taken, in seconds since 1970 (RFC 7519, section 4.1.5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
}

impl Claims {
    /// Claims of `subject` for HTTP, from `now` on and for `valid`.
    pub fn new(installation: &str, subject: &SubjectId, now: DateTime<Utc>, valid: TimeDelta) -> Self {
        Self {
            sub: subject.text(),
            iat: now.timestamp(),
            exp: now.checked_add_signed(valid).unwrap_or(now).timestamp(),
            iss: issuer_name(installation),
            aud: Audiences::One(AUDIENCE.to_owned()),
            nbf: None,
        }
    }

    /// The same for the door of a department.
    #[must_use]
    pub fn for_department(self, department: &DepartmentCode) -> Self {
        Self { aud: Audiences::One(audience_of(department)), ..self }
    }

    /// From when on it is taken: from its `iat` and its `nbf` on. A moment that no calendar has never comes.
    fn begins(&self) -> DateTime<Utc> {
        let seconds = self.nbf.map_or(self.iat, |nbf| nbf.max(self.iat));
        let begins = DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
        begins.checked_sub_signed(LEEWAY).unwrap_or(begins)
    }

    /// Refuses a validity that its subject does not allow. With `exp` in the future, `iat` cannot lie long ago either.
    fn check_validity(&self, subject: &SubjectId) -> Result<(), TokenError> {
        let hours_max = valid_hours_max(subject);
        if self.is_within(i64::from(hours_max) * 3600) { Ok(()) } else { Err(TokenError::TooLong(hours_max)) }
    }

    fn is_within(&self, seconds_max: i64) -> bool {
        self.exp.checked_sub(self.iat).is_some_and(|seconds| seconds <= seconds_max)
    }

    /// When it expires. A moment after the year 9999 or before 1970 counts as long past.
    pub fn expires(&self) -> DateTime<Utc> {
        let sensible = Some(self.exp).filter(|seconds| (0..=LAST_EXPIRY).contains(seconds));
        sensible.and_then(|seconds| DateTime::from_timestamp(seconds, 0)).unwrap_or(DateTime::UNIX_EPOCH)
    }
}

/// Why a request has no valid token. None of them shows any part of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// No `Authorization` header, or not of the scheme `Bearer`.
    #[error("send a token: `Authorization: Bearer TOKEN`")]
    Missing,
    /// Not a JWT with the claims of dualgrid.
    #[error("this is not a token of dualgrid")]
    Malformed,
    /// Of another type, for example an ID token.
    #[error("the token has another type; the header typ must be at+jwt")]
    Type,
    /// Signed with something else than Ed25519, or not at all.
    #[error("only tokens signed with EdDSA are taken")]
    Algorithm,
    /// It names no key, or one that is not known here.
    #[error("the header kid of the token names no key of this installation; ask for a new token")]
    Key,
    /// It brings a key, or says where one is (RFC 8725, section 3.10).
    #[error("the token must not bring a key: leave out the headers jwk, jku, x5c and x5u")]
    ForeignKey,
    /// It is valid for more hours than its subject allows.
    #[error("the token is valid for too long: at most {0} h for a token of this subject; ask for a new one")]
    TooLong(u32),
    /// The signature does not fit the key of this installation.
    #[error("the token was not signed by this installation")]
    Signature,
    /// Issued by another installation.
    #[error("the token was issued by another installation")]
    Issuer,
    /// Issued for something else.
    #[error("the token is not meant for dualgrid")]
    Audience,
    /// Over.
    #[error("the token has expired; ask for a new one")]
    Expired,
    /// Not taken yet.
    #[error("the token is not valid yet; look at its nbf and at the clock of who issued it")]
    NotYet,
    /// It names extensions that must be understood (RFC 7515, section 4.1.11).
    #[error("the token has a header crit, and no extension is understood here")]
    Critical,
    /// No form of a subject.
    #[error("the subject of the token is neither a staff id nor a program: {0}")]
    Subject(InvalidPersonCode),
    /// It says a role or a place itself.
    #[error("the token says a role, grid or department itself; these come from the register now: ask for a new token")]
    OfItself,
    /// It is valid for more seconds than the door of a department allows.
    #[error("a token for the door of a department is valid for at most {DOOR_SECONDS_MAX} s; ask for a new one")]
    TooLongForDoor,
}

impl TokenError {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "token-missing",
            Self::Expired => "token-expired",
            _ => "token-invalid",
        }
    }
}

/// A key that cannot sign.
#[derive(Debug, thiserror::Error)]
pub enum InvalidKey {
    /// Not a private key.
    #[error("this is not an Ed25519 private key in PKCS#8 DER")]
    Private(#[source] jsonwebtoken::errors::Error),
    /// A private key whose tokens nobody would take.
    #[error("the private key does not belong to the public key; their files were made together")]
    Apart,
}

/// The name of an Ed25519 public key: its thumbprint (RFC 7638).
fn name_of(key: &DecodingKey) -> String {
    let jwk = Jwk::from_decoding_key(key, Some(Algorithm::EdDSA)).expect("a key of 32 bytes");
    jwk.thumbprint(ThumbprintHash::SHA256).expect("a key on Ed25519")
}

/// Issues tokens. Shows nothing when printed.
pub struct Issuer {
    key: EncodingKey,
    header: Header,
}

impl Issuer {
    /// Takes an Ed25519 private key as PKCS#8 DER and its public key, and tries once whether they belong together.
    pub fn try_new(private: &[u8], public: &[u8; 32]) -> Result<Self, InvalidKey> {
        let key = EncodingKey::from_ed_der(private);
        let signature = jsonwebtoken::crypto::sign(b"dualgrid", &key, Algorithm::EdDSA).map_err(InvalidKey::Private)?;
        let public = DecodingKey::from_ed_der(public);
        let fits = jsonwebtoken::crypto::verify(&signature, b"dualgrid", &public, Algorithm::EdDSA);
        if !fits.unwrap_or(false) {
            return Err(InvalidKey::Apart);
        }
        let [of_access, _] = TYPES;
        let header =
            Header { typ: Some(of_access.to_owned()), kid: Some(name_of(&public)), ..Header::new(Algorithm::EdDSA) };
        Ok(Self { key, header })
    }

    /// The signed token.
    ///
    /// # Panics
    /// Never: the key has signed before.
    pub fn issue(&self, claims: &Claims) -> String {
        jsonwebtoken::encode(&self.header, claims, &self.key)
            .expect("the key has signed before, and claims are texts and numbers")
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Issuer(..)")
    }
}

/// Checks tokens.
#[derive(Clone)]
pub struct Verifier {
    /// By their names: while keys are rotated, the former ones are taken as well.
    keys: Arc<BTreeMap<String, DecodingKey>>,
    validation: Validation,
    /// Tokens whose signature was found good, so that it is computed once and not with every request. Whether they have
    /// expired is looked at each time.
    known: Arc<Cache<String, Known>>,
}

/// A token whose signature is good.
#[derive(Clone)]
struct Known {
    subject: Subject,
    audiences: Audiences,
    /// Whether the door of a department takes it, as far as that depends on how long it is valid.
    is_short: bool,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

/// Who somebody is, by a token, and until when that is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proved {
    /// Who.
    pub subject: Subject,
    /// Until when, the leeway included.
    pub until: DateTime<Utc>,
}

impl Verifier {
    /// Takes the Ed25519 public keys of `installation`.
    pub fn new(keys: &[[u8; 32]], installation: &str) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_required_spec_claims(&["sub", "iss", "aud", "exp"]);
        validation.set_issuer(&[issuer_name(installation)]);
        // Each door has its own, which `proved` asks for.
        validation.validate_aud = false;
        // The library would ask the system's clock; `read` asks the app's.
        validation.validate_exp = false;
        let keys = keys.iter().map(|key| DecodingKey::from_ed_der(key)).map(|key| (name_of(&key), key)).collect();
        Self { keys: Arc::new(keys), validation, known: Arc::new(Cache::new(KNOWN_MAX)) }
    }

    /// Who has a token for HTTP.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Proved, TokenError> {
        self.proved(token, now, AUDIENCE).map(|(proved, _)| proved)
    }

    /// Who has a token for the door of this department.
    ///
    /// # Errors
    /// Why it is not taken.
    pub fn verify_at(
        &self,
        department: &DepartmentCode,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Proved, TokenError> {
        let (proved, is_short) = self.proved(token, now, &audience_of(department))?;
        if is_short { Ok(proved) } else { Err(TokenError::TooLongForDoor) }
    }

    fn proved(&self, token: &str, now: DateTime<Utc>, audience: &str) -> Result<(Proved, bool), TokenError> {
        let Known { subject, audiences, is_short, from, until } = match self.known.get(token) {
            Some(known) => known,
            None => self.read_subject(token)?,
        };
        if !audiences.names(audience) {
            return Err(TokenError::Audience);
        }
        if now < from {
            return Err(TokenError::NotYet);
        }
        if now >= until {
            return Err(TokenError::Expired);
        }
        Ok((Proved { subject, until }, is_short))
    }

    /// Reads a token that is not known yet.
    fn read_subject(&self, token: &str) -> Result<Known, TokenError> {
        let claims = self.read(token)?;
        let id = SubjectId::try_new(&claims.sub).map_err(TokenError::Subject)?;
        claims.check_validity(&id)?;
        let from = claims.begins();
        let expires = claims.expires();
        let until = expires.checked_add_signed(LEEWAY).unwrap_or(expires);
        let issued_at = DateTime::from_timestamp(claims.iat, 0).unwrap_or(DateTime::UNIX_EPOCH);
        let is_short = claims.is_within(DOOR_SECONDS_MAX.into());
        let known = Known { subject: Subject { id, issued_at }, audiences: claims.aud, is_short, from, until };
        self.known.insert(token.to_owned(), known.clone());
        Ok(known)
    }

    fn read(&self, token: &str) -> Result<Claims, TokenError> {
        let key = self.key_of(token)?;
        let read = jsonwebtoken::decode::<Members>(token, key, &self.validation);
        let Members(claims) = read.map(|token| token.claims).map_err(|error| match error.kind() {
            ErrorKind::InvalidSignature => TokenError::Signature,
            ErrorKind::InvalidIssuer => TokenError::Issuer,
            _ => TokenError::Malformed,
        })?;
        if OF_REGISTER.iter().any(|name| claims.contains_key(*name)) {
            return Err(TokenError::OfItself);
        }
        serde_json::from_value(Value::Object(claims)).map_err(|_| TokenError::Malformed)
    }

    /// Checks the header and finds the key that it names. Nothing else of a header is used.
    fn key_of(&self, token: &str) -> Result<&DecodingKey, TokenError> {
        let (head, _) = token.split_once('.').ok_or(TokenError::Malformed)?;
        let Members(header) = Members::of_part(head).ok_or(TokenError::Malformed)?;
        let text = |name: &str| header.get(name).and_then(Value::as_str);
        if header.contains_key("crit") {
            return Err(TokenError::Critical);
        }
        if ["jwk", "jku", "x5c", "x5u"].into_iter().any(|name| header.contains_key(name)) {
            return Err(TokenError::ForeignKey);
        }
        if text("alg") != Some("EdDSA") {
            return Err(TokenError::Algorithm);
        }
        if !text("typ").is_some_and(|typ| TYPES.contains(&typ)) {
            return Err(TokenError::Type);
        }
        text("kid").and_then(|kid| self.keys.get(kid)).ok_or(TokenError::Key)
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier(..)")
    }
}

fn issuer_name(installation: &str) -> String {
    format!("dualgrid/{installation}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use kernel::actor::InvalidActor;

    use super::*;
    use crate::testing::{INSTALLATION, NOW, PUBLIC_KEY, issuer, subject_of, verifier};

    fn clerk() -> SubjectId {
        subject_of(&crate::testing::clerk())
    }

    fn claims() -> Claims {
        Claims::new(INSTALLATION, &clerk(), NOW, TimeDelta::hours(1))
    }

    fn id(text: &str) -> SubjectId {
        SubjectId::try_new(text).unwrap()
    }

    fn verified(verifier: &Verifier, token: &str, now: DateTime<Utc>) -> Result<SubjectId, TokenError> {
        verifier.verify(token, now).map(|proved| proved.subject.id)
    }

    fn verdict(change: impl FnOnce(&mut Claims)) -> Result<SubjectId, TokenError> {
        let mut claims = claims();
        change(&mut claims);
        verified(&verifier(), &issuer().issue(&claims), NOW)
    }

    #[test]
    fn what_was_issued_is_read_back() {
        assert_eq!(verdict(|_| ()), Ok(clerk()));
        for subject in ["staff-1", "department/CGZF", "integrator/city", "connector/12345"] {
            let token = issuer().issue(&Claims::new(INSTALLATION, &id(subject), NOW, TimeDelta::hours(1)));
            let issued_at = DateTime::from_timestamp(NOW.timestamp(), 0).unwrap();
            let subject = Subject { id: id(subject), issued_at };
            assert_eq!(verifier().verify(&token, NOW).map(|proved| proved.subject), Ok(subject));
        }
    }

    #[test]
    fn what_the_register_says_a_token_does_not() {
        let with = |name: &str, value: Value| {
            let mut claims = serde_json::to_value(claims()).unwrap();
            claims[name] = value;
            verified(&verifier(), &signed(&issuer().header, &claims), NOW)
        };
        for (name, value) in
            [("role", json!("auditor")), ("grid", json!("JAS")), ("department", json!("CGZF")), ("role", json!(null))]
        {
            assert_eq!(with(name, value), Err(TokenError::OfItself), "{name}");
        }
        assert_eq!(with("roles", json!(["auditor"])), Ok(clerk()), "what is not ours is not looked at");
        assert!(TokenError::OfItself.to_string().ends_with("ask for a new token"));
    }

    #[test]
    fn each_door_takes_the_tokens_that_are_meant_for_it() {
        let (own, other) = (DepartmentCode::try_new("CGZF").unwrap(), DepartmentCode::try_new("SCJG").unwrap());
        let issued = |valid: i64| Claims::new(INSTALLATION, &clerk(), NOW, TimeDelta::seconds(valid));
        let verifier = verifier();
        let at = |department: &DepartmentCode, claims: &Claims| {
            let token = issuer().issue(claims);
            // The second time it is known.
            let first = verifier.verify_at(department, &token, NOW).map(|proved| proved.subject.id);
            assert_eq!(verifier.verify_at(department, &token, NOW).map(|proved| proved.subject.id), first);
            (first, verified(&verifier, &token, NOW))
        };
        let short = issued(600).for_department(&own);
        assert_eq!(at(&own, &short), (Ok(clerk()), Err(TokenError::Audience)));
        assert_eq!(at(&other, &short).0, Err(TokenError::Audience));
        assert_eq!(at(&own, &issued(601).for_department(&own)).0, Err(TokenError::TooLongForDoor));
        assert_eq!(at(&own, &issued(600)), (Err(TokenError::Audience), Ok(clerk())));
        let both = Claims { aud: Audiences::Several(vec![AUDIENCE.into(), audience_of(&own)]), ..issued(600) };
        assert_eq!(at(&own, &both), (Ok(clerk()), Ok(clerk())));
        let long = Claims { aud: Audiences::Several(vec![AUDIENCE.into(), audience_of(&own)]), ..issued(3600) };
        assert_eq!(at(&own, &long), (Err(TokenError::TooLongForDoor), Ok(clerk())));
        let odd = Claims { aud: Audiences::One("dualgrid/department/".into()), ..issued(600) };
        assert_eq!(at(&own, &odd).0, Err(TokenError::Audience));
    }

    #[test]
    fn a_token_expires_by_the_clock_of_the_app_with_a_minute_of_leeway() {
        let token = issuer().issue(&claims());
        let end = NOW + TimeDelta::hours(1);
        let verifier = verifier();
        for _ in ["new", "known"] {
            assert!(verified(&verifier, &token, end + TimeDelta::seconds(59)) == Ok(clerk()));
            assert_eq!(verified(&verifier, &token, end + TimeDelta::seconds(60)), Err(TokenError::Expired));
        }
    }

    #[test]
    fn an_expiry_beyond_every_calendar_is_refused() {
        assert_eq!(verdict(|claims| claims.exp = 0), Err(TokenError::Expired));
        // The last but one is the last second that chrono can hold.
        for exp in [i64::MAX, LAST_EXPIRY, LAST_EXPIRY + 1, 8_210_266_876_799, 8_210_266_876_800] {
            assert_eq!(verdict(|claims| claims.exp = exp), Err(TokenError::TooLong(24)), "{exp}");
        }
        for exp in [-1, i64::MIN] {
            assert_eq!(verdict(|claims| claims.exp = exp), Err(TokenError::Malformed), "{exp}");
        }
        let forever = Claims::new(INSTALLATION, &clerk(), NOW, TimeDelta::MAX);
        assert_eq!(forever.exp, NOW.timestamp(), "what cannot be counted is over at once");
    }

    #[test]
    fn tokens_of_others_and_for_others_are_refused() {
        assert_eq!(verdict(|claims| claims.iss = "dualgrid/elsewhere".into()), Err(TokenError::Issuer));
        assert_eq!(verdict(|claims| claims.aud = Audiences::One("mail".into())), Err(TokenError::Audience));
        let stranger = Verifier::new(&[[0; 32]], INSTALLATION);
        assert_eq!(verified(&stranger, &issuer().issue(&claims()), NOW), Err(TokenError::Key));
    }

    /// A token with claims of its own and a header of its own.
    fn signed(header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &EncodingKey::from_ed_der(&crate::testing::private_key())).unwrap()
    }

    #[test]
    fn a_token_begins_by_the_clock_of_the_app_with_a_minute_of_leeway() {
        let token = issuer().issue(&Claims { nbf: Some(NOW.timestamp() + 120), ..claims() });
        let verifier = verifier();
        for _ in ["new", "known"] {
            assert_eq!(verified(&verifier, &token, NOW + TimeDelta::seconds(59)), Err(TokenError::NotYet));
            assert_eq!(verified(&verifier, &token, NOW + TimeDelta::seconds(60)), Ok(clerk()));
        }
        for (nbf, taken) in [(0, Ok(clerk())), (NOW.timestamp(), Ok(clerk())), (i64::MAX, Err(TokenError::NotYet))] {
            assert_eq!(verdict(|claims| claims.nbf = Some(nbf)), taken, "{nbf}");
        }
    }

    #[test]
    fn dualgrid_may_be_one_audience_of_several() {
        let meant = |aud: Value| {
            let mut claims = serde_json::to_value(claims()).unwrap();
            claims["aud"] = aud;
            verified(&verifier(), &signed(&issuer().header, &claims), NOW)
        };
        for good in [json!("dualgrid"), json!(["dualgrid"]), json!(["x", "dualgrid"]), json!(["dualgrid", "x"])] {
            assert_eq!(meant(good.clone()), Ok(clerk()), "{good}");
        }
        for bad in [json!(["x"]), json!([]), json!("x")] {
            assert_eq!(meant(bad.clone()), Err(TokenError::Audience), "{bad}");
        }
    }

    #[test]
    fn an_extension_that_must_be_understood_is_refused() {
        for critical in [vec!["exp".to_owned()], vec!["b64".to_owned()], vec![]] {
            let header = Header { crit: Some(critical.clone()), ..issuer().header };
            let token = signed(&header, &serde_json::to_value(claims()).unwrap());
            assert_eq!(verified(&verifier(), &token, NOW), Err(TokenError::Critical), "{}", critical.join(" "));
        }
    }

    #[test]
    fn claims_are_an_object() {
        let Claims { sub, iat, exp, iss, aud, .. } = claims();
        let list = (sub, iat, exp, iss, aud);
        let token = signed(&issuer().header, &serde_json::to_value(list).unwrap());
        assert_eq!(verified(&verifier(), &token, NOW), Err(TokenError::Malformed));
    }

    #[test]
    fn a_changed_token_is_refused() {
        let token = issuer().issue(&claims());
        let other = issuer().issue(&Claims { sub: "staff-0002".into(), ..claims() });
        let (head, _) = token.rsplit_once('.').unwrap();
        let (_, signature) = other.rsplit_once('.').unwrap();
        assert_eq!(verified(&verifier(), &format!("{head}.{signature}"), NOW), Err(TokenError::Signature));
        for bad in ["", ".", "..", "a.b.c", "静.安.寺"] {
            assert_eq!(verified(&verifier(), bad, NOW), Err(TokenError::Malformed), "{bad:?}");
        }
    }

    #[test]
    fn only_eddsa_is_taken() {
        let key = EncodingKey::from_secret(&crate::testing::PUBLIC_KEY);
        let confused = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims(), &key).unwrap();
        assert_eq!(verified(&verifier(), &confused, NOW), Err(TokenError::Algorithm));
        let token = issuer().issue(&claims());
        let (_, rest) = token.split_once('.').unwrap();
        let (payload, _) = rest.split_once('.').unwrap();
        // {"alg":"none","typ":"JWT"}
        let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}.");
        assert_eq!(verified(&verifier(), &unsigned, NOW), Err(TokenError::Algorithm));
    }

    #[test]
    fn a_subject_is_a_person_or_a_program() {
        let subject = |sub: &str| verdict(|claims| claims.sub = sub.into());
        for bad in ["", "王小明", "two words", "JAS-Verifier", &"a".repeat(65)] {
            assert_eq!(subject(bad), Err(TokenError::Subject(InvalidPersonCode::Form(InvalidActor::Id))), "{bad:?}");
        }
        let of_system = InvalidPersonCode::Form(InvalidActor::OfSystem);
        assert_eq!(subject("system/merged_answer"), Err(TokenError::Subject(of_system)));
        for bad in ["department/", "department/cgzf", "integrator/a.b", "connector/-"] {
            assert_eq!(subject(bad), Err(TokenError::Subject(InvalidPersonCode::OfProgram)), "{bad}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_at_once() {
        assert!(matches!(Issuer::try_new(b"not a key", &PUBLIC_KEY), Err(InvalidKey::Private(_))));
        let apart = Issuer::try_new(&crate::testing::private_key(), &[0; 32]);
        assert!(matches!(apart, Err(InvalidKey::Apart)));
        assert_eq!(format!("{:?} {:?}", issuer(), verifier()), "Issuer(..) Verifier(..)");
    }
}
