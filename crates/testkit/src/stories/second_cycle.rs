//! 返工与重办: what does not hold is done again, and a finder who is not satisfied reopens the case.

use anyhow::ensure;
use serde_json::json;

use crate::system::System;

use super::evidence::photo;
use super::respond::{accept, close, dispatch, dispose, order_of, to_the_centre, verify};
use super::{Act, Ending, Player, Post, Scene, Timeline};

const MEMBER: Post = Post {
    id: "jas-r01-m01-member",
    role: "grid_member",
    scope: ["--grid", "JAS-R01-M01"],
    title: "网格员 grid member",
};
const LEADER: Post = Post {
    id: "jas-r01-m01-leader",
    role: "grid_leader",
    scope: ["--grid", "JAS-R01-M01"],
    title: "微网格长 grid leader",
};
const DUTY: Post =
    Post { id: "jas-duty", role: "duty_officer", scope: ["--grid", "JAS"], title: "值班长 duty officer" };
const DISPATCHER: Post =
    Post { id: "jas-dispatcher", role: "dispatcher", scope: ["--grid", "JAS"], title: "派遣员 dispatcher" };
const VERIFIER: Post =
    Post { id: "jas-verifier", role: "verifier", scope: ["--grid", "JAS"], title: "核查员 verifier" };
const CLERK: Post =
    Post {
        id: "lhsr-clerk-01", role: "department_clerk", scope: ["--department", "LHSR"], title: "经办人 clerk LHSR"
    };
const ASSISTING_CLERK: Post =
    Post { id: "cgzf-clerk", role: "department_clerk", scope: ["--department", "CGZF"], title: "经办人 clerk CGZF" };

/// What happened, event by event; the second cycle begins with `case_reopened`.
const HISTORY: [&str; 29] = [
    "issue_discovered",
    "issue_registered",
    "issue_escalated",
    "case_filed",
    "case_dispatched",
    "order_dispatched",
    "order_accepted",
    "part_disposed",
    "case_disposed",
    "verification_failed",
    "order_rework_required",
    "part_disposed",
    "case_disposed",
    "verification_passed",
    "feedback_recorded",
    "case_closed",
    "case_reopened",
    "case_dispatched",
    "order_dispatched",
    "order_dispatched",
    "order_accepted",
    "order_accepted",
    "order_progress_recorded",
    "part_disposed",
    "part_disposed",
    "case_disposed",
    "verification_passed",
    "feedback_recorded",
    "case_closed",
];

/// Who takes part.
struct Players {
    member: Player,
    leader: Player,
    duty: Player,
    dispatcher: Player,
    verifier: Player,
    clerk: Player,
    lead: Player,
    assistant: Player,
    assisting_clerk: Player,
}

impl Players {
    async fn gather(system: &System) -> anyhow::Result<Self> {
        Ok(Self {
            member: Player::person(system, &MEMBER).await?,
            leader: Player::person(system, &LEADER).await?,
            duty: Player::person(system, &DUTY).await?,
            dispatcher: Player::person(system, &DISPATCHER).await?,
            verifier: Player::person(system, &VERIFIER).await?,
            clerk: Player::person(system, &CLERK).await?,
            lead: Player::department(system, "LHSR", "绿化市容所 LHSR (NATS)").await?,
            assistant: Player::department(system, "CGZF", "城管执法中队 CGZF (NATS)").await?,
            assisting_clerk: Player::person(system, &ASSISTING_CLERK).await?,
        })
    }
}

/// Plays it.
pub async fn play(system: &System, timeline: &Timeline) -> anyhow::Result<Ending> {
    timeline.story("3 返工与重办 the second cycle: fails its verification, is reopened, and is closed in the end");
    let players = Players::gather(system).await?;
    let case = discovery(system, timeline, &players).await?;
    to_the_centre(&case, &players.leader, &players.duty, "WM-0101", "非本网格保洁范围，需市容部门清运").await?;
    first_cycle(&case, &players).await?;
    ensure!(case.summary().await?["cycle"] == 1, "the first cycle is over too early");
    reopening(&case, &players.member).await?;
    second_cycle(&case, &players).await?;
    let summary = case.summary().await?;
    ensure!(summary["rework"] == 1, "one verification failed, and the case says {}", summary["rework"]);
    case.end("solved", 2, &HISTORY).await
}

async fn discovery<'a>(system: &System, timeline: &'a Timeline, players: &Players) -> anyhow::Result<Scene<'a>> {
    let before = players.member.uploads(photo("弄口垃圾")).await?;
    let found = Act {
        who: &players.member,
        term: "居民自报",
        what: "takes down what a resident reports: rubbish at the lane",
        command: "discover-issue",
        body: json!({
            "source": "self_report",
            "title": "弄堂口暴露垃圾",
            "description": "弄堂口长期堆放建筑垃圾，雨天有异味。",
            "grid": MEMBER.scope[1],
            "location": { "text": "美丽园弄堂口" },
            "reporter": { "phone": "13900008520-6" },
            "evidence": [before],
        }),
        then: ("discovered", "register"),
    };
    Scene::open(system, timeline, found).await
}

/// Disposed, not good enough, disposed again, verified; the finder is not reached.
async fn first_cycle(case: &Scene<'_>, players: &Players) -> anyhow::Result<()> {
    let (lead, disposed) = (&players.lead, ("disposed", "verify"));
    case.play(dispatch(&players.dispatcher, "LHSR", &[], "dispatches: LHSR alone")).await?;
    let order = order_of(case, lead).await?;
    case.play(accept(lead, &order, ("in_disposal", "dispose"))).await?;
    let heap = players.clerk.uploads(photo("清运后，仍有零星垃圾")).await?;
    case.play(dispose(lead, &order, "已清运大件", &heap, disposed)).await?;
    verify(case, &players.verifier, false, "零星垃圾未清，地面有积水").await?;
    let again = case.hears(lead, "返工", "order_rework_required").await?;
    ensure!(again["findings"] == "零星垃圾未清，地面有积水", "the department is not told what is missing: {again}");
    case.orders_are(&[("LHSR", 1, "rework")]).await?;
    let clean = players.clerk.uploads(photo("冲洗后")).await?;
    case.play(dispose(lead, &order, "已全部清运并冲洗", &clean, disposed)).await?;
    verify(case, &players.verifier, true, "现场干净").await?;
    case.play(Act {
        who: &players.member,
        term: "回访",
        what: "calls the finder three times: not reached, counted apart",
        command: "record-feedback",
        body: json!({ "answer": "垃圾已清运", "contacted": false }),
        then: ("callback", "close"),
    })
    .await?;
    case.play(close(&players.duty, "closes it", &["joint"], "已清运并冲洗")).await
}

/// The resident comes back: it is not solved for them.
async fn reopening(case: &Scene<'_>, member: &Player) -> anyhow::Result<()> {
    case.play(Act {
        who: member,
        term: "重办",
        what: "has it reopened for the resident: rubbish is back every evening",
        command: "reopen-case",
        body: json!({ "cause": "finder_dissatisfied", "reason": "清运后当晚又有偷倒" }),
        then: ("reopened", "route_again"),
    })
    .await
}

/// This time law enforcement assists.
async fn second_cycle(case: &Scene<'_>, players: &Players) -> anyhow::Result<()> {
    let working = ("in_disposal", "dispose");
    case.play(dispatch(&players.dispatcher, "LHSR", &["CGZF"], "dispatches again: LHSR leads, CGZF assists")).await?;
    let lead_order = order_of(case, &players.lead).await?;
    let assistant_order = order_of(case, &players.assistant).await?;
    case.play(accept(&players.lead, &lead_order, working)).await?;
    case.play(accept(&players.assistant, &assistant_order, working)).await?;
    let order = &assistant_order;
    case.play(Act {
        who: &players.assistant,
        term: "处置进展",
        what: "says how it goes: whoever dumps at night was found",
        command: "record-progress",
        body: json!({ "order": order, "day": case.day().await?, "text": "夜间蹲守，查获偷倒一起" }),
        then: working,
    })
    .await?;
    let fine = players.assisting_clerk.uploads(photo("处罚决定书")).await?;
    case.play(dispose(&players.assistant, order, "立案处罚，责令清除", &fine, working)).await?;
    let camera = players.clerk.uploads(photo("新装监控")).await?;
    let done = "清运并安装监控，纳入每日巡查";
    case.play(dispose(&players.lead, &lead_order, done, &camera, ("disposed", "verify"))).await?;
    case.orders_are(&[("CGZF", 2, "disposed"), ("LHSR", 1, "disposed"), ("LHSR", 2, "disposed")]).await?;
    verify(case, &players.verifier, true, "三晚未再发生").await?;
    case.play(Act {
        who: &players.member,
        term: "回访",
        what: "calls the finder: solved and satisfied",
        command: "record-feedback",
        body: json!({ "answer": "已处罚并安装监控", "contacted": true, "solved": true, "satisfied": true }),
        then: ("callback", "close"),
    })
    .await?;
    case.play(close(&players.duty, "closes it, in the second cycle", &["joint", "law"], "处罚、清运并安装监控")).await
}
