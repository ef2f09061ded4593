//! PostgreSQL under a certificate: verified, or not spoken to.

use app::peer::Tls;
use log::{OpenError, Options};
use testkit::postgres::{Postgres, PostgresSetup};
use testkit::scratch::Scratch;
use testkit::tls::{Authority, Issued, Validity};

fn trusting(authority: &Authority) -> Options {
    Options { tls: Tls { authority: Some(authority.file().to_owned()), client: None }, ..Options::default() }
}

async fn server(tls: Option<Issued>) -> (Postgres, String) {
    let server = Postgres::start_with(PostgresSetup { tls, ..PostgresSetup::default() }).await.unwrap();
    let url = server.create_database().await.unwrap();
    (server, url)
}

/// Why a log is not opened: the whole chain.
async fn refused(url: &str, options: &Options) -> String {
    let error = log::open(url, options).await.map(drop).unwrap_err();
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error}");
    error.chain()
}

/// About six seconds.
#[tokio::test]
async fn a_certificate_is_verified_with_its_authority_its_name_and_its_dates() {
    let folder = Scratch::create("tls").unwrap();
    let ours = Authority::new(folder.path(), "ours").unwrap();
    let other = Authority::new(folder.path(), "other").unwrap();
    let good = ours.issue("good", &["127.0.0.1", "localhost"], Validity::Current).unwrap();
    let (server_of_good, url) = server(Some(good)).await;
    let opened = log::open(&url, &trusting(&ours)).await.unwrap();
    // The connections of every kind: writer, readers, and those of views.
    opened.log.head().await.unwrap();
    opened.views.builds().await.unwrap();
    let database = url.rsplit_once('/').unwrap().1;
    let clear = "select count(*) from pg_stat_activity join pg_stat_ssl using (pid)
        where application_name like 'dualgrid%' and not ssl";
    assert_eq!(server_of_good.query(database, clear).await.unwrap().trim(), "0");
    let why = refused(&url, &trusting(&other)).await;
    assert!(why.contains("UnknownIssuer"), "{why}");
    drop(opened);
    drop(server_of_good);

    let elsewhere = ours.issue("elsewhere", &["db.example"], Validity::Current).unwrap();
    let (_server, url) = server(Some(elsewhere)).await;
    let why = refused(&url, &trusting(&ours)).await;
    assert!(why.contains("not valid for name") || why.contains("NotValidForName"), "{why}");

    let expired = ours.issue("expired", &["127.0.0.1"], Validity::Expired).unwrap();
    let (_server, url) = server(Some(expired)).await;
    let why = refused(&url, &trusting(&ours)).await;
    assert!(why.contains("expired") || why.contains("Expired"), "{why}");
}

/// A server without a certificate, where one is asked for.
#[tokio::test]
async fn a_server_in_clear_is_refused_where_a_certificate_is_asked_for() {
    let folder = Scratch::create("tls").unwrap();
    let ours = Authority::new(folder.path(), "ours").unwrap();
    let url = Postgres::shared().await.unwrap().create_database().await.unwrap();
    let why = refused(&url, &trusting(&ours)).await;
    assert!(why.contains("does not support TLS"), "{why}");
}

#[tokio::test]
async fn another_machine_is_not_spoken_to_in_clear() {
    for url in
        ["postgres://u:secret@db.example/log?sslmode=disable", "postgres://u:secret@10.0.0.7/log?sslmode=require"]
    {
        let error = log::open(url, &Options::default()).await.map(drop).unwrap_err();
        assert!(matches!(error, OpenError::Unprotected { .. }), "{error}");
        assert!(!error.chain().contains("secret"), "{error}");
    }
}
