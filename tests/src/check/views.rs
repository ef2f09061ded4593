//! Views against a rebuild of them, row by row.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::ensure;
use testkit::client::eventually;

use super::{Findings, Property};
use crate::Stage;
use crate::tables::{Build, Tables, ViewRows};

/// How long views may take to catch up.
const PATIENCE: Duration = Duration::from_mins(2);

/// Waits until the views have caught up, rebuilds all of them, and compares every row.
pub(super) async fn check(stage: &Stage, found: &mut Findings) -> anyhow::Result<()> {
    let tables = Tables::of(&stage.system);
    let (lived, before) = match settled(&tables).await {
        Ok(settled) => settled,
        Err(error) => {
            found.broken(Property::Views, format!("{error:#}"));
            return Ok(());
        }
    };
    stage.system.run_cli(&["rebuild", "all"]).await?;
    let (fresh, after) = settled(&tables).await?;
    for build in &lived {
        let is_new = fresh.iter().any(|other| other.name == build.name && other.number != build.number);
        ensure!(is_new, "the view {} was not rebuilt", build.name);
    }
    compare(&before, &after, found);
    found.count("view rows", after.values().map(BTreeMap::len).sum());
    Ok(())
}

/// The active builds and their rows, once they are as far as the log.
async fn settled(tables: &Tables) -> anyhow::Result<(Vec<Build>, BTreeMap<String, ViewRows>)> {
    let head = tables.head().await?;
    let what = format!("every view is at {head}");
    let builds = eventually(&what, PATIENCE, async || {
        let builds = tables.builds().await?;
        Ok((builds.len() >= 3 && builds.iter().all(|build| build.position == head)).then_some(builds))
    })
    .await?;
    let mut rows = BTreeMap::new();
    for build in &builds {
        rows.insert(build.name.clone(), tables.rows(build).await?);
    }
    Ok((builds, rows))
}

fn compare(lived: &BTreeMap<String, ViewRows>, fresh: &BTreeMap<String, ViewRows>, found: &mut Findings) {
    for (view, fresh) in fresh {
        let nothing = ViewRows::new();
        let lived = lived.get(view).unwrap_or(&nothing);
        for key in lived.keys().chain(fresh.keys().filter(|key| !lived.contains_key(*key))) {
            if lived.get(key) != fresh.get(key) {
                let (lived, fresh) = (lived.get(key), fresh.get(key));
                found.broken(Property::Views, format!("{view} {key} was {lived:?}, and rebuilt {fresh:?}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::ViewRow;

    #[test]
    fn a_row_too_few_a_row_too_many_and_another_row_are_found() {
        let rows = |rows: &[(&str, i64)]| {
            let row = |sort: i64| ViewRow { doc: "{}".to_owned(), entries: vec![(sort, "0:JAS".to_owned())] };
            let rows = rows.iter().map(|(key, sort)| ((*key).to_owned(), row(*sort))).collect();
            BTreeMap::from([("board".to_owned(), rows)])
        };
        let broken = |lived: &[(&str, i64)], fresh: &[(&str, i64)]| {
            let mut found = Findings::default();
            compare(&rows(lived), &rows(fresh), &mut found);
            found.violations.len()
        };
        assert_eq!(broken(&[("a", 1)], &[("a", 1)]), 0);
        assert_eq!(broken(&[("a", 1), ("b", 1)], &[("a", 2), ("c", 1)]), 3);
    }
}
