//! WebP (RFC 9649): the chunks that a decoder needs, and the colour profile.

use std::io::Write;

use app::port::evidence_store::Captured;

use super::{CleanError, Parts, exif};

/// Chunks that are kept.
const KEPT: [&[u8; 4]; 7] = [b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"];
/// The flags of `VP8X` that say that there is Exif, and XMP.
const TOLD_OF: u8 = 0x08 | 0x04;

/// Where the size stands that the head tells.
pub(super) const SIZE_AT: u64 = 4;

/// Copies the picture without Exif, XMP and what follows its end. Returns also the size that its head must tell, which is known only
/// then.
pub(super) fn clean(parts: &mut Parts<'_>, out: &mut dyn Write) -> Result<(Captured, u32), CleanError> {
    let (riff, size, webp): ([u8; 4], [u8; 4], [u8; 4]) = (parts.array()?, parts.array()?, parts.array()?);
    let mut inside = u64::from(u32::from_le_bytes(size)).saturating_sub(4);
    if riff != *b"RIFF" || webp != *b"WEBP" || inside > parts.left() {
        return Err(CleanError::Broken("a WebP whose head does not fit its size"));
    }
    out.write_all(b"RIFF\0\0\0\0WEBP")?;
    let (mut captured, mut has_picture, mut written) = (Captured::default(), false, 4_u32);
    while inside > 0 {
        let (name, length): ([u8; 4], [u8; 4]) = (parts.array()?, parts.array()?);
        let size = u64::from(u32::from_le_bytes(length));
        let padded = size.saturating_add(size % 2);
        inside = inside.checked_sub(padded.saturating_add(8)).ok_or(super::CUT)?;
        match &name {
            b"EXIF" => {
                let content = parts.whole(padded)?.unwrap_or_default();
                let content = content.strip_prefix(b"Exif\0\0".as_slice()).unwrap_or(&content);
                captured = captured.or(exif::read(content).captured);
                continue;
            }
            name if KEPT.contains(&name) => {}
            _ => {
                parts.skip(padded)?;
                continue;
            }
        }
        has_picture |= matches!(&name, b"VP8 " | b"VP8L" | b"ANMF");
        out.write_all(&name)?;
        out.write_all(&length)?;
        if name == *b"VP8X" {
            let mut content = parts.whole(padded)?.filter(|content| content.len() >= 10);
            let content = content.as_mut().ok_or(CleanError::Broken("a WebP whose head cannot be read"))?;
            if let Some(flags) = content.first_mut() {
                *flags &= !TOLD_OF;
            }
            out.write_all(content)?;
        } else {
            parts.copy(padded, out)?;
        }
        let more = u32::try_from(padded.saturating_add(8)).map_err(|_| super::CUT)?;
        written = written.checked_add(more).ok_or(super::CUT)?;
    }
    if !has_picture {
        return Err(CleanError::Broken("a WebP without a picture in it"));
    }
    Ok((captured, written))
}
