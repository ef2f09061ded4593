//! A file that proves something: a photo before or after, the minutes of a meeting.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// What an event holds of a file: enough to notice that the file was changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// SHA-256 of the file's bytes; also the name under which it is kept.
    pub sha256: Digest,
    /// Media type, for example `image/jpeg`.
    pub media_type: String,
    /// Size in bytes.
    pub size: u64,
}

/// The file that the examples of commands name: whoever uploads it can give them as they stand.
pub const EXAMPLE: &[u8] = b"\x89PNG\r\n\x1a\n photo";

/// Largest file that is taken: 20 MiB.
pub const SIZE_BYTES_MAX: u64 = 20 * 1024 * 1024;
