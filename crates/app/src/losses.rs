//! The epoch of the log, and where a reader has to go back to after a loss was accepted.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use kernel::{Actor, Event as _, Position, Recorded, StreamId, Version};
use process::Losses;
use process::loss::LossEvent;

use crate::authorise::{READ_EVENTS, authorise_row};
use crate::error::AHEAD;
use crate::event::read_as;
use crate::fault::{self, Sabotage};
use crate::memory::{Seen, catch_up};
use crate::port::EventLog;
use crate::{App, Error, registry};

/// Where a reader is: as text `EPOCH:POSITION`, or the position alone where it does not know the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The epoch in which it came there.
    pub epoch: Option<u32>,
    /// The last event that it has.
    pub position: Position,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.epoch {
            Some(epoch) => write!(f, "{epoch}:{}", self.position),
            None => self.position.fmt(f),
        }
    }
}

/// A text is no [`Mark`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a place in the log is EPOCH:POSITION, or a position alone: numbers from 0")]
pub struct NoMark;

impl FromStr for Mark {
    type Err = NoMark;

    fn from_str(text: &str) -> Result<Self, NoMark> {
        let (epoch, position) = text.split_once(':').map_or((None, text), |(epoch, position)| (Some(epoch), position));
        let epoch = epoch.map(|epoch| number(epoch)?.try_into().ok().ok_or(NoMark)).transpose()?;
        Ok(Self { epoch, position: Position(number(position)?) })
    }
}

/// Logs count in signed 64-bit numbers.
fn number(text: &str) -> Result<u64, NoMark> {
    let number = kernel::text::read_number(text).filter(|number| i64::try_from(*number).is_ok());
    number.ok_or(NoMark)
}

/// The stream of losses that were accepted.
pub fn stream() -> StreamId {
    StreamId::new("log", registry::single_id("log"))
}

/// The losses that were accepted in a log.
///
/// # Errors
/// Where they cannot be read.
pub async fn read(log: &dyn EventLog) -> Result<Losses, Error> {
    let seen: Arc<Seen<Losses>> = catch_up(log, Arc::default(), registry::single_id("log")).await?;
    Ok(Arc::unwrap_or_clone(seen).state)
}

/// The epoch that begins with an event, if it says that a loss was accepted.
pub fn begun_by(event: &Recorded) -> Option<u32> {
    if event.stream.category() != LossEvent::CATEGORY {
        return None;
    }
    read_as::<LossEvent>(event).ok().map(|LossEvent::LossAccepted(loss)| loss.epoch)
}

/// How often losses were accepted: the version of their stream.
pub fn accepted(losses: &Losses) -> Version {
    Version(u32::try_from(losses.count()).unwrap_or(u32::MAX))
}

/// Where a reader and the log part, if they do: `None` where the log has everything that the reader has.
///
/// # Errors
/// Where the head of the log cannot be read.
async fn parts_at(log: &dyn EventLog, losses: &Losses, mark: Mark) -> Result<Option<Position>, Error> {
    let Mark { epoch: Some(epoch), position } = mark else { return Ok(None) };
    if fault::is_sabotaged(Sabotage::EpochIgnored) {
        return Ok(None);
    }
    if epoch > losses.epoch() {
        return Ok(Some(log.head().await?.min(position)));
    }
    Ok(losses.common_with(epoch).filter(|common| position > *common))
}

impl App {
    /// The epoch of the log for a reader that is at a place in it.
    ///
    /// # Errors
    /// [`Error::Ahead`] where the reader has events that are not in the log, or has others at these positions;
    /// [`Error::Forbidden`] where the actor may not read the log.
    pub async fn epoch(&self, by: &Actor, mark: Mark) -> Result<u32, Error> {
        // Only who may read the log hears how far it goes.
        authorise_row(by, &READ_EVENTS)?;
        let log = &*self.ports.log;
        let losses = read(log).await?;
        let (at, epoch) = (mark.position, losses.epoch());
        self.epoch.saw(epoch);
        if let Some(position) = parts_at(log, &losses, mark).await? {
            return Err(Error::Ahead { at, position, epoch });
        }
        // What has committed is at most what was seen of it; the log is asked only where that does not do.
        if at > *self.committed().borrow() {
            let head = log.head().await?;
            if at > head {
                // Who names its epoch has everything that is left of it, or was sent back above.
                let lost = losses.common_with(0).filter(|_| mark.epoch.is_none());
                let position = lost.map_or(head, |common| common.min(head));
                return Err(Error::Ahead { at, position, epoch });
            }
        }
        Ok(epoch)
    }

    /// The epoch of the log, as it was at most a second ago: asked for by every stream that is open, and read once for all of them.
    ///
    /// # Errors
    /// Where the log cannot be read.
    pub async fn epoch_lately(&self) -> Result<u32, Error> {
        if let Some(epoch) = self.epoch.seen() {
            return Ok(epoch);
        }
        let epoch = read(&*self.ports.log).await?.epoch();
        self.epoch.saw(epoch);
        Ok(epoch)
    }

    /// Refuses to go on with a list whose page before shows events that the log has lost since.
    pub(crate) async fn refuse_lost(&self, mark: Mark) -> Result<(), Error> {
        let losses = read(&*self.ports.log).await?;
        match parts_at(&*self.ports.log, &losses, mark).await? {
            None => Ok(()),
            Some(common) => Err(lost_since(common)),
        }
    }
}

/// The answer to who goes on with a list of events that are gone.
pub(crate) fn lost_since(common: Position) -> Error {
    let detail = format!(
        "the page before shows what is lost since: events after position {common}; begin again without `beyond`"
    );
    Error::Refused { status: 409, code: AHEAD, detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_back_from_its_text() {
        for (text, epoch, position) in [("0:0", Some(0), 0), ("3:42", Some(3), 42), ("42", None, 42)] {
            let mark = Mark { epoch, position: Position(position) };
            assert_eq!((text.parse(), mark.to_string().as_str()), (Ok(mark), text));
        }
        let most = "4294967295:9223372036854775807";
        assert_eq!(most.parse::<Mark>().map(|mark| mark.to_string()).as_deref(), Ok(most));
        for bad in [
            "",
            ":",
            "1:",
            ":1",
            "-1",
            "+1",
            "1:+1",
            "1:-1",
            " 1",
            "1:2:3",
            "4294967296:1",
            "9223372036854775808",
            "one",
        ] {
            assert_eq!(bad.parse::<Mark>(), Err(NoMark), "{bad}");
        }
    }
}
