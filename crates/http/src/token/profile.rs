//! Tokens of strangers: near misses of the profile, each refused by its name, and what lies just within it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use super::*;
use crate::testing::{INSTALLATION, NOW, PUBLIC_KEY, issuer, private_key, subject_of, verifier};

fn clerk() -> SubjectId {
    subject_of(&crate::testing::clerk())
}

fn auditor() -> SubjectId {
    subject_of(&crate::testing::auditor())
}

/// The thumbprint of the public key (RFC 8037, appendix A.3).
const KID: &str = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";

/// A token of these texts with a good signature.
fn signed(header: &str, claims: &str) -> String {
    let message = format!("{}.{}", BASE64URL.encode(header), BASE64URL.encode(claims));
    let key = EncodingKey::from_ed_der(&private_key());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::EdDSA).unwrap();
    format!("{message}.{signature}")
}

fn header() -> Value {
    json!({"alg": "EdDSA", "typ": "at+jwt", "kid": KID})
}

fn claims() -> Value {
    serde_json::to_value(Claims::new(INSTALLATION, &clerk(), NOW, TimeDelta::hours(1))).unwrap()
}

/// `object` with another value; `null` takes it out.
fn with(mut object: Value, name: &str, value: &Value) -> String {
    match value {
        Value::Null => drop(object.as_object_mut().unwrap().remove(name)),
        value => object[name] = value.clone(),
    }
    object.to_string()
}

fn verdict(header: &str, claims: &str) -> Result<SubjectId, TokenError> {
    verified(&verifier(), &signed(header, claims))
}

fn verified(verifier: &Verifier, token: &str) -> Result<SubjectId, TokenError> {
    verifier.verify(token, NOW).map(|proved| proved.subject.id)
}

#[test]
fn a_header_is_of_one_type_and_one_algorithm_and_names_a_known_key() {
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    let table = [
        ("typ", json!("at+jwt"), Ok(clerk())),
        ("typ", json!("application/at+jwt"), Ok(clerk())),
        ("typ", json!("JWT"), Err(TokenError::Type)),
        ("typ", json!("id_token+jwt"), Err(TokenError::Type)),
        ("typ", json!("logout+jwt"), Err(TokenError::Type)),
        ("typ", json!("at+jwt "), Err(TokenError::Type)),
        ("typ", json!("AT+JWT"), Err(TokenError::Type)),
        ("typ", json!(["at+jwt"]), Err(TokenError::Type)),
        ("typ", json!(""), Err(TokenError::Type)),
        ("typ", Value::Null, Err(TokenError::Type)),
        ("alg", json!("none"), Err(TokenError::Algorithm)),
        ("alg", json!("None"), Err(TokenError::Algorithm)),
        ("alg", json!("HS256"), Err(TokenError::Algorithm)),
        ("alg", json!("ES256"), Err(TokenError::Algorithm)),
        ("alg", json!("eddsa"), Err(TokenError::Algorithm)),
        ("alg", Value::Null, Err(TokenError::Algorithm)),
        ("kid", json!(KID.to_lowercase()), Err(TokenError::Key)),
        ("kid", json!("../keys/token.pub"), Err(TokenError::Key)),
        ("kid", json!(0), Err(TokenError::Key)),
        ("kid", json!(""), Err(TokenError::Key)),
        ("kid", Value::Null, Err(TokenError::Key)),
        ("crit", json!(["exp"]), Err(TokenError::Critical)),
        ("crit", json!([]), Err(TokenError::Critical)),
        ("crit", json!("exp"), Err(TokenError::Critical)),
        ("jwk", jwk, Err(TokenError::ForeignKey)),
        ("jku", json!("https://example.org/jwks"), Err(TokenError::ForeignKey)),
        ("x5u", json!("https://example.org/cert"), Err(TokenError::ForeignKey)),
        ("x5c", json!([]), Err(TokenError::ForeignKey)),
        ("cty", json!("JWT"), Ok(clerk())),
    ];
    for (name, value, expected) in table {
        assert_eq!(verdict(&with(header(), name, &value), &claims().to_string()), expected, "{name} {value}");
    }
}

#[test]
fn claims_are_kept_to_the_second() {
    let now = NOW.timestamp();
    let (day, hour) = (86_400, 3600);
    let table = [
        ("exp", json!(now - 59), Ok(clerk())),
        ("exp", json!(now - 60), Err(TokenError::Expired)),
        ("exp", json!(now + day), Ok(clerk())),
        ("exp", json!(now + day + 1), Err(TokenError::TooLong(24))),
        ("exp", json!(7_258_118_400_i64), Err(TokenError::TooLong(24))),
        ("exp", json!(u64::MAX), Err(TokenError::Malformed)),
        ("exp", json!(1e300), Err(TokenError::Malformed)),
        ("exp", json!((now + hour).to_string()), Err(TokenError::Malformed)),
        ("exp", Value::Null, Err(TokenError::Malformed)),
        ("iat", json!(now + 60), Ok(clerk())),
        ("iat", json!(now + 61), Err(TokenError::NotYet)),
        ("iat", json!(now + hour - day), Ok(clerk())),
        ("iat", json!(now + hour - day - 1), Err(TokenError::TooLong(24))),
        ("iat", json!(0), Err(TokenError::TooLong(24))),
        ("iat", json!(i64::MIN), Err(TokenError::TooLong(24))),
        ("iat", json!("now"), Err(TokenError::Malformed)),
        ("iat", Value::Null, Err(TokenError::Malformed)),
        ("nbf", json!(now + 60), Ok(clerk())),
        ("nbf", json!(now + 61), Err(TokenError::NotYet)),
        ("nbf", json!("0"), Err(TokenError::Malformed)),
        ("iss", json!("dualgrid/jingan/"), Err(TokenError::Issuer)),
        ("iss", json!("dualgrid"), Err(TokenError::Issuer)),
        ("iss", Value::Null, Err(TokenError::Malformed)),
        ("aud", json!(["mail", "dualgrid"]), Ok(clerk())),
        ("aud", json!(["mail", "dualgrid/jingan"]), Err(TokenError::Audience)),
        ("aud", json!("Dualgrid"), Err(TokenError::Audience)),
        ("aud", Value::Null, Err(TokenError::Malformed)),
        ("sub", json!(["staff-0042"]), Err(TokenError::Malformed)),
        ("sub", Value::Null, Err(TokenError::Malformed)),
    ];
    for (name, value, expected) in table {
        assert_eq!(verdict(&header().to_string(), &with(claims(), name, &value)), expected, "{name} {value}");
    }
}

#[test]
fn nothing_is_named_twice() {
    let twice = |object: Value, more: &str| object.to_string().replacen('{', &format!("{{{more},"), 1);
    for more in [r#""sub":"staff-0001""#, r#""exp":1"#, r#""iss":"x""#, r#""x":1,"x":1"#] {
        let refused = verdict(&header().to_string(), &twice(claims(), more));
        assert_eq!(refused, Err(TokenError::Malformed), "{more}");
    }
    for more in [r#""alg":"EdDSA""#, r#""kid":"x""#, r#""typ":"JWT""#, r#""x":1,"x":1"#] {
        let refused = verdict(&twice(header(), more), &claims().to_string());
        assert_eq!(refused, Err(TokenError::Malformed), "{more}");
    }
}

#[test]
fn only_a_program_may_hold_a_token_for_a_year() {
    let days = |subject: &SubjectId, days| {
        verified(&verifier(), &issuer().issue(&Claims::new(INSTALLATION, subject, NOW, TimeDelta::days(days))))
    };
    assert_eq!(days(&auditor(), 366), Err(TokenError::TooLong(24)));
    for program in ["department/CGZF", "integrator/city", "connector/12345"] {
        let program = SubjectId::try_new(program).unwrap();
        assert_eq!(days(&program, 366), Ok(program.clone()));
        assert_eq!(days(&program, 367), Err(TokenError::TooLong(8784)));
    }
}

#[test]
fn a_former_key_is_taken_until_it_is_taken_away() {
    let token = issuer().issue(&Claims::new(INSTALLATION, &clerk(), NOW, TimeDelta::hours(1)));
    let other = [0x3d; 32];
    assert_eq!(verified(&Verifier::new(&[other, PUBLIC_KEY], INSTALLATION), &token), Ok(clerk()));
    assert_eq!(verified(&Verifier::new(&[other], INSTALLATION), &token), Err(TokenError::Key));
}
