//! How the stream must be configured, and what its metadata holds.
//!
//! | metadata | value |
//! |---|---|
//! | `dualgrid-installation` | name of the installation whose log the stream holds |
//! | `dualgrid-first-event` | id of the event at position 1; a different id means a different log |
//! | `dualgrid-epoch` | epoch of the log that the stream holds; absent before the first loss was accepted |

use std::collections::HashMap;

use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use kernel::EventId;

use super::STREAM;
use crate::Error;
use crate::subject::SUBJECTS;

/// Prefix of all our metadata.
const OURS: &str = "dualgrid-";
const INSTALLATION: &str = "dualgrid-installation";
const FIRST_EVENT: &str = "dualgrid-first-event";
const EPOCH: &str = "dualgrid-epoch";

/// Whose log it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Name of the installation; empty if it is not checked.
    pub(crate) installation: String,
    /// The event at position 1, once there is one.
    pub(crate) first_event: Option<EventId>,
    /// The epoch of the log.
    pub(crate) epoch: u32,
}

impl Origin {
    /// Refuses a stream of another installation: it is neither changed nor published to.
    pub(crate) fn refuse_foreign(&self, found: &Config) -> Result<(), Error> {
        match found.metadata.get(INSTALLATION) {
            Some(owner) if !self.installation.is_empty() && *owner != self.installation => {
                Err(Error::ForeignStream { owner: owner.clone(), own: self.installation.clone() })
            }
            _ => Ok(()),
        }
    }

    /// The first event of the log that the stream was created for, if it is not ours.
    pub(crate) fn other_first_event(&self, found: &Config) -> Option<String> {
        let own = self.first_event?.to_string();
        found.metadata.get(FIRST_EVENT).filter(|recorded| **recorded != own).cloned()
    }

    /// The metadata of `found` with ours added, if any is missing. Existing entries are never replaced.
    pub(super) fn added_to(&self, found: &Config) -> Option<HashMap<String, String>> {
        // The epoch says what was compared; a stream gets it when it is created, or found equal to the log.
        let is_ours = |(key, _): &(String, String)| key != EPOCH && !found.metadata.contains_key(key);
        let missing: Vec<_> = self.entries().filter(is_ours).collect();
        (!missing.is_empty()).then(|| found.metadata.clone().into_iter().chain(missing).collect())
    }

    fn entries(&self) -> impl Iterator<Item = (String, String)> {
        let installation = Some(self.installation.clone()).filter(|name| !name.is_empty());
        let first_event = self.first_event.map(|id| id.to_string());
        let named = |key: &str, value: Option<String>| value.map(|value| (key.to_owned(), value));
        let epoch = (self.epoch > 0).then(|| self.epoch.to_string());
        [named(INSTALLATION, installation), named(FIRST_EVENT, first_event), named(EPOCH, epoch)].into_iter().flatten()
    }
}

/// The configuration: all messages are kept forever, in files, and atomic batches are allowed.
pub(crate) fn config(replicas: usize) -> Config {
    Config {
        name: STREAM.to_owned(),
        description: Some(
            "The event log of dualgrid; sequence = position. Recreated from the log if it differs.".into(),
        ),
        subjects: vec![SUBJECTS.to_owned()],
        storage: StorageType::File,
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        max_messages: -1,
        max_messages_per_subject: -1,
        max_bytes: -1,
        max_message_size: -1,
        max_consumers: -1,
        num_replicas: replicas,
        deny_delete: true,
        deny_purge: true,
        allow_direct: true,
        allow_atomic_publish: true,
        ..Config::default()
    }
}

/// What keeps a stream from holding the log, if anything does.
pub(crate) fn misfit(found: &Config, replicas: usize) -> Option<String> {
    let wrong: Vec<&str> = [
        ("subjects", found.subjects != [SUBJECTS]),
        ("storage", found.storage != StorageType::File),
        ("retention", found.retention != RetentionPolicy::Limits),
        ("discard", found.discard != DiscardPolicy::New || found.discard_new_per_subject),
        ("max_msgs", found.max_messages > 0),
        ("max_msgs_per_subject", found.max_messages_per_subject > 0),
        ("max_bytes", found.max_bytes > 0),
        ("max_msg_size", found.max_message_size > 0),
        ("max_consumers", found.max_consumers > 0),
        ("max_age", !found.max_age.is_zero()),
        ("num_replicas", found.num_replicas != replicas),
        ("deny_delete", !found.deny_delete),
        ("deny_purge", !found.deny_purge),
        ("allow_direct", !found.allow_direct),
        ("allow_atomic", !found.allow_atomic_publish),
        ("allow_rollup_hdrs", found.allow_rollup),
        ("allow_msg_ttl", found.allow_message_ttl),
        ("no_ack", found.no_ack),
        ("sealed", found.sealed),
        ("mirror", found.mirror.is_some()),
        ("sources", found.sources.as_ref().is_some_and(|sources| !sources.is_empty())),
        ("subject_transform", found.subject_transform.is_some()),
        ("first_seq", found.first_sequence.is_some_and(|first| first > 1)),
    ]
    .into_iter()
    .filter_map(|(name, is_wrong)| is_wrong.then_some(name))
    .collect();
    (!wrong.is_empty()).then(|| format!("it is configured differently in {}", wrong.join(", ")))
}

/// The epoch of the log that a stream holds.
pub(crate) fn epoch(config: &Config) -> u32 {
    config.metadata.get(EPOCH).and_then(|epoch| epoch.parse().ok()).unwrap_or(0)
}

/// The same stream in a later epoch of its log.
pub(crate) fn in_epoch(config: &Config, epoch: u32) -> Config {
    let mut raised = config.clone();
    raised.metadata.insert(EPOCH.to_owned(), epoch.to_string());
    raised
}

/// The configuration of a new stream, which records whose it is.
pub(crate) fn config_for(origin: &Origin, replicas: usize) -> Config {
    Config { metadata: origin.entries().collect(), ..config(replicas) }
}

/// Carries the metadata of a stream over to its corrected configuration.
pub(super) fn keep_memory(wanted: &mut Config, found: &Config) {
    let ours = found.metadata.iter().filter(|(key, _)| key.starts_with(OURS));
    wanted.metadata = ours.map(|(key, value)| (key.clone(), value.clone())).collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_configuration_fits_and_a_foreign_one_is_told_apart() {
        assert_eq!(misfit(&config(1), 1), None);
        let foreign = Config { max_messages: 10, subjects: vec!["a".into()], ..config(1) };
        assert_eq!(misfit(&foreign, 3).unwrap(), "it is configured differently in subjects, max_msgs, num_replicas");
    }

    fn origin(installation: &str, first_event: &str) -> Origin {
        Origin { installation: installation.into(), first_event: Some(EventId::named(first_event)), epoch: 0 }
    }

    #[test]
    fn what_a_stream_remembers_is_read_back() {
        let mut made = in_epoch(&config_for(&origin("one", "a"), 1), 7);
        made.metadata.insert("_nats.ver".into(), "2.15.1".into());
        assert_eq!(epoch(&made), 7);
        let mut corrected = config(1);
        keep_memory(&mut corrected, &made);
        assert_eq!((corrected.metadata.len(), epoch(&corrected)), (3, 7));
    }

    #[test]
    fn a_stream_of_another_installation_is_refused_with_its_name() {
        let made = config_for(&origin("one", "a"), 1);
        let refused = origin("two", "a").refuse_foreign(&made).unwrap_err().to_string();
        assert!(
            refused.contains("belongs to the installation one") && refused.contains("this one is two"),
            "{refused}"
        );
        assert!(origin("one", "b").refuse_foreign(&made).is_ok());
        assert!(origin("", "b").refuse_foreign(&made).is_ok(), "not checked");
        assert!(origin("two", "a").refuse_foreign(&config(1)).is_ok(), "a stream of nobody");
    }

    #[test]
    fn another_first_event_is_another_log() {
        let made = config_for(&origin("one", "a"), 1);
        assert_eq!(origin("one", "a").other_first_event(&made), None);
        assert_eq!(origin("one", "b").other_first_event(&made), Some(EventId::named("a").to_string()));
        assert_eq!(Origin::default().other_first_event(&made), None, "the log is empty");
        assert_eq!(origin("one", "b").other_first_event(&config(1)), None, "nothing is remembered");
    }

    #[test]
    fn what_is_remembered_is_added_to_and_never_replaced() {
        let empty = Origin { first_event: None, ..origin("one", "") };
        let mut made = config_for(&empty, 1);
        assert_eq!(empty.added_to(&made), None);
        made.metadata = origin("one", "a").added_to(&made).unwrap();
        assert_eq!(made, config_for(&origin("one", "a"), 1));
        assert_eq!(origin("two", "b").added_to(&made), None);
    }
}
