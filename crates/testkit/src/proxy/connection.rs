//! One connection through the proxy.

use std::sync::{Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;

use super::{Cut, Shared, Watch, Weather};

/// How much is read at once.
const CHUNK: usize = 64 * 1024;

/// What both directions of a connection know of it.
struct Link<W> {
    watch: W,
    /// Set before the request is forwarded, so that no answer to it can slip through.
    cut: Option<Cut>,
}

/// Forwards both ways until one side closes or the connection is to be cut; then both sides are closed.
pub(super) async fn forward<W: Watch>(client: TcpStream, server: TcpStream, shared: &Shared, watch: W) {
    // Small messages are not to wait for one another.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let link = Mutex::new(Link { watch, cut: None });
    let mut generation = shared.generation.subscribe();
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let was_cut = tokio::select! {
        was_cut = requests(from_client, to_server, shared, &link) => was_cut,
        was_cut = answers(from_server, to_client, shared, &link) => was_cut,
        _ = generation.changed() => false,
    };
    if was_cut {
        shared.cuts.send_modify(|cuts| *cuts += 1);
    }
}

/// Whether it ended with a cut at a request.
async fn requests<W: Watch>(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    shared: &Shared,
    link: &Mutex<Link<W>>,
) -> bool {
    let mut weather = shared.weather.subscribe();
    let mut chunk = vec![0; CHUNK];
    loop {
        let Ok(count @ 1..) = from.read(&mut chunk).await else { return false };
        endure(&mut weather).await;
        let is_cut_here = {
            let mut link = link.lock().unwrap_or_else(PoisonError::into_inner);
            if link.cut.is_none() && link.watch.request(&chunk[..count]) {
                link.cut = shared.on_request();
            }
            link.cut == Some(Cut::Sent)
        };
        if to.write_all(&chunk[..count]).await.is_err() {
            return false;
        }
        if is_cut_here {
            return true;
        }
    }
}

/// Whether it ended with a cut at a request.
async fn answers<W: Watch>(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    shared: &Shared,
    link: &Mutex<Link<W>>,
) -> bool {
    let mut weather = shared.weather.subscribe();
    let mut chunk = vec![0; CHUNK];
    loop {
        let Ok(count @ 1..) = from.read(&mut chunk).await else { return false };
        endure(&mut weather).await;
        let (is_swallowed, is_whole) = {
            let mut link = link.lock().unwrap_or_else(PoisonError::into_inner);
            let is_whole = link.watch.answer(&chunk[..count]);
            (link.cut.is_some(), is_whole)
        };
        if is_swallowed {
            if is_whole {
                return true;
            }
        } else if to.write_all(&chunk[..count]).await.is_err() {
            return false;
        }
    }
}

async fn endure(weather: &mut watch::Receiver<Weather>) {
    let delay = weather.borrow().delay;
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    flowing(weather).await;
}

/// Waits while everything is stalled.
pub(super) async fn flowing(weather: &mut watch::Receiver<Weather>) {
    // A proxy that is gone takes its connections with it.
    let _ = weather.wait_for(|weather| !weather.is_stalled).await;
}
