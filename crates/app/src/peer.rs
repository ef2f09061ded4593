//! Which peers are on this machine: whatever is not is spoken to over TLS with a verified certificate, or not at all.

use std::net::IpAddr;
use std::path::PathBuf;

/// With which certificates a peer is spoken to: paths of PEM files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// The authority that signed the peer's certificate; those that the web trusts if absent.
    pub authority: Option<PathBuf>,
    /// Our own certificate and its private key, where the peer asks for one.
    pub client: Option<(PathBuf, PathBuf)>,
}

impl Tls {
    /// Whether the connection is protected although the peer is on this machine.
    pub const fn is_asked(&self) -> bool {
        self.authority.is_some() || self.client.is_some()
    }
}

/// Whether a host is this machine itself: `localhost`, or an address of the loopback. Other names are not looked up: where they lead may change.
pub fn is_here(host: &str) -> bool {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let is_loopback = |address: IpAddr| address.to_canonical().is_loopback();
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(is_loopback)
}

/// Whether an address of the form `scheme://host…` leads elsewhere in clear: its scheme is not this one, and its host not this machine.
pub fn is_in_clear(url: &str, protected: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return true };
    if scheme.eq_ignore_ascii_case(protected) {
        return false;
    }
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    let place = authority.rsplit('@').next().unwrap_or_default();
    let host = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => place.split(':').next().unwrap_or_default(),
    };
    !is_here(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_the_loopback_and_nothing_that_looks_like_it() {
        for here in ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1", "[::1]", "::ffff:127.0.0.1"] {
            assert!(is_here(here), "{here}");
        }
        let elsewhere = [
            "",
            "db",
            "localhost.example",
            "127.0.0.1.example",
            "0.0.0.0",
            "::",
            "10.0.0.1",
            "169.254.0.1",
            "128.0.0.1",
            "localhost.",
            "127.1",
            "2130706433",
            "0x7f.0.0.1",
        ];
        for host in elsewhere {
            assert!(!is_here(host), "{host}");
        }
    }

    #[test]
    fn only_another_machine_without_tls_is_in_clear() {
        for fine in [
            "https://collector.example/v1/traces",
            "HTTPS://collector.example",
            "http://127.0.0.1:4318/v1/traces",
            "http://[::1]:4318",
            "http://user:secret@localhost:9000/bucket",
        ] {
            assert!(!is_in_clear(fine, "https"), "{fine}");
        }
        for clear in [
            "http://collector.example/v1/traces",
            "http://localhost@collector.example/",
            "http://collector.example/@localhost",
            "http://localhost.example",
            "ftp://127.0.0.2.example",
            "collector:4318",
            "",
        ] {
            assert!(is_in_clear(clear, "https"), "{clear}");
        }
    }
}
