//! Small files that pass for what shows something: photos and minutes.

/// A PNG of one pixel.
const PIXEL: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0, 1, 8, 6,
    0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 13, b'I', b'D', b'A', b'T', 0x78, 0x9c, 0x62, 0, 1, 0, 0, 5, 0, 1, 0x0d,
    0x0a, 0x2d, 0xb4, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82,
];

/// A file to upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its media type.
    pub media_type: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A photo of something. What it shows stands behind the picture, so that no two are the same file.
pub fn photo(shows: &str) -> File {
    File { media_type: "image/png", bytes: [PIXEL, shows.as_bytes()].concat() }
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
}
