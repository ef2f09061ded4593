//! What the sample events are made of.

use kernel::consent::{ConsentCount, ConsentRule, Share, Thresholds};
use kernel::facts::{Authority, MatterFacts};
use kernel::likeness::Likeness;
use kernel::{CaseId, MatterCode, PersonId, PersonalField, Sealed};

use crate::{ConsentResult, Location, Reporter, Roster, Seat, SuspectedCase};

pub(super) fn reporter() -> Reporter {
    let person = PersonId::named("sample/reporter");
    let sealed = |field| {
        let ciphertext = "c2FtcGxlLW5vbmNlLWFuZC1zYW1wbGUtY2lwaGVydGV4dA==".into();
        Some(Sealed { person, field, ciphertext })
    };
    Reporter {
        person,
        name: sealed(PersonalField::Name),
        phone: sealed(PersonalField::Phone),
        address: sealed(PersonalField::Address),
    }
}

pub(super) fn suspected() -> SuspectedCase {
    SuspectedCase { case: CaseId::named("sample/twin"), likeness: Likeness { metres: Some(12), percent: 70 } }
}

pub(super) fn roster() -> Roster {
    let seat = |class: &str, holder: &str| Seat { class: class.into(), holder: holder.into() };
    Roster {
        convener: "居民区党总支书记".into(),
        fixed: vec![seat("owners_committee", "复元坊业委会"), seat("police", "社区民警")],
        invited: vec![seat("design", "社区规划师")],
    }
}

pub(super) fn rule() -> ConsentRule {
    ConsentRule {
        id: "RESIDENT_2_3".into(),
        heads: Thresholds {
            agreed_of_electorate: Some(Share { numerator: 2, denominator: 3, exceeded: false }),
            ..Thresholds::default()
        },
        rules_version: 3,
    }
}

pub(super) fn consent() -> ConsentResult {
    let count =
        ConsentCount { electorate: 300, invited: 300, reached: 290, participated: 260, agreed: 212, opposed: 20 };
    ConsentResult { count, rule: rule(), proposal_version: 2, passed: true }
}

pub(super) fn matter() -> MatterFacts {
    MatterFacts {
        code: MatterCode::try_new("FW-0301").expect("a code"),
        name: "从业人员健康证办理".into(),
        authority: Authority::Administrative,
        rules_version: 3,
    }
}

pub(super) fn location() -> Location {
    Location {
        text: "复元坊12号楼南侧车棚".into(),
        longitude: Some(121.446_312_5),
        latitude: Some(31.223_48),
        sent: None,
    }
}
