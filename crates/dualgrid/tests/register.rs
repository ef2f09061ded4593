//! The register of programs through the door of every command: who may change it, what is refused, and when other processes know.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[path = "support/desk.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use app::{App, Error};
use chrono::TimeDelta;
use kernel::{Actor, DepartmentCode, Role, Scope};
use serde_json::{Value, json};
use support::{Desk, actor, id};

const KEY: &str = "UA6OVABTBDLTZMHZ2ZOAKGPQ4KCPWQZ3SFTDSGWT7V6Y7GWCT5LXEIMW";
const OTHER_KEY: &str = "UBMARG6LGYMIM34HRXMBNXDGBKHSE6G3II5D42RWAFG4JOEYJW4GODMC";

fn administrator() -> Actor {
    actor("operator", Role::SecurityAdministrator, None)
}

fn registration() -> Value {
    json!({"program": {"department": "CGZF"}, "keys": [KEY]})
}

async fn submit(desk: &Desk, by: &Actor, verb: &str, body: Value) -> Result<(), (u16, String)> {
    let answer = desk.submit(by, None, verb, id(), &body).await;
    answer.map(drop).map_err(|error| code_of(&error))
}

fn code_of(error: &Error) -> (u16, String) {
    let problem = error.problem();
    (problem.status, problem.code)
}

/// The keys of the programs that are open, as a process knows them.
async fn keys(app: &App) -> Vec<String> {
    let current = app.programs().await.unwrap().current();
    current.iter().flat_map(|program| &program.keys).map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_program_that_is_closed_or_changed_is_known_so_in_another_process_within_a_second() {
    let desk = Desk::open().await;
    let another = desk.another().await;
    assert_eq!((keys(&desk.app).await, keys(&another).await), (vec![], vec![]));
    let changed = json!({"program": {"department": "CGZF"}, "keys": [OTHER_KEY]});
    let closed = json!({"program": {"department": "CGZF"}, "reason": "换了承建单位"});
    let steps = [
        ("register-program", registration(), vec![KEY]),
        ("change-program-keys", changed, vec![OTHER_KEY]),
        ("close-program", closed, vec![]),
    ];
    for (verb, body, expected) in steps {
        submit(&desk, &administrator(), verb, body).await.unwrap();
        desk.clock.advance(TimeDelta::seconds(1));
        assert_eq!(
            (keys(&desk.app).await, keys(&another).await),
            (
                expected.clone().into_iter().map(String::from).collect(),
                expected.into_iter().map(String::from).collect()
            ),
            "{verb}"
        );
    }
    let used = Err((409, "key-used".to_owned()));
    assert_eq!(submit(&desk, &administrator(), "register-program", registration()).await, used);
}

#[tokio::test]
async fn only_the_security_administrator_changes_the_register_and_the_auditor_reads_it() {
    let desk = Desk::open().await;
    let before = desk.app.ports().log.head().await.unwrap();
    let bodies = [
        ("register-program", registration()),
        ("change-program-keys", json!({"program": {"department": "CGZF"}, "keys": [KEY]})),
        ("grant-audiences", json!({"integrator": "city", "audiences": ["district"]})),
        ("close-program", json!({"program": {"department": "CGZF"}, "reason": "x"})),
    ];
    for role in Role::ALL.into_iter().filter(|role| !matches!(role, Role::System | Role::SecurityAdministrator)) {
        let scope = Scope::Department(DepartmentCode::try_new("CGZF").unwrap());
        let by = [actor("somebody", role, None), Actor { id: "somebody".into(), role, scope, seconded_by: None }];
        for by in by {
            for (verb, body) in &bodies {
                let refused = submit(&desk, &by, verb, body.clone()).await;
                assert_eq!(refused, Err((403, "not-allowed".to_owned())), "{role} {verb}");
            }
        }
        let read = desk.app.document(&actor("somebody", role, None), "programs", None).await;
        assert_eq!(read.is_ok(), [Role::Auditor, Role::AuditAdministrator].contains(&role), "{role}");
    }
    assert_eq!(desk.app.ports().log.head().await.unwrap(), before);
    submit(&desk, &administrator(), "register-program", registration()).await.unwrap();
    let shown = desk.app.document(&administrator(), "programs", None).await.unwrap();
    let program = json!({"id": {"department": "CGZF"}, "keys": [KEY], "audiences": [], "sources": [], "closed": null});
    assert_eq!(shown["programs"], json!([program]));
}

#[tokio::test]
async fn what_cannot_be_registered_is_refused_with_its_reason() {
    let desk = Desk::open().await;
    let integrator =
        |audiences: Value| json!({"program": {"integrator": "city"}, "keys": [KEY], "audiences": audiences});
    let refused = [
        (json!({"program": {"department": "NOBODY"}, "keys": [KEY]}), (422, "unknown-department")),
        (json!({"program": {"department": "CGZF"}, "keys": []}), (422, "entry-count")),
        (json!({"program": {"department": "CGZF"}, "keys": ["SUAB"]}), (400, "body-does-not-fit")),
        // One letter is another one: only the checksum tells.
        (json!({"program": {"department": "CGZF"}, "keys": [KEY.replace("UA6O", "UB6O")]}), (400, "body-does-not-fit")),
        (json!({"program": {"department": "cgzf"}, "keys": [KEY]}), (400, "body-does-not-fit")),
        (json!({"program": {"integrator": "a.b"}, "keys": [KEY]}), (400, "body-does-not-fit")),
        (json!({"program": {"department": "CGZF", "integrator": "city"}, "keys": [KEY]}), (400, "body-does-not-fit")),
        (
            json!({"program": {"department": "CGZF"}, "keys": [KEY], "audiences": ["district"]}),
            (422, "department-audiences"),
        ),
        (integrator(json!([])), (422, "entry-count")),
        (integrator(json!(["internal"])), (400, "body-does-not-fit")),
        (integrator(json!(["order.>"])), (400, "body-does-not-fit")),
    ];
    for (body, (status, code)) in refused {
        let answer = submit(&desk, &administrator(), "register-program", body.clone()).await;
        assert_eq!(answer, Err((status, code.to_owned())), "{body}");
    }
    assert_eq!(keys(&desk.app).await, Vec::<String>::new());
}
