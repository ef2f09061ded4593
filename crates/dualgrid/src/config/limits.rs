//! How much callers may take of one process.

use std::num::NonZeroU32;
use std::time::Duration;

use app::pace::Rate;
use serde::Deserialize;

/// Limits. Each is at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    /// Connections that are open at once.
    connections: NonZeroU32,
    /// The same from one address. Behind a proxy all come from its own.
    connections_per_peer: NonZeroU32,
    /// How long a connection may wait for a whole head of a request, in seconds.
    idle_seconds: NonZeroU32,
    /// How long an answer may wait for a reader that takes next to nothing of it, in seconds.
    stalled_seconds: NonZeroU32,
    /// Streams of events that are open at once.
    streams: NonZeroU32,
    /// The same of one principal.
    streams_per_principal: NonZeroU32,
    /// Files that are being uploaded at once.
    uploads: NonZeroU32,
    /// The same of one principal.
    uploads_per_principal: NonZeroU32,
    /// Requests of one principal in a second, on average, over HTTP and NATS together.
    requests_per_second: NonZeroU32,
    /// Requests of one principal at once, where it was still before.
    requests_burst: NonZeroU32,
    /// KiB of files of one principal in a second, on average, and of its messages over NATS.
    upload_kib_per_second: NonZeroU32,
    /// KiB at once, where it was still before. A larger file costs all of it.
    upload_kib_burst: NonZeroU32,
}

const fn number(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: number(4096),
            connections_per_peer: number(512),
            idle_seconds: number(30),
            stalled_seconds: number(30),
            streams: number(1024),
            streams_per_principal: number(16),
            uploads: number(32),
            uploads_per_principal: number(4),
            requests_per_second: number(100),
            requests_burst: number(400),
            upload_kib_per_second: number(4096),
            upload_kib_burst: number(65_536),
        }
    }
}

impl Limits {
    /// Those of a listener.
    pub(crate) fn of_http(&self) -> http_api::limits::Limits {
        let count = |number: NonZeroU32| usize::try_from(number.get()).unwrap_or(usize::MAX);
        let seconds = |number: NonZeroU32| Duration::from_secs(number.get().into());
        http_api::limits::Limits {
            connections: count(self.connections),
            connections_per_peer: count(self.connections_per_peer),
            idle: seconds(self.idle_seconds),
            stalled: seconds(self.stalled_seconds),
            streams: count(self.streams),
            streams_per_principal: count(self.streams_per_principal),
            uploads: count(self.uploads),
            uploads_per_principal: count(self.uploads_per_principal),
        }
    }

    /// How many connections can be open at once, on both listeners.
    pub(crate) fn descriptors(&self) -> u64 {
        u64::from(self.connections.get()).saturating_mul(2)
    }

    /// How often a principal may ask.
    pub(crate) const fn rate(&self) -> Rate {
        Rate {
            per_second: self.requests_per_second,
            burst: self.requests_burst,
            kib_per_second: self.upload_kib_per_second,
            kib_burst: self.upload_kib_burst,
        }
    }
}

#[cfg(test)]
mod tests {
    use figment::Figment;
    use figment::providers::{Format as _, Toml};

    use super::*;

    fn read(keys: &str) -> Result<Limits, String> {
        Figment::from(Toml::string(keys)).extract().map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_set_is_as_the_listener_has_it() {
        assert_eq!(read("").unwrap().of_http(), http_api::limits::Limits::default());
    }

    #[test]
    fn a_limit_is_a_whole_number_from_one() {
        assert_eq!(read("connections = 1").unwrap().of_http().connections, 1);
        for wrong in ["connections = 0", "idle_seconds = -1", "streams = 1.5", "uploads = 4294967296"] {
            let refused = read(wrong).unwrap_err();
            let key = wrong.split(' ').next().unwrap();
            assert!(refused.contains(key), "{wrong}: {refused}");
        }
        assert!(read("conections = 1").unwrap_err().contains("unknown field"));
    }
}
