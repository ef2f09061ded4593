//! Small files that pass for what shows something: photos and minutes.

/// A file to upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its media type.
    pub media_type: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A photo of something. What it shows are the grey values of its one line, so that no two are the same file.
pub fn photo(shows: &str) -> File {
    let width = u32::try_from(shows.len()).unwrap_or(u32::MAX).max(1);
    let head = [&width.to_be_bytes()[..], &1_u32.to_be_bytes(), &[8, 0, 0, 0, 0]].concat();
    let mut line = vec![0];
    line.extend_from_slice(if shows.is_empty() { b" " } else { shows.as_bytes() });
    let bytes =
        [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(*b"IHDR", &head), chunk(*b"IDAT", &stored(&line)), chunk(*b"IEND", &[])];
    File { media_type: "image/png", bytes: bytes.concat() }
}

fn chunk(name: [u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes();
    let named = [&name[..], content].concat();
    [&length[..], &named, &crc32(&named).to_be_bytes()].concat()
}

/// Bytes in the form of zlib (RFC 1950), not compressed.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut stored = vec![0x78, 0x01];
    let blocks = bytes.chunks(usize::from(u16::MAX));
    let last = blocks.len().saturating_sub(1);
    for (n, block) in blocks.enumerate() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        stored.push(u8::from(n == last));
        stored.extend(length.to_le_bytes());
        stored.extend((!length).to_le_bytes());
        stored.extend_from_slice(block);
    }
    let (low, high) = bytes.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    stored.extend((high << 16 | low).to_be_bytes());
    stored
}

/// The check sum of PNG.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 })
    })
}

/// The minutes of a meeting.
pub fn minutes(text: &str) -> File {
    let bytes = format!("%PDF-1.4\n% {text}\ntrailer << >>\n%%EOF\n").into_bytes();
    File { media_type: "application/pdf", bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_photos_are_never_one_file() {
        assert_ne!(photo("before"), photo("after"));
        assert_ne!(minutes("first"), minutes("second"));
    }

    #[test]
    fn a_photo_has_the_check_sums_that_decoders_ask_for() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        let photo = photo("a").bytes;
        assert!(photo.ends_with(b"\0\0\0\0IEND\xae\x42\x60\x82"));
        assert_eq!(stored(b"a")[2..], [1, 1, 0, 0xfe, 0xff, b'a', 0, 0x62, 0, 0x62]);
    }
}
