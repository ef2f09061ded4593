//! Files: who may send them, who may read them, and until when they are kept.
//!
//! A file belongs to whoever sent it, or to their department, until something names it. From then on it is read with the rights of
//! what names it, and kept for good. What is beyond the reach of who asks is answered as what does not exist.

mod naming;
mod reading;
mod sweep;

use chrono::{DateTime, Utc};
use kernel::digest::Digest;
use kernel::evidence::owner_of;
use kernel::{Actor, Evidence, PersonId, PersonKey, PersonalField, Sealed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::authorise::{UPLOAD_EVIDENCE, authorise_row};
use crate::port::Failure;
use crate::port::evidence_store::{Captured, Pieces, Received};
use crate::port::scanner::Verdict;
pub use crate::port::uploads::Keeping;
use crate::port::uploads::{Entered, Exceeded, Quotas, Upload};
use crate::{App, Error};

pub use reading::{Capture, Captures, NamedFile, NamedFiles};

/// A file that was sent, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Uploaded {
    /// SHA-256 of what is kept: the name by which commands name it.
    pub sha256: Digest,
    /// Media type, for example `image/jpeg`.
    pub media_type: String,
    /// Size of what is kept, in bytes.
    pub size: u64,
    /// SHA-256 of what was sent, before place, time and the like were taken out of it.
    pub original_sha256: Digest,
    /// When it is removed, unless something names it by then.
    pub unnamed_until: DateTime<Utc>,
}

impl App {
    /// Takes a file in. It belongs to its sender, or to the sender's department, until something names it.
    ///
    /// # Errors
    /// What is no whole file of a type that is taken, what a scanner finds harmful, and more than may be sent in a day.
    pub async fn put_evidence(&self, by: &Actor, media_type: &str, file: Pieces) -> Result<Uploaded, Error> {
        authorise_row(by, &UPLOAD_EVIDENCE)?;
        let Keeping { unnamed, quotas } = self.settings.keeping;
        let department = by.department().cloned();
        let now = self.ports.clock.now();
        // Before anything is read: whoever has sent enough costs nothing more.
        let exceeded = self.ports.uploads.exceeded(&by.id, department.as_ref(), now, quotas).await?;
        exceeded.map_or(Ok(()), |whose| Err(quota_spent(whose, quotas)))?;
        let received = self.ports.evidence.receive(media_type, file).await?;
        self.scan(&*received).await?;
        let (evidence, original) = (received.evidence().clone(), received.original());
        let until = now.checked_add_signed(unnamed).unwrap_or(now);
        let owner = owner(by);
        let captured = self.seal_capture(evidence.sha256, &owner, received.captured()).await?;
        let upload = Upload {
            evidence: evidence.clone(),
            owner: owner.clone(),
            by: by.id.clone(),
            department,
            original,
            received: received.bytes(),
            captured,
            at: now,
            until: Some(until),
        };
        let entered = self.ports.uploads.enter(&upload, quotas).await?;
        match entered {
            Entered::New | Entered::Again => {}
            Entered::BeingRemoved => return Err(passing("take a file in", "the same file is being removed").into()),
            Entered::Exceeded(whose) => return Err(quota_spent(whose, quotas)),
        }
        if let Err(error) = received.keep().await {
            if entered == Entered::New {
                self.ports.uploads.remove(evidence.sha256, &owner).await?;
            }
            return Err(error.into());
        }
        let Evidence { sha256, media_type, size } = evidence;
        Ok(Uploaded { sha256, media_type, size, original_sha256: original, unnamed_until: until })
    }

    async fn scan(&self, received: &dyn Received) -> Result<(), Error> {
        let Some(scanner) = &self.ports.scanner else { return Ok(()) };
        match scanner.scan(received.sent()?).await? {
            Verdict::Clean => Ok(()),
            Verdict::Harmful(name) => {
                tracing::warn!(file.sha256 = %received.original(), found = name, "a harmful file was refused");
                let detail = format!("the scanner found {name} in the file; it was not kept");
                Err(Error::Refused { status: 422, code: "evidence-harmful", detail })
            }
        }
    }

    /// Seals what a file told of its maker under a key of its own; `None` where it told nothing.
    async fn seal_capture(&self, sha256: Digest, owner: &str, captured: &Captured) -> Result<Option<String>, Error> {
        if captured.is_empty() {
            return Ok(None);
        }
        let now = self.ports.clock.now().timestamp_micros();
        let of = PersonId::named(&format!("evidence/{sha256}/{owner}/{now}"));
        let entropy = &*self.ports.entropy;
        let key = self.ports.vault.keep(of, &PersonKey::generate(entropy)).await?;
        let sealed = serde_json::to_string(captured)
            .map(|captured| Sealed::seal(of, PersonalField::Capture, &captured, &key, entropy))
            .and_then(|sealed| serde_json::to_string(&sealed));
        sealed.map(Some).map_err(|error| Error::Unreadable(error.to_string()))
    }
}

/// Whose an actor's files are until something names them.
fn owner(by: &Actor) -> String {
    owner_of(&by.id, &by.scope.to_string()).to_owned()
}

fn quota_spent(whose: Exceeded, quotas: Quotas) -> Error {
    let (whose, bytes) = match whose {
        Exceeded::Principal => ("you", quotas.principal_bytes),
        Exceeded::Department => ("your department", quotas.department_bytes),
    };
    Error::UploadsSpent { whose, bytes }
}

fn passing(operation: &'static str, reason: &str) -> Failure {
    Failure { operation, reason: reason.to_owned(), passing: true }
}
