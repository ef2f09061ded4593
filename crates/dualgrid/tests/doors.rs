//! What no door lets in: a version that has moved on, an event that could never be published.

#[path = "support/desk.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use app::Error;
use app::intake::{Answer, Expected};
use kernel::envelope::EVENT_BYTES_MAX;
use kernel::{Role, Version};
use serde_json::{Value, json};
use support::{Desk, actor, discovery, id, leader, member, request, sample_body};

fn code(answered: Result<Answer, Error>) -> (u16, String) {
    let problem = answered.expect_err("a refusal").problem();
    (problem.status, problem.code)
}

#[tokio::test]
async fn a_command_that_relies_on_a_version_has_no_effect_on_another() {
    let desk = Desk::open().await;
    let begun = desk.submit(&member(), None, "discover-issue", id(), &discovery()).await.unwrap();
    let (case, seen) = (begun.id, begun.version);
    let register = json!({"matter": "FW-0301", "handling": "promised"});
    let differs = (412, "version-differs".to_owned());
    let relying = async |command, expected| {
        let request = request(&leader(), Some(case), "register-issue", command, &register);
        desk.app.submit_if(request, Some(expected)).await
    };
    let other = Expected::Versions(vec![Version(seen.0 + 1), Version(0)]);
    assert_eq!(code(relying(id(), other).await), differs);
    assert_eq!(code(relying(id(), Expected::Versions(vec![])).await), differs, "a weak tag is met by nothing");
    let command = id();
    let done = relying(command, Expected::Versions(vec![Version(9), seen])).await.unwrap();
    assert_eq!((done.version.0, done.replayed), (seen.0 + 1, false));
    let again = relying(command, Expected::Versions(vec![seen])).await.unwrap();
    assert_eq!((again.version, again.replayed), (done.version, true), "a repeat is answered as the first");
    // Another process knows the case from an earlier version only.
    let void = |command| request(&leader(), Some(case), "void-issue", command, &json!({"reason": "误报"}));
    assert_eq!(code(desk.app.submit_if(void(id()), Some(Expected::Versions(vec![seen]))).await), differs);
    let voided = desk.another().await.submit_if(void(id()), Some(Expected::Existing)).await.unwrap();
    assert_eq!(voided.version.0, done.version.0 + 1);
    let stale = relying(id(), Expected::Versions(vec![done.version])).await;
    assert_eq!(code(stale), differs, "what is remembered of the version is not the last word");
    let begins = request(&member(), None, "discover-issue", id(), &discovery());
    assert_eq!(code(desk.app.submit_if(begins, Some(Expected::Existing)).await), differs, "it does not exist yet");
}

#[tokio::test]
async fn an_event_that_could_not_be_published_is_not_recorded() {
    let desk = Desk::open().await;
    let operator = actor("operator", Role::SystemAdministrator, None);
    let before = desk.app.ports().log.head().await.unwrap();
    let mut rules = sample_body("publish-rules", "district.toml");
    rules["effective_from"] = json!("2026-03-03T00:00:00+08:00");
    rules["allow_closing"] = json!(1000);
    let publish = async |rules: &Value| desk.submit(&operator, None, "publish-rules", id(), rules).await;
    let criteria = |bytes: usize| -> Value {
        // Each text has at most 4000 characters of three bytes; the rest of an entry is about 30 bytes.
        let entry = |number: usize| json!({"code": format!("LA-{number:03}"), "text": "源".repeat(3990)});
        (0..bytes / 12_000).map(entry).collect()
    };
    rules["filing_criteria"] = criteria(EVENT_BYTES_MAX + 12_000);
    assert_eq!(code(publish(&rules).await), (413, "event-too-large".into()));
    assert_eq!(desk.app.ports().log.head().await.unwrap(), before, "nothing of it is recorded");
    rules["filing_criteria"] = criteria(EVENT_BYTES_MAX - 12_000);
    assert!(publish(&rules).await.unwrap().events > 0, "a little less is taken");
    let largest = desk.app.ports().log.after(before, 1000).await.unwrap().iter().map(|event| event.bytes.len()).max();
    assert!(largest.is_some_and(|bytes| (EVENT_BYTES_MAX - 36_000..=EVENT_BYTES_MAX).contains(&bytes)), "{largest:?}");
}
