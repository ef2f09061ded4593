//! Has small packets sent at once.
//!
//! sqlx 0.9.0 leaves Nagle's algorithm on, and gives nobody its sockets (launchbadge/sqlx issue 4335). Whatever is sent in two pieces, like the
//! end of a `copy`, then waits 40 ms for an acknowledgement that the server delays: a rebuild of sixty views spent nine tenths of
//! its time in that. So the sockets are found among the files of this process. Where that is not allowed, everything works, but
//! slower. This goes as soon as sqlx sets the option itself.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::{SocketAddrAny, getpeername, sockopt};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

/// Has the sockets of this process that are connected to a port of a server send at once.
pub(super) fn send_at_once(port: u16) {
    if let Err(error) = sockets_to(port).map(|sockets| sockets.iter().for_each(set)) {
        tracing::debug!(%error, "the sockets to PostgreSQL keep small packets back: writes of views take longer");
    }
}

fn set(socket: &OwnedFd) {
    if let Err(error) = sockopt::set_tcp_nodelay(socket, true) {
        tracing::debug!(%error, "a socket to PostgreSQL keeps small packets back");
    }
}

/// Other handles of the same sockets: what is set on one holds for all.
fn sockets_to(port: u16) -> std::io::Result<Vec<OwnedFd>> {
    let this = pidfd_open(getpid(), PidfdFlags::empty())?;
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        let entry = entry?;
        let is_socket =
            fs::read_link(entry.path()).is_ok_and(|to| to.as_os_str().as_encoded_bytes().starts_with(b"socket:"));
        let Some(number) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if !is_socket {
            continue;
        }
        // One that was closed in between is no trouble.
        let Ok(socket) = pidfd_getfd(this.as_fd(), number, PidfdGetfdFlags::empty()) else { continue };
        if peer_port(&socket) == Some(port) {
            found.push(socket);
        }
    }
    Ok(found)
}

fn peer_port(socket: &OwnedFd) -> Option<u16> {
    let peer: SocketAddrAny = getpeername(socket).ok()??;
    std::net::SocketAddr::try_from(peer).ok().map(|peer| peer.port())
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn the_sockets_to_a_server_send_at_once_and_others_are_left_alone() {
        let (server, other) = (listener(), listener());
        let to = |listener: &TcpListener| TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (first, second, foreign) = (to(&server), to(&server), to(&other));
        send_at_once(server.local_addr().unwrap().port());
        let at_once = [&first, &second, &foreign].map(|stream| stream.nodelay().unwrap());
        assert_eq!(at_once, [true, true, false]);
    }

    fn listener() -> TcpListener {
        TcpListener::bind("127.0.0.1:0").unwrap()
    }
}
