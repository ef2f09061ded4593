//! Departments and integrators: who reaches the core from an account of their own.

/// The stream that holds the log.
pub const STREAM: &str = "DUALGRID";

/// The account of dualgrid itself, with JetStream.
pub const CORE: &str = "CORE";

/// The account in which nats-server is told to read its configuration again.
pub const SYSTEM: &str = "SYS";

/// The JetStream domain under which members reach the stream: their account has no JetStream of its own.
pub const DOMAIN: &str = "core";

/// Longest code or name, in characters.
pub const NAME_LEN_MAX: usize = 32;

/// A code or a name that could widen a right, or is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Not a code.
    #[error("`{0}` cannot be the code of a department on NATS: 1 to 32 of A-Z, 0-9 and hyphen, and no hyphen first")]
    Department(String),
    /// Not a name.
    #[error(
        "`{0}` cannot be the name of an integrator on NATS: 1 to 32 of A-Z, a-z, 0-9 and hyphen, and no hyphen first"
    )]
    Integrator(String),
}

/// Who reaches the core from an account of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Member {
    kind: Kind,
    name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    Department,
    Integrator,
}

impl Kind {
    const fn account_prefix(self) -> &'static str {
        match self {
            Self::Department => "D_",
            Self::Integrator => "I_",
        }
    }

    const fn consumer_prefix(self) -> &'static str {
        match self {
            Self::Department => "dept-",
            Self::Integrator => "integ-",
        }
    }
}

impl Member {
    /// The department with that code.
    pub fn department(code: &str) -> Result<Self, InvalidName> {
        let fits = is_name(code) && !code.bytes().any(|byte| byte.is_ascii_lowercase());
        let member = || Self { kind: Kind::Department, name: code.to_owned() };
        fits.then(member).ok_or_else(|| InvalidName::Department(code.to_owned()))
    }

    /// The integrator with that name.
    pub fn integrator(name: &str) -> Result<Self, InvalidName> {
        let member = || Self { kind: Kind::Integrator, name: name.to_owned() };
        is_name(name).then(member).ok_or_else(|| InvalidName::Integrator(name.to_owned()))
    }

    /// The code of a department, the name of an integrator.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is a department.
    pub fn is_department(&self) -> bool {
        self.kind == Kind::Department
    }

    /// The name of its account: `D_CGZF`, `I_city`.
    pub fn account(&self) -> String {
        format!("{}{}", self.kind.account_prefix(), self.name)
    }

    /// The name of its durable consumer, which the core makes: `dept-CGZF`, `integ-city`.
    pub fn consumer(&self) -> String {
        match self.kind {
            Kind::Department => consumer_of_department(&self.name),
            Kind::Integrator => consumer_of_integrator(&self.name),
        }
    }

    /// The subjects of the core that it may publish to.
    pub(crate) fn services(&self) -> Vec<Service> {
        let consumer = self.consumer();
        let mut services = vec![
            Service::of_jetstream(&format!("CONSUMER.MSG.NEXT.{STREAM}.{consumer}"), true),
            Service::of_jetstream(&format!("CONSUMER.INFO.{STREAM}.{consumer}"), false),
            Service::plain(format!("$JS.ACK.{STREAM}.{consumer}.>")),
        ];
        if self.is_department() {
            services.push(Service::plain(format!("dg.cmd.{}.>", self.name)));
        }
        services
    }

    /// The subjects that it may publish to, as it names them.
    pub fn publishes(&self) -> Vec<String> {
        self.services().into_iter().map(|service| service.inside).collect()
    }
}

fn is_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=NAME_LEN_MAX).contains(&text.len()) && text.bytes().all(is_allowed) && !text.starts_with('-')
}

/// The member whose account has that name, as the header `Nats-Request-Info` tells it.
pub fn member_of_account(account: &str) -> Option<Member> {
    member_after(account, Kind::account_prefix)
}

/// The member whose durable consumer has that name.
pub fn member_of_consumer(consumer: &str) -> Option<Member> {
    member_after(consumer, Kind::consumer_prefix)
}

/// The member whose name stands behind the prefix of its kind.
fn member_after(text: &str, prefix: fn(Kind) -> &'static str) -> Option<Member> {
    if let Some(code) = text.strip_prefix(prefix(Kind::Department)) {
        return Member::department(code).ok();
    }
    Member::integrator(text.strip_prefix(prefix(Kind::Integrator))?).ok()
}

/// The name of the durable consumer of the department with that code.
pub fn consumer_of_department(code: &str) -> String {
    format!("{}{code}", Kind::Department.consumer_prefix())
}

/// The name of the durable consumer of the integrator with that name.
pub fn consumer_of_integrator(name: &str) -> String {
    format!("{}{name}", Kind::Integrator.consumer_prefix())
}

/// A service of the core that a member imports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Service {
    /// Its subject in the core's account.
    pub(crate) outside: String,
    /// Its subject in the member's account.
    pub(crate) inside: String,
    /// Whether one request is answered by several messages.
    pub(crate) is_stream: bool,
}

impl Service {
    fn plain(subject: String) -> Self {
        Self { inside: subject.clone(), outside: subject, is_stream: false }
    }

    /// In the member's account `$JS.API` is nats-server's own, which says that JetStream is not enabled.
    fn of_jetstream(request: &str, is_stream: bool) -> Self {
        Self { outside: format!("$JS.API.{request}"), inside: format!("$JS.{DOMAIN}.API.{request}"), is_stream }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_would_widen_a_right_is_refused() {
        for name in ["", "*", ">", "CG.SC", "CG SC", "CG\"", "CG\n", "$JS", "城管", "-CG", &"A".repeat(33)] {
            assert_eq!(Member::department(name), Err(InvalidName::Department(name.to_owned())));
            assert_eq!(Member::integrator(name), Err(InvalidName::Integrator(name.to_owned())));
        }
        assert_eq!(Member::department("cgzf"), Err(InvalidName::Department("cgzf".to_owned())));
    }

    #[test]
    fn an_account_tells_whose_it_is_and_no_two_members_share_one() {
        let members = [
            Member::department("CG-01").unwrap(),
            Member::department("I").unwrap(),
            Member::integrator("CG-01").unwrap(),
            Member::integrator("city").unwrap(),
        ];
        for member in &members {
            assert_eq!(member_of_account(&member.account()).as_ref(), Some(member));
            assert_eq!(member_of_consumer(&member.consumer()).as_ref(), Some(member));
            let same = |other: &&Member| other.account() == member.account() || other.consumer() == member.consumer();
            assert_eq!(members.iter().filter(same).count(), 1);
        }
        for account in ["", "CORE", "SYS", "$G", "D_", "D_cg", "D_A.B", "D_*", "X_city"] {
            assert_eq!(member_of_account(account), None, "{account}");
        }
    }

    #[test]
    fn a_department_may_use_its_own_commands_and_consumer_only_and_an_integrator_sends_no_commands() {
        let of_consumer = |consumer: &str| {
            vec![
                format!("$JS.core.API.CONSUMER.MSG.NEXT.DUALGRID.{consumer}"),
                format!("$JS.core.API.CONSUMER.INFO.DUALGRID.{consumer}"),
                format!("$JS.ACK.DUALGRID.{consumer}.>"),
            ]
        };
        let mut department = of_consumer("dept-CGZF");
        department.push("dg.cmd.CGZF.>".to_owned());
        assert_eq!(Member::department("CGZF").unwrap().publishes(), department);
        assert_eq!(Member::integrator("city").unwrap().publishes(), of_consumer("integ-city"));
    }
}
