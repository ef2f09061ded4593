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
    who_was_erased_stays_erased_in_a_vault_that_comes_back
    a_wrong_wrapping_key_is_refused
    a_vault_in_the_log_is_refused
    a_key_of_another_wrapping_key_is_a_failure
    a_vault_that_answers_can_be_told_from_one_that_takes_no_writes
    a_wrapping_key_is_exchanged_beside_writers_and_refused_afterwards
    an_exchange_that_was_broken_off_goes_on_and_erases_stay
}

fn wrapping(byte: u8) -> Wrapping {
    Wrapping {
        key: WrappingKey::from_bytes([byte; 32]),
        others: Vec::new(),
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
    let key = vault.keep(person, &fresh()).await.unwrap();
    let kept = vault.keep(other, &fresh()).await.unwrap();
    let sealed = Sealed::seal(person, PersonalField::Name, "王", &key, &SystemEntropy);
    assert_eq!(sealed.open(&vault.key(person).await.unwrap().unwrap()).unwrap(), "王");
    assert_eq!(vault.erase(&[person]).await.unwrap(), 1);
    assert_eq!(vault.erase(&[person]).await.unwrap(), 0);
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
    assert_eq!(vault.erase(&[person]).await.unwrap(), 1);
    assert!(!found("") && !found("-wal"));
}

async fn a_vault_that_answers_can_be_told_from_one_that_takes_no_writes(place: &Place) {
    let vault = vault(place).await;
    vault.check().await.unwrap();
    tamper(&place.url, "alter table wrapping_keys rename to gone").await.unwrap();
    assert_eq!(vault.check().await.unwrap_err().operation, "write to the vault");
}

async fn who_was_erased_stays_erased_in_a_vault_that_comes_back(place: &Place) {
    let vault = vault(place).await;
    let (person, other, later) = (PersonId::named("one"), PersonId::named("other"), PersonId::named("later"));
    let (key, kept) = (vault.keep(person, &fresh()).await.unwrap(), vault.keep(other, &fresh()).await.unwrap());
    tamper(&place.url, "create table backup as select * from keys").await.unwrap();
    let lost = vault.keep(later, &fresh()).await.unwrap();
    let erased = [person, later];
    assert_eq!(vault.erase(&erased).await.unwrap(), 2);
    assert_eq!(vault.erase(&erased).await.unwrap(), 0, "once");
    // The backup has the key of the one, and has never heard of the other.
    tamper(&place.url, "delete from keys").await.unwrap();
    tamper(&place.url, "insert into keys select * from backup").await.unwrap();
    assert_eq!(vault.key(person).await.unwrap(), Some(key.clone()), "the control: it came back");
    assert_eq!(vault.erase(&erased).await.unwrap(), 1);
    for (gone, key) in [(person, key), (later, lost)] {
        assert!(matches!(vault.key(gone).await, Err(VaultError::Erased(erased)) if erased == gone));
        assert!(matches!(vault.keep(gone, &key).await, Err(VaultError::Erased(erased)) if erased == gone));
    }
    assert_eq!(vault.key(other).await.unwrap(), Some(kept), "and nobody else was");
    assert_eq!(vault.erase(&[]).await.unwrap(), 0);
}

/// With this wrapping key as the current one, and others.
fn exchanging(current: u8, others: &[u8]) -> Wrapping {
    let others = others.iter().map(|byte| WrappingKey::from_bytes([*byte; 32])).collect();
    Wrapping { others, ..wrapping(current) }
}

async fn open_with(place: &Place, wrapping: Wrapping) -> Result<Arc<dyn Vault>, OpenError> {
    log::open_vault(&place.url, &Options::default(), wrapping).await
}

/// Keeps keys for persons of these names, and gives them.
async fn keep(vault: &Arc<dyn Vault>, names: std::ops::Range<u32>) -> Vec<(PersonId, PersonKey)> {
    let mut kept = Vec::new();
    for name in names {
        let person = PersonId::named(&name.to_string());
        kept.push((person, vault.keep(person, &fresh()).await.unwrap()));
    }
    kept
}

async fn a_wrapping_key_is_exchanged_beside_writers_and_refused_afterwards(place: &Place) {
    let (one, two) = (WrappingKey::from_bytes([1; 32]).id(), WrappingKey::from_bytes([2; 32]).id());
    let mut kept = keep(&vault(place).await, 0..1200).await;
    // Nobody begins with a key that the vault does not know, unless it also has one that it knows.
    assert!(matches!(open_with(place, exchanging(2, &[])).await.map(drop), Err(OpenError::WrongWrappingKey)));
    let before = open_with(place, exchanging(1, &[2])).await.unwrap();
    let after = open_with(place, exchanging(2, &[1])).await.unwrap();
    kept.extend(keep(&before, 1200..1210).await);
    kept.extend(keep(&after, 1210..1220).await);
    for (person, key) in kept.iter().skip(1190) {
        assert!(before.key(*person).await.unwrap().as_ref() == Some(key));
        assert!(after.key(*person).await.unwrap().as_ref() == Some(key));
    }
    // A process without the other key is told which one it lacks.
    let lacks = open_with(place, exchanging(2, &[])).await.map(drop);
    assert!(matches!(&lacks, Err(OpenError::MissingWrappingKey(id)) if *id == one), "{lacks:?}");
    // Writers under both keys go on while everything is wrapped again.
    let mut writers = JoinSet::new();
    for (vault, names) in [(Arc::clone(&before), 2000..2020), (Arc::clone(&after), 3000..3020)] {
        writers.spawn(async move {
            let mut outcomes = Vec::new();
            for name in names {
                let person = PersonId::named(&name.to_string());
                outcomes.push((person, vault.keep(person, &fresh()).await));
            }
            outcomes
        });
    }
    let mut told = Vec::new();
    let progress = |done, all| told.push((done, all));
    log::rewrap(&place.url, &Options::default(), exchanging(2, &[1]), progress).await.unwrap();
    assert!(told.len() > 2 && told.windows(2).all(|pair| pair[0].0 <= pair[1].0), "{told:?}");
    for (person, outcome) in writers.join_all().await.into_iter().flatten() {
        match outcome {
            Ok(key) => kept.push((person, key)),
            // Its wrapping key was retired a moment before.
            Err(error) => assert!(error.to_string().contains("start it again"), "{error}"),
        }
    }
    let now = open_with(place, exchanging(2, &[])).await.unwrap();
    for (person, key) in &kept {
        assert!(now.key(*person).await.unwrap().as_ref() == Some(key), "{person}");
    }
    // Whoever still has the former key as its current one keeps nothing, and is refused at the next start.
    let late = before.keep(PersonId::named("late"), &fresh()).await.unwrap_err();
    assert!(late.to_string().contains("the wrapping key of this process was exchanged"), "{late}");
    assert!(now.key(PersonId::named("late")).await.unwrap().is_none());
    for refused in [exchanging(1, &[]), exchanging(1, &[2])] {
        let refused = open_with(place, refused).await.map(drop);
        assert!(matches!(&refused, Err(OpenError::RetiredWrappingKey(id)) if *id == one), "{refused:?}");
    }
    assert_ne!(one, two);
}

async fn an_exchange_that_was_broken_off_goes_on_and_erases_stay(place: &Place) {
    let vault = vault(place).await;
    let kept = keep(&vault, 0..1100).await;
    // Broken off after the first part.
    let broken = std::panic::AssertUnwindSafe(async {
        let stop = |done, _| assert!(done < 500, "broken off");
        log::rewrap(&place.url, &Options::default(), exchanging(2, &[1]), stop).await
    });
    let panic = futures::FutureExt::catch_unwind(broken).await.map(drop).unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"broken off"));
    let both = open_with(place, exchanging(2, &[1])).await.unwrap();
    both.erase(&[kept[0].0, kept[1099].0]).await.unwrap();
    let mut first = None;
    let progress = |done, all| {
        first.get_or_insert((done, all));
    };
    log::rewrap(&place.url, &Options::default(), exchanging(2, &[1]), progress).await.unwrap();
    let (done, all) = first.unwrap();
    assert!(done == 0 && (599..=600).contains(&all), "what was done is not done again: {all}");
    let now = open_with(place, exchanging(2, &[])).await.unwrap();
    for (n, (person, key)) in kept.iter().enumerate() {
        let found = now.key(*person).await;
        if n == 0 || n == 1099 {
            assert!(matches!(found, Err(VaultError::Erased(_))), "{n}");
        } else {
            assert!(found.unwrap().as_ref() == Some(key), "{n}");
        }
    }
}
