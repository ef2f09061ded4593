//! What several tests need: a key pair, a moment, actors, and an app on a log in memory.

mod capture;
mod ports;

use std::sync::Arc;

use app::who::SubjectId;
use app::{App, Ports, Settings};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Actor, DepartmentCode, ManualClock, Role, Scope, SystemEntropy};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::api::Api;
use crate::limits::Limits;
use crate::token::{Claims, Issuer, Verifier};

pub(crate) use capture::Captured;
pub(crate) use ports::{Away, Log, PANICS};

pub(crate) const INSTALLATION: &str = "jingan";

/// 2023-11-14T22:13:20Z.
pub(crate) const NOW: DateTime<Utc> = DateTime::from_timestamp(1_700_000_000, 0).expect("a moment of our time");

/// The key pair of RFC 8032, section 7.1, test 1.
const PRIVATE_KEY: [u8; 32] = [
    0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49, 0xc5,
    0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
];
pub(crate) const PUBLIC_KEY: [u8; 32] = [
    0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1, 0x72,
    0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a,
];

/// PKCS#8 version 1 with the algorithm Ed25519, up to the key itself (RFC 8410, section 7).
const PKCS8_HEAD: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// The private key as PKCS#8 DER.
pub(crate) fn private_key() -> Vec<u8> {
    [PKCS8_HEAD.as_slice(), &PRIVATE_KEY].concat()
}

pub(crate) fn issuer() -> Issuer {
    Issuer::try_new(&private_key(), &PUBLIC_KEY).expect("the key of the RFC")
}

pub(crate) fn verifier() -> Verifier {
    Verifier::new(&[PUBLIC_KEY], INSTALLATION)
}

pub(crate) fn clerk() -> Actor {
    let department = DepartmentCode::try_new("CGZF").expect("a code");
    Actor {
        id: "staff-0042".into(),
        role: Role::DepartmentClerk,
        scope: Scope::Department(department),
        seconded_by: None,
    }
}

pub(crate) fn auditor() -> Actor {
    Actor { id: "staff-0007".into(), role: Role::Auditor, scope: Scope::Everywhere, seconded_by: None }
}

/// The subject of an actor's tokens.
pub(crate) fn subject_of(actor: &Actor) -> SubjectId {
    SubjectId::try_new(&actor.id).expect("a subject")
}

/// A token for an hour.
pub(crate) fn token(actor: &Actor) -> String {
    issuer().issue(&Claims::new(INSTALLATION, &subject_of(actor), NOW, TimeDelta::hours(1)))
}

/// HTTP on an app whose log is in memory and whose other ports are out of reach.
pub(crate) struct Bench {
    pub(crate) api: Arc<Api>,
    pub(crate) log: Arc<Log>,
    pub(crate) clock: Arc<ManualClock>,
    router: Router,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let (log, clock) = (Arc::new(Log::default()), Arc::new(ManualClock::at(NOW)));
        log.register(&[clerk(), auditor(), Actor { id: "staff-0008".into(), ..auditor() }]);
        let ports = Ports {
            log: Arc::clone(&log) as Arc<_>,
            views: Arc::new(Away),
            vault: Arc::new(Away),
            evidence: Arc::new(Away),
            uploads: Arc::new(Away),
            scanner: None,
            clock: Arc::clone(&clock) as Arc<_>,
            entropy: Arc::new(SystemEntropy),
        };
        let app = App::new(ports, Settings::new(INSTALLATION));
        let api = Api::new(app, verifier(), "one", None, Limits::default());
        Self { router: crate::router(Arc::clone(&api)), api, log, clock }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.expect("a router always answers")
    }

    /// Status and body; what is not JSON is a text.
    pub(crate) async fn ask(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self.send(request).await;
        let status = response.status();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("a body in memory");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::String(text)))
    }
}
