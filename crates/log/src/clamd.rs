//! A scanner that speaks the protocol of clamd: `INSTREAM` over TCP or a unix socket.
//!
//! INVARIANT: only `stream: OK` is nothing found; whatever else is answered, the file is not kept.

use std::time::Duration;

use app::port::Failure;
use app::port::evidence_store::Pieces;
use app::port::scanner::{Scanner, Verdict};
use async_trait::async_trait;
use futures::StreamExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use crate::error::OpenError;
use crate::failure::chain;

/// How long the scanner may take for one file.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 1024;
const OPERATION: &str = "ask the scanner";

/// Where clamd listens.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Tcp(String),
    Unix(String),
}

/// clamd, on a connection for each file.
#[derive(Clone, Debug)]
pub struct Clamd {
    place: Place,
}

impl Clamd {
    /// The one at `tcp://HOST:PORT` or `unix:///PATH`. Nothing is asked yet.
    ///
    /// # Errors
    /// Another form.
    pub fn at(url: &str) -> Result<Self, OpenError> {
        let refused = || OpenError::Scanner { url: url.to_owned() };
        let place = match url.split_once("://") {
            Some(("tcp", place)) => {
                let (host, port) = place.rsplit_once(':').ok_or_else(refused)?;
                let is_port = port.parse::<u16>().is_ok_and(|port| port > 0);
                (!host.is_empty() && is_port).then(|| Place::Tcp(place.to_owned())).ok_or_else(refused)?
            }
            Some(("unix", path)) if path.starts_with('/') => Place::Unix(path.to_owned()),
            _ => return Err(refused()),
        };
        Ok(Self { place })
    }

    async fn ask(&self, file: Pieces) -> std::io::Result<String> {
        match &self.place {
            Place::Tcp(place) => exchange(TcpStream::connect(place).await?, file).await,
            Place::Unix(path) => exchange(UnixStream::connect(path).await?, file).await,
        }
    }
}

/// Sends a file in chunks, each after its length, and reads the one answer.
async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, mut file: Pieces) -> std::io::Result<String> {
    stream.write_all(b"zINSTREAM\0").await?;
    let mut sent = Ok(());
    while let Some(piece) = file.next().await {
        let piece = piece?;
        let length = u32::try_from(piece.len()).map_err(std::io::Error::other)?;
        sent = stream.write_all(&length.to_be_bytes()).await;
        if sent.is_ok() {
            sent = stream.write_all(&piece).await;
        }
        if sent.is_err() {
            // It has heard enough, and may have said why.
            break;
        }
    }
    if sent.is_ok() {
        stream.write_all(&[0; 4]).await?;
        stream.flush().await?;
    }
    let mut answer = Vec::new();
    let read = stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await;
    if answer.is_empty() {
        read?;
        sent?;
    }
    Ok(String::from_utf8_lossy(&answer).trim_matches(['\0', '\n', ' ']).to_owned())
}

/// What an answer says; `None` for one that is no verdict.
fn verdict(answer: &str) -> Option<Verdict> {
    let said = answer.strip_prefix("stream: ")?;
    if said == "OK" {
        return Some(Verdict::Clean);
    }
    let name = said.strip_suffix(" FOUND")?;
    // It is told to the caller, and so it is a name and no text.
    let name: String = name.chars().filter(char::is_ascii_graphic).take(100).collect();
    Some(Verdict::Harmful(if name.is_empty() { "something harmful".to_owned() } else { name }))
}

#[async_trait]
impl Scanner for Clamd {
    async fn scan(&self, file: Pieces) -> Result<Verdict, Failure> {
        let away = |reason: String| {
            tracing::warn!(reason, "the scanner gave no verdict, and the file was not kept");
            Failure { operation: OPERATION, reason, passing: true }
        };
        let answer = timeout(PATIENCE, self.ask(file)).await;
        let answer = answer.map_err(|_| away("it did not answer in time".to_owned()))?;
        let answer = answer.map_err(|source| away(chain(&source)))?;
        verdict(&answer).ok_or_else(|| away(format!("it answered {}", answer.escape_default())))
    }
}

#[cfg(test)]
mod tests {
    use app::port::evidence_store::pieces_of;
    use tokio::net::{TcpListener, UnixListener};

    use super::*;

    #[test]
    fn only_a_verdict_is_one() {
        assert_eq!(verdict("stream: OK"), Some(Verdict::Clean));
        assert_eq!(verdict("stream: Eicar-Test FOUND"), Some(Verdict::Harmful("Eicar-Test".into())));
        assert_eq!(verdict("stream:  FOUND"), Some(Verdict::Harmful("something harmful".into())));
        for none in ["", "OK", "stream: ", "stream: ok", "INSTREAM size limit exceeded. ERROR", "stream: x ERROR"] {
            assert_eq!(verdict(none), None, "{none:?}");
        }
    }

    #[test]
    fn a_scanner_is_named_by_its_place() {
        for good in ["tcp://127.0.0.1:3310", "tcp://scanner:3310", "tcp://[::1]:3310", "unix:///run/clamd.sock"] {
            assert!(Clamd::at(good).is_ok(), "{good}");
        }
        for bad in
            ["", "127.0.0.1:3310", "tcp://", "tcp://host", "tcp://:3310", "tcp://host:0", "tcp://host:x", "unix://run"]
        {
            assert!(matches!(Clamd::at(bad), Err(OpenError::Scanner { .. })), "{bad}");
        }
    }

    /// A scanner for one file: it reads all of it, or only so much, and answers.
    async fn answering(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &'static [u8]) -> Vec<u8> {
        let mut begin = [0; 10];
        stream.read_exact(&mut begin).await.unwrap();
        assert_eq!(&begin, b"zINSTREAM\0");
        let mut file = Vec::new();
        loop {
            let length = stream.read_u32().await.unwrap();
            if length == 0 {
                break;
            }
            let mut piece = vec![0; length.try_into().unwrap()];
            stream.read_exact(&mut piece).await.unwrap();
            file.extend(piece);
        }
        stream.write_all(answer).await.unwrap();
        file
    }

    #[tokio::test]
    async fn a_file_is_sent_whole_and_its_verdict_read_over_both_kinds_of_sockets() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clamd.sock");
        let (tcp, unix) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), UnixListener::bind(&path).unwrap());
        let at_tcp = Clamd::at(&format!("tcp://{}", tcp.local_addr().unwrap())).unwrap();
        let at_unix = Clamd::at(&format!("unix://{}", path.display())).unwrap();
        let file = || pieces_of(vec![7; 300_000].into());
        let (seen, said) = tokio::join!(
            async { answering(tcp.accept().await.unwrap().0, b"stream: OK\0").await },
            at_tcp.scan(file())
        );
        assert_eq!((seen.len(), said.unwrap()), (300_000, Verdict::Clean));
        let (_, said) = tokio::join!(
            async { answering(unix.accept().await.unwrap().0, b"stream: Win.Test FOUND\0").await },
            at_unix.scan(file())
        );
        assert_eq!(said.unwrap(), Verdict::Harmful("Win.Test".into()));
        let (_, said) = tokio::join!(
            async { answering(unix.accept().await.unwrap().0, b"INSTREAM size limit exceeded. ERROR\0").await },
            at_unix.scan(file())
        );
        let failure = said.unwrap_err();
        assert!(failure.passing && failure.reason.contains("size limit"), "{failure}");
        drop(tcp);
        let failure = at_tcp.scan(file()).await.unwrap_err();
        assert_eq!((failure.operation, failure.passing), (OPERATION, true), "a scanner that is away is no verdict");
    }

    #[tokio::test]
    async fn a_scanner_that_hangs_up_gives_no_verdict() {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scanner = Clamd::at(&format!("tcp://{}", tcp.local_addr().unwrap())).unwrap();
        let (accepted, said) = tokio::join!(tcp.accept(), async {
            let file = pieces_of(vec![7; 30].into());
            // Nobody reads; the other side is closed below.
            tokio::time::timeout(Duration::from_millis(200), scanner.scan(file)).await
        });
        drop(accepted.unwrap());
        let waited = matches!(said, Err(tokio::time::error::Elapsed { .. }));
        assert!(waited, "it is waited for");
        let ((), said) = tokio::join!(async { drop(tcp.accept().await.unwrap()) }, scanner.scan(pieces_of("a".into())));
        assert_eq!(said.unwrap_err().operation, OPERATION);
    }
}
