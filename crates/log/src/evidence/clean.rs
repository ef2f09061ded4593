//! What a file tells of its maker is taken out before it is kept: where a camera was and when, whose it is, earlier versions of the
//! picture, and whatever stands behind its end. What a player needs is copied as it is; nothing is decoded.
//!
//! Each format is walked from its head to its end, with the parts that are kept named and all others left out. A file that is not
//! whole is refused, and so is one whose lengths do not fit.
//!
//! INVARIANT: no more than one part of 64 KiB is in memory, whatever lengths a file claims.

mod exif;
mod jpeg;
mod mp4;
mod png;
mod webp;

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write};

use app::port::evidence_store::Captured;

use super::media_type::MediaType;

/// Bytes that are read and written at once, and the most of one part that is read for what it says.
const PIECE_BYTES: usize = 64 * 1024;

/// Why a file was not cleaned.
#[derive(Debug, thiserror::Error)]
pub(super) enum CleanError {
    /// It is not what it says, or not whole.
    #[error("{0}")]
    Broken(&'static str),
    /// It could not be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Copies a file without what it tells of its maker. Returns what that was; `None` where the file is kept as it came.
pub(super) fn clean(media_type: MediaType, from: &File, to: &File) -> Result<Option<Captured>, CleanError> {
    let mut parts = Parts::of(from)?;
    let mut out = BufWriter::with_capacity(PIECE_BYTES, to);
    let captured = match media_type {
        MediaType::Jpeg => jpeg::clean(&mut parts, &mut out)?,
        MediaType::Png => png::clean(&mut parts, &mut out)?,
        MediaType::Webp => {
            let (captured, size) = webp::clean(&mut parts, &mut out)?;
            put_at(&mut out, webp::SIZE_AT, &size.to_le_bytes())?;
            captured
        }
        MediaType::Mp4 => {
            let found = mp4::look(&mut parts)?;
            Parts::of(from)?.copy_all(&mut out)?;
            for at in &found.names {
                put_at(&mut out, *at, b"free")?;
            }
            for (at, length) in &found.zeros {
                out.seek(SeekFrom::Start(*at))?;
                io::copy(&mut io::repeat(0).take(*length), &mut out)?;
            }
            found.captured
        }
        MediaType::Pdf => return Ok(None),
    };
    out.flush()?;
    Ok(Some(captured))
}

/// Writes over what was written.
fn put_at(out: &mut BufWriter<&File>, at: u64, bytes: &[u8]) -> Result<(), CleanError> {
    out.seek(SeekFrom::Start(at))?;
    Ok(out.write_all(bytes)?)
}

/// A file, read part by part. Nothing beyond its end is ever asked for.
pub(super) struct Parts<'a> {
    file: BufReader<&'a File>,
    /// Bytes that are not read yet.
    left: u64,
}

/// What a file whose parts reach beyond its end is told.
const CUT: CleanError = CleanError::Broken("the file breaks off in the middle");

impl<'a> Parts<'a> {
    fn of(mut file: &'a File) -> Result<Self, CleanError> {
        let left = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(0))?;
        Ok(Self { file: BufReader::with_capacity(PIECE_BYTES, file), left })
    }

    fn left(&self) -> u64 {
        self.left
    }

    fn take(&mut self, length: u64) -> Result<(), CleanError> {
        self.left = self.left.checked_sub(length).ok_or(CUT)?;
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CleanError> {
        self.take(N as u64)?;
        let mut bytes = [0; N];
        self.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn byte(&mut self) -> Result<u8, CleanError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    fn skip(&mut self, length: u64) -> Result<(), CleanError> {
        self.take(length)?;
        Ok(self.file.seek_relative(i64::try_from(length).map_err(|_| CUT)?)?)
    }

    fn copy(&mut self, length: u64, out: &mut dyn Write) -> Result<(), CleanError> {
        self.take(length)?;
        let copied = io::copy(&mut self.file.by_ref().take(length), &mut Out(out))?;
        if copied == length { Ok(()) } else { Err(CUT) }
    }

    fn copy_all(&mut self, out: &mut dyn Write) -> Result<(), CleanError> {
        self.copy(self.left, out)
    }

    /// A part as a whole, unless it is longer than anything that is read; it is skipped then.
    fn whole(&mut self, length: u64) -> Result<Option<Vec<u8>>, CleanError> {
        match usize::try_from(length) {
            Ok(length) if length <= PIECE_BYTES => {
                self.take(length as u64)?;
                let mut bytes = vec![0; length];
                self.file.read_exact(&mut bytes)?;
                Ok(Some(bytes))
            }
            _ => self.skip(length).map(|()| None),
        }
    }
}

/// A writer behind a reference, for `io::copy`.
struct Out<'a>(&'a mut dyn Write);

impl Write for Out<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests;
