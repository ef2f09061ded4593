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
        let found = infer::get(bytes).map_or("something else", |kind| kind.mime_type());
        if found == media_type.as_str() {
            return Ok(media_type);
        }
        Err(EvidenceError::TypeMismatch { declared: essence, found: found.to_owned() })
    }
}
