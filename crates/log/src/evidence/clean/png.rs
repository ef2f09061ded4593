//! PNG (third edition): the chunks that a decoder needs or that change how the picture looks.

use std::io::Write;

use app::port::evidence_store::Captured;

use super::{CleanError, Parts, exif};

const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// Chunks that are kept. No text, no Exif, no time, and nothing that this list does not know.
const KEPT: [&[u8; 4]; 20] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"pHYs", b"bKGD",
    b"hIST", b"acTL", b"fcTL", b"fdAT", b"cICP", b"mDCV", b"cLLI", b"sPLT",
];

/// Copies the picture without texts, Exif and what follows its end.
pub(super) fn clean(parts: &mut Parts<'_>, out: &mut dyn Write) -> Result<Captured, CleanError> {
    if parts.array()? != SIGNATURE {
        return Err(CleanError::Broken("a PNG begins with another signature"));
    }
    out.write_all(&SIGNATURE)?;
    let mut captured = Captured::default();
    let (mut is_first, mut has_picture) = (true, false);
    loop {
        let (length, name): ([u8; 4], [u8; 4]) = (parts.array()?, parts.array()?);
        let size = u64::from(u32::from_be_bytes(length));
        if !name.iter().all(u8::is_ascii_alphabetic) || is_first != (name == *b"IHDR") || (is_first && size != 13) {
            return Err(CleanError::Broken("a PNG whose parts do not follow each other"));
        }
        is_first = false;
        // The check sum comes after the content.
        let with_sum = size.saturating_add(4);
        match &name {
            b"IEND" if has_picture && size == 0 => {
                out.write_all(&length)?;
                out.write_all(&name)?;
                parts.copy(with_sum, out)?;
                return Ok(captured);
            }
            b"IEND" => return Err(CleanError::Broken("a PNG without a picture in it")),
            b"eXIf" => {
                let content = parts.whole(size)?.unwrap_or_default();
                parts.skip(4)?;
                captured = captured.or(exif::read(&content).captured);
            }
            name if KEPT.contains(&name) => {
                has_picture |= name == b"IDAT";
                out.write_all(&length)?;
                out.write_all(name)?;
                parts.copy(with_sum, out)?;
            }
            // A part that a decoder must know and this list does not.
            [b'A'..=b'Z', ..] => return Err(CleanError::Broken("a PNG with a part that no decoder knows")),
            _ => parts.skip(with_sum)?,
        }
    }
}
