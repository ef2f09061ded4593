//! A district with five levels: rows are found by every grid above them, and the grid centre is that of the street.

#[path = "support/desk.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use kernel::{Position, Role};
use serde_json::{Value, json};
use support::{Desk, actor, id};

const PATH: [&str; 5] = ["JA-S1-R01-M01-L01", "JA-S1-R01-M01", "JA-S1-R01", "JA-S1", "JA"];

#[tokio::test]
async fn a_case_in_the_fifth_level_is_on_every_board_above_it_and_goes_to_its_street() {
    let desk = Desk::open_with("five-levels.toml").await;
    let leader = actor("ja-s1-r01-m01-l01-leader", Role::GridLeader, Some(PATH[0]));
    let found = json!({
        "source": "patrol", "title": "楼道堆物", "description": "三楼通道堆放纸箱", "grid": PATH[0],
        "location": {"text": "第一楼组三楼"},
    });
    let case = desk.submit(&leader, None, "discover-issue", id(), &found).await.unwrap().id;
    let register = json!({"matter": "FW-0301", "handling": "promised"});
    desk.tell(&leader, case, "register-issue", register).await.unwrap();
    desk.tell(&leader, case, "escalate-issue", json!({"reason": "网格内没有办理资质"})).await.unwrap();
    desk.app.settle().await.unwrap();
    let counts = async |grid: &str| {
        let by = actor("reader", Role::DutyOfficer, Some(grid));
        let (cases, obligations) =
            (desk.rows(&by, "cases", &[("grid", grid)]).await, desk.rows(&by, "obligations", &[("grid", grid)]).await);
        (cases.unwrap().items.len(), obligations.unwrap().items.len())
    };
    for grid in PATH {
        assert_eq!(counts(grid).await, (1, 1), "{grid}");
    }
    for other in ["JA-S2", "JA-S1-R01-M01-L02"] {
        assert_eq!(counts(other).await, (0, 0), "{other}");
    }
    let summary = desk.summary(case).await;
    assert_eq!(summary["next"]["by"], json!({"role": "duty_officer", "grid": "JA-S1"}), "the street has the centre");
    let recorded = desk.app.ports().log.after(Position(0), 1000).await.unwrap();
    let event: Value = serde_json::from_slice(&recorded.last().unwrap().bytes).unwrap();
    assert_eq!(event["audience"], "street.JA-S1");
}
