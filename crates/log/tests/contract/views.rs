//! Views: rows, entries and checkpoints move together, pages are read through an index, builds are switched at once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use app::port::view_store::entry;
use app::port::{
    Build, Either, Entries, FilledRows, FindError, Loaded, Move, Query, RowChange, RowPage, Saved, ViewSpec, ViewStore,
    Wanted,
};
use kernel::Position;
use kernel::view::Order;
use log::Options;
use tokio::task::JoinSet;

use crate::place::{Place, tamper};

on_both_databases! {
    what_is_saved_is_loaded
    a_moved_checkpoint_fences
    a_fenced_view_does_not_stop_the_others
    a_view_whose_table_is_gone_does_not_stop_the_others
    several_views_are_saved_in_one_transaction
    pages_are_found_in_both_orders
    a_page_loses_no_row_with_the_sort_key_of_the_last
    a_row_is_found_by_each_of_its_grids
    rows_are_found_by_any_of_several_values_and_no_value_gives_more_than_its_share
    entries_follow_changes_and_removals
    an_absent_value_is_found_by_no_text
    a_bulk_fill_is_left_alone_until_it_is_finished
    a_bulk_fill_is_found_by_what_was_filled_last
    a_fill_waits_as_long_as_the_entries_of_another_take
    a_row_that_is_filled_as_new_must_be_new
    a_build_beside_the_active_one_is_switched_at_once
    an_older_build_answers_by_its_own_filters
    two_readers_apply_everything_once
    a_view_that_was_never_built_is_not_empty_but_away
    names_that_would_be_sql_are_refused
    any_text_can_be_kept
}

const BOARD: ViewSpec = ViewSpec { name: "board", version: 1, filters: &[&["grid"], &["grid", "stage"], &[]] };
const OTHER: ViewSpec = ViewSpec { name: "other", ..BOARD };

async fn views(place: &Place) -> Arc<dyn ViewStore> {
    log::open(&place.url, &Options::default()).await.unwrap().views
}

/// A row that is found by the grids and the stage that its document has.
fn row(key: &str, sort: i64, doc: &str) -> RowChange {
    RowChange {
        key: key.to_owned(),
        doc: Some(doc.to_owned()),
        entries: entries(sort, doc),
        before: Entries::default(),
    }
}

fn entries(sort: i64, doc: &str) -> Entries {
    let read: serde_json::Value = serde_json::from_str(doc).unwrap();
    let grids = match &read["grid"] {
        serde_json::Value::Array(grids) => grids.iter().map(|grid| grid.as_str().unwrap().to_owned()).collect(),
        grid => grid.as_str().map(str::to_owned).into_iter().collect::<Vec<_>>(),
    };
    let mut values = BTreeSet::from([entry(2, [])]);
    values.extend(grids.iter().map(|grid| entry(0, [&**grid])));
    let with_stage = |stage| grids.iter().map(move |grid| entry(1, [&**grid, stage]));
    values.extend(read["stage"].as_str().into_iter().flat_map(with_stage));
    Entries { sort, values: values.into_iter().collect() }
}

/// The change from one row to another, or to none.
fn changed(before: RowChange, after: Option<RowChange>) -> RowChange {
    let removed = RowChange { key: before.key, ..RowChange::default() };
    RowChange { before: before.entries, ..after.unwrap_or(removed) }
}

fn to(build: &Build, from: u64, to: u64, rows: Vec<RowChange>) -> Move {
    Move { build: build.clone(), from: Position(from), to: Position(to), rows }
}

async fn save(views: &Arc<dyn ViewStore>, moves: &[Move]) -> Vec<&'static str> {
    let name = |saved| match saved {
        Saved::Written => "written",
        Saved::Fenced => "fenced",
        Saved::Gone => "gone",
        Saved::Failed(_) => "failed",
    };
    views.save(moves).await.unwrap().into_iter().map(name).collect()
}

async fn load(views: &Arc<dyn ViewStore>, build: &Build, keys: &[&str]) -> Vec<(String, String)> {
    let keys = keys.iter().map(|key| (*key).to_owned()).collect();
    match views.load(&[Wanted { build: build.clone(), keys }]).await.remove(0) {
        Loaded::Docs(mut docs) => {
            docs.sort();
            docs
        }
        other => panic!("{other:?}"),
    }
}

async fn position(views: &Arc<dyn ViewStore>, build: &Build) -> Position {
    let builds = views.builds().await.unwrap();
    builds.iter().find(|registered| registered.number == build.number).unwrap().position
}

/// Builds of a view that are neither active nor being filled, of one version.
async fn unfinished(views: &Arc<dyn ViewStore>, spec: &ViewSpec) -> Vec<i64> {
    let builds = views.builds().await.unwrap().into_iter();
    let is_one = |view: &str, version| view == spec.name && version == spec.version;
    let unfinished = builds.filter(|build| is_one(&build.view, build.version) && !build.active && !build.filling);
    unfinished.map(|build| build.number).collect()
}

fn new(rows: Vec<RowChange>) -> FilledRows {
    FilledRows { new: rows, again: vec![] }
}

fn query(equal: &[(&'static str, &str)], order: Order, beyond: Option<&str>, limit: u32) -> Query {
    let equal = equal.iter().map(|(filter, value)| (*filter, (*value).to_owned())).collect();
    Query { equal, order, beyond: beyond.map(str::to_owned), limit }
}

async fn keys(views: &Arc<dyn ViewStore>, equal: &[(&'static str, &str)]) -> Vec<String> {
    let found = views.find(&BOARD, &query(equal, Order::Ascending, None, 99)).await.unwrap();
    found.rows.into_iter().map(|row| row.key).collect()
}

async fn built(views: &Arc<dyn ViewStore>, rows: Vec<RowChange>) -> Build {
    let build = views.begin(&BOARD).await.unwrap();
    assert_eq!(save(views, &[to(&build, 0, 10, rows)]).await, ["written"]);
    views.activate(&build).await.unwrap();
    build
}

async fn what_is_saved_is_loaded(place: &Place) {
    let views = views(place).await;
    let build = views.begin(&BOARD).await.unwrap();
    assert_eq!(position(&views, &build).await, Position(0));
    let rows: Vec<RowChange> = (0..150).map(|n| row(&format!("k{n}"), n, &format!(r#"{{"n": {n}}}"#))).collect();
    assert_eq!(save(&views, &[to(&build, 0, 5, rows.clone())]).await, ["written"]);
    let new = row("k1", 500, r#"{"n": "new"}"#);
    let changes = vec![changed(rows[1].clone(), Some(new)), changed(rows[2].clone(), None)];
    assert_eq!(save(&views, &[to(&build, 5, 9, changes)]).await, ["written"]);
    assert_eq!(position(&views, &build).await, Position(9));
    let expected =
        [("k0", r#"{"n": 0}"#), ("k1", r#"{"n": "new"}"#)].map(|(key, doc)| (key.to_owned(), doc.to_owned()));
    assert_eq!(load(&views, &build, &["k0", "k1", "k2", "none"]).await, expected);
    views.activate(&build).await.unwrap();
    let found = views.get(&BOARD, "k1").await.unwrap().unwrap();
    assert_eq!((&*found.key, found.position, &*found.doc), ("k1", Position(9), r#"{"n": "new"}"#));
    assert_eq!(views.get(&BOARD, "k2").await.unwrap(), None);
}

async fn a_moved_checkpoint_fences(place: &Place) {
    let views = views(place).await;
    let build = views.begin(&BOARD).await.unwrap();
    let one = |from, after, key| [to(&build, from, after, vec![row(key, 1, "{}")])];
    assert_eq!(save(&views, &one(0, 5, "a")).await, ["written"]);
    assert_eq!(save(&views, &one(0, 3, "b")).await, ["fenced"]);
    assert_eq!(save(&views, &[to(&build, 0, 3, vec![])]).await, ["fenced"]);
    assert_eq!(load(&views, &build, &["b"]).await, []);
    assert_eq!(position(&views, &build).await, Position(5));
    views.abandon(&build).await.unwrap();
    assert_eq!(save(&views, &one(5, 6, "b")).await, ["gone"]);
    let wanted = Wanted { build: build.clone(), keys: vec!["a".to_owned()] };
    assert!(matches!(views.load(&[wanted]).await.remove(0), Loaded::Gone));
    assert!(unfinished(&views, &BOARD).await.is_empty());
}

async fn a_fenced_view_does_not_stop_the_others(place: &Place) {
    let views = views(place).await;
    let (board, other) = (views.begin(&BOARD).await.unwrap(), views.begin(&OTHER).await.unwrap());
    assert_eq!(save(&views, &[to(&board, 0, 5, vec![row("a", 1, "{}")])]).await, ["written"]);
    let moves = [to(&other, 0, 7, vec![row("b", 1, "{}")]), to(&board, 4, 7, vec![row("b", 1, "{}")])];
    assert_eq!(save(&views, &moves).await, ["written", "fenced"]);
    assert_eq!((position(&views, &other).await, position(&views, &board).await), (Position(7), Position(5)));
    assert_eq!(load(&views, &other, &["b"]).await.len(), 1);
    assert_eq!(load(&views, &board, &["b"]).await, []);
}

async fn a_view_whose_table_is_gone_does_not_stop_the_others(place: &Place) {
    let views = views(place).await;
    let (board, other) = (views.begin(&BOARD).await.unwrap(), views.begin(&OTHER).await.unwrap());
    let url = place.url.replace("log.db", "log.views.db");
    tamper(
        &url,
        if place.is_sqlite() { "drop table view_board_1_by" } else { "alter table view_board_1_by drop sort" },
    )
    .await
    .unwrap();
    let moves = [to(&board, 0, 7, vec![row("a", 1, "{}")]), to(&other, 0, 7, vec![row("a", 1, "{}")])];
    let expected = [if place.is_sqlite() { "gone" } else { "failed" }, "written"];
    assert_eq!(save(&views, &moves).await, expected);
    assert_eq!((position(&views, &board).await, position(&views, &other).await), (Position(0), Position(7)));
    assert_eq!(load(&views, &board, &["a"]).await, []);
}

/// Nobody ever sees one view of a batch without the other.
async fn several_views_are_saved_in_one_transaction(place: &Place) {
    let views = views(place).await;
    let (board, other) = (views.begin(&BOARD).await.unwrap(), views.begin(&OTHER).await.unwrap());
    let writer = {
        let (views, board, other) = (Arc::clone(&views), board.clone(), other.clone());
        let rows = |n: u64| vec![row(&format!("k{n}"), 1, "{}")];
        async move {
            for n in 0..60 {
                let moves = [to(&board, n, n + 1, rows(n)), to(&other, n, n + 1, rows(n))];
                assert_eq!(save(&views, &moves).await, ["written", "written"]);
            }
        }
    };
    let reader = async {
        let mut seen = BTreeSet::new();
        while !seen.contains(&Position(60)) {
            let builds = views.builds().await.unwrap();
            assert_eq!(builds[0].position, builds[1].position);
            seen.insert(builds[0].position);
        }
    };
    tokio::join!(writer, reader);
}

async fn pages_are_found_in_both_orders(place: &Place) {
    let views = views(place).await;
    let doc = |n: i64| format!(r#"{{"grid":"{}","stage":"{}"}}"#, ["A", "B"][usize::from(n % 2 == 1)], n % 3);
    built(&views, (1..=300).map(|n| row(&format!("k{n:03}"), n, &doc(n))).collect()).await;
    let page = async |equal: &[(&'static str, &str)], order, beyond: Option<&str>, limit| {
        let RowPage { rows, next, position } = views.find(&BOARD, &query(equal, order, beyond, limit)).await.unwrap();
        assert_eq!(position, Position(10), "also of a page without rows");
        let number = |key: &str| key[1..].parse::<i64>().unwrap();
        (rows.iter().map(|row| number(&row.key)).collect::<Vec<_>>(), next)
    };
    let (rows, next) = page(&[("grid", "A")], Order::Ascending, None, 3).await;
    assert_eq!(rows, [2, 4, 6]);
    assert_eq!(page(&[("grid", "A")], Order::Ascending, next.as_deref(), 3).await.0, [8, 10, 12]);
    let (rows, next) = page(&[("grid", "A")], Order::Descending, None, 3).await;
    assert_eq!(rows, [300, 298, 296]);
    assert_eq!(page(&[("grid", "A")], Order::Descending, next.as_deref(), 2).await.0, [294, 292]);
    assert_eq!(page(&[("stage", "0"), ("grid", "B")], Order::Ascending, Some("3~k003"), 2).await.0, [9, 15]);
    assert_eq!(page(&[], Order::Descending, Some("100~k100"), 2).await.0, [99, 98]);
    assert_eq!(page(&[("grid", "C")], Order::Ascending, None, 3).await, (vec![], None));
    assert_eq!(page(&[("grid", "A")], Order::Ascending, Some("300~k300"), 3).await, (vec![], None));
    assert_eq!(page(&[("grid", "A")], Order::Descending, Some("6~k006"), 2).await, (vec![4, 2], None), "the last page");
    let made_up = views.find(&BOARD, &query(&[], Order::Ascending, Some("made up"), 3)).await;
    assert!(matches!(made_up, Err(FindError::Cursor)), "{made_up:?}");
}

async fn a_page_loses_no_row_with_the_sort_key_of_the_last(place: &Place) {
    let views = views(place).await;
    let rows: Vec<RowChange> = (0..50).map(|n| row(&format!("k{n:02}"), n / 20, r#"{"grid":"A"}"#)).collect();
    built(&views, rows).await;
    for order in [Order::Ascending, Order::Descending] {
        let (mut found, mut beyond) = (Vec::new(), None);
        loop {
            let page = views.find(&BOARD, &query(&[("grid", "A")], order, beyond.as_deref(), 7)).await.unwrap();
            found.extend(page.rows.into_iter().map(|row| row.key));
            let Some(next) = page.next else { break };
            beyond = Some(next);
        }
        if order == Order::Descending {
            found.reverse();
        }
        assert_eq!(found, (0..50).map(|n| format!("k{n:02}")).collect::<Vec<_>>(), "{order:?}");
    }
}

async fn a_row_is_found_by_each_of_its_grids(place: &Place) {
    let views = views(place).await;
    let depth = 8;
    let grids: Vec<String> = (1..=depth).map(|level| format!("G-{}", "X".repeat(level))).collect();
    let doc = serde_json::json!({ "grid": grids, "stage": "open" }).to_string();
    built(&views, vec![row("a", 1, &doc), row("b", 2, r#"{"grid":["G-X"],"stage":"closed"}"#)]).await;
    for grid in &grids[1..] {
        assert_eq!(keys(&views, &[("grid", grid)]).await, ["a"]);
        assert_eq!(keys(&views, &[("grid", grid), ("stage", "open")]).await, ["a"]);
    }
    assert_eq!(keys(&views, &[("grid", "G-X")]).await, ["a", "b"]);
    assert_eq!(keys(&views, &[("grid", "G-X"), ("stage", "closed")]).await, ["b"]);
    assert_eq!(keys(&views, &[]).await, ["a", "b"]);
}

async fn rows_are_found_by_any_of_several_values_and_no_value_gives_more_than_its_share(place: &Place) {
    let views = views(place).await;
    let mut rows: Vec<RowChange> = (0..40).map(|n| row(&format!("many-{n:02}"), n, r#"{"grid":"A"}"#)).collect();
    rows.push(row("both", 100, r#"{"grid":["B","C"]}"#));
    rows.push(row("all", 7, r#"{"grid":["A","B","C"]}"#));
    rows.push(row("one", 200, r#"{"grid":"C"}"#));
    built(&views, rows).await;
    let keys = async |values: &[&str], each_max, limit| {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        let either = Either { filter: "grid", values, each_max, limit };
        let page = views.find_either(&BOARD, &either).await.unwrap();
        assert_eq!((page.position, page.next), (Position(10), None));
        page.rows.into_iter().map(|row| row.key).collect::<Vec<_>>()
    };
    assert_eq!(keys(&["A", "B", "C"], 100, 4).await, ["all", "both", "one", "many-39"], "most values, then the newest");
    assert_eq!(keys(&["A"], 2, 100).await, ["many-39", "many-38"], "each value gives its newest only");
    assert_eq!(keys(&["B", "C"], 1, 100).await, ["one", "both"]);
    assert_eq!(keys(&["A", "B"], 100, 100).await.len(), 42);
    assert_eq!(keys(&["X", "Y"], 100, 100).await, [""; 0]);
    let none = Either { filter: "nothing", values: vec!["A".into()], each_max: 1, limit: 1 };
    assert!(matches!(views.find_either(&BOARD, &none).await, Err(FindError::Failure(failure)) if !failure.passing));
}

async fn entries_follow_changes_and_removals(place: &Place) {
    let views = views(place).await;
    let first = row("a", 1, r#"{"grid":["A","B"],"stage":"open"}"#);
    let second = row("a", 1, r#"{"grid":["B","C"],"stage":"open"}"#);
    let later = row("a", 9, r#"{"grid":["B"],"stage":"closed"}"#);
    let build = built(&views, vec![first.clone(), row("b", 5, r#"{"grid":"B"}"#)]).await;
    assert_eq!(keys(&views, &[("grid", "B")]).await, ["a", "b"]);
    save(&views, &[to(&build, 10, 11, vec![changed(first, Some(second.clone()))])]).await;
    assert!(keys(&views, &[("grid", "A")]).await.is_empty());
    assert_eq!(keys(&views, &[("grid", "C"), ("stage", "open")]).await, ["a"]);
    save(&views, &[to(&build, 11, 12, vec![changed(second, Some(later.clone()))])]).await;
    assert_eq!(keys(&views, &[("grid", "B")]).await, ["b", "a"], "it has another sort key");
    assert!(keys(&views, &[("grid", "C")]).await.is_empty());
    assert!(keys(&views, &[("grid", "B"), ("stage", "open")]).await.is_empty());
    save(&views, &[to(&build, 12, 13, vec![changed(later, None)])]).await;
    assert_eq!(keys(&views, &[("grid", "B")]).await, ["b"]);
    assert_eq!(keys(&views, &[]).await, ["b"]);
}

async fn an_absent_value_is_found_by_no_text(place: &Place) {
    let views = views(place).await;
    let docs = [r#"{"grid":"A"}"#, r#"{"grid":null}"#, "{}", r#"{"grid":""}"#];
    built(&views, (0..).zip(docs).map(|(n, doc)| row(&n.to_string(), n, doc)).collect()).await;
    for (text, expected) in [("A", &["0"][..]), ("", &["3"]), ("null", &[])] {
        assert_eq!(keys(&views, &[("grid", text)]).await, expected, "{text}");
    }
}

/// A fill is for nobody else to continue, and a build like any other once it is finished.
async fn a_bulk_fill_is_left_alone_until_it_is_finished(place: &Place) {
    let views = views(place).await;
    let build = views.begin_bulk(&BOARD).await.unwrap();
    views.fill(&build, new(vec![row("a", 1, r#"{"grid":"A"}"#), row("b", 2, r#"{"grid":"A"}"#)])).await.unwrap();
    assert!(unfinished(&views, &BOARD).await.is_empty());
    assert_eq!(save(&views, &[to(&build, 0, 3, vec![])]).await, ["gone"]);
    views.finish_bulk(&build, Position(7)).await.unwrap();
    assert_eq!(position(&views, &build).await, Position(7));
    assert_eq!(unfinished(&views, &BOARD).await, [build.number]);
    let before = row("b", 2, r#"{"grid":"A"}"#);
    let rows = vec![row("c", 4, r#"{"grid":"B"}"#), changed(before, Some(row("b", 3, r#"{"grid":"B"}"#)))];
    assert_eq!(save(&views, &[to(&build, 7, 8, rows)]).await, ["written"]);
    views.activate(&build).await.unwrap();
    assert_eq!(keys(&views, &[("grid", "B")]).await, ["b", "c"]);
    assert_eq!(keys(&views, &[("grid", "A")]).await, ["a"]);
    assert!(!views.finish_bulk(&build, Position(9)).await.unwrap_err().passing, "it was finished before");
    let abandoned = views.begin_bulk(&BOARD).await.unwrap();
    views.abandon(&abandoned).await.unwrap();
    let failure = views.fill(&abandoned, new(vec![row("a", 1, "{}")])).await.unwrap_err();
    assert!(!failure.passing, "{failure}");
}

async fn a_bulk_fill_is_found_by_what_was_filled_last(place: &Place) {
    let views = views(place).await;
    let build = views.begin_bulk(&BOARD).await.unwrap();
    let doc = |grid: i64, stage: i64| format!(r#"{{"grid":["G","G{}"],"stage":"{stage}"}}"#, grid % 7);
    views.fill(&build, new((0..500).map(|n| row(&format!("k{n:03}"), n, &doc(n, n % 3))).collect())).await.unwrap();
    let again = (0..500).filter(|n| n % 5 == 0).map(|n| match n % 10 {
        0 => row(&format!("k{n:03}"), n, &doc(n + 1, 9)),
        _ => RowChange { key: format!("k{n:03}"), ..RowChange::default() },
    });
    let rows = FilledRows { new: vec![row("last", 999, &doc(0, 9))], again: again.collect() };
    views.fill(&build, rows).await.unwrap();
    views.finish_bulk(&build, Position(7)).await.unwrap();
    views.activate(&build).await.unwrap();
    let of =
        |condition: fn(i64) -> bool| (0..500).filter(|n| condition(*n)).map(|n| format!("k{n:03}")).collect::<Vec<_>>();
    let found = keys(&views, &[("grid", "G3"), ("stage", "9")]).await;
    assert_eq!(found, of(|n| n % 10 == 0 && (n + 1) % 7 == 3));
    let found = keys(&views, &[("grid", "G2")]).await;
    assert_eq!(found, of(|n| (n % 10 == 0 && (n + 1) % 7 == 2) || (n % 5 != 0 && n % 7 == 2)));
}

/// The entries of a long log take longer than anybody waits for a connection.
async fn a_fill_waits_as_long_as_the_entries_of_another_take(place: &Place) {
    // Only SQLite has one connection that writes; a new one to PostgreSQL may take a while.
    let patience = if place.is_sqlite() { Duration::from_millis(300) } else { Duration::from_secs(5) };
    let options = Options { acquire_timeout: patience, ..Options::default() };
    let views = log::open(&place.url, &options).await.unwrap().views;
    let full = views.begin_bulk(&ViewSpec { name: "many", ..BOARD }).await.unwrap();
    for n in 0..10_i64 {
        let rows = (0..4_000).map(|m| {
            let values = (0..12).map(|set| entry(set, [&*format!("{:032}", m * 7_919 % 4_001)])).collect();
            RowChange { entries: Entries { sort: m, values }, ..row(&format!("{n}-{m}"), 0, "{}") }
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
    assert_eq!(position(&views, &full).await, Position(1));
}

/// New rows are kept as others are, and one that exists is an error, with which nothing is written.
async fn a_row_that_is_filled_as_new_must_be_new(place: &Place) {
    let views = views(place).await;
    let build = views.begin_bulk(&BOARD).await.unwrap();
    let mut rows: Vec<RowChange> = (0..300).map(|n| row(&format!("k{n}"), n, &format!(r#"{{"n": {n}}}"#))).collect();
    let long = format!(r#"{{"grid":"静\u0000'安","note":"{}"}}"#, r"\\ü\n".repeat(20_000));
    rows.push(row("long", 1000, &long));
    rows.push(RowChange { key: "none".into(), ..RowChange::default() });
    views.fill(&build, new(rows)).await.unwrap();
    for again in [vec![row("x", 1, "{}"), row("k7", 1, "{}")], vec![row("y", 1, "{}"), row("y", 2, "{}")]] {
        let failure = views.fill(&build, new(again)).await.unwrap_err();
        assert!(!failure.passing, "{failure}");
    }
    // The connection is as good as before, and what comes along is written.
    let rows = FilledRows { new: vec![row("z", 1, "{}")], again: vec![row("k8", 8, r#"{"n": "again"}"#)] };
    views.fill(&build, rows).await.unwrap();
    let loaded = load(&views, &build, &["k7", "k8", "x", "y", "z", "none", "long"]).await;
    let kept = long.replace("\\u0000", "\\ufffd");
    let expected = [("k7", r#"{"n": 7}"#), ("k8", r#"{"n": "again"}"#), ("long", &kept), ("z", "{}")];
    assert_eq!(loaded, expected.map(|(key, doc)| (key.to_owned(), doc.to_owned())));
    views.finish_bulk(&build, Position(9)).await.unwrap();
    views.activate(&build).await.unwrap();
    assert_eq!(keys(&views, &[("grid", "静\0'安")]).await, ["long"]);
}

async fn a_build_beside_the_active_one_is_switched_at_once(place: &Place) {
    let (views, other) = (views(place).await, views(place).await);
    let old = built(&views, vec![row("a", 1, r#"{"n":1}"#)]).await;
    assert_eq!(other.get(&BOARD, "a").await.unwrap().unwrap().doc, r#"{"n":1}"#);
    let newer = ViewSpec { version: 2, ..BOARD };
    let abandoned = views.begin(&newer).await.unwrap();
    let new = views.begin(&newer).await.unwrap();
    assert_eq!(unfinished(&views, &newer).await, [abandoned.number, new.number]);
    assert!(unfinished(&views, &BOARD).await.is_empty());
    save(&views, &[to(&new, 0, 20, vec![row("a", 1, r#"{"n":2}"#)])]).await;
    assert_eq!(other.get(&newer, "a").await.unwrap().unwrap().doc, r#"{"n":1}"#);
    views.activate(&new).await.unwrap();
    // The other process remembers the old build, whose tables are gone.
    let found = other.get(&newer, "a").await.unwrap().unwrap();
    assert_eq!((&*found.doc, found.position), (r#"{"n":2}"#, Position(20)));
    let builds = other.builds().await.unwrap();
    assert_eq!(
        builds.iter().map(|build| (build.number, build.version, build.active)).collect::<Vec<_>>(),
        [(new.number, 2, true)]
    );
    assert_eq!(save(&views, &[to(&old, 10, 11, vec![])]).await, ["gone"]);
    assert!(!views.activate(&abandoned).await.unwrap_err().passing);
    views.abandon(&new).await.unwrap();
    assert!(views.get(&newer, "a").await.unwrap().is_some(), "an active build is not abandoned");
}

/// Until the build of a new version is complete, the old one is asked: by the filters that it has.
async fn an_older_build_answers_by_its_own_filters(place: &Place) {
    let views = views(place).await;
    built(&views, vec![row("a", 1, r#"{"grid":"A","stage":"open"}"#)]).await;
    let newer = ViewSpec { version: 2, filters: &[&["stage"], &["stage", "grid"]], ..BOARD };
    let asked = query(&[("grid", "A"), ("stage", "open")], Order::Ascending, None, 9);
    assert_eq!(views.find(&newer, &asked).await.unwrap().rows.len(), 1);
    let failure = |found| match found {
        Err(FindError::Failure(failure)) => failure,
        other => panic!("{other:?}"),
    };
    let of_newer = views.find(&newer, &query(&[("stage", "open")], Order::Ascending, None, 9)).await;
    assert!(failure(of_newer).passing);
    let of_none = views.find(&newer, &query(&[("place", "x")], Order::Ascending, None, 9)).await;
    assert!(!failure(of_none).passing);
}

/// Each reader adds the positions it covers to one row; every position is added once.
async fn two_readers_apply_everything_once(place: &Place) {
    const LAST: u64 = 60;
    let build = views(place).await.begin(&BOARD).await.unwrap();
    let mut readers = JoinSet::new();
    for _ in 0..3 {
        let (views, build) = (views(place).await, build.clone());
        readers.spawn(async move {
            loop {
                let from = position(&views, &build).await;
                if from == Position(LAST) {
                    return;
                }
                let sum: u64 = load(&views, &build, &["sum"]).await.first().map_or(0, |(_, doc)| doc.parse().unwrap());
                let mut row = row("sum", 1, &(sum + from.next().0).to_string());
                if sum > 0 {
                    row.before = row.entries.clone();
                }
                let saved = save(&views, &[to(&build, from.0, from.next().0, vec![row])]).await;
                assert!(["written", "fenced"].contains(&saved[0]), "{saved:?}");
            }
        });
    }
    readers.join_all().await;
    let sum = load(&views(place).await, &build, &["sum"]).await;
    assert_eq!(sum, [("sum".to_owned(), (LAST * (LAST + 1) / 2).to_string())]);
}

async fn a_view_that_was_never_built_is_not_empty_but_away(place: &Place) {
    let views = views(place).await;
    assert!(views.builds().await.unwrap().is_empty());
    assert!(views.get(&BOARD, "a").await.unwrap_err().passing);
    let found = views.find(&BOARD, &query(&[], Order::Ascending, None, 1)).await;
    assert!(matches!(found, Err(FindError::Failure(failure)) if failure.passing));
}

async fn names_that_would_be_sql_are_refused(place: &Place) {
    let views = views(place).await;
    let bad = ViewSpec { name: "x; drop table views", ..BOARD };
    let failure = views.begin(&bad).await.unwrap_err();
    assert!(failure.reason.contains("cannot be the name of a view"), "{failure}");
}

async fn any_text_can_be_kept(place: &Place) {
    let views = views(place).await;
    // A NUL is escaped as \u0000 in JSON; PostgreSQL can keep none, so it is replaced. `\\u0000` is no NUL.
    let doc = r#"{"grid":"静安'\"\\","note":"\u0000 \\u0000 \ud83d\ude80"}"#;
    let kept = r#"{"grid":"静安'\"\\","note":"\ufffd \\u0000 \ud83d\ude80"}"#;
    built(&views, vec![row("a'b", 1, doc)]).await;
    assert_eq!(views.get(&BOARD, "a'b").await.unwrap().unwrap().doc, kept);
    assert_eq!(keys(&views, &[("grid", r#"静安'"\"#)]).await, ["a'b"]);
}

const PAGE: &str = "select e.sort, r.key, r.doc from view_board_1_by e join view_board_1 r on r.key = e.key \
    where value = $1 and (sort, e.key) < ($2, $3) order by sort desc, e.key desc limit 20";

#[tokio::test]
async fn sqlite_reads_a_page_through_its_entries() {
    let place = Place::sqlite().await;
    built(&views(&place).await, vec![]).await;
    let pool = sqlx::SqlitePool::connect(&place.url.replace("log.db", "log.views.db")).await.unwrap();
    let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(sqlx::AssertSqlSafe(format!("explain query plan {PAGE}")))
        .bind("0:A")
        .bind(7)
        .bind("k")
        .fetch_all(&pool)
        .await
        .unwrap();
    let plan: Vec<&str> = plan.iter().map(|(_, _, _, step)| step.as_str()).collect();
    assert!(plan[0].contains("SEARCH e USING PRIMARY KEY (value=? AND (sort,key)<(?,?))"), "{plan:?}");
    assert!(plan.len() == 2 && plan[1].contains("SEARCH r USING INDEX"), "{plan:?}");
}

#[tokio::test]
async fn postgres_reads_a_page_through_its_entries() {
    let place = Place::postgres().await;
    let views = views(&place).await;
    let doc = |n: i64| format!(r#"{{"grid":"G{}","stage":"x"}}"#, n % 200);
    built(&views, (0..20_000).map(|n| row(&n.to_string(), n, &doc(n))).collect()).await;
    tamper(&place.url, "analyze").await.unwrap();
    let page = PAGE.replace("$1", "'0:G7'").replace("$2", "16000").replace("$3", "'k'");
    let pool = sqlx::PgPool::connect(&format!("{}?options=-c%20search_path%3Dviews", place.url)).await.unwrap();
    let plan: Vec<String> =
        sqlx::query_scalar(sqlx::AssertSqlSafe(format!("explain {page}"))).fetch_all(&pool).await.unwrap();
    let plan = plan.join("\n");
    assert!(plan.contains("Index Only Scan Backward using view_board_1_by_index"), "{plan}");
    assert!(plan.contains("ROW(sort, key) < ROW(16000, 'k'::text)"), "{plan}");
    assert!(!plan.contains("Sort ") && !plan.contains("Seq Scan"), "{plan}");
}
