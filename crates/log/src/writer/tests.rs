//! The writer on a backend that fails when it is told to.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use app::port::{Fingerprint, Part};
use bytes::Bytes;
use chrono::DateTime;
use kernel::digest::Digest;
use kernel::{CommandId, EventId, StreamId, Version};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::*;
use crate::backend::{SECOND_APPENDS_MIN, all_made};
use crate::record::made;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// The transaction commits, but its answer is lost.
    LostAfterCommit,
    /// The connection is lost before anything happens.
    LostBeforeCommit,
    /// The database refuses the whole batch.
    Refused,
    /// The disk is full.
    Full,
}

#[derive(Debug, Default)]
struct Kept {
    recorded: HashMap<CommandId, Receipt>,
    head: u64,
    batches: Vec<Vec<CommandId>>,
    faults: Vec<Fault>,
}

/// Knows no versions: only commands and positions.
#[derive(Clone, Debug, Default)]
struct Unreliable(Arc<Mutex<Kept>>);

fn broken(passing: bool) -> Failure {
    Failure { operation: OPERATION, reason: "as told".to_owned(), passing }
}

impl Unreliable {
    fn with(faults: &[Fault]) -> Self {
        let unreliable = Self::default();
        unreliable.0.lock().unwrap().faults = faults.iter().rev().copied().collect();
        unreliable
    }

    fn start(&self) -> (Writer, Committed) {
        let committed = Committed::at(Position::START);
        (Writer::start(vec![self.clone()], committed.clone()), committed)
    }

    fn batches(&self) -> Vec<Vec<CommandId>> {
        self.0.lock().unwrap().batches.clone()
    }
}

impl Backend for Unreliable {
    async fn record(&mut self, batch: &[Append]) -> Result<Vec<Verdict>, RecordError> {
        // Lets callers queue up while a batch is in flight.
        tokio::task::yield_now().await;
        let mut kept = self.0.lock().unwrap();
        kept.batches.push(batch.iter().map(|append| append.command).collect());
        let fault = kept.faults.pop();
        match fault {
            Some(Fault::LostBeforeCommit) => return Err(RecordError::Lost(broken(true))),
            Some(Fault::Refused) => return Err(RecordError::Undone(broken(false))),
            Some(Fault::Full) => return Err(RecordError::Undone(broken(true))),
            Some(Fault::LostAfterCommit) | None => {}
        }
        let mut verdicts = Vec::new();
        for append in batch {
            if let Some(receipt) = kept.recorded.get(&append.command) {
                verdicts.push(Verdict::Found(Receipt { replayed: true, ..receipt.clone() }, append.request));
                continue;
            }
            let receipt = made(append, Position(kept.head));
            kept.head += u64::from(receipt.events);
            kept.recorded.insert(append.command, receipt.clone());
            verdicts.push(Verdict::Made(receipt));
        }
        if fault.is_some() { Err(RecordError::Lost(broken(true))) } else { Ok(verdicts) }
    }
}

fn append(command: &str, stream: &str) -> Append {
    let event = app::port::NewEvent {
        id: EventId::named(command),
        kind: "cn.dualgrid.case.issue_discovered.v1",
        time: DateTime::UNIX_EPOCH,
        bytes: Bytes::from_static(b"{}"),
    };
    Append {
        principal: "staff-1".to_owned(),
        command: CommandId::named(command),
        request: Fingerprint::of(Digest::of(b"request")),
        parts: vec![Part { stream: stream_of(stream), expected: Version(0), events: vec![event] }],
        at: DateTime::UNIX_EPOCH,
        incarnation: None,
    }
}

fn stream_of(name: &str) -> StreamId {
    StreamId::new("case", Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()))
}

/// The same with a part that only checks another stream.
fn checking(command: &str, stream: &str, checked: &str) -> Append {
    let mut append = append(command, stream);
    append.parts.push(Part { stream: stream_of(checked), expected: Version(0), events: Vec::new() });
    append
}

fn job(append: Append) -> Job {
    let (reply, answer) = oneshot::channel();
    // Held for the length of the test: a job whose caller has gone is not written.
    std::mem::forget(answer);
    Job { append, reply }
}

fn names(batch: &[Append]) -> Vec<CommandId> {
    batch.iter().map(|append| append.command).collect()
}

/// Answers in the order of the appends, which are all sent before the first batch is formed.
async fn send(writer: &Writer, appends: Vec<Append>) -> Vec<Result<Receipt, AppendError>> {
    futures::future::join_all(appends.into_iter().map(|append| writer.append(append))).await
}

#[tokio::test]
async fn what_waits_is_one_batch() {
    let backend = Unreliable::default();
    let (writer, committed) = backend.start();
    let answers = send(&writer, (0..100).map(|n| append(&n.to_string(), &n.to_string())).collect()).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(backend.batches().len(), 1);
    assert_eq!(*committed.subscribe().borrow(), Position(100));
}

#[tokio::test]
async fn a_stream_and_a_command_stand_once_in_a_batch() {
    let backend = Unreliable::default();
    let (writer, _) = backend.start();
    let appends = vec![append("a", "1"), append("b", "1"), append("a", "2"), append("c", "3"), append("d", "1")];
    let answers = send(&writer, appends).await;
    assert!(answers.iter().all(Result::is_ok));
    let batches = backend.batches();
    let name = CommandId::named;
    assert_eq!(batches, [vec![name("a"), name("c")], vec![name("b"), name("a")], vec![name("d")]]);
    assert!(batches.iter().all(|batch| batch.iter().collect::<HashSet<_>>().len() == batch.len()));
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_found_by_its_ids() {
    let backend = Unreliable::with(&[Fault::LostAfterCommit]);
    let (writer, _) = backend.start();
    let answers = send(&writer, vec![append("a", "1"), append("b", "2")]).await;
    let positions: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().first).collect();
    assert_eq!(positions, [Some(Position(1)), Some(Position(2))]);
    assert_eq!(backend.0.lock().unwrap().head, 2);
}

#[tokio::test]
async fn a_batch_lost_before_its_commit_is_recorded_on_a_new_connection() {
    let backend = Unreliable::with(&[Fault::LostBeforeCommit]);
    let (writer, _) = backend.start();
    let answers = send(&writer, vec![append("a", "1"), append("b", "2")]).await;
    assert!(answers.into_iter().all(|answer| !answer.unwrap().replayed));
}

#[tokio::test]
async fn an_outcome_that_stays_unknown_is_a_passing_failure_and_the_same_id_tells_it() {
    let backend = Unreliable::with(&[Fault::LostAfterCommit, Fault::Refused]);
    let (writer, _) = backend.start();
    let answers = send(&writer, vec![append("a", "1")]).await;
    assert!(matches!(&answers[0], Err(AppendError::Failure(failure)) if failure.passing));
    assert!(send(&writer, vec![append("a", "1")]).await.remove(0).unwrap().replayed);
}

#[tokio::test]
async fn a_refused_batch_is_tried_one_by_one() {
    let backend = Unreliable::with(&[Fault::Refused, Fault::Refused]);
    let (writer, _) = backend.start();
    let answers = send(&writer, vec![append("a", "1"), append("b", "2"), append("c", "3")]).await;
    assert!(matches!(&answers[0], Err(AppendError::Failure(failure)) if !failure.passing));
    assert!(answers[1].is_ok() && answers[2].is_ok());
    assert_eq!(backend.batches().iter().map(Vec::len).collect::<Vec<_>>(), [3, 1, 1, 1]);
}

#[tokio::test]
async fn a_full_disk_fails_the_batch_at_once_and_the_log_resumes() {
    let backend = Unreliable::with(&[Fault::Full]);
    let (writer, _) = backend.start();
    let answers = send(&writer, (0..50).map(|n| append(&n.to_string(), &n.to_string())).collect()).await;
    assert!(answers.iter().all(|answer| matches!(answer, Err(AppendError::Failure(failure)) if failure.passing)));
    assert_eq!(backend.batches().len(), 1);
    assert!(send(&writer, vec![append("0", "0")]).await[0].is_ok());
}

#[test]
fn a_batch_has_at_most_so_many_appends_and_bytes() {
    let job = |n: usize, bytes: usize| {
        let mut append = append(&n.to_string(), &n.to_string());
        append.parts[0].events[0].bytes = Bytes::from(vec![b' '; bytes]);
        job(append)
    };
    let mut waiting: VecDeque<Job> = (0..5).map(|n| job(n, 10)).collect();
    assert_eq!(gather(&mut waiting, &mut Occupied::default(), 3, 1000).0.len(), 3);
    assert_eq!(waiting.len(), 2);
    waiting.push_front(job(9, 5000));
    assert_eq!(gather(&mut waiting, &mut Occupied::default(), 3, 1000).0.len(), 1, "one that is too large goes alone");
    assert_eq!(gather(&mut waiting, &mut Occupied::default(), 3, 15).0.len(), 1);
    assert_eq!(waiting.len(), 1);
}

#[test]
fn a_second_batch_flies_only_where_many_wait() {
    assert_eq!(share(0, 2, 0, SECOND_APPENDS_MIN), None);
    assert_eq!(share(5, 0, 2, SECOND_APPENDS_MIN), None, "no lane is idle");
    assert_eq!(share(5, 2, 0, SECOND_APPENDS_MIN), Some(BATCH_APPENDS_MAX), "few go together");
    assert_eq!(share(64, 2, 0, SECOND_APPENDS_MIN), Some(32));
    assert_eq!(share(5, 1, 1, SECOND_APPENDS_MIN), None, "few wait for the batch in flight");
    assert_eq!(share(64, 1, 1, SECOND_APPENDS_MIN), Some(BATCH_APPENDS_MAX));
    assert_eq!(share(64, 1, 0, SECOND_APPENDS_MIN), Some(BATCH_APPENDS_MAX), "one lane takes all");
}

/// Tells of each batch that begins, and records it when it may.
#[derive(Clone)]
struct Held {
    begun: mpsc::UnboundedSender<usize>,
    may_go: Arc<Semaphore>,
}

impl Backend for Held {
    async fn record(&mut self, batch: &[Append]) -> Result<Vec<Verdict>, RecordError> {
        self.begun.send(batch.len()).unwrap();
        self.may_go.acquire().await.unwrap().forget();
        Ok(all_made(batch, Position::START))
    }
}

#[tokio::test]
async fn many_that_come_while_a_batch_is_in_flight_do_not_wait_for_it() {
    let (begun, mut begins) = mpsc::unbounded_channel();
    let held = Held { begun, may_go: Arc::new(Semaphore::new(0)) };
    let may_go = Arc::clone(&held.may_go);
    let writer = Writer::start(vec![held.clone(), held], Committed::at(Position::START));
    let appends = |range: std::ops::Range<usize>| range.map(|n| append(&n.to_string(), &n.to_string())).collect();
    let told = async {
        assert_eq!(begins.recv().await, Some(1));
        assert_eq!(begins.recv().await, Some(SECOND_APPENDS_MIN));
        may_go.add_permits(2);
    };
    let after = async {
        tokio::task::yield_now().await;
        send(&writer, appends(1..1 + SECOND_APPENDS_MIN)).await
    };
    let all = async { tokio::join!(told, send(&writer, appends(0..1)), after) };
    let ((), first, others) = tokio::time::timeout(Duration::from_secs(10), all).await.expect("the second lane flies");
    assert!(first.iter().chain(&others).all(Result::is_ok));
}

/// What is in flight on one lane is not on the other; what follows it waits, in order.
#[tokio::test]
async fn a_stream_is_in_one_flight_at_a_time() {
    let job = |stream: &str, command: &str| job(append(command, stream));
    let mut taken = Occupied::default();
    let mut waiting: VecDeque<Job> = [job("1", "a"), job("2", "b"), job("1", "c"), job("3", "b")].into();
    let (first, _) = gather(&mut waiting, &mut taken, 9, 1000);
    assert_eq!(first.len(), 2);
    assert!(gather(&mut waiting, &mut taken, 9, 1000).0.is_empty(), "all that waits is in flight");
    taken.release(&first[1]);
    let (second, _) = gather(&mut waiting, &mut taken, 9, 1000);
    assert_eq!(second.len(), 1);
    assert_eq!(second[0].parts[0].stream, stream_of("3"));
    taken.release(&first[0]);
    assert_eq!(gather(&mut waiting, &mut taken, 9, 1000).0.len(), 1);
}

#[test]
fn many_appends_of_a_batch_may_check_a_stream_that_none_of_them_writes() {
    let mut taken = Occupied::default();
    let appends =
        [checking("a", "1", "poll"), checking("b", "2", "poll"), append("c", "poll"), checking("d", "3", "poll")];
    let mut waiting: VecDeque<Job> = appends.map(job).into();
    let (first, _) = gather(&mut waiting, &mut taken, 9, 1000);
    assert_eq!(names(&first), ["a", "b"].map(CommandId::named), "a check after a write sees what the write did");
    taken.release(&first[0]);
    assert_eq!(gather(&mut waiting, &mut taken, 9, 1000).0.len(), 0, "one check is still in flight");
    taken.release(&first[1]);
    let (second, _) = gather(&mut waiting, &mut taken, 9, 1000);
    assert_eq!(names(&second), [CommandId::named("c")]);
    taken.release(&second[0]);
    assert_eq!(names(&gather(&mut waiting, &mut taken, 9, 1000).0), [CommandId::named("d")]);
}

#[test]
fn an_append_occupies_every_stream_that_it_writes() {
    let both = |command: &str, one: &str, other: &str| {
        let mut both = append(command, one);
        both.parts.extend(append(command, other).parts);
        both
    };
    let mut taken = Occupied::default();
    let appends = [both("a", "1", "2"), both("b", "2", "3"), append("c", "3"), append("d", "4")];
    let mut waiting: VecDeque<Job> = appends.map(job).into();
    let (first, _) = gather(&mut waiting, &mut taken, 9, 1000);
    assert_eq!(names(&first), ["a", "d"].map(CommandId::named), "nobody overtakes the second");
    for append in &first {
        taken.release(append);
    }
    assert_eq!(names(&gather(&mut waiting, &mut taken, 9, 1000).0), [CommandId::named("b")]);
}

#[tokio::test]
async fn an_append_without_parts_or_with_a_stream_twice_is_refused_at_the_door() {
    let backend = Unreliable::default();
    let (writer, _) = backend.start();
    let none = Append { parts: Vec::new(), ..append("a", "1") };
    let twice = checking("b", "1", "1");
    for (wrong, why) in [(none, "names no stream"), (twice, "twice")] {
        match writer.append(wrong).await {
            Err(AppendError::Failure(failure)) => {
                assert!(!failure.passing && failure.reason.contains(why), "{failure}");
            }
            answer => panic!("{answer:?}"),
        }
    }
    assert!(backend.batches().is_empty());
}
