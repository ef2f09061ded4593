//! Views: rows and checkpoint move together, pages are read through an index, builds are switched at once.

use std::sync::Arc;
use std::time::Duration;

use app::port::{Build, FilledRows, Order, Query, Row, RowChange, SaveError, ViewSpec, ViewStore};
use kernel::Position;
use log::Options;
use tokio::task::JoinSet;

use crate::place::{Place, tamper};

on_both_databases! {
    what_is_saved_is_loaded
    a_moved_checkpoint_fences
    pages_are_found_in_both_orders
    an_absent_field_is_found_by_no_text
    a_bulk_fill_is_left_alone_until_it_is_finished
    a_fill_waits_as_long_as_the_indexes_of_another_take
    a_row_that_is_filled_as_new_must_be_new
    a_build_beside_the_active_one_is_switched_at_once
    two_runners_apply_everything_once
    a_view_that_was_never_built_is_not_empty_but_away
    names_that_would_be_sql_are_refused
    any_text_can_be_kept
}

const BOARD: ViewSpec = ViewSpec { name: "board", version: 1, indexes: &[&["grid"], &["grid", "stage"], &[]] };

async fn views(place: &Place) -> Arc<dyn ViewStore> {
    log::open(&place.url, &Options::default()).await.unwrap().views
}

fn row(key: &str, sort: i64, doc: &str) -> RowChange {
    let read: serde_json::Value = serde_json::from_str(doc).unwrap();
    let fields = BOARD.fields().into_iter().map(|field| read[field].as_str().map(str::to_owned)).collect();
    RowChange { key: key.to_owned(), sort, fields, doc: Some(doc.to_owned()) }
}

fn new(rows: Vec<RowChange>) -> FilledRows {
    FilledRows { new: rows, again: vec![] }
}

fn query(equal: &[(&'static str, &str)], order: Order, beyond: Option<i64>, limit: u32) -> Query {
    Query { equal: equal.iter().map(|(field, text)| (*field, (*text).to_owned())).collect(), order, beyond, limit }
}

async fn built(views: &Arc<dyn ViewStore>, rows: Vec<RowChange>) -> Build {
    let build = views.begin(&BOARD).await.unwrap();
    views.save(&build, Position(0), Position(10), rows).await.unwrap();
    views.activate(&build).await.unwrap();
    build
}

async fn what_is_saved_is_loaded(place: &Place) {
    let views = views(place).await;
    let build = views.begin(&BOARD).await.unwrap();
    assert_eq!(views.checkpoint(&build).await.unwrap(), Position(0));
    let rows: Vec<RowChange> = (0..150).map(|n| row(&format!("k{n}"), n, &format!(r#"{{"n": {n}}}"#))).collect();
    views.save(&build, Position(0), Position(5), rows).await.unwrap();
    let changes = vec![
        row("k1", 500, r#"{"n": "new"}"#),
        RowChange { key: "k2".to_owned(), sort: 0, fields: vec![], doc: None },
        row("k3", 1, r#"{"n": "first"}"#),
        row("k3", 2, r#"{"n": "second"}"#),
    ];
    views.save(&build, Position(5), Position(9), changes).await.unwrap();
    assert_eq!(views.checkpoint(&build).await.unwrap(), Position(9));
    let keys = ["k0", "k1", "k2", "k3", "none"].map(str::to_owned);
    let mut loaded = views.load(&build, &keys).await.unwrap();
    loaded.sort();
    let expected = [("k0", r#"{"n": 0}"#), ("k1", r#"{"n": "new"}"#), ("k3", r#"{"n": "second"}"#)];
    assert_eq!(loaded, expected.map(|(key, doc)| (key.to_owned(), doc.to_owned())));
    views.activate(&build).await.unwrap();
    let found = views.get(&BOARD, "k1").await.unwrap().unwrap();
    assert_eq!(found, Row { key: "k1".to_owned(), sort: 500, doc: r#"{"n": "new"}"#.to_owned() });
    assert_eq!(views.get(&BOARD, "k2").await.unwrap(), None);
}

async fn a_moved_checkpoint_fences(place: &Place) {
    let views = views(place).await;
    let build = views.begin(&BOARD).await.unwrap();
    views.save(&build, Position(0), Position(5), vec![row("a", 1, "{}")]).await.unwrap();
    let late = views.save(&build, Position(0), Position(3), vec![row("b", 1, "{}")]).await;
    assert!(matches!(late, Err(SaveError::Fenced)));
    assert_eq!(views.load(&build, &["b".to_owned()]).await.unwrap(), []);
    assert_eq!(views.checkpoint(&build).await.unwrap(), Position(5));
    views.abandon(&build).await.unwrap();
    let gone = views.save(&build, Position(5), Position(6), vec![row("b", 1, "{}")]).await;
    assert!(matches!(gone, Err(SaveError::Fenced)));
    assert!(views.unfinished(&BOARD).await.unwrap().is_empty());
}

async fn pages_are_found_in_both_orders(place: &Place) {
    let views = views(place).await;
    let doc = |n: i64| format!(r#"{{"grid":"{}","stage":"{}"}}"#, ["A", "B"][usize::from(n % 2 == 1)], n % 3);
    built(&views, (1..=300).map(|n| row(&format!("k{n:03}"), n, &doc(n))).collect()).await;
    let sorts = async |query: Query| -> Vec<i64> {
        views.find(&BOARD, &query).await.unwrap().iter().map(|row| row.sort).collect()
    };
    assert_eq!(sorts(query(&[("grid", "A")], Order::Ascending, None, 3)).await, [2, 4, 6]);
    assert_eq!(sorts(query(&[("grid", "A")], Order::Ascending, Some(6), 3)).await, [8, 10, 12]);
    assert_eq!(sorts(query(&[("grid", "A")], Order::Descending, None, 3)).await, [300, 298, 296]);
    assert_eq!(sorts(query(&[("grid", "A")], Order::Descending, Some(296), 2)).await, [294, 292]);
    assert_eq!(sorts(query(&[("grid", "B"), ("stage", "0")], Order::Ascending, Some(3), 2)).await, [9, 15]);
    assert_eq!(sorts(query(&[], Order::Descending, Some(100), 2)).await, [99, 98]);
    assert!(sorts(query(&[("grid", "C")], Order::Ascending, None, 3)).await.is_empty());
    assert!(sorts(query(&[("grid", "A")], Order::Ascending, Some(300), 3)).await.is_empty());
}

async fn an_absent_field_is_found_by_no_text(place: &Place) {
    let views = views(place).await;
    let docs = [r#"{"grid":"A"}"#, r#"{"grid":null}"#, "{}", r#"{"grid":""}"#];
    built(&views, (0..).zip(docs).map(|(n, doc)| row(&n.to_string(), n, doc)).collect()).await;
    for (text, expected) in [("A", &[0][..]), ("", &[3]), ("null", &[])] {
        let found = views.find(&BOARD, &query(&[("grid", text)], Order::Ascending, None, 9)).await.unwrap();
        assert_eq!(found.iter().map(|row| row.sort).collect::<Vec<_>>(), expected, "{text}");
    }
}

/// A fill is nobody's to go on with, and a build like any other once it is finished.
async fn a_bulk_fill_is_left_alone_until_it_is_finished(place: &Place) {
    let views = views(place).await;
    let build = views.begin_bulk(&BOARD).await.unwrap();
    views.fill(&build, new(vec![row("a", 1, r#"{"grid":"A"}"#), row("b", 2, r#"{"grid":"A"}"#)])).await.unwrap();
    assert!(views.unfinished(&BOARD).await.unwrap().is_empty());
    let removed = RowChange { key: "b".to_owned(), sort: 0, fields: vec![], doc: None };
    let rows = FilledRows { new: vec![], again: vec![row("a", 3, r#"{"grid":"B"}"#), removed] };
    views.fill(&build, rows).await.unwrap();
    views.finish_bulk(&build, Position(7)).await.unwrap();
    assert_eq!(views.checkpoint(&build).await.unwrap(), Position(7));
    assert_eq!(views.unfinished(&BOARD).await.unwrap(), std::slice::from_ref(&build));
    views.save(&build, Position(7), Position(8), vec![row("c", 4, r#"{"grid":"B"}"#)]).await.unwrap();
    views.activate(&build).await.unwrap();
    let found = views.find(&BOARD, &query(&[("grid", "B")], Order::Ascending, None, 9)).await.unwrap();
    assert_eq!(found.iter().map(|row| row.sort).collect::<Vec<_>>(), [3, 4]);
    assert!(!views.finish_bulk(&build, Position(9)).await.unwrap_err().passing, "it was finished before");
    let abandoned = views.begin_bulk(&BOARD).await.unwrap();
    views.abandon(&abandoned).await.unwrap();
    assert!(views.fill(&abandoned, new(vec![row("a", 1, "{}")])).await.is_err());
}

/// Indexes of a long log take longer than anybody waits for a connection.
async fn a_fill_waits_as_long_as_the_indexes_of_another_take(place: &Place) {
    // Only SQLite has one connection that writes; a new one to PostgreSQL may take a while.
    let patience = if place.is_sqlite() { Duration::from_millis(300) } else { Duration::from_secs(5) };
    let options = Options { acquire_timeout: patience, ..Options::default() };
    let views = log::open(&place.url, &options).await.unwrap().views;
    let many = ViewSpec { name: "many", version: 1, indexes: &[&["a"] as &[_]; 12] };
    let full = views.begin_bulk(&many).await.unwrap();
    for n in 0..10_i64 {
        let rows = (0..4_000).map(|m| RowChange {
            fields: vec![Some(format!("{:032}", m * 7_919 % 4_001))],
            ..row(&format!("{n}-{m}"), n * 4_000 + m, "{}")
        });
        views.fill(&full, new(rows.collect())).await.unwrap();
    }
    let other = views.begin_bulk(&BOARD).await.unwrap();
    let filled = async {
        for n in 0..40_i64 {
            views.fill(&other, new(vec![row(&n.to_string(), n, "{}")])).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let (finished, ()) = tokio::join!(views.finish_bulk(&full, Position(1)), filled);
    finished.unwrap();
    assert_eq!(views.checkpoint(&full).await.unwrap(), Position(1));
}

/// New rows are kept as others are, and one that is there already is an error, with which nothing is written.
async fn a_row_that_is_filled_as_new_must_be_new(place: &Place) {
    let views = views(place).await;
    let build = views.begin_bulk(&BOARD).await.unwrap();
    let mut rows: Vec<RowChange> = (0..300).map(|n| row(&format!("k{n}"), n, &format!(r#"{{"n": {n}}}"#))).collect();
    let long = format!(r#"{{"grid":"静\u0000'安","note":"{}"}}"#, r"\\ü\n".repeat(20_000));
    rows.push(RowChange { fields: vec![Some("静\0'安".to_owned())], ..row("long", 1000, &long) });
    rows.push(RowChange { doc: None, ..row("none", 0, "{}") });
    views.fill(&build, new(rows)).await.unwrap();
    for again in [vec![row("x", 1, "{}"), row("k7", 1, "{}")], vec![row("y", 1, "{}"), row("y", 2, "{}")]] {
        assert!(!views.fill(&build, new(again)).await.unwrap_err().passing);
    }
    // The connection is as good as before, and what comes along is written.
    let rows = FilledRows { new: vec![row("z", 1, "{}")], again: vec![row("k8", 8, r#"{"n": "again"}"#)] };
    views.fill(&build, rows).await.unwrap();
    let keys = ["k7", "k8", "x", "y", "z", "none", "long"].map(str::to_owned);
    let mut loaded = views.load(&build, &keys).await.unwrap();
    loaded.sort();
    let kept = long.replace("\\u0000", "\\ufffd");
    let expected = [("k7", r#"{"n": 7}"#), ("k8", r#"{"n": "again"}"#), ("long", &kept), ("z", "{}")];
    assert_eq!(loaded, expected.map(|(key, doc)| (key.to_owned(), doc.to_owned())));
    views.finish_bulk(&build, Position(9)).await.unwrap();
    views.activate(&build).await.unwrap();
    let found = views.find(&BOARD, &query(&[("grid", "静\u{fffd}'安")], Order::Ascending, None, 9)).await.unwrap();
    assert_eq!(found.iter().map(|row| &*row.key).collect::<Vec<_>>(), ["long"]);
}

async fn a_build_beside_the_active_one_is_switched_at_once(place: &Place) {
    let (views, other) = (views(place).await, views(place).await);
    let old = built(&views, vec![row("a", 1, r#"{"n":1}"#)]).await;
    assert_eq!(other.get(&BOARD, "a").await.unwrap().unwrap().doc, r#"{"n":1}"#);
    let newer = ViewSpec { version: 2, ..BOARD };
    assert_eq!(views.active(&newer).await.unwrap(), Some((old.clone(), 1)));
    let abandoned = views.begin(&newer).await.unwrap();
    let new = views.begin(&newer).await.unwrap();
    assert_eq!(views.unfinished(&newer).await.unwrap(), [abandoned.clone(), new.clone()]);
    assert!(views.unfinished(&BOARD).await.unwrap().is_empty());
    views.save(&new, Position(0), Position(20), vec![row("a", 1, r#"{"n":2}"#)]).await.unwrap();
    assert_eq!(other.get(&newer, "a").await.unwrap().unwrap().doc, r#"{"n":1}"#);
    views.activate(&new).await.unwrap();
    // The other process remembers the old build, whose table is gone.
    assert_eq!(other.get(&newer, "a").await.unwrap().unwrap().doc, r#"{"n":2}"#);
    assert_eq!(other.active(&newer).await.unwrap(), Some((new.clone(), 2)));
    assert!(views.unfinished(&newer).await.unwrap().is_empty());
    assert!(matches!(views.save(&old, Position(10), Position(11), vec![]).await, Err(SaveError::Fenced)));
    assert!(!views.activate(&abandoned).await.unwrap_err().passing);
    views.abandon(&new).await.unwrap();
    assert!(views.active(&newer).await.unwrap().is_some(), "an active build is not abandoned");
}

/// Each runner adds the positions it covers to one row; every position is added once.
async fn two_runners_apply_everything_once(place: &Place) {
    const LAST: u64 = 60;
    let build = views(place).await.begin(&BOARD).await.unwrap();
    let mut runners = JoinSet::new();
    for _ in 0..3 {
        let (views, build) = (views(place).await, build.clone());
        runners.spawn(async move {
            loop {
                let from = views.checkpoint(&build).await.unwrap();
                if from == Position(LAST) {
                    return;
                }
                let loaded = views.load(&build, &["sum".to_owned()]).await.unwrap();
                let sum: u64 = loaded.first().map_or(0, |(_, doc)| doc.parse().unwrap());
                let doc = (sum + from.next().0).to_string();
                match views.save(&build, from, from.next(), vec![row("sum", 1, &doc)]).await {
                    Ok(()) | Err(SaveError::Fenced) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        });
    }
    runners.join_all().await;
    let sum = views(place).await.load(&build, &["sum".to_owned()]).await.unwrap();
    assert_eq!(sum, [("sum".to_owned(), (LAST * (LAST + 1) / 2).to_string())]);
}

async fn a_view_that_was_never_built_is_not_empty_but_away(place: &Place) {
    let views = views(place).await;
    assert_eq!(views.active(&BOARD).await.unwrap(), None);
    assert!(views.get(&BOARD, "a").await.unwrap_err().passing);
    assert!(views.find(&BOARD, &query(&[], Order::Ascending, None, 1)).await.unwrap_err().passing);
}

async fn names_that_would_be_sql_are_refused(place: &Place) {
    let views = views(place).await;
    let bad = ViewSpec { name: "x; drop table views", ..BOARD };
    assert!(!views.begin(&bad).await.unwrap_err().passing);
    built(&views, vec![]).await;
    let bad = query(&[("grid' or '1' = '1", "A")], Order::Ascending, None, 1);
    assert!(!views.find(&BOARD, &bad).await.unwrap_err().passing);
}

async fn any_text_can_be_kept(place: &Place) {
    let views = views(place).await;
    // A NUL is escaped as \u0000 in JSON; PostgreSQL can keep none, so it is replaced. `\\u0000` is no NUL.
    let doc = r#"{"grid":"静安'\"\\","note":"\u0000 \\u0000 \ud83d\ude80"}"#;
    let kept = r#"{"grid":"静安'\"\\","note":"\ufffd \\u0000 \ud83d\ude80"}"#;
    built(&views, vec![row("a'b", 1, doc)]).await;
    assert_eq!(views.get(&BOARD, "a'b").await.unwrap().unwrap().doc, kept);
    let found = views.find(&BOARD, &query(&[("grid", r#"静安'"\"#)], Order::Ascending, None, 1)).await.unwrap();
    assert_eq!(found.len(), 1);
}

#[tokio::test]
async fn sqlite_reads_a_page_through_its_index() {
    let place = Place::sqlite().await;
    let build = built(&views(&place).await, vec![]).await;
    let pool = sqlx::SqlitePool::connect(&place.url.replace("log.db", "log.views.db")).await.unwrap();
    let sql = format!(
        "explain query plan select key, sort, doc from view_board_{} where by_grid = $1 and sort < $2 order by sort desc",
        build.number
    );
    let plan: Vec<(i64, i64, i64, String)> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind("A").bind(7).fetch_all(&pool).await.unwrap();
    let plan: Vec<&str> = plan.iter().map(|(_, _, _, step)| step.as_str()).collect();
    assert!(plan.len() == 1 && plan[0].contains("USING INDEX view_board_1_0"), "{plan:?}");
}

#[tokio::test]
async fn postgres_reads_a_page_through_its_index() {
    let place = Place::postgres().await;
    let views = views(&place).await;
    let doc = |n: i64| format!(r#"{{"grid":"G{}","stage":"x"}}"#, n % 200);
    let build = built(&views, (0..20_000).map(|n| row(&n.to_string(), n, &doc(n))).collect()).await;
    tamper(&place.url, "analyze").await.unwrap();
    let sql = format!(
        "explain select key, sort, doc::text from view_board_{} where by_grid = 'G7' and sort < 16000
        order by sort desc limit 20",
        build.number
    );
    let pool = sqlx::PgPool::connect(&place.url).await.unwrap();
    let plan: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(&pool).await.unwrap();
    let plan = plan.join("\n");
    assert!(plan.contains("Index Scan Backward using view_board_1_0"), "{plan}");
    assert!(!plan.contains("Sort") && !plan.contains("Seq Scan"), "{plan}");
}
