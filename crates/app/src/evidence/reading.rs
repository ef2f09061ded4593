//! Who may read a file, and what is known of it.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use chrono::{DateTime, Utc};
use kernel::digest::Digest;
use kernel::evidence::named_in;
use kernel::view::Order;
use kernel::{Actor, EventId, Evidence, Position, Sealed, StreamId, Version, envelope};
use process::{NamedEvidence, NamedEvidenceRow};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{owner, passing};
use crate::authorise::{READ_CAPTURE, READ_EVIDENCE, authorise_row};
use crate::kind::Kind;
use crate::port::evidence_store::{Captured, Pieces};
use crate::port::{Query, VaultError, ViewSpec};
use crate::query::PAGE_ROWS_MAX;
use crate::{App, Error, registry};

/// How long a reader waits until it is known what names a file.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often it is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A file that an aggregate names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NamedFile {
    /// SHA-256 of the file's bytes: what `GET /evidence/{sha256}` takes.
    pub sha256: Digest,
    /// Media type, for example `image/jpeg`.
    pub media_type: String,
    /// Size in bytes.
    pub size: u64,
    /// The event that names it.
    pub event: EventId,
    /// The stored name of that event.
    pub r#type: String,
    /// The version of the aggregate with that event.
    pub version: Version,
    /// When it was named.
    pub at: DateTime<Utc>,
    /// Who named it.
    pub by: String,
}

/// Every file that an aggregate names, in the order of its events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NamedFiles {
    pub items: Vec<NamedFile>,
}

/// What a file told of its maker before that was taken out of it, for whoever verifies.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Captures {
    /// One for each of its senders whose file told something.
    pub items: Vec<Capture>,
}

/// What the file of one sender told.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Capture {
    /// Who sent it.
    pub by: String,
    /// When it was sent.
    pub sent_at: DateTime<Utc>,
    /// SHA-256 of what was sent.
    pub original_sha256: Digest,
    /// When it was taken, as its camera says, for example `2026:03:02 09:15:00+08:00`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<String>,
    /// Longitude in WGS 84.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longitude: Option<f64>,
    /// Latitude in WGS 84.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latitude: Option<f64>,
}

/// What names a file, as far as the view follows.
pub(super) struct Named {
    pub(super) rows: Vec<NamedEvidenceRow>,
    pub(super) position: Position,
}

impl App {
    /// What is known of a file, for who may read it.
    ///
    /// # Errors
    /// The same for a file that does not exist and for one that the actor may not read.
    pub async fn find_evidence(&self, by: &Actor, sha256: Digest) -> Result<Evidence, Error> {
        authorise_row(by, &READ_EVIDENCE)?;
        let (owner, since) = (owner(by), Instant::now());
        loop {
            // First: what is named by then is in the view, or it is looked at again.
            let head = self.ports.log.head().await?;
            let named = self.named(sha256).await?;
            for row in &named.rows {
                if self.reaches_history(by, &row.stream).await? {
                    return Ok(row.evidence.clone());
                }
            }
            let is_own_still = named.rows.iter().all(|row| !row.owners.contains(&owner));
            if is_own_still {
                let uploads = self.ports.uploads.of(sha256).await?;
                if let Some(own) = uploads.into_iter().find(|upload| upload.owner == owner) {
                    return Ok(own.evidence);
                }
            }
            if named.position >= head {
                return Err(missing(sha256));
            }
            if since.elapsed() > PATIENCE {
                return Err(passing("read who may read a file", "the view of what names files is behind").into());
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// A part of a file that was found.
    ///
    /// # Errors
    /// Where it was changed, or is not there although something names it.
    pub async fn read_evidence(&self, found: &Evidence, range: Range<u64>) -> Result<Pieces, Error> {
        self.ports.evidence.read(found.sha256, range).await?.ok_or_else(|| missing(found.sha256))
    }

    /// Every file that an aggregate names, from the log itself: for who may read its history.
    ///
    /// # Errors
    /// Where there is no such aggregate, or the actor may not read it.
    pub async fn evidence_of(&self, by: &Actor, kind: &dyn Kind, id: Uuid) -> Result<NamedFiles, Error> {
        self.reach_history(by, kind, id).await?;
        let recorded = self.ports.log.stream(&StreamId::new(kind.category(), id), Version(0)).await?;
        let mut items = Vec::new();
        for event in recorded {
            let read = envelope::decode(&event.bytes).map_err(|error| Error::Unreadable(error.to_string()))?;
            let named = named_in(read.data.get()).into_iter();
            items.extend(named.map(|Evidence { sha256, media_type, size }| NamedFile {
                sha256,
                media_type,
                size,
                event: event.id,
                r#type: event.kind.clone(),
                version: event.version,
                at: event.time,
                by: read.actorid.clone().into_owned(),
            }));
        }
        Ok(NamedFiles { items })
    }

    /// What a file told of when and where it was taken, for who verifies what names it.
    ///
    /// # Errors
    /// The same for a file that does not exist and for one of which the actor may not know that.
    pub async fn captures(&self, by: &Actor, sha256: Digest) -> Result<Captures, Error> {
        authorise_row(by, &READ_CAPTURE)?;
        let mut owners = BTreeSet::new();
        for row in self.named(sha256).await?.rows {
            if self.reaches_history(by, &row.stream).await? {
                owners.extend(row.owners);
            }
        }
        if owners.is_empty() {
            return Err(missing(sha256));
        }
        let mut items = Vec::new();
        for upload in self.ports.uploads.of(sha256).await? {
            let Some(sealed) = upload.captured.filter(|_| owners.contains(&upload.owner)) else { continue };
            let Some(captured) = self.open_capture(&sealed).await? else { continue };
            let Captured { at, longitude, latitude } = captured;
            let (by, sent_at, original_sha256) = (upload.by, upload.at, upload.original);
            items.push(Capture { by, sent_at, original_sha256, taken_at: at, longitude, latitude });
        }
        Ok(Captures { items })
    }

    /// What was sealed of a file; `None` where its key was erased.
    async fn open_capture(&self, sealed: &str) -> Result<Option<Captured>, Error> {
        let unreadable = |error: &dyn std::fmt::Display| Error::Unreadable(format!("what a file told: {error}"));
        let sealed: Sealed = serde_json::from_str(sealed).map_err(|error| unreadable(&error))?;
        let key = match self.ports.vault.key(sealed.person).await {
            Ok(Some(key)) => key,
            Ok(None) | Err(VaultError::Erased(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let opened = sealed.open(&key).map_err(|error| unreadable(&error))?;
        serde_json::from_str(&opened).map(Some).map_err(|error| unreadable(&error))
    }

    /// Everything that names a file.
    pub(super) async fn named(&self, sha256: Digest) -> Result<Named, Error> {
        let (spec, mut rows, mut beyond) = (ViewSpec::of::<NamedEvidence>(), Vec::new(), None);
        loop {
            let equal = vec![("sha256", sha256.to_string())];
            let query = Query { equal, order: Order::Ascending, beyond, limit: PAGE_ROWS_MAX };
            let page = self.ports.views.find(&spec, &query).await?;
            for row in page.rows {
                let read = serde_json::from_str(&row.doc);
                rows.push(read.map_err(|error| Error::Unreadable(format!("row {} of a view: {error}", row.key)))?);
            }
            beyond = page.next;
            if beyond.is_none() {
                return Ok(Named { rows, position: page.position });
            }
        }
    }

    /// Whether an actor may read the history of what has this stream.
    pub(super) async fn reaches_history(&self, by: &Actor, stream: &StreamId) -> Result<bool, Error> {
        let reached = self.reach_history(by, registry::kind(stream.category())?, stream.id()).await;
        match reached {
            Ok(()) => Ok(true),
            Err(Error::Forbidden { .. } | Error::NotFound { .. } | Error::Refused { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn missing(sha256: Digest) -> Error {
    Error::NotFound { what: format!("evidence {sha256}") }
}
