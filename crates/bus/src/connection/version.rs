//! Which nats-server we work with.

use std::cmp::Ordering;

/// The oldest nats-server that is taken: atomic batches came with 2.12 and were corrected up to this one.
pub const VERSION_MIN: &str = "2.12.7";

/// The nats-server is older than we need, or its version cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "nats-server {found} is too old: dualgrid needs {VERSION_MIN} or later. Install a newer one from \
     https://github.com/nats-io/nats-server/releases and restart it with the same configuration and data"
)]
pub struct TooOld {
    /// The version that the server says it has.
    pub found: String,
}

/// Refuses versions before [`VERSION_MIN`]. A pre-release comes before its release.
pub fn check_version(found: &str) -> Result<(), TooOld> {
    let min = parse(VERSION_MIN);
    match parse(found).partial_cmp(&min) {
        Some(Ordering::Greater | Ordering::Equal) if min.is_some() => Ok(()),
        _ => Err(TooOld { found: found.to_owned() }),
    }
}

/// Major, minor, patch, and whether it is a release. `None` is before every version.
fn parse(text: &str) -> Option<(u64, u64, u64, bool)> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let text = text.split_once('+').map_or(text, |(version, _build)| version);
    let (numbers, is_release) = text.split_once('-').map_or((text, true), |(numbers, _)| (numbers, false));
    let mut numbers = numbers.split('.').map(|number| number.parse().ok());
    let version = (numbers.next()??, numbers.next()??, numbers.next()??, is_release);
    numbers.next().is_none().then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_from_2_12_7_on_are_taken() {
        for version in ["2.12.7", "v2.12.7", "2.12.8-RC.1", "2.12.10", "2.13.0-beta.2", "2.15.1", "3.0.0", "2.12.7+b1"]
        {
            assert_eq!(check_version(version), Ok(()), "{version}");
        }
    }

    #[test]
    fn older_and_unreadable_versions_are_refused_with_what_to_install() {
        for version in ["2.12.6", "2.12.7-RC.2", "2.9.99", "1.99.99", "", "2.12", "2.12.7.1", "latest", "2.x.9"] {
            let refusal = check_version(version).unwrap_err().to_string();
            assert!(refusal.contains("needs 2.12.7 or later"), "{refusal}");
            assert!(refusal.contains("https://github.com/nats-io/nats-server/releases"), "{refusal}");
        }
    }
}
