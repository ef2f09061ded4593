use kernel::access::{Allowed, Place as Where};
use kernel::{Key, Read, View as Shown};

use super::memory::{Tables, Words, decode};
use super::*;
use crate::health::Check;
use crate::port::{Registered, ViewStore as _};
use crate::view::fold_of;

/// A view that counts words, by word.
macro_rules! counts {
    ($type:ident, $name:literal, $category:literal, $version:literal) => {
        struct $type;
        impl Shown for $type {
            const NAME: &'static str = $name;
            const VERSION: u32 = $version;
            const PATH: &'static str = $name;
            const ABOUT: &'static str = "Words";
            const ACTION: &'static str = "read-words";
            const READ: Allowed = &[];
            const FROM: &'static [&'static str] = &[$category];
            const FILTERS: &'static [&'static [&'static str]] = &[&[]];
            type Row = u32;

            fn keys(event: &Read<'_>, touch: &mut dyn FnMut(Key)) {
                if event.recorded.kind != "qnothing" {
                    touch(Key::read(&event.recorded.kind));
                }
            }
            fn fold(key: &Key, row: &mut Option<u32>, _: &Read<'_>) {
                assert!($name != "picky" || key.to_string() != "panic", "a fault of this view");
                *row = Some(row.unwrap_or(0) + 1);
            }
            fn place(_: &u32) -> Where {
                Where::default()
            }
            fn sort(row: &u32) -> i64 {
                i64::from(*row)
            }
            fn values(_: &u32, _: &str, _: &mut dyn FnMut(&str)) {}
        }
    };
}

counts!(Plain, "plain", "word", 1);
counts!(Picky, "picky", "word", 1);
counts!(Quiet, "quiet", "quiet", 1);
counts!(PlainAgain, "plain", "word", 2);

fn folds() -> Vec<Arc<dyn Fold>> {
    vec![fold_of::<Plain>(), fold_of::<Picky>(), fold_of::<Quiet>()]
}

struct Trial {
    log: Arc<Words>,
    tables: Arc<Tables>,
    health: Health,
}

impl Trial {
    fn new(words: &[&str]) -> Self {
        Self { log: Arc::new(Words::of(words)), tables: Arc::default(), health: Health::default() }
    }

    fn reader(&self, folds: Vec<Arc<dyn Fold>>) -> Reader {
        let sources = Sources { log: self.log.clone(), views: self.tables.clone(), decode };
        Reader::new(sources, folds)
    }

    /// Rounds until nothing is left and no view is being prepared.
    async fn settle(&self, reader: &mut Reader) {
        loop {
            let round = reader.round(&self.health).await;
            if let Some(Ok((names, prepared))) = reader.preparing.join_next().await {
                reader.admit(&names, prepared, &self.health);
                continue;
            }
            if round.events == 0 {
                return;
            }
        }
    }

    fn check(&self, view: &str) -> Check {
        self.health.checks()[&check_of(view)].clone()
    }

    fn counted(&self, view: &str) -> String {
        self.tables.docs(view).into_iter().fold(String::new(), |text, (word, count)| text + &word + &count + " ")
    }
}

#[tokio::test(start_paused = true)]
async fn all_views_follow_with_one_read_and_one_transaction() {
    let trial = Trial::new(&["a", "b", "a", "q"]);
    let mut reader = trial.reader(folds());
    trial.settle(&mut reader).await;
    assert_eq!([trial.counted("plain"), trial.counted("picky"), trial.counted("quiet")], ["a2 b1 ", "a2 b1 ", "q1 "]);
    assert_eq!(trial.check("plain"), Check { ok: true, detail: "at position 4".into() });
    let reads = *trial.log.reads.lock().unwrap();
    trial.tables.0.lock().unwrap().saves.clear();
    trial.log.say("a");
    trial.log.say("q");
    reader.round(&trial.health).await;
    assert_eq!(*trial.log.reads.lock().unwrap(), reads + 1);
    assert_eq!(trial.tables.0.lock().unwrap().saves, [3], "one save of three views");
    assert_eq!((trial.counted("plain"), trial.counted("quiet")), ("a3 b1 ".into(), "q2 ".into()));
}

#[tokio::test(start_paused = true)]
async fn a_row_is_loaded_once_and_then_kept() {
    let trial = Trial::new(&["a"]);
    let mut reader = trial.reader(vec![fold_of::<Plain>()]);
    trial.settle(&mut reader).await;
    trial.tables.0.lock().unwrap().loads.clear();
    for _ in 0..3 {
        trial.log.say("a");
        reader.round(&trial.health).await;
    }
    assert_eq!(trial.tables.0.lock().unwrap().loads, [0; 0]);
    assert_eq!(trial.counted("plain"), "a4 ");
}

#[tokio::test(start_paused = true)]
async fn the_checkpoint_of_a_view_that_does_not_change_is_written_once_a_second() {
    let trial = Trial::new(&["a", "q"]);
    let mut reader = trial.reader(folds());
    trial.settle(&mut reader).await;
    reader.round(&trial.health).await;
    for _ in 0..5 {
        trial.log.say("a");
        reader.round(&trial.health).await;
    }
    assert_eq!((trial.tables.position("plain"), trial.tables.position("quiet")), (Position(7), Position(2)));
    tokio::time::advance(Duration::from_secs(1)).await;
    reader.round(&trial.health).await;
    assert_eq!(trial.tables.position("quiet"), Position(7));
    trial.tables.0.lock().unwrap().saves.clear();
    for _ in 0..3 {
        tokio::time::advance(Duration::from_secs(1)).await;
        reader.round(&trial.health).await;
    }
    assert_eq!(trial.tables.0.lock().unwrap().saves, [0; 0], "nothing is left to be said");
}

/// As after a failover: the log is that of a moment ago, and the tables of views that of the moment before.
#[tokio::test(start_paused = true)]
async fn in_another_log_views_go_on_from_what_its_tables_say_and_not_from_what_was_remembered() {
    let trial = Trial::new(&["a", "q"]);
    let mut reader = trial.reader(folds());
    trial.settle(&mut reader).await;
    tokio::time::advance(Duration::from_secs(1)).await;
    trial.settle(&mut reader).await;
    let before = trial.tables.0.lock().unwrap().clone();
    for word in ["a", "b", "q", "a"] {
        trial.log.say(word);
        trial.settle(&mut reader).await;
    }
    assert_eq!((trial.counted("plain"), trial.counted("quiet")), ("a3 b1 ".into(), "q2 ".into()));
    // Every checkpoint is written: nothing is left that the database would refuse.
    tokio::time::advance(Duration::from_secs(1)).await;
    trial.settle(&mut reader).await;
    *trial.tables.0.lock().unwrap() = before;
    // Nothing new is recorded, which would show by itself that somebody moved the checkpoints.
    trial.log.loses_all_after(3);
    for _ in 0..3 {
        tokio::time::advance(Duration::from_secs(1)).await;
        trial.settle(&mut reader).await;
    }
    // `a` was counted three times in the other log, and twice in this one.
    assert_eq!([trial.counted("plain"), trial.counted("picky"), trial.counted("quiet")], ["a2 ", "a2 ", "q1 "]);
    assert_eq!(trial.check("plain"), Check { ok: true, detail: "at position 3".into() });
}

#[tokio::test(start_paused = true)]
async fn a_view_that_panics_stops_alone_and_is_tried_again() {
    let trial = Trial::new(&["a"]);
    let mut reader = trial.reader(folds());
    trial.settle(&mut reader).await;
    trial.log.say("panic");
    trial.log.say("a");
    trial.settle(&mut reader).await;
    assert_eq!((trial.counted("plain"), trial.counted("picky")), ("a2 panic1 ".into(), "a1 ".into()));
    assert_eq!(trial.check("picky"), Check { ok: false, detail: "view picky panicked while it folded".into() });
    assert!(trial.check("plain").ok);
    tokio::time::advance(Duration::from_secs(2)).await;
    trial.log.say("b");
    trial.settle(&mut reader).await;
    assert_eq!((trial.counted("plain"), trial.counted("picky")), ("a2 b1 panic1 ".into(), "a1 ".into()));
    assert!(!trial.check("picky").ok);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_cannot_be_read_stops_only_those_who_fold_it() {
    let trial = Trial::new(&["a", "q", "unreadable", "b", "q"]);
    let mut reader = trial.reader(folds());
    trial.settle(&mut reader).await;
    assert_eq!((trial.counted("plain"), trial.counted("quiet")), ("a1 ".into(), "q2 ".into()));
    assert_eq!(trial.check("plain"), Check { ok: false, detail: "event 3 cannot be read; the log says why".into() });
    assert_eq!(trial.check("quiet"), Check { ok: true, detail: "at position 5".into() });
}

#[tokio::test(start_paused = true)]
async fn a_view_whose_table_is_broken_goes_on_where_it_stopped() {
    let trial = Trial::new(&["a"]);
    let mut reader = trial.reader(folds());
    trial.settle(&mut reader).await;
    trial.tables.0.lock().unwrap().broken.insert("picky");
    trial.log.say("a");
    trial.settle(&mut reader).await;
    assert_eq!((trial.counted("plain"), trial.counted("picky")), ("a2 ".into(), "a1 ".into()));
    assert_eq!(trial.check("picky"), Check { ok: false, detail: "save rows of views: out of reach".into() });
    trial.tables.0.lock().unwrap().broken.clear();
    trial.log.say("a");
    tokio::time::advance(RETRY_AFTER).await;
    trial.settle(&mut reader).await;
    assert_eq!((trial.counted("plain"), trial.counted("picky")), ("a3 ".into(), "a3 ".into()));
    assert!(trial.check("picky").ok);
}

#[tokio::test(start_paused = true)]
async fn all_views_come_back_after_the_database_was_away() {
    let trial = Trial::new(&["a"]);
    let mut reader = trial.reader(folds());
    trial.settle(&mut reader).await;
    trial.tables.0.lock().unwrap().is_away = true;
    trial.log.say("a");
    for _ in 0..3 {
        reader.round(&trial.health).await;
        tokio::time::advance(RETRY_AFTER).await;
    }
    assert_eq!(trial.check("plain"), Check { ok: false, detail: "read the register of views: out of reach".into() });
    trial.tables.0.lock().unwrap().is_away = false;
    trial.settle(&mut reader).await;
    assert_eq!((trial.counted("plain"), trial.counted("picky")), ("a2 ".into(), "a2 ".into()));
    assert!(trial.check("plain").ok);
}

#[tokio::test(start_paused = true)]
async fn a_fenced_reader_stands_back_for_as_long_as_the_other_one_moves() {
    let trial = Trial::new(&["a"]);
    let (mut one, mut other) = (trial.reader(folds()), trial.reader(folds()));
    trial.settle(&mut one).await;
    trial.settle(&mut other).await;
    for _ in 0..4 {
        trial.log.say("a");
        one.round(&trial.health).await;
        other.round(&trial.health).await;
        assert!(other.lanes.all().is_empty(), "it stands back");
        tokio::time::advance(LOOK_EVERY).await;
    }
    assert_eq!(trial.counted("plain"), "a5 ", "every event was folded once");
    assert_eq!(trial.check("plain").detail, "at position 5, kept by another process");
    drop(one);
    trial.log.say("a");
    for _ in 0..3 {
        tokio::time::advance(LOOK_EVERY).await;
        other.round(&trial.health).await;
    }
    assert_eq!(trial.counted("plain"), "a6 ");
}

#[tokio::test(start_paused = true)]
async fn a_new_version_is_built_beside_the_others_and_joins() {
    let trial = Trial::new(&["a", "q"]);
    let mut reader = trial.reader(folds());
    trial.settle(&mut reader).await;
    let mut next = trial.reader(vec![fold_of::<PlainAgain>(), fold_of::<Quiet>()]);
    trial.log.say("a");
    trial.settle(&mut next).await;
    assert_eq!((trial.counted("plain"), trial.counted("quiet")), ("a2 ".into(), "q1 ".into()));
    let of_plain = |build: &&Registered| build.view == "plain";
    let builds = trial.tables.builds().await.unwrap();
    let versions: Vec<u32> = builds.iter().filter(of_plain).map(|build| build.version).collect();
    assert_eq!(versions, [2]);
    assert_eq!(next.lanes.all().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_view_that_cannot_be_built_does_not_stop_the_others() {
    let trial = Trial::new(&["a", "q", "panic"]);
    let sources = trial.reader(vec![]).sources;
    let rebuilt = rebuild(&sources, folds(), 2, |_, _| {}).await.unwrap();
    let failed: Vec<_> = rebuilt.failed.iter().map(|(view, error)| format!("{view}: {error}")).collect();
    assert_eq!(failed, ["picky: view picky panicked while it folded"]);
    assert_eq!((trial.counted("plain"), trial.counted("quiet")), ("a1 panic1 ".into(), "q1 ".into()));
    let builds = trial.tables.builds().await.unwrap();
    assert!(!builds.iter().any(|build| build.view == "picky"), "what was begun is dropped: {builds:?}");
}
