//! The configuration of nats-server: one user for dualgrid, one for integrators, one a department.

use std::fmt::Write as _;

use anyhow::ensure;

use super::{CORE, INTEGRATOR, STREAM, department_user};

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

/// A password, or where the server finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Password {
    /// The password itself.
    Value(String),
    /// The variable of the server's environment that holds it.
    Environment(String),
}

/// The user of one department.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DepartmentUser {
    code: String,
    password: Password,
}

impl DepartmentUser {
    /// The user of the department with that code: upper-case ASCII letters, digits and hyphens.
    ///
    /// Anything else is refused, because the code becomes part of subjects: `*` would be every department's right.
    pub fn try_new(code: &str, password: Password) -> anyhow::Result<Self> {
        let is_allowed = |letter: u8| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == b'-';
        ensure!(!code.is_empty() && code.bytes().all(is_allowed), "`{code}` cannot be the code of a department");
        Ok(Self { code: code.to_owned(), password })
    }
}

/// Everything that differs from one nats-server to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatsConfig {
    /// Its name.
    pub server_name: String,
    /// Address and port for clients.
    pub listen: String,
    /// Address and port for monitoring over HTTP.
    pub monitor: Option<String>,
    /// Where JetStream keeps its files.
    pub store_dir: String,
    /// Of the user `core`, who may do everything.
    pub core: Password,
    /// Of the user `integrator`, who may read the stream.
    pub integrator: Password,
    /// The departments.
    pub departments: Vec<DepartmentUser>,
}

/// The text of the configuration file.
///
/// A department may send its own commands, and fetch and acknowledge what its own consumer holds; the consumer is made
/// by dualgrid, so a department can neither widen its filter nor see another's. It listens at its own inbox only: with
/// the common prefix `_INBOX` it could read the answers to others.
///
/// NATS has no wildcard for part of a token, so the integrator's consumer is named `integrator` and not `integrator-*`.
pub fn nats_config(config: &NatsConfig) -> String {
    let mut text = header(config);
    text.push_str("authorization {\n  users = [\n");
    text.push_str(&core(&config.core));
    text.push_str(&integrator(&config.integrator));
    for department in &config.departments {
        text.push_str(&department_permissions(department));
    }
    text.push_str("  ]\n}\n");
    text
}

fn header(config: &NatsConfig) -> String {
    let mut text = format!("server_name: {}\nlisten: {}\n", quoted(&config.server_name), quoted(&config.listen));
    if let Some(monitor) = &config.monitor {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "http: {}", quoted(monitor));
    }
    let _ = write!(
        text,
        "
jetstream {{
  store_dir: {}
{SYNC}{BATCH}}}

",
        quoted(&config.store_dir)
    );
    text
}

/// The same configuration for a server that flushes at its own default interval.
pub(super) fn flushing_seldom(text: &str) -> String {
    text.replace(SYNC, "")
}

fn core(password: &Password) -> String {
    user(CORE, password, &[">".to_owned()], ">")
}

fn integrator(password: &Password) -> String {
    let publish = [
        format!("$JS.API.STREAM.INFO.{STREAM}"),
        format!("$JS.API.CONSUMER.CREATE.{STREAM}.{INTEGRATOR}"),
        format!("$JS.API.CONSUMER.CREATE.{STREAM}.{INTEGRATOR}.>"),
        format!("$JS.API.CONSUMER.INFO.{STREAM}.{INTEGRATOR}"),
        format!("$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{INTEGRATOR}"),
        format!("$JS.ACK.{STREAM}.{INTEGRATOR}.>"),
    ];
    user(INTEGRATOR, password, &publish, &format!("{}.>", inbox_prefix(INTEGRATOR)))
}

fn department_permissions(department: &DepartmentUser) -> String {
    let name = department_user(&department.code);
    let publish = [
        format!("dg.cmd.{}.>", department.code),
        format!("$JS.API.CONSUMER.INFO.{STREAM}.{name}"),
        format!("$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{name}"),
        format!("$JS.ACK.{STREAM}.{name}.>"),
    ];
    user(&name, &department.password, &publish, &format!("{}.>", inbox_prefix(&name)))
}

/// The inbox prefix a user's permissions ask for: `_INBOX_CODE` for a department.
pub(crate) fn inbox_prefix(user: &str) -> String {
    match user {
        CORE => "_INBOX".to_owned(),
        _ => format!("_INBOX_{}", user.strip_prefix("dept-").unwrap_or(user)),
    }
}

fn user(name: &str, password: &Password, publish: &[String], subscribe: &str) -> String {
    let publish: Vec<String> = publish.iter().map(|subject| quoted(subject)).collect();
    let password = match password {
        Password::Value(value) => quoted(value),
        Password::Environment(variable) => format!("${variable}"),
    };
    format!(
        "    {{
      user: {}
      password: {password}
      permissions {{
        publish {{ allow: [{}] }}
        subscribe {{ allow: [{}] }}
      }}
    }}
",
        quoted(name),
        publish.join(", "),
        quoted(subscribe),
    )
}

/// In quotes `$JS` is text and not a variable.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> NatsConfig {
        NatsConfig {
            server_name: "sample".into(),
            listen: "127.0.0.1:4222".into(),
            monitor: None,
            store_dir: "/data".into(),
            core: Password::Environment("CORE_PASSWORD".into()),
            integrator: Password::Value("secret".into()),
            departments: vec![DepartmentUser::try_new("CG-01", Password::Value("pw".into())).unwrap()],
        }
    }

    #[test]
    fn a_department_may_use_its_own_commands_consumer_and_inbox_only() {
        let text = nats_config(&sample());
        let department = text.split("dept-CG-01\"\n").nth(1).unwrap();
        assert_eq!(
            department.lines().map(str::trim).take(4).collect::<Vec<_>>(),
            [
                "password: \"pw\"",
                "permissions {",
                "publish { allow: [\"dg.cmd.CG-01.>\", \"$JS.API.CONSUMER.INFO.DUALGRID.dept-CG-01\", \
                 \"$JS.API.CONSUMER.MSG.NEXT.DUALGRID.dept-CG-01\", \"$JS.ACK.DUALGRID.dept-CG-01.>\"] }",
                "subscribe { allow: [\"_INBOX_CG-01.>\"] }",
            ]
        );
    }

    #[test]
    fn a_code_that_would_widen_the_permissions_is_refused() {
        for code in ["", "*", ">", "a", "CG.SC", "CG SC", "CG\""] {
            let refused = DepartmentUser::try_new(code, Password::Value("pw".into())).unwrap_err();
            assert_eq!(refused.to_string(), format!("`{code}` cannot be the code of a department"));
        }
    }

    #[test]
    fn a_password_is_a_quoted_value_or_an_unquoted_variable() {
        let text = nats_config(&sample());
        assert!(text.contains("password: $CORE_PASSWORD\n"));
        assert!(text.contains("password: \"secret\"\n"));
    }

    #[test]
    fn every_acknowledgement_means_on_the_disk() {
        assert!(nats_config(&sample()).contains("sync_interval: always"));
        assert!(!flushing_seldom(&nats_config(&sample())).contains("sync_interval"));
    }

    #[test]
    fn monitoring_is_on_only_when_asked_for() {
        assert!(!nats_config(&sample()).contains("http:"));
        let monitored = NatsConfig { monitor: Some("127.0.0.1:8222".into()), ..sample() };
        assert!(nats_config(&monitored).contains("http: \"127.0.0.1:8222\"\n"));
    }
}
