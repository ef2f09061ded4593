//! Who uploaded what, and until when it is kept: the register of files that nothing names yet.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use kernel::digest::Digest;
use kernel::{DepartmentCode, Evidence};

use super::Failure;

/// A file of one owner. The same file of somebody else is another row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// What is kept.
    pub evidence: Evidence,
    /// Whose it is until something names it: [`kernel::evidence::owner_of`].
    pub owner: String,
    /// The id of whoever sent it.
    pub by: String,
    /// The department for which it was sent.
    pub department: Option<DepartmentCode>,
    /// The digest of what was sent, before anything was taken out of it.
    pub original: Digest,
    /// Bytes that were sent.
    pub received: u64,
    /// When it was sent last.
    pub at: DateTime<Utc>,
    /// What was taken out of it, sealed, as JSON.
    pub captured: Option<String>,
    /// When it may be removed, unless something names it by then; `None` once something does.
    pub until: Option<DateTime<Utc>>,
}

/// How many bytes may be sent in a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// By one principal.
    pub principal_bytes: u64,
    /// By everybody of one department together.
    pub department_bytes: u64,
}

/// How long files are kept that nothing names, and how many may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// How long a file is kept that nothing names.
    pub unnamed: TimeDelta,
    /// How many bytes may be sent in a day.
    pub quotas: Quotas,
}

impl Default for Keeping {
    fn default() -> Self {
        const GIB: u64 = 1024 * 1024 * 1024;
        let quotas = Quotas { principal_bytes: GIB, department_bytes: 10 * GIB };
        Self { unnamed: TimeDelta::hours(72), quotas }
    }
}

/// Whose bytes of a day were more than they may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exceeded {
    /// The principal's.
    Principal,
    /// Those of the department.
    Department,
}

/// How long a removal that was begun is left alone by others. Whoever began it ends it sooner, or leaves it to them.
pub const REMOVAL_LASTS: TimeDelta = TimeDelta::minutes(10);

/// What became of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entered {
    /// It is registered: its file may be put into the store.
    New,
    /// It was registered before, and lasts anew.
    Again,
    /// The same file is being removed in this moment.
    BeingRemoved,
    /// More than may be sent in a day; nothing was registered.
    Exceeded(Exceeded),
}

/// How far the removal of an upload may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// Somebody else has the same file: only the row went.
    RowGone,
    /// Nobody else has it, nor can get it until the row is gone: the file may be removed, and then the row.
    FileToo,
}

/// The register of uploads, beside the log.
///
/// A removal has three steps, so that no command can name a file while it goes: [`begin`](Uploads::begin_removal) hides the row,
/// the caller makes sure that nothing names the file, and [`continue`](Uploads::continue_removal) or
/// [`keep`](Uploads::keep) ends it.
#[async_trait]
pub trait Uploads: Send + Sync + 'static {
    /// Registers an upload; the same again of the same owner renews it. Checked and written in one transaction.
    async fn enter(&self, upload: &Upload, quotas: Quotas) -> Result<Entered, Failure>;
    /// Whether a principal, or everybody of its department, has sent as much as they may in the day before a moment.
    async fn exceeded(
        &self,
        by: &str,
        department: Option<&DepartmentCode>,
        now: DateTime<Utc>,
        quotas: Quotas,
    ) -> Result<Option<Exceeded>, Failure>;
    /// The upload of an owner, which is not removed before `until` from now on; `None` where there is none, or it is being removed.
    async fn hold(&self, sha256: Digest, owner: &str, until: DateTime<Utc>) -> Result<Option<Upload>, Failure>;
    /// Every upload of a file, by owner; of those that are being removed none.
    async fn of(&self, sha256: Digest) -> Result<Vec<Upload>, Failure>;
    /// Uploads that are over at a moment, the oldest first, and with them those whose removal did not come to its end.
    async fn over(&self, now: DateTime<Utc>, limit: u32) -> Result<Vec<Upload>, Failure>;
    /// Hides an upload that is over. False where it is not, not there, or being removed by somebody else.
    async fn begin_removal(&self, sha256: Digest, owner: &str, now: DateTime<Utc>) -> Result<bool, Failure>;
    /// Removes a hidden row where somebody else has the same file, or says that the file goes with it.
    async fn continue_removal(&self, sha256: Digest, owner: &str) -> Result<Leaving, Failure>;
    /// Removes a row.
    async fn remove(&self, sha256: Digest, owner: &str) -> Result<(), Failure>;
    /// Keeps an upload for good, also one whose removal was begun: something names it.
    async fn keep(&self, sha256: Digest, owner: &str) -> Result<(), Failure>;
}
