//! How the stream has to be configured, and how far each department had come when it was made.

use std::collections::BTreeMap;

use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use kernel::DepartmentCode;

use super::{STREAM, SUBJECTS};

/// Metadata of a rebuilt stream: `dualgrid-floor-<CODE>` is the last sequence that the department had acknowledged.
const FLOOR: &str = "dualgrid-floor-";

/// Last acknowledged sequence by department.
pub(crate) type Floors = BTreeMap<DepartmentCode, u64>;

/// The configuration: everything is kept for ever, in files, in atomic batches.
pub(crate) fn config(replicas: usize) -> Config {
    Config {
        name: STREAM.to_owned(),
        description: Some(
            "The event log of dualgrid; sequence = position. Made again from the log if it differs.".into(),
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

/// What keeps a stream from holding the log, if something does.
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

/// How far the departments had come when the stream was made again.
pub(crate) fn floors(config: &Config) -> Floors {
    let floor = |(key, value): (&String, &String)| {
        let code = DepartmentCode::try_new(key.strip_prefix(FLOOR)?).ok()?;
        Some((code, value.parse().ok()?))
    };
    config.metadata.iter().filter_map(floor).collect()
}

/// The configuration of a stream that is made again, which remembers how far the departments had come.
pub(crate) fn config_with(floors: &Floors, replicas: usize) -> Config {
    let metadata = floors.iter().map(|(code, floor)| (format!("{FLOOR}{code}"), floor.to_string())).collect();
    Config { metadata, ..config(replicas) }
}

/// Carries what a stream remembers over to its corrected configuration.
pub(super) fn keep_floors(wanted: &mut Config, found: &Config) {
    let ours = found.metadata.iter().filter(|(key, _)| key.starts_with(FLOOR));
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

    #[test]
    fn what_a_stream_remembers_is_read_back() {
        let code = DepartmentCode::try_new("CGZF").unwrap();
        let kept = Floors::from([(code, 42)]);
        let mut made = config_with(&kept, 1);
        made.metadata.insert("_nats.ver".into(), "2.15.1".into());
        assert_eq!(floors(&made), kept);
        let mut corrected = config(1);
        keep_floors(&mut corrected, &made);
        assert_eq!(corrected.metadata.len(), 1);
    }
}
