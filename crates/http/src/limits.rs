//! How much of one process a caller may take, and all of them together (docs/security.md, "Limits").

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::problem::Fault;

/// The limits of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections that are open at once.
    pub connections: usize,
    /// The same from one address, or from one network /64 of IPv6.
    pub connections_per_peer: usize,
    /// How long a connection may wait for a whole head of a request: a new one, and one between two requests.
    pub idle: Duration,
    /// How long an answer may wait for a reader that takes less than [`TAKEN_BYTES_MIN`](crate::server) of it.
    pub stalled: Duration,
    /// Streams of events that are open at once.
    pub streams: usize,
    /// The same of one principal.
    pub streams_per_principal: usize,
    /// Files that are being uploaded at once.
    pub uploads: usize,
    /// The same of one principal.
    pub uploads_per_principal: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            connections_per_peer: 512,
            idle: Duration::from_secs(30),
            stalled: Duration::from_secs(30),
            streams: 1024,
            streams_per_principal: 16,
            uploads: 32,
            uploads_per_principal: 4,
        }
    }
}

/// Where a request comes from, as the connection says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct From(pub(crate) IpAddr);

/// Who is inside, at most so many in all and so many of each.
#[derive(Debug)]
pub(crate) struct Crowd<K> {
    /// What they are, as callers call it.
    what: &'static str,
    all: usize,
    each: usize,
    inside: Mutex<Inside<K>>,
}

#[derive(Debug)]
struct Inside<K> {
    all: usize,
    each: HashMap<K, usize>,
}

/// Why nobody else is let in now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    All(usize),
    Each(usize),
}

/// A place inside, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place<K: Eq + Hash> {
    crowd: Arc<Crowd<K>>,
    who: K,
}

impl<K: Clone + Eq + Hash> Crowd<K> {
    pub(crate) fn new(what: &'static str, all: usize, each: usize) -> Arc<Self> {
        Arc::new(Self { what, all, each, inside: Mutex::new(Inside { all: 0, each: HashMap::new() }) })
    }

    /// Lets somebody in.
    pub(crate) fn enter(self: &Arc<Self>, who: K) -> Result<Place<K>, Full> {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        if inside.all >= self.all {
            return Err(Full::All(self.all));
        }
        let own = inside.each.get(&who).copied().unwrap_or_default();
        if own >= self.each {
            return Err(Full::Each(self.each));
        }
        inside.each.insert(who.clone(), own.saturating_add(1));
        inside.all = inside.all.saturating_add(1);
        drop(inside);
        Ok(Place { crowd: Arc::clone(self), who })
    }

    /// Lets a caller in, or tells them why not.
    pub(crate) fn admit(self: &Arc<Self>, who: K) -> Result<Place<K>, Fault> {
        self.enter(who).map_err(|full| match full {
            Full::All(most) => Fault::Crowded { what: self.what, most },
            Full::Each(most) => Fault::TooMany { what: self.what, most },
        })
    }
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut inside = self.crowd.inside.lock().unwrap_or_else(PoisonError::into_inner);
        inside.all = inside.all.saturating_sub(1);
        let own = inside.each.get(&self.who).copied().unwrap_or_default().saturating_sub(1);
        if own == 0 {
            inside.each.remove(&self.who);
        } else if let Some(count) = inside.each.get_mut(&self.who) {
            *count = own;
        }
    }
}

/// Whom an address stands for: itself, or in IPv6 its network /64, which one machine may use as a whole.
pub(crate) fn peer_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_it_is_left() {
        let crowd = Crowd::new("streams", 3, 2);
        let first = crowd.enter("a").unwrap();
        let second = crowd.enter("a").unwrap();
        assert_eq!(crowd.enter("a").unwrap_err(), Full::Each(2));
        let third = crowd.enter("b").unwrap();
        assert_eq!(crowd.enter("b").unwrap_err(), Full::All(3));
        drop(first);
        let again = crowd.enter("b").unwrap();
        drop((second, third, again));
        assert!(crowd.inside.lock().unwrap().each.is_empty(), "who has left is forgotten");
        assert_eq!(crowd.inside.lock().unwrap().all, 0);
    }

    #[test]
    fn who_has_too_many_hears_429_and_who_comes_to_a_full_house_503() {
        let crowd = Crowd::new("streams", 2, 1);
        let _first = crowd.enter("a").unwrap();
        let told = |who| {
            let problem = crowd.admit(who).unwrap_err().problem();
            (problem.status, problem.code, problem.retry_after)
        };
        assert_eq!(told("a"), (429, "too-many-at-once".to_owned(), Some(1)));
        let _second = crowd.enter("b").unwrap();
        assert_eq!(told("c"), (503, "crowded".to_owned(), Some(1)));
    }

    #[test]
    fn one_machine_is_one_peer() {
        let peer = |text: &str| peer_of(text.parse().unwrap()).to_string();
        assert_eq!(peer("192.0.2.7"), "192.0.2.7");
        assert_eq!(peer("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(peer("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_ne!(peer("2001:db8:1:3::1"), peer("2001:db8:1:2::1"));
    }
}
