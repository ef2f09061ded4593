//! 复元坊车棚改造: the community solves it by itself, after hearing, coordination and the consent of two thirds.
//!
//! The meetings are those of 2018: what is recorded later still says when it was held.

mod deliberation;

use anyhow::{Context as _, ensure};
use serde_json::json;

use crate::system::System;

use deliberation::{consent, deliberation, meeting};

use super::evidence::photo;
use super::{Act, Ending, Player, Post, Scene, Timeline};

const LEADERS: [Post; 3] = [
    leader("zjx-r01-m01-leader", "ZJX-R01-M01", "第一微网格长 leader M01"),
    leader("zjx-r01-m02-leader", "ZJX-R01-M02", "第二微网格长 leader M02"),
    leader("zjx-r01-m03-leader", "ZJX-R01-M03", "第三微网格长 leader M03"),
];
const MEMBER: Post = Post {
    id: "zjx-r01-m01-member",
    role: "grid_member",
    scope: ["--grid", "ZJX-R01-M01"],
    title: "网格员 grid member",
};
const SECRETARY: Post = Post {
    id: "zjx-r01-secretary",
    role: "residential_secretary",
    scope: ["--grid", "ZJX-R01"],
    title: "居民区书记 secretary",
};
const DUTY: Post =
    Post { id: "zjx-duty", role: "duty_officer", scope: ["--grid", "ZJX"], title: "值班长 duty officer" };
const VERIFIER: Post =
    Post { id: "zjx-verifier", role: "verifier", scope: ["--grid", "ZJX"], title: "核查员 verifier" };
/// The leader of M01 in another post: one person may hold several, and still not verify their own work.
const LEADER_AS_VERIFIER: Post = Post {
    id: "zjx-r01-m01-leader",
    role: "verifier",
    scope: ["--grid", "ZJX"],
    title: "一肩挑 leader M01 as verifier",
};

/// What happened to the shed, event by event.
const HISTORY: [&str; 20] = [
    "issue_discovered",
    "issue_registered",
    "issue_taken_in",
    "deliberation_opened",
    "meeting_held",
    "proposal_revised",
    "meeting_held",
    "proposal_revised",
    "meeting_held",
    "deliberation_concluded",
    "grid_handling_started",
    "grid_progress_recorded",
    "grid_progress_recorded",
    "grid_progress_recorded",
    "grid_handling_done",
    "verification_passed",
    "meeting_held",
    "feedback_recorded",
    "feedback_recorded",
    "case_closed",
];

const fn leader(id: &'static str, grid: &'static str, title: &'static str) -> Post {
    Post { id, role: "grid_leader", scope: ["--grid", grid], title }
}

/// Who takes part.
struct Players {
    leaders: [Player; 3],
    member: Player,
    secretary: Player,
    duty: Player,
    verifier: Player,
    leader_as_verifier: Player,
}

impl Players {
    async fn gather(system: &System) -> anyhow::Result<Self> {
        let [first, second, third] = &LEADERS;
        Ok(Self {
            leaders: [
                Player::person(system, first).await?,
                Player::person(system, second).await?,
                Player::person(system, third).await?,
            ],
            member: Player::person(system, &MEMBER).await?,
            secretary: Player::person(system, &SECRETARY).await?,
            duty: Player::person(system, &DUTY).await?,
            verifier: Player::person(system, &VERIFIER).await?,
            leader_as_verifier: Player::person(system, &LEADER_AS_VERIFIER).await?,
        })
    }
}

/// Plays it.
pub async fn play(system: &System, timeline: &Timeline) -> anyhow::Result<Ending> {
    timeline.story("1 复元坊车棚改造 the bike shed: solved by the community itself");
    let players = Players::gather(system).await?;
    let (shed, parking) = visits(system, timeline, &players).await?;
    deliberation(&shed, &players.secretary).await?;
    consent(&shed, &players.secretary).await?;
    works(&shed, &players).await?;
    verification(&shed, &players).await?;
    review_and_closing(&shed, &players).await?;
    // Whoever found the parking gets the answer of the shed: a process of the system gives it.
    parking.comes_to("merged_issue_answered").await?;
    shed.end("community_solved", 1, &HISTORY).await
}

/// The visits give a problem list of three lines: one is the shed, one goes up, one is joined to the shed.
async fn visits<'a>(
    system: &System,
    timeline: &'a Timeline,
    players: &Players,
) -> anyhow::Result<(Scene<'a>, Scene<'a>)> {
    let [first, second, third] = &players.leaders;
    let found = ["车棚硬件设施老化缺失", "楼道“从天而降”的电线存在安全隐患", "非机动车乱停放，小区秩序难以维护"];
    let visit = |line: usize, who| Act {
        who,
        term: "走访发现",
        what: [
            "finds on a visit: the bike shed is worn out",
            "finds wires hanging down to charge bikes",
            "finds bikes parked everywhere",
        ][line],
        command: "discover-issue",
        body: json!({
            "source": "visit",
            "title": found[line],
            "description": format!("各微网格走访，列入问题清单：{}。", found[line]),
            "grid": LEADERS[line].scope[1],
            "location": { "text": "复元坊小区", "longitude": 121.463_6, "latitude": 31.257_1 },
            "list_line": { "list": "FXF-2018-1", "line": line + 1 },
            "found_at": "2018-03-12T02:00:00Z",
        }),
        then: ("discovered", "register"),
    };
    let shed = Scene::open(system, timeline, visit(0, first)).await?;
    let wires = Scene::open(system, timeline, visit(1, second)).await?;
    let parking = Scene::open(system, timeline, visit(2, third)).await?;
    shed.play(register(first, "registers: bike parking, a matter of the community (WM-0201)", "WM-0201")).await?;
    wires.play(register(second, "registers: charging by flying wires (PA-0102)", "PA-0102")).await?;
    wires
        .play(Act {
            who: second,
            term: "上报(吹哨)",
            what: "escalates the wires: a matter for departments",
            command: "escalate-issue",
            body: json!({ "reason": "楼道飞线充电，需消防、房管部门处置" }),
            then: ("escalated", "file"),
        })
        .await?;
    parking
        .play(Act {
            who: &players.secretary,
            term: "并案",
            what: "joins the parking to the shed: one cause, one case",
            command: "merge-issue",
            body: json!({ "into": shed.case(), "reason": "车棚改造一并解决乱停放" }),
            then: ("merged", ""),
        })
        .await?;
    let merged = parking.summary().await?;
    ensure!(merged["merged_into"] == shed.case().to_string(), "the line was joined to another case: {merged}");
    ensure!(merged["list_line"] == "FXF-2018-1/3", "the line of the list is lost: {merged}");
    the_wires_wait_for_the_centre(system, &players.duty, &wires).await?;
    Ok((shed, parking))
}

fn register<'a>(who: &'a Player, what: &'a str, matter: &str) -> Act<'a> {
    Act {
        who,
        term: "登记",
        what,
        command: "register-issue",
        body: json!({ "matter": matter, "handling": "coordinated" }),
        then: ("registered", "route"),
    }
}

/// What is not solved is on the list of obligations.
async fn the_wires_wait_for_the_centre(system: &System, duty: &Player, wires: &Scene<'_>) -> anyhow::Result<()> {
    let open = system.http().get(duty.token(), "/obligations?grid=ZJX&limit=200").await?.accepted()?;
    let open = open["items"].as_array().context("obligations without items")?;
    let own = open.iter().find(|row| row["case"] == wires.case().to_string());
    let own = own.context("the wires are on nobody's list")?;
    ensure!(own["next"]["by"]["role"] == "duty_officer", "somebody else must file them: {own}");
    Ok(())
}

/// The owners' committee and the property management do the works; the grid looks in every day.
async fn works(shed: &Scene<'_>, players: &Players) -> anyhow::Result<()> {
    let leader = &players.leaders[0];
    let works = json!({
        "executors": [
            { "kind": "owners_committee", "name": "复元坊业委会" },
            { "kind": "property_management", "name": "复元坊物业公司" },
        ],
        "work": "拆除旧车棚，新建智能车棚，制定车棚管理公约",
    });
    let working = ("grid_handling", "work_in_grid");
    shed.play(Act {
        who: leader,
        term: "网格自处",
        what: "starts the works by owners' committee and property management",
        command: "handle-in-grid",
        body: works.clone(),
        then: working,
    })
    .await?;
    let days = [
        ("2018-09-03", "旧车棚拆除，临时停放点已划线", "records the day: the old shed is down"),
        (
            "2018-09-04",
            "发现充电桩位置挡住通道，报网格长后协商调整",
            "records the day: a charger blocked the path, moved",
        ),
        ("2018-09-05", "膜结构安装完成，门禁调试", "records the day: the roof stands"),
    ];
    for (day, text, what) in days {
        let who = &players.member;
        let evidence = vec![who.uploads(photo(&format!("车棚 {day}"))).await?];
        let body = json!({ "day": day, "text": text, "evidence": evidence });
        shed.play(Act { who, term: "每日巡查", what, command: "record-progress", body, then: working }).await?;
    }
    let mut done = works;
    let after = leader.uploads(photo("智能车库改造后")).await?;
    done["done"] = json!({ "result": "智能车棚投入使用，无人值守、智能充电、门禁一卡通", "evidence": [after] });
    shed.play(Act {
        who: leader,
        term: "处置完成",
        what: "reports the shed as done, with a photo",
        command: "handle-in-grid",
        body: done,
        then: ("disposed", "verify"),
    })
    .await
}

/// Nobody verifies their own work, whatever post they hold.
async fn verification(shed: &Scene<'_>, players: &Players) -> anyhow::Result<()> {
    let seen = players.verifier.uploads(photo("核查：车棚")).await?;
    let check = |who, what, then| Act {
        who,
        term: "核查",
        what,
        command: "verify-case",
        body: json!({ "passed": true, "findings": "车棚与方案第2稿一致，消防和监控在用", "evidence": [&seen] }),
        then,
    };
    let own = check(&players.leader_as_verifier, "would verify own work", ("disposed", "verify"));
    shed.refuse(own, "another-person-needed").await?;
    shed.play(check(&players.verifier, "finds on site what was agreed", ("callback", "collect_feedback"))).await
}

/// The review meeting scores it, the finder has an answer, the duty officer closes it.
async fn review_and_closing(shed: &Scene<'_>, players: &Players) -> anyhow::Result<()> {
    let mut review = meeting(&players.secretary, "review", 1).await?;
    review["score"] = json!(96);
    // A review is not before the work that it judges, which was done while the story is played.
    review["held_at"] = shed.now().await?.into();
    shed.play(Act {
        who: &players.secretary,
        term: "评议会",
        what: "records the review meeting: 96 of 100",
        command: "hold-meeting",
        body: review,
        then: ("callback", "collect_feedback"),
    })
    .await?;
    let answers = [
        (
            json!({ "answer": "车棚已改造完成，邀请试用", "contacted": false }),
            "tells the residents; not all are reached",
        ),
        (
            json!({ "answer": "车棚已改造完成", "contacted": true, "solved": true, "satisfied": true, "comment": "充电方便，停放整齐" }),
            "tells the residents; they are satisfied",
        ),
    ];
    for (body, what) in answers {
        let who = &players.secretary;
        let then = ("callback", "close");
        shed.play(Act { who, term: "回访", what, command: "record-feedback", body, then }).await?;
    }
    shed.play(Act {
        who: &players.duty,
        term: "结案",
        what: "closes it: solved by the community, by autonomy and together",
        command: "close-case",
        body: json!({
            "outcome": "community_solved",
            "resolution": ["autonomy", "joint"],
            "summary": "党建引领网格先议，经三会和居民同意，自治共治解决",
        }),
        then: ("closed", ""),
    })
    .await
}
