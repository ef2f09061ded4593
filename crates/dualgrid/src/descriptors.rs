//! File descriptors: each connection needs one, and so do the stores.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many are kept for databases, files of evidence, NATS and the program itself.
const KEPT: u64 = 512;

/// Lets this process have as many as `connections` connections need, if it may. What is missing is told in the log: the last of them
/// would find none left, and so would a database.
pub(crate) fn raise(connections: u64) {
    let needed = connections.saturating_add(KEPT);
    let before = getrlimit(Resource::Nofile);
    let wanted = wanted(&before, needed);
    if wanted.current != before.current
        && let Err(error) = setrlimit(Resource::Nofile, wanted)
    {
        tracing::warn!(%error, "could not raise the limit of file descriptors");
    }
    if let Some(limit) = getrlimit(Resource::Nofile).current.filter(|limit| *limit < needed) {
        tracing::warn!(
            limit,
            needed,
            "too few file descriptors for limits.connections on both listeners: raise `ulimit -n` (LimitNOFILE), or lower that limit"
        );
    }
}

/// The limit to ask for: never lower than it is, never above what the process may have.
fn wanted(before: &Rlimit, needed: u64) -> Rlimit {
    let allowed = before.maximum.map_or(needed, |maximum| maximum.min(needed));
    let current = before.current.map(|current| current.max(allowed));
    Rlimit { current, maximum: before.maximum }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_as_far_as_needed_and_allowed_and_never_lowered() {
        let raised = |current, maximum| wanted(&Rlimit { current, maximum }, 8704).current;
        assert_eq!(raised(Some(1024), Some(1_048_576)), Some(8704));
        assert_eq!(raised(Some(1024), Some(4096)), Some(4096));
        assert_eq!(raised(Some(1024), None), Some(8704));
        assert_eq!(raised(Some(65_536), Some(65_536)), Some(65_536));
        assert_eq!(raised(None, None), None);
    }
}
