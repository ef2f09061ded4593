//! A connection that does not wait for ever for who takes its answer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// How much of an answer has to be taken in the time that it may wait, in bytes. Less is a reader that holds it on purpose, or is gone.
pub(super) const TAKEN_BYTES_MIN: usize = 16 * 1024;

/// What a connection ends with whose answer nobody takes.
const NOT_TAKEN: &str = "the answer was not taken in time";

/// A connection whose writes have to go on.
pub(super) struct Patient<C> {
    connection: C,
    patience: Duration,
    /// Since a write had to wait, until it went on.
    waiting: Option<Pin<Box<Sleep>>>,
    taken: usize,
}

impl<C> Patient<C> {
    pub(super) const fn new(connection: C, patience: Duration) -> Self {
        Self { connection, patience, waiting: None, taken: 0 }
    }

    /// Notes how a write of `offered` bytes ended. One that waits too long ends the connection.
    fn note(
        &mut self,
        context: &mut Context<'_>,
        offered: usize,
        polled: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(written)) = &polled {
            self.taken = self.taken.saturating_add(*written);
            if *written == offered || self.taken >= TAKEN_BYTES_MIN {
                self.waiting = None;
            }
            return polled;
        }
        if polled.is_pending() {
            if self.waiting.is_none() {
                self.taken = 0;
            }
            let waiting = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.patience)));
            ready!(waiting.as_mut().poll(context));
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, NOT_TAKEN)));
        }
        polled
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for Patient<C> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_read(context, buffer)
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for Patient<C> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.connection).poll_write(context, bytes);
        self.note(context, bytes.len(), polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.connection).poll_write_vectored(context, pieces);
        let offered = pieces.iter().fold(0_usize, |sum, piece| sum.saturating_add(piece.len()));
        self.note(context, offered, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.connection.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(200);

    #[tokio::test]
    async fn who_takes_nothing_is_left_and_who_takes_enough_is_waited_for() {
        let (near, far) = duplex(64);
        let mut patient = Patient::new(near, PATIENCE);
        let ended = tokio::time::timeout(PATIENCE * 10, patient.write_all(&[0; 1024])).await.expect("it ends");
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
        drop(far);

        let (near, mut far) = duplex(TAKEN_BYTES_MIN);
        let mut patient = Patient::new(near, PATIENCE);
        let whole = vec![0; TAKEN_BYTES_MIN * 6];
        let reading = async {
            let mut piece = vec![0; TAKEN_BYTES_MIN];
            for _ in 0..6 {
                tokio::time::sleep(PATIENCE / 2).await;
                far.read_exact(&mut piece).await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(patient.write_all(&whole), reading);
        written.expect("longer than the patience in all, and never longer without progress");
    }

    #[tokio::test]
    async fn who_takes_a_byte_now_and_then_is_left_too() {
        let (near, mut far) = duplex(64);
        let mut patient = Patient::new(near, PATIENCE);
        let dripping = async {
            loop {
                tokio::time::sleep(PATIENCE / 20).await;
                if far.read_u8().await.is_err() {
                    return;
                }
            }
        };
        let writing = async {
            let ended = tokio::time::timeout(PATIENCE * 10, patient.write_all(&[0; 4096])).await;
            ended.expect("it ends").unwrap_err().kind()
        };
        tokio::select! {
            kind = writing => assert_eq!(kind, io::ErrorKind::TimedOut),
            () = dripping => panic!("the writer ends first"),
        }
    }

    /// A wait of long ago does not count against a reader that has caught up since.
    #[tokio::test]
    async fn a_reader_that_caught_up_begins_anew() {
        let (near, mut far) = duplex(64);
        let mut patient = Patient::new(near, PATIENCE);
        let mut taken = [0; 128];
        for _ in 0..2 {
            let (written, read) = tokio::join!(patient.write_all(&[0; 128]), async {
                tokio::time::sleep(PATIENCE / 4).await;
                far.read_exact(&mut taken).await
            });
            written.unwrap();
            read.unwrap();
            tokio::time::sleep(PATIENCE * 2).await;
        }
    }
}
