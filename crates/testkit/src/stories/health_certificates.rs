//! 大悦城健康证: what the grid cannot do goes up, and two departments do it together. They act over NATS only.

use anyhow::ensure;
use serde_json::json;

use crate::system::System;

use super::evidence::photo;
use super::respond::{accept, close, dispatch, dispose, order_of, to_the_centre, verify};
use super::{Act, Ending, Player, Post, Scene, Timeline};

/// The name of the reporter: only those who must answer them may see it.
pub const REPORTER_NAME: &str = "丁小霞甲乙丙";
/// The telephone of the reporter.
pub const REPORTER_PHONE: &str = "13900007413-9";
/// The address of the reporter.
pub const REPORTER_ADDRESS: &str = "西藏北路198号大悦城北座7413铺";
/// The title of the case, which is no secret.
pub const TITLE: &str = "餐饮企业员工健康证办理难";

const LEADER: Post = Post {
    id: "bz-r01-b01-leader",
    role: "grid_leader",
    scope: ["--grid", "BZ-R01-B01"],
    title: "楼宇网格长 grid leader",
};
const DUTY: Post =
    Post { id: "bz-duty", role: "duty_officer", scope: ["--grid", "BZ"], title: "值班长 duty officer" };
const DISPATCHER: Post =
    Post { id: "bz-dispatcher", role: "dispatcher", scope: ["--grid", "BZ"], title: "派遣员 dispatcher" };
const VERIFIER: Post =
    Post { id: "bz-verifier", role: "verifier", scope: ["--grid", "BZ"], title: "核查员 verifier" };
const CLERK_WSJK: Post =
    Post {
        id: "wsjk-clerk-01", role: "department_clerk", scope: ["--department", "WSJK"], title: "经办人 clerk WSJK"
    };
const CLERK_SCJG: Post =
    Post {
        id: "scjg-clerk-01", role: "department_clerk", scope: ["--department", "SCJG"], title: "经办人 clerk SCJG"
    };

/// What happened, event by event.
const HISTORY: [&str; 19] = [
    "issue_discovered",
    "issue_registered",
    "issue_escalated",
    "case_filed",
    "case_dispatched",
    "order_dispatched",
    "order_dispatched",
    "return_requested",
    "return_refused",
    "order_accepted",
    "order_accepted",
    "order_progress_recorded",
    "part_disposed",
    "part_disposed",
    "case_disposed",
    "verification_passed",
    "reporter_read",
    "feedback_recorded",
    "case_closed",
];

/// Who takes part.
struct Players {
    leader: Player,
    duty: Player,
    dispatcher: Player,
    verifier: Player,
    lead: Player,
    lead_clerk: Player,
    assistant: Player,
    assistant_clerk: Player,
}

impl Players {
    async fn gather(system: &System) -> anyhow::Result<Self> {
        Ok(Self {
            leader: Player::person(system, &LEADER).await?,
            duty: Player::person(system, &DUTY).await?,
            dispatcher: Player::person(system, &DISPATCHER).await?,
            verifier: Player::person(system, &VERIFIER).await?,
            lead: Player::department(system, "WSJK", "健康证办理点 WSJK (NATS)").await?,
            lead_clerk: Player::person(system, &CLERK_WSJK).await?,
            assistant: Player::department(system, "SCJG", "市场监管所 SCJG (NATS)").await?,
            assistant_clerk: Player::person(system, &CLERK_SCJG).await?,
        })
    }
}

/// Plays it.
pub async fn play(system: &System, timeline: &Timeline) -> anyhow::Result<Ending> {
    timeline.story("2 大悦城健康证 the health certificates: two departments, one return refused");
    let players = Players::gather(system).await?;
    let case = discovery(system, timeline, &players.leader).await?;
    to_the_centre(&case, &players.leader, &players.duty, "FW-0301", "办证点、时间和政策不清，需卫生、市场监管部门")
        .await?;
    case.play(dispatch(&players.dispatcher, "WSJK", &["SCJG"], "dispatches: WSJK leads, SCJG assists")).await?;
    let lead_order = order_of(&case, &players.lead).await?;
    let assistant_order = order_of(&case, &players.assistant).await?;
    refused_return(&case, &players, &lead_order).await?;
    disposal(&case, &players, &lead_order, &assistant_order).await?;
    verify(&case, &players.verifier, true, "服务站已设集体办理点，四家商户已递交材料").await?;
    feedback(system, &case, &players.leader).await?;
    let what = "closes it: solved, together and by law";
    case.play(close(&players.duty, what, &["joint", "law"], "一站式办理流程建立，商户满意")).await?;
    case.end("solved", 1, &HISTORY).await
}

async fn discovery<'a>(system: &System, timeline: &'a Timeline, leader: &Player) -> anyhow::Result<Scene<'a>> {
    let before = leader.uploads(photo("大悦城商户张贴的办证询问")).await?;
    let found = Act {
        who: leader,
        term: "巡查发现",
        what: "finds on patrol: restaurants do not know where to get health certificates",
        command: "discover-issue",
        body: json!({
            "source": "patrol",
            "title": TITLE,
            "description": "商户不知道办理地点、办理时间以及相关政策，员工流动性强。",
            "grid": LEADER.scope[1],
            "location": { "text": "静安大悦城", "longitude": 121.467_8, "latitude": 31.242_9 },
            "reporter": { "name": REPORTER_NAME, "phone": REPORTER_PHONE, "address": REPORTER_ADDRESS },
            "evidence": [before],
        }),
        then: ("discovered", "register"),
    };
    Scene::open(system, timeline, found).await
}

/// The lead says that it is not its matter; the duty officer says that it is. The due time does not move.
async fn refused_return(case: &Scene<'_>, players: &Players, order: &str) -> anyhow::Result<()> {
    case.play(Act {
        who: &players.lead,
        term: "申请退单",
        what: "asks to return the order: not our matter",
        command: "request-return",
        body: json!({
            "order": order,
            "reason": "not_our_matter",
            "legal_basis": "权责清单第3条",
            "explanation": "集体办理点的设立不在本单位职责内",
        }),
        then: ("return_review", "decide_return"),
    })
    .await?;
    case.orders_are(&[("SCJG", 1, "sent"), ("WSJK", 1, "return_review")]).await?;
    case.play(Act {
        who: &players.duty,
        term: "退单审核",
        what: "refuses the return: the matter is on its list",
        command: "decide-return",
        body: json!({ "order": order, "decision": "refuse", "reason": "FW-0301在其权责清单内" }),
        then: ("dispatched", "accept"),
    })
    .await?;
    let refused = case.hears(&players.lead, "退单不准", "return_refused").await?;
    ensure!(refused["order"]["order"] == order, "the refusal is about another order: {refused}");
    Ok(())
}

/// Both departments accept; the lead cannot finish before the assistant.
async fn disposal(case: &Scene<'_>, players: &Players, lead_order: &str, assistant_order: &str) -> anyhow::Result<()> {
    let working = ("in_disposal", "dispose");
    case.play(accept(&players.lead, lead_order, working)).await?;
    case.play(accept(&players.assistant, assistant_order, working)).await?;
    case.orders_are(&[("SCJG", 1, "accepted"), ("WSJK", 1, "accepted")]).await?;
    case.play(Act {
        who: &players.lead,
        term: "处置进展",
        what: "says how it goes: a collection point at the service station",
        command: "record-progress",
        body: json!({ "order": lead_order, "day": case.day().await?, "text": "在党建服务站设立集体办理点" }),
        then: working,
    })
    .await?;
    let after = players.lead_clerk.uploads(photo("健康证一站式办理点")).await?;
    let done = "网格收齐材料统一交至北站医院，员工持身份证体检";
    let too_early =
        Act { what: "would finish before the assistant", ..dispose(&players.lead, lead_order, done, &after, working) };
    case.refuse(too_early, "assisting-parts-open").await?;
    let notice = players.assistant_clerk.uploads(photo("政策告知书")).await?;
    case.play(dispose(&players.assistant, assistant_order, "向150余家商户发放政策告知书", &notice, working)).await?;
    case.play(dispose(&players.lead, lead_order, done, &after, ("disposed", "verify"))).await?;
    case.orders_are(&[("SCJG", 1, "disposed"), ("WSJK", 1, "disposed")]).await
}

/// Those who must answer the finder see who that is; nobody else finds it in the history.
async fn feedback(system: &System, case: &Scene<'_>, caller: &Player) -> anyhow::Result<()> {
    let reporter = system
        .http()
        .get(caller.token(), &format!("/cases/{}/reporter?purpose=answer", case.case()))
        .await?
        .accepted()?;
    let reporter = &reporter["items"][0];
    ensure!(
        reporter["name"] == REPORTER_NAME && reporter["phone"] == REPORTER_PHONE,
        "whoever calls the finder does not see whom to call"
    );
    let history = system.http().get(caller.token(), &format!("/cases/{}/history?limit=200", case.case())).await?;
    for secret in [REPORTER_NAME, REPORTER_PHONE, REPORTER_ADDRESS] {
        ensure!(!history.text.contains(secret), "the history shows the reporter");
    }
    case.play(Act {
        who: caller,
        term: "回访",
        what: "calls the finder: solved and satisfied",
        command: "record-feedback",
        body: json!({ "answer": "已设集体办理点", "contacted": true, "solved": true, "satisfied": true }),
        then: ("callback", "close"),
    })
    .await
}
