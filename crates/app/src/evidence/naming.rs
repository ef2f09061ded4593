//! Which files a command may name: its sender's own, and those that something names which the sender may read.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use kernel::digest::Digest;
use kernel::evidence::named_in;
use kernel::{Actor, Evidence, StreamId, Version, envelope};

use super::owner;
use crate::nameable::Nameable;
use crate::{App, Error, authorise};

/// Most files that are looked up: more than any command takes is refused by its decision.
const NAMED_MAX: usize = 64;
/// How long a file that a command is about to name is kept at least: longer than any command takes.
const HELD_FOR: TimeDelta = TimeDelta::hours(1);

impl App {
    /// The files of these digests that a command on an aggregate may name. Another one is left out, whether it exists or not.
    pub(crate) async fn nameable(
        &self,
        by: &Actor,
        of: &StreamId,
        digests: &[Digest],
    ) -> Result<BTreeMap<Digest, Evidence>, Error> {
        let (mut found, mut here) = (BTreeMap::new(), None);
        for sha256 in digests.iter().take(NAMED_MAX) {
            let evidence = match self.own(by, *sha256).await? {
                Some(evidence) => Some(evidence),
                None => self.named_to(by, of, *sha256, &mut here).await?,
            };
            found.extend(evidence.map(|evidence| (*sha256, evidence)));
        }
        Ok(found)
    }

    /// A file of the actor's own, which is not removed while the command is decided.
    async fn own(&self, by: &Actor, sha256: Digest) -> Result<Option<Evidence>, Error> {
        // The system names what somebody named before.
        if authorise::is_system(by) {
            return Ok(self.ports.evidence.find(sha256).await?);
        }
        let key = (owner(by), sha256);
        let held = self.ports.clock.now().checked_add_signed(HELD_FOR).unwrap_or_else(|| self.ports.clock.now());
        if let Some(known) = self.evidence.get(&key).filter(|known| known.until.is_none_or(|until| until >= held)) {
            return Ok(Some(known.evidence));
        }
        let Some(upload) = self.ports.uploads.hold(sha256, &key.0, held).await? else { return Ok(None) };
        // Registered before it was put into the store: it may not have come there.
        let Some(evidence) = self.ports.evidence.find(sha256).await? else { return Ok(None) };
        self.evidence.insert(key, Nameable { evidence: evidence.clone(), until: upload.until });
        Ok(Some(evidence))
    }

    /// A file that is named here, or elsewhere, where the actor may read that. What `here` names is read once, from the log itself:
    /// what was named a moment ago can be named again.
    async fn named_to(
        &self,
        by: &Actor,
        of: &StreamId,
        sha256: Digest,
        here: &mut Option<BTreeMap<Digest, Evidence>>,
    ) -> Result<Option<Evidence>, Error> {
        let named = match here {
            Some(named) => &*named,
            None => here.insert(self.named_here(by, of).await?),
        };
        if let Some(evidence) = named.get(&sha256) {
            return Ok(Some(evidence.clone()));
        }
        for row in self.named(sha256).await?.rows {
            if self.reaches_history(by, &row.stream).await? {
                return Ok(Some(row.evidence));
            }
        }
        Ok(None)
    }

    async fn named_here(&self, by: &Actor, of: &StreamId) -> Result<BTreeMap<Digest, Evidence>, Error> {
        if !self.reaches_history(by, of).await? {
            return Ok(BTreeMap::new());
        }
        let mut named = BTreeMap::new();
        for event in self.ports.log.stream(of, Version(0)).await? {
            let read = envelope::decode(&event.bytes).map_err(|error| Error::Unreadable(error.to_string()))?;
            named.extend(named_in(read.data.get()).into_iter().map(|evidence| (evidence.sha256, evidence)));
        }
        Ok(named)
    }
}
