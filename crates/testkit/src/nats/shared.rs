//! The control of the trials of accounts: everybody in one account, as nothing but a trial may ever be configured.
//!
//! The same permissions hold. They bind who publishes and not the server, which answers to any reply subject with its own
//! rights; trials that find nothing here would find nothing anywhere.

use std::fmt::Write as _;

use accounts::{Configuration, Grant, PublicKey, STREAM, Server};

/// The configuration with one account for all.
pub(super) fn text(server: &Server, grants: &[Grant]) -> String {
    let alone = Configuration::try_new(server.clone(), Vec::new()).expect("core and system have keys of their own");
    let text = alone.text();
    let users = grants.iter().fold(String::new(), |mut users, grant| {
        for key in &grant.keys {
            users.push_str(&user(grant, key));
        }
        users
    });
    let core = server.core.first().expect("the core has a key");
    let only = format!("users: [{{ nkey: {core} }}");
    text.replace(&format!("{only}]"), &format!("{only}{users}]"))
}

fn user(grant: &Grant, key: &PublicKey) -> String {
    let consumer = grant.member.consumer();
    let mut publish = grant.member.publishes();
    publish.push(format!("$JS.API.CONSUMER.INFO.{STREAM}.{consumer}"));
    publish.push(format!("$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{consumer}"));
    let publish: Vec<String> = publish.iter().map(|subject| format!("\"{subject}\"")).collect();
    let mut text = format!(", {{ nkey: {key}, permissions {{ publish {{ allow: [{}] }}", publish.join(", "));
    // Writing into a String cannot fail.
    let _ = write!(text, ", subscribe {{ allow: [\"_INBOX.{}.>\"] }} }} }}", grant.member.name());
    text
}
