//! The members of a configuration that was written before, as its text has them.

use crate::configuration::Grant;
use crate::{PublicKey, member_of_account};

/// Who is let in by a text that [`crate::Configuration::text`] gave, with their keys. Nobody by another text.
pub fn members_in(text: &str) -> Vec<Grant> {
    let mut grants: Vec<Grant> = Vec::new();
    let mut is_of_member = false;
    for line in text.lines() {
        if let Some(account) = line.strip_prefix("  \"").and_then(|rest| rest.strip_suffix("\" {")) {
            let member = member_of_account(account);
            is_of_member = member.is_some();
            grants.extend(member.map(|member| Grant { member, keys: Vec::new() }));
        } else if line == "  }" {
            is_of_member = false;
        } else if let Some(key) = line.trim_start().strip_prefix("nkey: ")
            && let Ok(key) = PublicKey::try_new(key)
            && let Some(grant) = grants.last_mut().filter(|_| is_of_member)
        {
            grant.keys.push(key);
        }
    }
    grants
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Configuration, Member, Seed, Server};

    fn key(number: u8) -> PublicKey {
        Seed::of_random([number; 32]).public()
    }

    fn text(grants: Vec<Grant>) -> String {
        let server = Server {
            name: "sample".into(),
            listen: "127.0.0.1:4222".into(),
            monitor: None,
            store_dir: "/data".into(),
            max_payload: None,
            flushes_always: true,
            tls: None,
            core: vec![key(1)],
            system: vec![key(2)],
        };
        Configuration::try_new(server, grants).unwrap().text()
    }

    #[test]
    fn whoever_is_written_is_read_again_with_every_key() {
        let grants = vec![
            Grant { member: Member::department("CG-01").unwrap(), keys: vec![key(3), key(4)] },
            Grant { member: Member::department("LH").unwrap(), keys: vec![key(5)] },
            Grant { member: Member::integrator("city").unwrap(), keys: vec![key(6)] },
        ];
        assert_eq!(members_in(&text(grants.clone())), grants);
        assert_eq!(members_in(&text(Vec::new())), Vec::new());
    }

    #[test]
    fn another_text_lets_nobody_in() {
        for other in ["", "listen: 1", "  \"D_CG\n    nkey: x", "accounts {\n  \"D_cg\" {\n        nkey: UABC\n"] {
            assert_eq!(members_in(other), Vec::new(), "{other}");
        }
        // A key of the core stands in no account of a member.
        let text = format!("  CORE {{\n        nkey: {}\n  }}\n", key(1));
        assert_eq!(members_in(&text), Vec::new());
    }
}
