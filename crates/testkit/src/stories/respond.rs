//! The steps that a case takes through the street grid centre, the same in every story.

use serde_json::{Value, json};

use super::evidence::photo;
use super::{Act, Player, Scene, text};

/// The criteria for filing, as in `deploy/sample/filing-criteria.toml`.
const CRITERIA: [&str; 5] = [
    "发生在本街镇管辖范围内",
    "属于事项目录内的事项",
    "地点、现象清楚，有现场材料",
    "未与在办案件重复",
    "网格内已先议，或已说明免议理由",
];

/// The leader registers under a matter of departments and hands it up; the duty officer files it.
pub(super) async fn to_the_centre(
    scene: &Scene<'_>,
    leader: &Player,
    duty: &Player,
    matter: &str,
    reason: &str,
) -> anyhow::Result<()> {
    let what = format!("registers it under {matter}");
    scene
        .play(Act {
            who: leader,
            term: "登记",
            what: &what,
            command: "register-issue",
            body: json!({ "matter": matter, "handling": "promised" }),
            then: ("registered", "route"),
        })
        .await?;
    scene
        .play(Act {
            who: leader,
            term: "上报(吹哨)",
            what: "escalates it to the street grid centre",
            command: "escalate-issue",
            body: json!({ "reason": reason }),
            then: ("escalated", "file"),
        })
        .await?;
    let criteria = CRITERIA.map(|criterion| json!({ "criterion": criterion, "met": true }));
    scene
        .play(Act {
            who: duty,
            term: "立案",
            what: "files it: every criterion is met",
            command: "file-case",
            body: json!({ "criteria": criteria }),
            then: ("filed", "dispatch"),
        })
        .await
}

/// A dispatch to one lead and one or no assisting department.
pub(super) fn dispatch<'a>(who: &'a Player, lead: &str, assist: &[&str], what: &'a str) -> Act<'a> {
    Act {
        who,
        term: "派遣",
        what,
        command: "dispatch-case",
        body: json!({ "lead": lead, "assist": assist, "instructions": "按职责处置，结果报街道网格中心" }),
        then: ("dispatched", "accept"),
    }
}

/// A department hears of its order; gives the id of the order.
pub(super) async fn order_of(scene: &Scene<'_>, department: &Player) -> anyhow::Result<String> {
    let sent = scene.hears(department, "收到工单", "order_dispatched").await?;
    for field in ["instructions", "description", "location", "dispose_by", "accept_by", "matter"] {
        anyhow::ensure!(!sent[field].is_null(), "an order without {field} is not self-contained: {sent}");
    }
    text(&sent["order"]["order"])
}

/// A department accepts its order.
pub(super) fn accept<'a>(who: &'a Player, order: &str, then: (&'a str, &'a str)) -> Act<'a> {
    Act {
        who, term: "签收", what: "accepts the order", command: "accept-order", body: json!({ "order": order }), then
    }
}

/// A department disposes; the photo was uploaded by its clerk.
pub(super) fn dispose<'a>(
    who: &'a Player,
    order: &str,
    result: &str,
    photo: &str,
    then: (&'a str, &'a str),
) -> Act<'a> {
    let body = json!({ "order": order, "result": result, "evidence": [photo] });
    Act { who, term: "处置反馈", what: "disposes its part, with a photo", command: "submit-disposal", body, then }
}

/// A verifier looks on site.
pub(super) async fn verify(scene: &Scene<'_>, who: &Player, passed: bool, findings: &str) -> anyhow::Result<()> {
    let evidence = who.uploads(photo(&format!("核查 {} {findings}", scene.case()))).await?;
    let body = json!({ "passed": passed, "findings": findings, "evidence": [evidence] });
    let (what, then) = if passed {
        ("verifies on site: it holds", ("callback", "collect_feedback"))
    } else {
        ("verifies on site: it does not hold", ("rework", "rework"))
    };
    scene.play(Act { who, term: "核查", what, command: "verify-case", body, then }).await
}

/// The duty officer closes a case that departments solved.
pub(super) fn close<'a>(who: &'a Player, what: &'a str, resolution: &[&str], summary: &str) -> Act<'a> {
    let body: Value = json!({ "outcome": "solved", "resolution": resolution, "summary": summary });
    Act { who, term: "结案", what, command: "close-case", body, then: ("closed", "") }
}
