//! A command has one effect, and the same answer forever.

use app::port::{Append, AppendError, Fingerprint, Receipt};
use kernel::digest::Digest;
use kernel::{CommandId, PersonId, Version};

use crate::place::{Place, all_at_once, append, append_parts, everything, stream, version_of};

on_every_log! {
    the_same_command_again_gets_the_same_answer
    the_same_command_at_once_has_one_effect
    the_same_command_from_two_processes_at_once_has_one_effect
    the_same_command_with_another_body_is_refused
    a_command_without_events_is_remembered
    an_unknown_command_has_no_outcome
    an_id_is_of_its_principal
    what_a_request_says_is_kept_as_it_is
}

/// The receipt without whether it was found.
fn made(receipt: &Receipt) -> Receipt {
    Receipt { replayed: false, ..receipt.clone() }
}

async fn the_same_command_again_gets_the_same_answer(place: &Place) {
    let log = place.log().await;
    let one = stream("one");
    let first = log.append(append("a", &one, 0, 2)).await.unwrap();
    log.append(append("b", &one, 2, 1)).await.unwrap();
    // The stream has moved on; what the command did has not.
    let again = log.append(append("a", &one, 0, 2)).await.unwrap();
    assert!(again.replayed);
    assert_eq!(made(&again), first);
    // Decided again on a newer version, and differently: still the same command.
    let redecided = log.append(append("a", &one, 3, 5)).await.unwrap();
    assert_eq!(made(&redecided), first);
    let (outcome, request) = log.outcome("staff-1", CommandId::named("a")).await.unwrap().unwrap();
    assert_eq!((made(&outcome), request), (first, Fingerprint::of(Digest::of(b"request"))));
    assert_eq!(everything(&log).await.len(), 3);
}

async fn the_same_command_at_once_has_one_effect(place: &Place) {
    let log = place.log().await;
    let commands = (0..40).flat_map(|n| vec![append(&format!("c{n}"), &stream(&format!("s{n}")), 0, 2); 4]).collect();
    let answers: Vec<Receipt> = all_at_once(&log, commands).await.into_iter().map(Result::unwrap).collect();
    for same in answers.chunks(4) {
        assert!(same.iter().all(|receipt| made(receipt) == made(&same[0])));
        assert_eq!(same.iter().filter(|receipt| !receipt.replayed).count(), 1);
    }
    assert_eq!(everything(&log).await.len(), 80);
}

async fn the_same_command_from_two_processes_at_once_has_one_effect(place: &Place) {
    let (log, other) = (place.log().await, place.log().await);
    let commands: Vec<_> = (0..100).map(|n| append(&format!("c{n}"), &stream(&format!("s{n}")), 0, 2)).collect();
    let (here, there) = tokio::join!(all_at_once(&log, commands.clone()), all_at_once(&other, commands));
    for (here, there) in here.into_iter().zip(there) {
        let (here, there) = (here.unwrap(), there.unwrap());
        assert_eq!(made(&here), made(&there));
        assert_ne!(here.replayed, there.replayed);
    }
    assert_eq!(everything(&log).await.len(), 200);
}

async fn the_same_command_with_another_body_is_refused(place: &Place) {
    let log = place.log().await;
    let first = log.append(append("a", &stream("one"), 0, 1)).await.unwrap();
    let mut other = append("a", &stream("one"), 1, 1);
    other.request = Fingerprint::of(Digest::of(b"another request"));
    let refused = log.append(other).await;
    assert!(matches!(refused, Err(AppendError::CommandReused(id)) if id == first.command));
    assert_eq!(everything(&log).await.len(), 1);
}

async fn a_command_without_events_is_remembered(place: &Place) {
    let log = place.log().await;
    let one = stream("one");
    log.append(append("a", &one, 0, 1)).await.unwrap();
    let nothing = log.append(append("b", &one, 1, 0)).await.unwrap();
    assert_eq!((version_of(&nothing), nothing.first, nothing.events), (1, None, 0));
    log.append(append("c", &one, 1, 1)).await.unwrap();
    let again = log.append(append("b", &one, 2, 4)).await.unwrap();
    assert!(again.replayed);
    assert_eq!(made(&again), nothing);
    // What was decided on an old version may no longer hold, even where it was to do nothing.
    let stale = log.append(append("d", &one, 1, 0)).await;
    assert!(matches!(stale, Err(AppendError::Conflict { actual: Version(2), .. })));
    assert_eq!(everything(&log).await.len(), 2);
}

async fn an_unknown_command_has_no_outcome(place: &Place) {
    let log = place.log().await;
    assert_eq!(log.outcome("staff-1", CommandId::named("a")).await.unwrap(), None);
    let conflict = log.append(append("a", &stream("one"), 3, 1)).await;
    assert!(matches!(conflict, Err(AppendError::Conflict { .. })));
    assert_eq!(log.outcome("staff-1", CommandId::named("a")).await.unwrap(), None);
}

/// Two principals may use the same id, in one batch too: neither is in the way of the other, and neither sees the other's.
async fn an_id_is_of_its_principal(place: &Place) {
    let log = place.log().await;
    let others = |append: Append| Append {
        principal: "dept/CGZF".to_owned(),
        request: Fingerprint::of(Digest::of(b"another request")),
        ..append
    };
    let (here, there) = (append("a", &stream("one"), 0, 2), others(append("a", &stream("other"), 0, 1)));
    let both = all_at_once(&log, vec![here.clone(), there.clone()]).await;
    let [mine, theirs] = <[_; 2]>::try_from(both).unwrap().map(Result::unwrap);
    assert_eq!((mine.replayed, mine.events, theirs.replayed, theirs.events), (false, 2, false, 1));
    // Looked up and not assumed to be new, beside what is new: every answer is the one of its own principal.
    let check = append_parts("b", &[(&stream("one"), 2, 1), (&stream("other"), 1, 0)]);
    let again = all_at_once(&log, vec![there, check, here]).await;
    let [there_again, new, here_again] = <[_; 3]>::try_from(again).unwrap().map(Result::unwrap);
    assert_eq!((made(&here_again), made(&there_again)), (mine.clone(), theirs.clone()));
    assert!(here_again.replayed && there_again.replayed && !new.replayed);
    let outcome = async |principal: &str| log.outcome(principal, CommandId::named("a")).await.unwrap();
    assert_eq!(outcome("staff-1").await.map(|(receipt, _)| made(&receipt)), Some(mine));
    assert_eq!(outcome("dept/CGZF").await.map(|(receipt, _)| made(&receipt)), Some(theirs));
    assert_eq!(outcome("staff-2").await, None);
    assert_eq!(everything(&log).await.len(), 4);
}

async fn what_a_request_says_is_kept_as_it_is(place: &Place) {
    let log = place.log().await;
    let personal = Some((PersonId::named("person"), Digest::of(b"personal")));
    let request = Fingerprint { open: Digest::of(b"open"), personal };
    log.append(Append { request, ..append("a", &stream("one"), 0, 1) }).await.unwrap();
    let (_, kept) = log.outcome("staff-1", CommandId::named("a")).await.unwrap().unwrap();
    assert_eq!(kept, request);
    for other in [Fingerprint::of(request.open), Fingerprint { open: Digest::of(b"other"), personal }] {
        let refused = log.append(Append { request: other, ..append("a", &stream("one"), 1, 1) }).await;
        assert!(matches!(refused, Err(AppendError::CommandReused(id)) if id == CommandId::named("a")), "{refused:?}");
    }
}
