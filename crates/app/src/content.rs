//! What a body says of itself: its media type and its codings. Every door reads it here.

/// Why a body cannot be taken as it says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// Nothing here would undo the coding.
    #[error("send the body as it is, without Content-Encoding: nothing is decompressed here")]
    Coded,
    /// Its text is not in UTF-8.
    #[error("send text in UTF-8, whatever the charset of Content-Type says")]
    Charset,
    /// A command is JSON.
    #[error("send a body of JSON, with Content-Type: application/json")]
    NotJson,
}

impl NotTaken {
    /// The stable code, of a problem with status 415.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Coded => "content-encoding-not-taken",
            Self::Charset | Self::NotJson => "unsupported-media-type",
        }
    }
}

/// The media type of a body without its parameters, in lower case; `None` where none is declared.
///
/// # Errors
/// [`NotTaken::Coded`] for a body that is compressed, [`NotTaken::Charset`] for text that is not in UTF-8.
pub fn media_type(declared: Option<&str>, codings: &[&str]) -> Result<Option<String>, NotTaken> {
    let codings = codings.iter().flat_map(|line| line.split(','));
    if codings.map(str::trim).any(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return Err(NotTaken::Coded);
    }
    let Some(declared) = declared else { return Ok(None) };
    let mut parts = declared.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let charset = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.eq_ignore_ascii_case("charset").then(|| value.trim_matches('"'))
    });
    match charset {
        Some(charset) if !charset.eq_ignore_ascii_case("utf-8") && !charset.eq_ignore_ascii_case("us-ascii") => {
            Err(NotTaken::Charset)
        }
        _ => Ok(Some(essence).filter(|essence| !essence.is_empty())),
    }
}

/// Whether a media type is JSON.
pub fn is_json(media_type: &str) -> bool {
    media_type == "application/json" || (media_type.starts_with("application/") && media_type.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_plain_and_in_utf_8() {
        for good in ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""] {
            assert_eq!(media_type(Some(good), &["Identity"]), Ok(Some("application/json".to_owned())), "{good}");
        }
        assert_eq!((media_type(None, &[]), media_type(Some(""), &[])), (Ok(None), Ok(None)));
        for bad in ["application/json; charset=gbk", "application/json; a=b; Charset=utf-16"] {
            assert_eq!(media_type(Some(bad), &[]), Err(NotTaken::Charset), "{bad}");
        }
        for bad in ["gzip", "br", "identity, gzip", "x", ""] {
            assert_eq!(media_type(None, &[bad]), Err(NotTaken::Coded), "{bad}");
        }
    }
}
