//! The trace context of a request (W3C Trace Context), read the same way at every door.

/// Reads a `traceparent`. `None` where it is broken or of zeros: the context is dropped then and the request goes on
/// (W3C Trace Context, section 3.2.2).
///
/// Only version 00 is known. The parts that a later version shares with it are taken, and recorded as version 00.
pub fn traceparent(text: &str) -> Option<String> {
    let (version, rest) = (text.get(..2)?, text.get(2..)?);
    let known = rest.get(..53)?;
    let has_more = rest.len() > known.len();
    let is_fit = match version {
        "00" => !has_more,
        "ff" => false,
        // What a later version adds begins with a hyphen.
        later => is_hex(later) && (!has_more || rest.as_bytes().get(53) == Some(&b'-')),
    };
    let mut parts = known.split('-');
    let none = parts.next()?;
    let (trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?);
    let is_whole = none.is_empty() && parts.next().is_none() && (trace.len(), parent.len(), flags.len()) == (32, 16, 2);
    let names_something = |id: &str| id.bytes().any(|byte| byte != b'0');
    let is_read = is_whole && [trace, parent, flags].into_iter().all(is_hex);
    (is_fit && is_read && names_something(trace) && names_something(parent)).then(|| format!("00{known}"))
}

/// Whether a text is of lower-case hexadecimal digits.
fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_kept_whole_or_dropped() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(traceparent(good).as_deref(), Some(good));
        for later in [
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        ] {
            assert_eq!(traceparent(later).as_deref(), Some(good), "{later}");
        }
        for bad in [
            "",
            "00",
            "00-1-2-3",
            "none",
            "静安寺",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 ",
            "00-0af7651916cd43dd8448eb211c80319-cb7ad6b7169203331-01",
            "0g-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(traceparent(bad), None, "{bad:?}");
        }
    }
}
