//! The accepted media types, and what the bytes themselves say.

use app::port::EvidenceError;

/// An accepted media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MediaType {
    Jpeg,
    Png,
    Webp,
    Pdf,
    Mp4,
}

impl MediaType {
    pub(super) const ALL: [MediaType; 5] =
        [MediaType::Jpeg, MediaType::Png, MediaType::Webp, MediaType::Pdf, MediaType::Mp4];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            MediaType::Jpeg => "image/jpeg",
            MediaType::Png => "image/png",
            MediaType::Webp => "image/webp",
            MediaType::Pdf => "application/pdf",
            MediaType::Mp4 => "video/mp4",
        }
    }

    pub(super) const fn extension(self) -> &'static str {
        match self {
            MediaType::Jpeg => "jpg",
            MediaType::Png => "png",
            MediaType::Webp => "webp",
            MediaType::Pdf => "pdf",
            MediaType::Mp4 => "mp4",
        }
    }

    /// The declared type, if it is accepted and the bytes begin like it. Parameters after `;` are ignored.
    pub(super) fn checked(declared: &str, bytes: &[u8]) -> Result<Self, EvidenceError> {
        let essence = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let known = Self::ALL.into_iter().find(|media_type| media_type.as_str() == essence);
        let Some(media_type) = known else {
            return Err(EvidenceError::TypeNotTaken(essence.chars().take(80).collect()));
        };
        let found = seen(bytes);
        if found == media_type.as_str() {
            return Ok(media_type);
        }
        Err(EvidenceError::TypeMismatch { declared: essence, found: found.to_owned() })
    }
}

/// Fewer bytes than the head of any file that is taken, whatever the first ones look like.
const HEAD_BYTES: usize = 12;

/// The media type that the bytes themselves show.
fn seen(bytes: &[u8]) -> &'static str {
    if bytes.len() < HEAD_BYTES {
        return "something else";
    }
    if is_mp4(bytes) {
        return MediaType::Mp4.as_str();
    }
    infer::get(bytes).map_or("something else", |kind| kind.mime_type())
}

/// Brands of ISO 14496-12 and -14 that every player of MP4 reads. Cameras and telephones put one of their own first and name one
/// of these as compatible.
const MP4_BRANDS: [&[u8; 4]; 18] = [
    b"isom", b"iso2", b"iso3", b"iso4", b"iso5", b"iso6", b"iso7", b"iso8", b"iso9", b"isoa", b"isob", b"isoc",
    b"mp41", b"mp42", b"mp71", b"avc1", b"M4V ", b"dash",
];

/// Major brands of pictures and of sound, which may name the same compatible ones.
const OTHER_BRANDS: [&[u8; 4]; 16] = [
    b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis", b"crx ", b"M4A ",
    b"M4B ", b"M4P ", b"F4A ", b"F4B ",
];

/// Whether the first box names a brand of MP4: as its own, or as compatible.
fn is_mp4(bytes: &[u8]) -> bool {
    let Some((size, rest)) = bytes.split_first_chunk::<4>() else { return false };
    let size = u32::from_be_bytes(*size) as usize;
    let Some(brands) = rest.strip_prefix(b"ftyp").filter(|_| size.is_multiple_of(4)) else { return false };
    // Size and name of the box come before the brands; the box must be there as a whole.
    let Some(brands) = size.checked_sub(8).and_then(|length| brands.get(..length)) else { return false };
    let (brands, _) = brands.as_chunks::<4>();
    let [major, _version, compatible @ ..] = brands else { return false };
    let is_of_mp4 = |brand: &[u8; 4]| MP4_BRANDS.contains(&brand);
    !OTHER_BRANDS.contains(&major) && (is_of_mp4(major) || compatible.iter().any(is_of_mp4))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first box of a file with a major brand and compatible ones.
    fn film(brands: &[&[u8; 4]]) -> Vec<u8> {
        let (major, compatible) = brands.split_first().unwrap();
        let size = u32::try_from(16 + 4 * compatible.len()).unwrap().to_be_bytes();
        let mut bytes = [&size[..], b"ftyp", *major, &[0; 4]].concat();
        for brand in compatible {
            bytes.extend_from_slice(*brand);
        }
        bytes
    }

    fn verdict(declared: &str, bytes: &[u8]) -> Result<MediaType, String> {
        MediaType::checked(declared, bytes).map_err(|error| match error {
            EvidenceError::TypeMismatch { found, .. } => found,
            other => other.to_string(),
        })
    }

    #[test]
    fn a_film_is_known_by_a_compatible_brand() {
        for brands in [
            &[b"isom", b"iso2", b"avc1", b"mp41"][..],
            &[b"mp42"],
            &[b"isoa"],
            &[b"isoc", b"dash"],
            &[b"XAVC", b"mp42"],
            &[b"MSNV", b"isom"],
            &[b"3gp5", b"3gp4", b"isom"],
            &[b"qt  ", b"mp42"],
            &[b"iso5", b"dash"],
            &[b"abcd", b"efgh", b"iso6"],
        ] {
            assert_eq!(verdict("video/mp4", &film(brands)), Ok(MediaType::Mp4), "{brands:?}");
        }
        for brands in [
            &[b"qt  ", b"qt  "][..],
            &[b"F4A ", b"mp42"],
            &[b"F4B ", b"isom"],
            &[b"heic", b"mif1", b"iso8"],
            &[b"avif", b"mif1", b"iso8"],
            &[b"M4A ", b"mp42"],
        ] {
            let found = verdict("video/mp4", &film(brands)).unwrap_err();
            assert_ne!(found, "video/mp4", "{brands:?}");
        }
        let mut cut = film(&[b"XAVC", b"mp42"]);
        cut.truncate(18);
        assert_eq!(verdict("video/mp4", &cut), Err("something else".to_owned()));
    }

    #[test]
    fn what_is_no_whole_head_of_a_file_is_nothing() {
        let heads: [(&str, &[u8]); 4] = [
            ("image/jpeg", b"\xff\xd8\xff"),
            ("image/png", b"\x89PNG\r\n\x1a\n"),
            ("application/pdf", b"%PDF-1.7"),
            ("video/mp4", b"\0\0\0\x08ftyp"),
        ];
        for (declared, head) in heads {
            for length in 0..=head.len() {
                assert_eq!(verdict(declared, &head[..length]), Err("something else".to_owned()), "{declared} {length}");
            }
        }
        assert_eq!(verdict("image/jpeg", b"a text of some length"), Err("something else".to_owned()));
        assert_eq!(verdict("image/jpeg", b"\xff\xd8\xff\xe0 a photo"), Ok(MediaType::Jpeg));
        assert_eq!(verdict("image/jpeg", b"\x89PNG\r\n\x1a\n photo"), Err("image/png".to_owned()));
    }
}
