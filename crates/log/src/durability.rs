//! Durable or refuse: whether a committed transaction survives a loss of power.

use std::fmt;

/// One setting that decides whether a committed transaction survives a loss of power.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The name of the setting in the database.
    pub setting: &'static str,
    /// Its effective value on the writer's connection.
    pub value: String,
    /// Whether this value is durable enough.
    pub durable: bool,
    /// What to do if it is not.
    pub advice: &'static str,
}

/// The durability of a database, read on a connection made like the writer's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Durability {
    pub findings: Vec<Finding>,
}

impl Durability {
    /// Whether the program may start on this database.
    pub fn is_enough(&self) -> bool {
        self.findings.iter().all(|finding| finding.durable)
    }
}

impl fmt::Display for Durability {
    /// The settings that are not durable, each with what to do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lacking = self.findings.iter().filter(|finding| !finding.durable);
        for (n, finding) in lacking.enumerate() {
            let comma = if n == 0 { "" } else { "; " };
            write!(f, "{comma}{} is {}: {}", finding.setting, finding.value, finding.advice)?;
        }
        Ok(())
    }
}

/// Judges PostgreSQL's settings, given as name and effective value.
pub(crate) fn of_postgres(settings: Vec<(String, String)>) -> Durability {
    let judge = |(name, value): (String, String)| {
        let (setting, durable, advice) = match name.as_str() {
            "synchronous_commit" => (
                "synchronous_commit",
                matches!(value.as_str(), "on" | "remote_apply"),
                "set it to on (`alter database … set synchronous_commit = on`; check `alter role` and the url too)",
            ),
            "fsync" => ("fsync", value == "on", "set it to on in postgresql.conf and reload"),
            "full_page_writes" => {
                ("full_page_writes", value == "on", "set it to on in postgresql.conf and reload: torn pages lose data")
            }
            _ => return None,
        };
        Some(Finding { setting, value, durable, advice })
    };
    Durability { findings: settings.into_iter().filter_map(judge).collect() }
}

/// Judges SQLite's `pragma synchronous` (0 off, 1 normal, 2 full, 3 extra) and `pragma journal_mode`.
pub(crate) fn of_sqlite(synchronous: i64, journal_mode: &str) -> Durability {
    let name = match synchronous {
        0 => "off",
        1 => "normal",
        2 => "full",
        _ => "extra",
    };
    Durability {
        findings: vec![
            Finding {
                setting: "synchronous",
                value: name.to_owned(),
                durable: synchronous >= 2,
                advice: "build SQLite so that `pragma synchronous = full` is obeyed",
            },
            Finding {
                setting: "journal_mode",
                value: journal_mode.to_owned(),
                durable: journal_mode == "wal",
                advice: "keep the file on a local disk that supports shared memory, so that WAL can be used",
            },
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn postgres(name: &str, value: &str) -> Durability {
        of_postgres(vec![(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn postgres_below_on_is_not_enough() {
        for value in ["off", "local", "remote_write"] {
            assert!(!postgres("synchronous_commit", value).is_enough(), "{value}");
        }
        for value in ["on", "remote_apply"] {
            assert!(postgres("synchronous_commit", value).is_enough(), "{value}");
        }
        assert!(!postgres("fsync", "off").is_enough());
        assert!(!postgres("full_page_writes", "off").is_enough());
    }

    #[test]
    fn sqlite_below_full_is_not_enough() {
        assert!(!of_sqlite(0, "wal").is_enough());
        assert!(!of_sqlite(1, "wal").is_enough());
        assert!(of_sqlite(2, "wal").is_enough());
        assert!(!of_sqlite(2, "memory").is_enough());
        assert_eq!(of_sqlite(1, "wal").to_string().split(':').next(), Some("synchronous is normal"));
    }
}
