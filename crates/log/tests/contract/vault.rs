//! Keys of persons: stored once, erased forever, unreadable without the wrapping key.

use std::sync::Arc;

use app::port::{Vault, VaultError};
use kernel::{ManualClock, PersonId, PersonKey, PersonalField, Sealed, SystemEntropy, WrappingKey};
use log::{OpenError, Options, Wrapping};
use tokio::task::JoinSet;

use crate::place::{Place, at, tamper};

on_both_databases! {
    the_first_key_wins_for_everybody
    an_erased_person_never_gets_a_key_again
    a_wrong_wrapping_key_is_refused
    a_vault_in_the_log_is_refused
    a_key_of_another_wrapping_key_is_a_failure
    a_vault_that_answers_can_be_told_from_one_that_takes_no_writes
}

fn wrapping(byte: u8) -> Wrapping {
    Wrapping {
        key: WrappingKey::from_bytes([byte; 32]),
        entropy: Arc::new(SystemEntropy),
        clock: Arc::new(ManualClock::at(at(0))),
    }
}

async fn vault(place: &Place) -> Arc<dyn Vault> {
    log::open_vault(&place.url, &Options::default(), wrapping(1)).await.unwrap()
}

fn fresh() -> PersonKey {
    PersonKey::generate(&SystemEntropy)
}

/// Two processes keep keys of the same person at once.
async fn the_first_key_wins_for_everybody(place: &Place) {
    let vaults = [vault(place).await, vault(place).await];
    let person = PersonId::named("one");
    assert!(vaults[0].key(person).await.unwrap().is_none());
    let mut keeping = JoinSet::new();
    for n in 0..16 {
        let vault = Arc::clone(&vaults[n % 2]);
        keeping.spawn(async move {
            let own = fresh();
            (vault.keep(person, &own).await.unwrap(), own)
        });
    }
    let kept = keeping.join_all().await;
    let (stored, _) = &kept[0];
    assert!(kept.iter().all(|(key, _)| key == stored));
    assert_eq!(kept.iter().filter(|(_, own)| own == stored).count(), 1, "the key of one of them is stored");
    assert_eq!(vault(place).await.key(person).await.unwrap().as_ref(), Some(stored));
    let other = fresh();
    assert_eq!(vaults[0].keep(PersonId::named("other"), &other).await.unwrap(), other);
}

async fn an_erased_person_never_gets_a_key_again(place: &Place) {
    let vault = vault(place).await;
    let (person, other) = (PersonId::named("one"), PersonId::named("other"));
    assert!(!vault.erase(person).await.unwrap());
    let key = vault.keep(person, &fresh()).await.unwrap();
    let kept = vault.keep(other, &fresh()).await.unwrap();
    let sealed = Sealed::seal(person, PersonalField::Name, "王", &key, &SystemEntropy);
    assert_eq!(sealed.open(&vault.key(person).await.unwrap().unwrap()).unwrap(), "王");
    assert!(vault.erase(person).await.unwrap());
    assert!(!vault.erase(person).await.unwrap());
    assert!(matches!(vault.key(person).await, Err(VaultError::Erased(erased)) if erased == person));
    assert!(matches!(vault.keep(person, &key).await, Err(VaultError::Erased(erased)) if erased == person));
    assert!(matches!(vault.keep(person, &fresh()).await, Err(VaultError::Erased(erased)) if erased == person));
    assert_eq!(vault.key(other).await.unwrap(), Some(kept));
}

async fn a_wrong_wrapping_key_is_refused(place: &Place) {
    vault(place).await;
    let refused = log::open_vault(&place.url, &Options::default(), wrapping(2)).await.err().unwrap();
    assert!(matches!(refused, OpenError::WrongWrappingKey));
    vault(place).await;
}

async fn a_vault_in_the_log_is_refused(place: &Place) {
    place.log().await;
    let refused = log::open_vault(&place.url, &Options::default(), wrapping(1)).await.err().unwrap();
    assert!(matches!(refused, OpenError::VaultInLog));
}

async fn a_key_of_another_wrapping_key_is_a_failure(place: &Place) {
    let vault = vault(place).await;
    let (one, other) = (PersonId::named("one"), PersonId::named("other"));
    vault.keep(one, &fresh()).await.unwrap();
    vault.keep(other, &fresh()).await.unwrap();
    // The keys of two persons are exchanged.
    tamper(&place.url, "update keys set wrapped = (select k.wrapped from keys as k where k.person <> keys.person)")
        .await
        .unwrap();
    match vault.key(one).await {
        Err(VaultError::Failure(failure)) => assert!(!failure.passing && failure.reason.contains("does not fit")),
        answer => panic!("{answer:?}"),
    }
}

/// SQLite: the wrapped key is in no byte of the files once it has been erased.
#[tokio::test]
async fn an_erased_key_is_in_no_file() {
    let place = Place::sqlite().await;
    let vault = vault(&place).await;
    let path = place.url.trim_start_matches("sqlite:").to_owned();
    let person = PersonId::named("one");
    vault.keep(person, &fresh()).await.unwrap();
    let pool = sqlx::SqlitePool::connect(&place.url).await.unwrap();
    let wrapped: Vec<u8> = sqlx::query_scalar("select wrapped from keys").fetch_one(&pool).await.unwrap();
    pool.close().await;
    let found = |suffix: &str| {
        let bytes = std::fs::read(format!("{path}{suffix}")).unwrap_or_default();
        bytes.windows(wrapped.len()).any(|window| window == wrapped)
    };
    assert!(found("") || found("-wal"), "the search finds a key that is there");
    assert!(vault.erase(person).await.unwrap());
    assert!(!found("") && !found("-wal"));
}

async fn a_vault_that_answers_can_be_told_from_one_that_takes_no_writes(place: &Place) {
    let vault = vault(place).await;
    vault.check().await.unwrap();
    tamper(&place.url, "drop table wrapping_check").await.unwrap();
    assert_eq!(vault.check().await.unwrap_err().operation, "write to the vault");
}
