//! Who may erase a person, what that does, and that it lasts.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[path = "support/desk.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use app::Error;
use app::intake::Answer;
use kernel::{Actor, PersonId, Role, Sealed, StreamId, Version, WrappingKey};
use serde_json::json;
use support::{Desk, actor, duty, id, leader, security};

fn code(answer: Result<Answer, Error>) -> String {
    answer.map_or_else(|error| error.problem().code, |answer| format!("{} events", answer.events))
}

/// The person who reported a fresh case.
async fn reporter(desk: &Desk) -> PersonId {
    let case = desk.discover().await;
    let recorded = desk.app.ports().log.stream(&StreamId::new("case", case), Version(0)).await.unwrap();
    let event: serde_json::Value = serde_json::from_slice(&recorded[0].bytes).unwrap();
    serde_json::from_value(event["data"]["reporter"]["person"].clone()).unwrap()
}

async fn erase(desk: &Desk, by: &Actor, person: PersonId, ground: &str) -> String {
    let body = json!({"person": person, "ground": ground, "reason": "申请 2026-0031"});
    code(desk.submit(by, None, "erase-person", id(), &body).await)
}

#[tokio::test]
async fn security_administrators_and_archivists_erase_a_person_once_and_nobody_else_does() {
    let desk = Desk::open().await;
    let (one, other) = (reporter(&desk).await, reporter(&desk).await);
    let archivist = actor("archivist", Role::Archivist, None);
    let system = actor("operator", Role::SystemAdministrator, None);
    let audit = actor("audit", Role::AuditAdministrator, None);
    for by in [&duty(), &leader(), &system, &audit] {
        assert_eq!(erase(&desk, by, one, "unlawful").await, "not-allowed", "{:?}", by.role);
    }
    let nobody = PersonId::named("nobody");
    assert_eq!(erase(&desk, &security(), nobody, "unlawful").await, "unknown-person");
    let vault = &desk.app.ports().vault;
    assert!(vault.key(one).await.unwrap().is_some() && vault.key(other).await.unwrap().is_some());
    assert_eq!(erase(&desk, &security(), one, "unlawful").await, "1 events");
    assert_eq!(vault.key(one).await.unwrap_err().to_string(), format!("person {one} was erased"));
    assert!(vault.key(other).await.unwrap().is_some(), "and nobody else");
    assert_eq!(erase(&desk, &security(), one, "unlawful").await, "0 events");
    assert_eq!(erase(&desk, &archivist, one, "retention_over").await, "already-erased");
    assert_eq!(erase(&desk, &archivist, other, "retention_over").await, "1 events");
    assert_eq!(vault.key(other).await.unwrap_err().to_string(), format!("person {other} was erased"));
}

#[tokio::test]
async fn what_was_recorded_and_not_carried_out_is_carried_out_by_whoever_starts_next() {
    let desk = Desk::open().await;
    let person = reporter(&desk).await;
    let backup = desk.vault_copied();
    desk.erase(person).await.unwrap();
    // The vault comes back from a backup that was made before.
    let next = desk.with_vault(&backup).await;
    assert!(next.ports().vault.key(person).await.unwrap().is_some(), "the control: the key came back");
    assert_eq!(next.carry_out_erasures().await.unwrap(), 1);
    assert_eq!(next.ports().vault.key(person).await.unwrap_err().to_string(), format!("person {person} was erased"));
    assert_eq!(next.carry_out_erasures().await.unwrap(), 0);
}

#[tokio::test]
async fn with_the_log_the_backup_and_every_key_that_still_exists_nobody_is_found() {
    let desk = Desk::open().await;
    desk.app.begin_generation().await.unwrap();
    let person = reporter(&desk).await;
    let backup = desk.vault_copied();
    desk.erase(person).await.unwrap();
    let events = desk.app.ports().log.after(kernel::Position(0), 1000).await.unwrap();
    let sealed: Vec<Sealed> = events.iter().flat_map(|event| sealed_in(&event.bytes)).collect();
    assert!(sealed.len() >= 3, "{sealed:?}");
    let open = async |key: WrappingKey| -> Result<Vec<String>, String> {
        let vault = desk.vault_under(&backup, key).await?;
        let key = vault.key(person).await.map_err(|error| error.to_string())?.ok_or("no key")?;
        Ok(sealed.iter().filter_map(|sealed| sealed.open(&key).ok()).collect())
    };
    // The generation under which the backup was made is destroyed: what is left are the keys that came after it.
    let (old, new) = (support::wrapping_key(), WrappingKey::from_bytes([8; 32]));
    let refused = open(new).await.unwrap_err();
    assert!(refused.contains("wrapping key"), "{refused}");
    // The control: whoever kept the old one finds the person.
    let found = open(old).await.unwrap();
    assert!(found.contains(&"王秀英".to_owned()) && found.contains(&"13800001111".to_owned()), "{found:?}");
    // And the live vault, with the old key or the new one, has nothing.
    assert_eq!(
        desk.app.ports().vault.key(person).await.unwrap_err().to_string(),
        format!("person {person} was erased")
    );
    assert_eq!(desk.app.open_erasures().await.unwrap().len(), 1, "it is not complete while that key exists");
}

/// Everything that is sealed somewhere in an event.
fn sealed_in(bytes: &[u8]) -> Vec<Sealed> {
    fn gather(value: &serde_json::Value, found: &mut Vec<Sealed>) {
        match serde_json::from_value(value.clone()) {
            Ok(sealed) => found.push(sealed),
            Err(_) => match value {
                serde_json::Value::Object(members) => members.values().for_each(|member| gather(member, found)),
                serde_json::Value::Array(entries) => entries.iter().for_each(|entry| gather(entry, found)),
                _ => {}
            },
        }
    }
    let mut found = Vec::new();
    gather(&serde_json::from_slice(bytes).unwrap(), &mut found);
    found
}
