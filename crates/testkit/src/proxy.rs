//! A TCP proxy that loses answers: between a program and its server, on the loopback interface.
//!
//! The fault that matters most for a log is an answer that is lost after the commit. The proxy knows enough of
//! PostgreSQL's protocol to do exactly that; what it looks for is a [`Watch`], so other protocols can be watched too.

mod connection;
mod frames;
mod postgres;

pub use postgres::AppendWatch;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Looks at what one connection carries.
pub trait Watch: Send + 'static {
    /// Whether the bytes that a client sends complete a request of the kind that is looked for.
    fn request(&mut self, bytes: &[u8]) -> bool;

    /// Whether the bytes that the server sends complete an answer. Called for everything it sends.
    fn answer(&mut self, bytes: &[u8]) -> bool;
}

/// Forwards and looks for nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoWatch;

impl Watch for NoWatch {
    fn request(&mut self, _bytes: &[u8]) -> bool {
        false
    }

    fn answer(&mut self, _bytes: &[u8]) -> bool {
        false
    }
}

/// When a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// As soon as the request was handed to the server, which is perhaps still at work.
    Sent,
    /// When the server's whole answer is there; the client gets nothing of it.
    Answered,
}

/// What all connections share.
#[derive(Debug)]
struct Shared {
    /// Where new connections are forwarded to.
    target: Mutex<SocketAddr>,
    /// The request to cut at, counted from now on.
    armed: Mutex<Option<(u64, Cut)>>,
    /// How many connections were cut at a request.
    cuts: watch::Sender<u64>,
    weather: watch::Sender<Weather>,
    /// Raised to cut all connections that there are.
    generation: watch::Sender<u64>,
}

/// What is done to everything that is forwarded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Weather {
    is_stalled: bool,
    delay: Duration,
}

impl Shared {
    fn target(&self) -> SocketAddr {
        *self.target.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Called for each request of the kind that is looked for.
    fn on_request(&self) -> Option<Cut> {
        let mut armed = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, cut) = armed.take()?;
        if left <= 1 {
            return Some(cut);
        }
        *armed = Some((left - 1, cut));
        None
    }
}

/// A running proxy. Dropped, it cuts everything and listens no longer.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Held for its end only.
    _listener: JoinSet<()>,
}

impl Proxy {
    /// Listens at a free port and forwards to `target`; each connection gets a watch of its own.
    pub async fn start<W: Watch>(target: SocketAddr, watch: impl Fn() -> W + Send + 'static) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no free port for a proxy")?;
        let address = listener.local_addr().context("a bound port has no address")?;
        let shared = Arc::new(Shared {
            target: Mutex::new(target),
            armed: Mutex::new(None),
            cuts: watch::Sender::new(0),
            weather: watch::Sender::new(Weather::default()),
            generation: watch::Sender::new(0),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&shared), watch));
        Ok(Self { address, shared, _listener: tasks })
    }

    /// In front of a PostgreSQL on the loopback interface, watching for appends to the log.
    pub async fn before_postgres(port: u16) -> anyhow::Result<Self> {
        Self::start((Ipv4Addr::LOCALHOST, port).into(), AppendWatch::default).await
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leads to another server on the loopback interface from now on: every connection there is gets cut, as by an address that
    /// moves.
    pub fn lead_to(&self, port: u16) {
        let target = (Ipv4Addr::LOCALHOST, port).into();
        *self.shared.target.lock().unwrap_or_else(PoisonError::into_inner) = target;
        self.cut_all();
    }

    /// Cuts the connection of the `nth` request from now on of the kind that is looked for: 1 is the next one.
    ///
    /// Replaces what was armed before.
    pub fn cut_at(&self, nth: u64, cut: Cut) {
        *self.shared.armed.lock().unwrap_or_else(PoisonError::into_inner) = Some((nth, cut));
    }

    /// Cuts at nothing any more.
    pub fn disarm(&self) {
        self.shared.armed.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// How many connections were cut at a request since the start.
    pub fn cuts(&self) -> u64 {
        *self.shared.cuts.borrow()
    }

    /// Waits until so many connections were cut at a request.
    pub async fn wait_for_cuts(&self, count: u64, patience: Duration) -> anyhow::Result<()> {
        let mut cuts = self.shared.cuts.subscribe();
        let waited = tokio::time::timeout(patience, cuts.wait_for(|cuts| *cuts >= count)).await;
        waited
            .with_context(|| format!("waited {patience:?}, but not yet: {count} cuts"))?
            .context("the proxy is gone")?;
        Ok(())
    }

    /// Cuts every connection there is, whatever it is doing. New ones are welcome.
    pub fn cut_all(&self) {
        self.shared.generation.send_modify(|generation| *generation += 1);
    }

    /// Nothing comes through, and nothing breaks off: a server, or a network, that hangs. The server does not hear of new
    /// connections either: PostgreSQL would wait a minute for what they have to say, also when it is to stop.
    pub fn stall(&self) {
        self.shared.weather.send_modify(|weather| weather.is_stalled = true);
    }

    /// The end of [`Proxy::stall`].
    pub fn flow(&self) {
        self.shared.weather.send_modify(|weather| weather.is_stalled = false);
    }

    /// Everything is so much later, in both directions.
    pub fn delay(&self, delay: Duration) {
        self.shared.weather.send_modify(|weather| weather.delay = delay);
    }
}

async fn accept<W: Watch>(listener: TcpListener, shared: Arc<Shared>, watch: impl Fn() -> W + Send + 'static) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        // The finished ones are let go.
        while connections.try_join_next().is_some() {}
        let (shared, watch) = (Arc::clone(&shared), watch());
        connections.spawn(async move {
            let (mut weather, mut generation) = (shared.weather.subscribe(), shared.generation.subscribe());
            tokio::select! {
                () = connection::flowing(&mut weather) => {}
                _ = generation.changed() => return,
            }
            let target = shared.target();
            // A server that is away is seen by the client as a connection that closes at once.
            if let Ok(server) = TcpStream::connect(target).await {
                connection::forward(client, server, &shared, watch).await;
            }
        });
    }
}

#[cfg(test)]
mod tests;
