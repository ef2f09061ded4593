//! nats-server under a certificate, with the configuration that we write: verified on both sides, or not spoken to.

use app::peer::Tls;
use bus::connection::ConnectError;
use bus::{Connection, ConnectionOptions};
use testkit::nats::{CORE, NatsServer, NatsSetup};
use testkit::scratch::Scratch;
use testkit::tls::{Authority, Issued, Validity};

use crate::world::credentials;

async fn server(tls: Option<Issued>) -> NatsServer {
    NatsServer::start(NatsSetup { tls, ..NatsSetup::default() }).await.unwrap()
}

fn options(nats: &NatsServer, tls: Tls) -> ConnectionOptions {
    ConnectionOptions {
        url: nats.url(),
        name: "tls".into(),
        credentials: credentials(nats, CORE),
        inbox_prefix: "_INBOX".into(),
        tls,
    }
}

fn with(authority: &Authority, own: Option<&Issued>) -> Tls {
    let client = own.map(|issued| (issued.certificate.clone(), issued.key.clone()));
    Tls { authority: Some(authority.file().to_owned()), client }
}

/// Why it is not spoken to: the whole chain.
async fn refused(options: ConnectionOptions) -> String {
    let error = Connection::connect(options).await.unwrap_err();
    assert!(matches!(error, ConnectError::Refused { .. }), "{error}");
    let mut why = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        why.push_str(": ");
        why.push_str(&cause.to_string());
        source = cause.source();
    }
    why
}

/// About two seconds.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_verified_on_both_sides() {
    let folder = Scratch::create("tls").unwrap();
    let ours = Authority::new(folder.path(), "ours").unwrap();
    let other = Authority::new(folder.path(), "other").unwrap();
    let good = ours.issue("good", &["127.0.0.1", "localhost"], Validity::Current).unwrap();
    let own = ours.issue("own", &["dualgrid"], Validity::Current).unwrap();
    let foreign = other.issue("foreign", &["dualgrid"], Validity::Current).unwrap();
    let nats = server(Some(good)).await;
    let configured = std::fs::read_to_string(nats.config_path()).unwrap();
    assert!(configured.contains("tls {") && configured.contains("verify: true"), "{configured}");
    let connection = Connection::connect(options(&nats, with(&ours, Some(&own)))).await.unwrap();
    assert!(connection.is_up());
    assert!(connection.client().server_info().tls_required);
    let why = refused(options(&nats, with(&other, Some(&own)))).await;
    assert!(why.contains("nats.tls.authority_file") && why.contains("UnknownIssuer"), "{why}");
    // The server refuses who shows no certificate of its authority.
    for own in [None, Some(&foreign)] {
        match Connection::connect(options(&nats, with(&ours, own))).await {
            Ok(connected) => assert!(!connected.is_up()),
            Err(error) => assert!(matches!(error, ConnectError::Refused { .. }), "{error}"),
        }
    }
}

/// What nats-server shows is refused for its name and for its dates.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_name_and_an_expired_certificate_are_refused() {
    let folder = Scratch::create("tls").unwrap();
    let ours = Authority::new(folder.path(), "ours").unwrap();
    let good = ours.issue("good", &["127.0.0.1"], Validity::Current).unwrap();
    let mut nats = server(Some(good.clone())).await;
    for (name, bad, wanted) in [
        ("elsewhere", ours.issue("elsewhere", &["nats.example"], Validity::Current).unwrap(), "name"),
        ("expired", ours.issue("expired", &["127.0.0.1"], Validity::Expired).unwrap(), "xpired"),
    ] {
        nats.show(bad).await.unwrap();
        let why = refused(options(&nats, with(&ours, Some(&good)))).await;
        assert!(why.contains(wanted), "{name}: {why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_in_clear_is_refused_where_a_certificate_is_asked_for() {
    let folder = Scratch::create("tls").unwrap();
    let ours = Authority::new(folder.path(), "ours").unwrap();
    let nats = server(None).await;
    let why = refused(options(&nats, with(&ours, None))).await;
    assert!(why.contains("it offers no TLS"), "{why}");
    let missing = Tls { authority: Some(folder.path().join("missing.pem")), client: None };
    let error = Connection::connect(options(&nats, missing)).await.unwrap_err();
    assert!(matches!(&error, ConnectError::CredentialsFile { path, .. } if path.ends_with("missing.pem")), "{error}");
}
