//! Hearing, coordination, two versions of the plan, and the consent of the residents.

use anyhow::ensure;
use serde_json::{Value, json};

use crate::stories::evidence::minutes;
use crate::stories::{Act, Player, Scene};

/// The topics of the design in the article (设计议题清单).
const TOPICS: [&str; 8] =
    ["与居民楼间距", "智能感应设备", "平台化管理", "车位划分", "充电设施", "收费标准", "门禁系统", "财产承保"];

/// How many topics were agreed upon at the hearing already.
const AGREED_AT_FIRST: usize = 3;

/// Hearing and coordination revise the plan in two versions.
pub(super) async fn deliberation(shed: &Scene<'_>, who: &Player) -> anyhow::Result<()> {
    let seat = |class: &str, holder: &str| json!({ "class": class, "holder": holder });
    let roster = json!({
        "convener": "复元坊居民区党总支书记",
        "fixed": [
            seat("residents_committee", "复元坊居委会"),
            seat("owners_committee", "复元坊业委会"),
            seat("property_management", "复元坊物业公司"),
            seat("community_police", "社区民警"),
            seat("social_organisation", "社区社会组织"),
        ],
        "invited": [seat("resident", "各楼组居民代表"), seat("designer", "设计单位"), seat("member_unit", "驻区单位")],
    });
    let deliberating = ("deliberating", "deliberate");
    shed.play(Act {
        who,
        term: "开启共议",
        what: "opens the deliberation on the 1+5+X platform; two thirds must agree",
        command: "open-deliberation",
        body: json!({
            "topic": "复元坊车棚改造方案",
            "roster": roster,
            "consent_rule": "RESIDENT_2_3",
            "opened_at": "2018-04-01T01:00:00Z",
        }),
        then: deliberating,
    })
    .await?;
    hold(shed, who, "听证会", "records the 1st hearing: where, how big, who pays", "hearing", 1, deliberating).await?;
    shed.play(Act { what: "lays down version 1 of the proposal: five topics are open", ..proposal(who, 1) }).await?;
    hold(shed, who, "协调会", "records the 1st coordination meeting", "coordination", 1, deliberating).await?;
    shed.play(Act { what: "lays down version 2: all eight topics are agreed", ..proposal(who, 2) }).await?;
    let version = &shed.summary().await?["proposal_version"];
    ensure!(*version == 2, "the proposal stands at version {version}");
    Ok(())
}

fn proposal(who: &Player, version: usize) -> Act<'_> {
    let agreed = if version == 1 { AGREED_AT_FIRST } else { TOPICS.len() };
    let topic = |(index, name): (usize, &&str)| json!({ "name": name, "agreed": index < agreed });
    let topics: Vec<Value> = TOPICS.iter().enumerate().map(topic).collect();
    let after = if version == 1 { "hearing" } else { "coordination" };
    Act {
        who,
        term: "修订方案",
        what: "",
        command: "revise-proposal",
        body: json!({
            "version": version,
            "text": format!("复元坊智能车棚改造方案（第{version}稿）：膜结构车棚，智能充电，门禁一卡通，智慧消防和视频监控。"),
            "changes": if version == 1 { vec![] } else { vec!["车棚与居民楼间距加大", "收费标准由业委会公示"] },
            "after": { "kind": after, "round": 1 },
            "topics": topics,
        }),
        then: ("deliberating", "deliberate"),
    }
}

async fn hold(
    shed: &Scene<'_>,
    who: &Player,
    term: &str,
    what: &str,
    kind: &str,
    round: u32,
    then: (&str, &str),
) -> anyhow::Result<()> {
    let body = meeting(who, kind, round).await?;
    shed.play(Act { who, term, what, command: "hold-meeting", body, then }).await
}

/// A meeting with its minutes.
pub(super) async fn meeting(who: &Player, kind: &str, round: u32) -> anyhow::Result<Value> {
    let minutes = who.uploads(minutes(&format!("复元坊 {kind} {round}"))).await?;
    let held_at = match kind {
        "hearing" => format!("2018-0{}-15T11:00:00Z", round + 3),
        "coordination" => "2018-05-02T11:00:00Z".to_owned(),
        _ => "2018-10-20T11:00:00Z".to_owned(),
    };
    Ok(json!({
        "kind": kind,
        "round": round,
        "held_at": held_at,
        "attendance": [{ "class": "resident", "present": 42 }, { "class": "owners_committee", "present": 5 }],
        "minutes": minutes,
        "results": ["方案逐项讨论，意见记入纪要"],
    }))
}

/// Agreement without the consent is refused; with two thirds of all households it stands.
pub(super) async fn consent(shed: &Scene<'_>, who: &Player) -> anyhow::Result<()> {
    let conclude = |what| Act {
        who,
        term: "形成决议",
        what,
        command: "conclude-deliberation",
        body: json!({ "conclusion": "agreed", "summary": "经三分之二以上居民同意，投入施工" }),
        then: ("deliberating", "deliberate"),
    };
    shed.refuse(conclude("would conclude before anybody was asked"), "consent-missing").await?;
    let mut second_hearing = meeting(who, "hearing", 2).await?;
    // A count is not before the version that it is to, and that was laid down while the story is played.
    second_hearing["held_at"] = shed.now().await?.into();
    second_hearing["consent"] =
        json!({ "electorate": 300, "invited": 300, "reached": 288, "participated": 262, "agreed": 215, "opposed": 40 });
    shed.play(Act {
        who,
        term: "征询同意",
        what: "records the 2nd hearing: 215 of 300 households agree",
        command: "hold-meeting",
        body: second_hearing,
        then: ("deliberating", "deliberate"),
    })
    .await?;
    shed.play(Act { then: ("deliberating", "work_in_grid"), ..conclude("concludes: agreed, works may begin") }).await
}
