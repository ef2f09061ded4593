//! JPEG (ITU-T T.81): what a decoder needs, the colour profile, and how the picture is turned.

use std::io::Write;

use app::port::evidence_store::Captured;

use super::exif::{self, Exif};
use super::{CleanError, Parts};

const EXIF: &[u8] = b"Exif\0\0";
/// Length of a JFIF segment without a small picture in it, its length field included.
const JFIF_BYTES: u16 = 16;

/// Copies the picture without comments, Exif, XMP, earlier versions and what follows its end. How it is to be turned is kept.
pub(super) fn clean(parts: &mut Parts<'_>, out: &mut dyn Write) -> Result<Captured, CleanError> {
    if parts.array()? != [0xff, 0xd8] {
        return Err(CleanError::Broken("a JPEG begins with another marker"));
    }
    out.write_all(&[0xff, 0xd8])?;
    let mut captured = Captured::default();
    let (mut has_frame, mut has_scan) = (false, false);
    let mut marker = next_marker(parts)?;
    loop {
        match marker {
            0xd9 if has_frame && has_scan => {
                out.write_all(&[0xff, 0xd9])?;
                return Ok(captured);
            }
            0xd9 => return Err(CleanError::Broken("a JPEG without a picture in it")),
            0x00 | 0x01 | 0xd0..=0xd8 => return Err(CleanError::Broken("a JPEG with a marker where none belongs")),
            _ => {}
        }
        let length = u16::from_be_bytes(parts.array()?);
        let Some(content) = length.checked_sub(2) else {
            return Err(CleanError::Broken("a part of a JPEG is shorter than its own length"));
        };
        let content = parts.whole(content.into())?.unwrap_or_default();
        has_frame |= is_frame(marker);
        if marker == 0xe1 && content.starts_with(EXIF) {
            let read = exif::read(content.get(EXIF.len()..).unwrap_or_default());
            turned(&read, out)?;
            captured = captured.or(read.captured);
        } else if is_kept(marker, length, &content) {
            out.write_all(&[0xff, marker])?;
            out.write_all(&length.to_be_bytes())?;
            out.write_all(&content)?;
        }
        marker = if marker == 0xda {
            has_scan = true;
            copy_scan(parts, out)?
        } else {
            next_marker(parts)?
        };
    }
}

const fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc)
}

/// Tables, frames, scans; of the rest only what changes how the picture looks.
fn is_kept(marker: u8, length: u16, content: &[u8]) -> bool {
    match marker {
        0xc0..=0xcf | 0xda..=0xdf => true,
        0xe0 => content.starts_with(b"JFIF\0") && length == JFIF_BYTES,
        0xe2 => content.starts_with(b"ICC_PROFILE\0"),
        0xee => content.starts_with(b"Adobe"),
        _ => false,
    }
}

/// A marker, after any number of fill bytes.
fn next_marker(parts: &mut Parts<'_>) -> Result<u8, CleanError> {
    if parts.byte()? != 0xff {
        return Err(CleanError::Broken("a JPEG whose parts do not follow each other"));
    }
    loop {
        match parts.byte()? {
            0xff => {}
            marker => return Ok(marker),
        }
    }
}

/// Copies what a scan holds up to the marker after it, which is returned.
fn copy_scan(parts: &mut Parts<'_>, out: &mut dyn Write) -> Result<u8, CleanError> {
    loop {
        match parts.byte()? {
            0xff => match parts.byte()? {
                stuffed @ (0x00 | 0xd0..=0xd7) => out.write_all(&[0xff, stuffed])?,
                0xff => {
                    // Fill bytes before a marker.
                    loop {
                        match parts.byte()? {
                            0xff => {}
                            0x00 => return Err(CleanError::Broken("a scan of a JPEG cannot be read")),
                            marker => return Ok(marker),
                        }
                    }
                }
                marker => return Ok(marker),
            },
            byte => out.write_all(&[byte])?,
        }
    }
}

/// An Exif segment that says nothing but how the picture is turned; none for one that is not.
fn turned(read: &Exif, out: &mut dyn Write) -> Result<(), CleanError> {
    if let Some(orientation) = read.orientation.filter(|orientation| (2..=8).contains(orientation)) {
        let tiff = exif::only_orientation(orientation);
        let length = u16::try_from(tiff.len().saturating_add(EXIF.len()).saturating_add(2)).unwrap_or(u16::MAX);
        out.write_all(&[0xff, 0xe1])?;
        out.write_all(&length.to_be_bytes())?;
        out.write_all(EXIF)?;
        out.write_all(&tiff)?;
    }
    Ok(())
}
