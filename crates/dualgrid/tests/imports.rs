//! What an import may end, what a rehearsal says of it, and how a wrong date is taken back.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[path = "support/desk.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use app::query::PageRequest;
use app::registry;
use kernel::{Difference, Role, Turn};
use serde_json::{Value, json};
use support::{Desk, actor, id, request, sample_body};

/// The sample as of March 2026.
fn sample() -> Value {
    let mut body = json!({
        "rules": sample_body("publish-rules", "district.toml"),
        "district": sample_body("load-district", "district.toml"),
    });
    for part in ["rules", "district"] {
        body[part]["effective_from"] = "2026-03-01T00:00:00+08:00".into();
    }
    body
}

/// The sample without the rows of the district that name a residential grid, as if a file had not been included.
fn forgotten(grid: &str) -> Value {
    let mut body = sample();
    for list in ["grids", "mappings"] {
        let is_kept = |row: &Value| {
            let names = ["code", "grid", "party"].iter().filter_map(|field| row[*field].as_str());
            !names.into_iter().any(|name| name == grid || name.starts_with(&format!("{grid}-")))
        };
        body["district"][list].as_array_mut().unwrap().retain(is_kept);
    }
    body
}

fn ending(differences: &[Difference]) -> u32 {
    u32::try_from(differences.iter().filter(|row| row.turn == Turn::Ends).count()).unwrap()
}

#[tokio::test]
async fn a_rehearsal_shows_what_the_import_records_and_records_nothing() {
    let desk = Desk::open().await;
    let operator = actor("operator", Role::SystemAdministrator, None);
    let head = || async { desk.app.ports().log.head().await.unwrap() };
    let before = head().await;
    let rehearse = async |body: &Value| {
        let rehearsed = desk.app.rehearse(&request(&operator, None, "import-reference", id(), body)).await;
        rehearsed.map_err(|error| error.problem().code)
    };
    assert_eq!(rehearse(&sample()).await, Ok(vec![]));
    let mut body = forgotten("JAS-R11");
    let gone = body["rules"]["matters"].as_array_mut().unwrap().pop().unwrap();
    assert_eq!(rehearse(&body).await, Err("closes-too-much".to_owned()));
    body["allow_closing"] = 1000.into();
    let differences = rehearse(&body).await.unwrap();
    let of = |what: &str| differences.iter().filter(|row| row.what == what).collect::<Vec<_>>();
    assert!(of("grid").len() > 1, "{differences:?}");
    assert_eq!((of("matter")[0].turn, &json!(of("matter")[0].code)), (Turn::Ends, &gone["code"]));
    let all = ending(&differences);
    assert_eq!(all as usize, differences.len(), "nothing begins or changes: {differences:?}");
    // The limit is of both parts together.
    for (allowed, first) in [(0, "matter"), (1, "grid"), (all - 1, "grid")] {
        body["allow_closing"] = allowed.into();
        assert_eq!(rehearse(&body).await, Err("closes-too-much".to_owned()), "{allowed}");
        let refused = desk.submit(&operator, None, "import-reference", id(), &body).await.unwrap_err();
        let problem = refused.problem();
        assert_eq!((problem.status, problem.code.as_str()), (409, "closes-too-much"));
        let missing = if allowed == 0 { 1 } else { all - allowed };
        let said = format!("raise `allow_closing` (`--allow-closing` of the import) by {missing}");
        assert!(refused.to_string().contains(first) && refused.to_string().ends_with(&said), "{refused}");
    }
    let district = json!({"rules": body["rules"], "district": body["district"], "allow_closing": all});
    assert_eq!(head().await, before, "nothing of it was recorded");
    assert_eq!(rehearse(&district).await.map(|rows| rows.len()), Ok(differences.len()));
    let taken = desk.submit(&operator, None, "import-reference", id(), &district).await.unwrap();
    assert!(taken.events >= all, "{taken:?}");
    assert_eq!(rehearse(&district).await, Ok(vec![]), "it is so now");
}

#[tokio::test]
async fn an_import_for_a_wrong_year_is_taken_back() {
    let desk = Desk::open().await;
    let operator = actor("operator", Role::SystemAdministrator, None);
    let shown = async |path: &str, at: &str| {
        let mut document = desk.app.document(&operator, path, Some(at.parse().unwrap())).await.unwrap();
        document.as_object_mut().unwrap().remove("at");
        document
    };
    let (now, later) = ("2026-03-02T10:00:00+08:00", "2100-01-01T00:00:00+08:00");
    let known = (shown("district", now).await, shown("matters", now).await);
    let mut body = forgotten("JAS-R11");
    body["allow_closing"] = 1000.into();
    let wrong = "2099-01-01T00:00:00+08:00";
    for part in ["rules", "district"] {
        body[part]["effective_from"] = wrong.into();
    }
    body["rules"]["matters"][0]["name"] = "新名".into();
    body["district"]["departments"][0]["name"] = "新名".into();
    desk.submit(&operator, None, "import-reference", id(), &body).await.unwrap();
    assert_ne!(shown("district", later).await, known.0);
    let give = async |name: &str, body: &Value| {
        let answer = desk.submit(&operator, None, name, id(), body).await;
        answer.map(|answer| answer.events).map_err(|error| error.problem().code)
    };
    let department = &body["district"]["departments"][0];
    let earlier = json!({"code": department["code"], "name": "改名", "matters": department["matters"]});
    assert_eq!(give("register-department", &earlier).await, Err("out-of-order".to_owned()));
    let withdraw = json!({"scheduled_from": wrong});
    assert!(give("withdraw-changes", &withdraw).await.unwrap() > 1);
    assert_eq!(give("withdraw-rules", &withdraw).await, Ok(1));
    for at in [now, later] {
        assert_eq!(shown("district", at).await, known.0, "{at}");
        assert_eq!(shown("matters", at).await["matters"], known.1["matters"], "{at}");
    }
    assert_eq!((give("withdraw-changes", &withdraw).await, give("withdraw-rules", &withdraw).await), (Ok(0), Ok(0)));
    assert_eq!(give("register-department", &earlier).await, Ok(1));
    desk.clock.set("2099-01-02T00:00:00+08:00".parse().unwrap());
    let active = shown("district", "2099-01-02T00:00:00+08:00").await;
    assert_eq!(active["grids"], known.0["grids"], "what was withdrawn is never applied");
    // Both are in the history.
    let auditor = actor("auditor", Role::Auditor, None);
    let mut kinds = Vec::new();
    let mut beyond = None;
    loop {
        let page = PageRequest { beyond, limit: 200 };
        let page = desk
            .app
            .history(&auditor, registry::kind("district").unwrap(), registry::single_id("district"), page)
            .await
            .unwrap();
        kinds.extend(page.items.iter().map(|item| serde_json::from_str::<Value>(item.get()).unwrap().to_string()));
        beyond = page.next;
        if beyond.is_none() {
            break;
        }
    }
    for kind in ["grid_closed", "grid_changes_withdrawn", "department_changes_withdrawn"] {
        assert!(kinds.iter().any(|entry| entry.contains(kind)), "{kind} of {}", kinds.len());
    }
}
