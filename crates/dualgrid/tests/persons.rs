//! The register of persons through the door of every command: who may change it, who reads it, and what obligations make of it.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[path = "support/desk.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use app::App;
use chrono::TimeDelta;
use kernel::{Actor, Command as _, Position, Role, Scope};
use people::persons::{NotActing, PersonsCommand};
use serde_json::{Value, json};
use support::{Desk, actor, described, id, leader, security};

async fn submit(desk: &Desk, by: &Actor, verb: &str, body: Value) -> Result<u32, (u16, String)> {
    let answer = desk.submit(by, None, verb, id(), &body).await;
    answer.map(|answer| answer.events).map_err(|error| (error.problem().status, error.problem().code))
}

/// In which role a person acts, as a process knows it.
async fn acting(desk: &Desk, app: &App, person: &str) -> Result<Role, NotActing> {
    let now = kernel::Clock::now(&*desk.clock);
    app.persons_register().await.unwrap().acting(person, None, now, now).map(|acting| acting.role)
}

#[tokio::test]
async fn only_the_security_administrator_changes_the_register_and_administrators_and_auditors_read_it() {
    let desk = Desk::open().await;
    let before = desk.app.ports().log.head().await.unwrap();
    for role in Role::ALL.into_iter().filter(|role| !matches!(role, Role::System | Role::SecurityAdministrator)) {
        for example in PersonsCommand::examples() {
            let refused = submit(&desk, &actor("somebody", role, None), example.name(), example.body()).await;
            assert_eq!(refused, Err((403, "not-allowed".to_owned())), "{role} {}", example.name());
        }
        let read = desk.app.document(&actor("somebody", role, None), "persons", None).await;
        assert_eq!(read.is_ok(), [Role::Auditor, Role::AuditAdministrator].contains(&role), "{role}");
    }
    let names = json!({"system": "a", "security": "b", "audit": "c"});
    let refused = submit(&desk, &security(), "name-administrators", names).await;
    assert_eq!(refused, Err((403, "not-allowed".to_owned())), "only the system itself names the first ones");
    assert_eq!(desk.app.ports().log.head().await.unwrap(), before);
    let shown = desk.app.document(&security(), "persons", None).await.unwrap();
    assert_eq!(
        shown["persons"].as_array().unwrap().len(),
        described("persons.toml")["persons"].as_array().unwrap().len()
    );
    let district = desk.app.document(&leader(), "district", None).await.unwrap();
    assert_eq!(district.get("posts"), None, "who may see the map does not see staff ids");
}

#[tokio::test]
async fn what_becomes_of_a_person_is_known_in_another_process_within_a_second() {
    let desk = Desk::open().await;
    let another = desk.another().await;
    let person = "bz-dispatcher";
    let reason = |reason: &str| json!({"person": person, "reason": reason});
    let end = json!({"person": person, "post": person});
    let again = json!({"person": person, "post": "again", "role": "dispatcher", "scope": {"grid": "BZ"}});
    for (verb, body, expected) in [
        ("suspend-person", reason("核查"), Err(NotActing::Suspended)),
        ("reinstate-person", reason("核查完毕"), Ok(Role::Dispatcher)),
        ("end-appointment", end, Err(NotActing::NoPost)),
        ("appoint-person", again, Ok(Role::Dispatcher)),
        ("end-person", reason("调离"), Err(NotActing::Ended)),
    ] {
        assert!(submit(&desk, &security(), verb, body).await.unwrap() > 0, "{verb}");
        desk.clock.advance(TimeDelta::seconds(1));
        for app in [&*desk.app, &*another] {
            assert_eq!(acting(&desk, app, person).await, expected, "{verb}");
        }
    }
}

#[tokio::test]
async fn an_obligation_names_who_holds_the_post_by_the_register() {
    let leads = async |desk: &Desk| {
        let case = desk.discover().await;
        desk.summary(case).await["next"]["by"].clone()
    };
    let desk = Desk::open().await;
    assert_eq!(leads(&desk).await, json!({"role": "grid_leader", "grid": "BZ-R01-B01"}));
    let away = json!({"person": "bz-r01-b01-leader", "reason": "核查"});
    submit(&desk, &security(), "suspend-person", away).await.unwrap();
    desk.clock.advance(TimeDelta::seconds(1));
    assert_eq!(leads(&desk).await, json!({"role": "residential_secretary", "grid": "BZ-R01"}), "whoever is there");
}

#[tokio::test]
async fn a_name_of_staff_is_sealed_and_stands_nowhere_in_clear() {
    let desk = Desk::open().await;
    let name = "欧阳金丝雀";
    let entered = json!({"person": "canary", "name": name});
    assert_eq!(submit(&desk, &security(), "enter-person", entered.clone()).await, Ok(1));
    assert_eq!(submit(&desk, &security(), "enter-person", entered).await, Ok(0), "the same again is the same");
    let other = json!({"person": "canary", "name": "别名"});
    assert_eq!(submit(&desk, &security(), "enter-person", other).await, Ok(1));
    let recorded = desk.app.ports().log.after(Position(0), 100_000).await.unwrap();
    let holds = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(name);
    assert!(recorded.iter().any(|event| event.kind.ends_with("person_changed.v1")));
    assert!(recorded.iter().all(|event| !holds(&event.bytes)));
    let shown = desk.app.document(&security(), "persons", None).await.unwrap();
    assert!(!shown.to_string().contains(name) && shown.to_string().contains("canary"));
}

#[tokio::test]
async fn every_event_of_the_register_is_internal() {
    let desk = Desk::open().await;
    let recorded = desk.app.ports().log.after(Position(0), 100_000).await.unwrap();
    let of_persons = recorded.iter().filter(|event| event.stream.category() == "persons");
    let audiences: std::collections::BTreeSet<String> = of_persons
        .map(|event| serde_json::from_slice::<Value>(&event.bytes).unwrap()["audience"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(audiences, ["internal".to_owned()].into());
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_its_reason() {
    let desk = Desk::open().await;
    let appoint = |person: &str, post: &str, role: &str, scope: Value| json!({"person": person, "post": post, "role": role, "scope": scope});
    let bz = || json!({"grid": "BZ"});
    for (verb, body, status, code) in [
        ("appoint-person", appoint("BZ-Duty", "x", "verifier", bz()), 400, "body-does-not-fit"),
        ("appoint-person", appoint("bz-duty", "X Y", "verifier", bz()), 400, "body-does-not-fit"),
        ("appoint-person", json!({"person": "bz-duty", "post": "x", "role": "verifier"}), 400, "body-does-not-fit"),
        ("appoint-person", appoint("department/SCJG", "x", "verifier", bz()), 400, "body-does-not-fit"),
        ("appoint-person", appoint("bz-duty", "x", "mayor", bz()), 400, "body-does-not-fit"),
        ("appoint-person", appoint("bz-duty", "x", "verifier", json!({"grid": "NONE"})), 422, "unknown-grid"),
        ("appoint-person", appoint("bz-duty", "x", "department_clerk", bz()), 422, "scope-unfit"),
        ("appoint-person", appoint("bz-duty", "x", "integrator", json!("everywhere")), 422, "role-of-programs"),
        ("appoint-person", appoint("nobody", "x", "verifier", bz()), 422, "unknown-person"),
        ("appoint-person", appoint("bz-dispatcher", "x", "duty_officer", bz()), 409, "post-held"),
        ("appoint-person", appoint("audit-admin", "x", "verifier", bz()), 409, "duties-not-apart"),
        ("appoint-person", appoint("security-admin", "x", "verifier", bz()), 409, "own-account"),
        ("end-person", json!({"person": "security-admin", "reason": "x"}), 409, "own-account"),
        ("describe-persons", json!({"persons": [], "allow_closing": 999}), 409, "own-account"),
        ("describe-persons", json!({"persons": [{"id": "a", "name": "丁霞"}]}), 400, "body-does-not-fit"),
    ] {
        let answer = submit(&desk, &security(), verb, body.clone()).await;
        assert_eq!(answer, Err((status, code.to_owned())), "{body}");
    }
    let stranger =
        Actor { id: "stranger".into(), role: Role::SecurityAdministrator, scope: Scope::Everywhere, seconded_by: None };
    let last = submit(&desk, &stranger, "suspend-person", json!({"person": "security-admin", "reason": "x"})).await;
    assert_eq!(last, Err((409, "last-security-administrator".to_owned())));
}
