//! The whole configuration of nats-server, as one text.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::member::Service;
use crate::{CORE, Member, PublicKey, SYSTEM};

/// What makes an acknowledgement mean that the message is on the disk.
const SYNC: &str = "  # A message is on the disk before it is acknowledged.
  sync_interval: always
";

/// How many messages an atomic batch may have, and how many may wait for a stream: 1000 and 10,000 where nothing is said.
/// A publisher that is far behind sends batches as large as it may, because each is flushed.
const BATCH: &str = "  # So that a publisher that is far behind catches up in fewer, larger batches.
  limits { batch { max_msgs: 5000 } }
  max_buffered_msgs: 50000
";

/// How many connections one member may have at once.
pub const CONNECTIONS_MAX: u32 = 32;

/// How many subscriptions one member may have at once, over all its connections.
pub const SUBSCRIPTIONS_MAX: u32 = 256;

/// A member of the configuration and the keys of its programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Who.
    pub member: Member,
    /// Each is let in. Without any the member has no account.
    pub keys: Vec<PublicKey>,
}

/// Certificates of nats-server: paths of PEM files, as it sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The server's certificate, followed by those between it and the authority.
    pub certificate: String,
    /// Its private key.
    pub key: String,
    /// The authority that signed the certificates of clients; clients need none if absent.
    pub client_authority: Option<String>,
}

/// What differs from one nats-server to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its name.
    pub name: String,
    /// Address and port for clients.
    pub listen: String,
    /// Address and port for monitoring over HTTP.
    pub monitor: Option<String>,
    /// Where JetStream keeps its files.
    pub store_dir: String,
    /// Most bytes of a message with its headers; nats-server's own default (1 MiB) if absent.
    pub max_payload: Option<usize>,
    /// Whether a message is flushed to the disk before it is acknowledged. Only tests of power cuts go without.
    pub flushes_always: bool,
    /// Certificates. Without them connections are in clear: for the loopback and the network of one machine only.
    pub tls: Option<Tls>,
    /// The keys of dualgrid itself.
    pub core: Vec<PublicKey>,
    /// The keys that may tell nats-server to read its configuration again.
    pub system: Vec<PublicKey>,
}

/// One key was given to two programs: nats-server would refuse the whole file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key {key} belongs to {first} and to {second}: give each program a key of its own")]
pub struct DuplicateKey {
    /// The key.
    pub key: PublicKey,
    /// The account that has it.
    pub first: String,
    /// The account that has it too, or the same one again.
    pub second: String,
}

/// A server and everybody who may use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    server: Server,
    grants: Vec<Grant>,
}

impl Configuration {
    /// The configuration of `server` for these members, in the order of their names. Keys of dualgrid itself are left out of what members have.
    pub fn try_new(server: Server, mut grants: Vec<Grant>) -> Result<Self, DuplicateKey> {
        // Whoever registers one of our own keys for a program keeps nobody else in or out by it.
        for grant in &mut grants {
            grant.keys.retain(|key| !server.core.contains(key) && !server.system.contains(key));
        }
        grants.retain(|grant| !grant.keys.is_empty());
        grants.sort_by(|one, other| one.member.cmp(&other.member));
        let mut owners: BTreeMap<&PublicKey, String> = BTreeMap::new();
        let ours = server.core.iter().map(|key| (key, CORE.to_owned()));
        let systems = server.system.iter().map(|key| (key, SYSTEM.to_owned()));
        let theirs = grants.iter().flat_map(|grant| grant.keys.iter().map(|key| (key, grant.member.account())));
        for (key, second) in ours.chain(systems).chain(theirs) {
            if let Some(first) = owners.insert(key, second.clone()) {
                return Err(DuplicateKey { key: key.clone(), first, second });
            }
        }
        drop(owners);
        Ok(Self { server, grants })
    }

    /// The text of the file. The same members give the same text.
    pub fn text(&self) -> String {
        let mut text = self.head();
        text.push_str("accounts {\n");
        // Writing into a String cannot fail.
        let _ = writeln!(text, "  {SYSTEM} {{\n    users: [{}]\n  }}", plain_users(&self.server.system));
        text.push_str(&self.core());
        for grant in &self.grants {
            text.push_str(&account(grant));
        }
        let _ = writeln!(text, "}}\nsystem_account: {SYSTEM}");
        text
    }

    fn head(&self) -> String {
        let server = &self.server;
        let mut text = format!("server_name: {}\nlisten: {}\n", quoted(&server.name), quoted(&server.listen));
        if let Some(monitor) = &server.monitor {
            let _ = writeln!(text, "http: {}", quoted(monitor));
        }
        if let Some(bytes) = server.max_payload {
            let _ = writeln!(text, "max_payload: {bytes}");
        }
        if let Some(tls) = &server.tls {
            let (certificate, key) = (quoted(&tls.certificate), quoted(&tls.key));
            let _ = writeln!(text, "\ntls {{\n  cert_file: {certificate}\n  key_file: {key}");
            if let Some(authority) = &tls.client_authority {
                let _ = writeln!(text, "  ca_file: {}\n  verify: true", quoted(authority));
            }
            text.push_str("}\n");
        }
        let sync = if server.flushes_always { SYNC } else { "" };
        let _ = write!(text, "\njetstream {{\n  store_dir: {}\n{sync}{BATCH}}}\n\n", quoted(&server.store_dir));
        text
    }

    /// The account with JetStream, which offers each member its own services and nothing to anybody else.
    fn core(&self) -> String {
        let mut text =
            format!("  {CORE} {{\n    jetstream: enabled\n    users: [{}]\n", plain_users(&self.server.core));
        text.push_str("    exports: [\n");
        for grant in &self.grants {
            let account = quoted(&grant.member.account());
            for Service { outside, is_stream, .. } in grant.member.services() {
                let answers = if is_stream { ", response_type: Stream" } else { "" };
                let _ = writeln!(text, "      {{ service: {}{answers}, accounts: [{account}] }}", quoted(&outside));
            }
        }
        text.push_str("    ]\n  }\n");
        text
    }
}

/// The account of a member: it imports its own services.
fn account(grant: &Grant) -> String {
    let mut text = format!("  {} {{\n", quoted(&grant.member.account()));
    let _ = writeln!(
        text,
        "    limits {{ max_connections: {CONNECTIONS_MAX}, max_subscriptions: {SUBSCRIPTIONS_MAX} }}\n    users: ["
    );
    let publish: Vec<String> = grant.member.publishes().iter().map(|subject| quoted(subject)).collect();
    for key in &grant.keys {
        let _ = writeln!(text, "      {{\n        nkey: {key}\n        permissions {{");
        let _ = writeln!(text, "          publish {{ allow: [{}] }}", publish.join(", "));
        text.push_str("          subscribe { allow: [\"_INBOX.>\"] }\n        }\n      }\n");
    }
    text.push_str("    ]\n    imports: [\n");
    for Service { outside, inside, .. } in grant.member.services() {
        let to = if inside == outside { String::new() } else { format!(", to: {}", quoted(&inside)) };
        let _ = writeln!(text, "      {{ service: {{ account: {CORE}, subject: {} }}{to} }}", quoted(&outside));
    }
    text.push_str("    ]\n  }\n");
    text
}

fn plain_users(keys: &[PublicKey]) -> String {
    keys.iter().map(|key| format!("{{ nkey: {key} }}")).collect::<Vec<_>>().join(", ")
}

/// In quotes `$JS` is text and not a variable.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seed;

    fn key(number: u8) -> PublicKey {
        Seed::of_random([number; 32]).public()
    }

    fn server() -> Server {
        Server {
            name: "sample".into(),
            listen: "127.0.0.1:4222".into(),
            monitor: None,
            store_dir: "/data".into(),
            max_payload: None,
            flushes_always: true,
            tls: None,
            core: vec![key(1)],
            system: vec![key(2)],
        }
    }

    fn grant(code: &str, keys: &[u8]) -> Grant {
        Grant { member: Member::department(code).unwrap(), keys: keys.iter().copied().map(key).collect() }
    }

    fn text(server: Server, grants: Vec<Grant>) -> String {
        Configuration::try_new(server, grants).unwrap().text()
    }

    #[test]
    fn an_account_imports_what_its_member_may_do_and_listens_at_home_only() {
        let text = text(server(), vec![grant("CG-01", &[3])]);
        let account = text.split("\"D_CG-01\" {\n").nth(1).unwrap();
        let wanted = format!(
            "    limits {{ max_connections: 32, max_subscriptions: 256 }}
    users: [
      {{
        nkey: {}
        permissions {{
          publish {{ allow: [\"$JS.core.API.CONSUMER.MSG.NEXT.DUALGRID.dept-CG-01\", \
             \"$JS.core.API.CONSUMER.INFO.DUALGRID.dept-CG-01\", \"$JS.ACK.DUALGRID.dept-CG-01.>\", \"dg.cmd.CG-01.>\"] }}
          subscribe {{ allow: [\"_INBOX.>\"] }}
        }}
      }}
    ]
    imports: [
      {{ service: {{ account: CORE, subject: \"$JS.API.CONSUMER.MSG.NEXT.DUALGRID.dept-CG-01\" }}, to: \
             \"$JS.core.API.CONSUMER.MSG.NEXT.DUALGRID.dept-CG-01\" }}
      {{ service: {{ account: CORE, subject: \"$JS.API.CONSUMER.INFO.DUALGRID.dept-CG-01\" }}, to: \
             \"$JS.core.API.CONSUMER.INFO.DUALGRID.dept-CG-01\" }}
      {{ service: {{ account: CORE, subject: \"$JS.ACK.DUALGRID.dept-CG-01.>\" }} }}
      {{ service: {{ account: CORE, subject: \"dg.cmd.CG-01.>\" }} }}
    ]
  }}
}}
system_account: SYS
",
            key(3)
        );
        assert_eq!(account, wanted);
    }

    #[test]
    fn the_core_offers_each_service_to_its_own_member() {
        let text = text(server(), vec![grant("LH", &[4]), grant("CG-01", &[3])]);
        let exports: Vec<&str> = text.lines().filter(|line| line.contains("accounts: [")).collect();
        assert_eq!(exports.len(), 8);
        for line in exports {
            assert_eq!(line.contains("CG-01\""), line.contains("\"D_CG-01\"") && !line.contains("LH"), "{line}");
            assert_eq!(line.contains("MSG.NEXT"), line.contains("response_type: Stream"), "{line}");
        }
    }

    #[test]
    fn the_same_members_give_the_same_text_and_one_without_keys_has_no_account() {
        let one = text(server(), vec![grant("A", &[3]), grant("B", &[4, 5]), grant("C", &[])]);
        assert_eq!(one, text(server(), vec![grant("B", &[4, 5]), grant("A", &[3])]));
        assert!(!one.contains("D_C"));
        assert_eq!(one.matches("nkey:").count(), 5);
    }

    #[test]
    fn a_key_of_two_programs_is_refused_with_both() {
        let refused = |grants| Configuration::try_new(server(), grants).unwrap_err();
        let twice = refused(vec![grant("B", &[3]), grant("A", &[3])]);
        assert_eq!((twice.key, twice.first.as_str(), twice.second.as_str()), (key(3), "D_A", "D_B"));
        assert_eq!(refused(vec![grant("A", &[3, 3])]).second, "D_A");
    }

    #[test]
    fn a_key_of_dualgrid_itself_that_a_program_has_keeps_nobody_else_in_or_out() {
        let without = text(server(), vec![grant("A", &[3]), grant("B", &[4])]);
        assert_eq!(text(server(), vec![grant("A", &[1, 3]), grant("B", &[4, 2])]), without);
        assert_eq!(text(server(), vec![grant("A", &[1]), grant("B", &[4])]), text(server(), vec![grant("B", &[4])]));
    }

    #[test]
    fn what_was_not_asked_for_is_not_there() {
        let plain = text(server(), vec![]);
        for absent in ["http:", "tls {", "max_payload"] {
            assert!(!plain.contains(absent), "{plain}");
        }
        assert!(plain.contains("sync_interval: always"));
        assert!(!text(Server { flushes_always: false, ..server() }, vec![]).contains("sync_interval"));
        let tls = Tls {
            certificate: "/tls/a.pem".into(),
            key: "/tls/a.key".into(),
            client_authority: Some("/tls/ca.pem".into()),
        };
        let full = Server { tls: Some(tls), monitor: Some("127.0.0.1:8222".into()), max_payload: Some(9), ..server() };
        let full = text(full, vec![]);
        for wanted in ["http: \"127.0.0.1:8222\"", "cert_file: \"/tls/a.pem\"", "verify: true", "max_payload: 9"] {
            assert!(full.contains(wanted), "{full}");
        }
    }
}
