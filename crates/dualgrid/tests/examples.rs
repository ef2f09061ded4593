//! The examples of the document can be given as they stand, on a system in which nothing is but the file that they name.

#[path = "support/desk.rs"]
#[expect(dead_code, reason = "the desk is for other tests too")]
mod desk;

use app::registry;
use desk::{Desk, actor, id};
use kernel::Role;
use serde_json::Value;

/// Gives the example of a verb with the role that may.
async fn given(desk: &Desk, name: &str) -> Result<u32, String> {
    let (_, verb) = registry::verb(name).expect("a verb of the registry");
    let (role, _) = verb.by[0];
    let by = actor("staff-1", role, None);
    let body: Value = (verb.example)();
    let answer = desk.submit(&by, None, name, id(), &body).await;
    answer.map(|answer| answer.events).map_err(|error| format!("{name}: {:?}", error.problem()))
}

#[tokio::test]
async fn every_example_that_begins_or_describes_something_is_accepted_on_an_empty_system() {
    let is_of_people = |verb: &&kernel::VerbSpec| verb.by.iter().any(|(role, _)| *role != Role::System);
    let verbs = || registry::kinds().iter().flat_map(|kind| kind.verbs()).filter(is_of_people);
    let described: Vec<&str> = verbs().filter(|verb| verb.is_description).map(|verb| verb.name).collect();
    let expected = ["load-district", "publish-rules", "describe-persons"];
    assert_eq!(
        described, expected,
        "the order does not matter; each stands alone, persons beside the first administrators"
    );
    for order in [described.clone(), described.into_iter().rev().collect()] {
        let desk = Desk::empty(None).await;
        desk.name_administrators().await;
        for name in order {
            assert!(given(&desk, name).await.is_ok_and(|events| events > 0), "{name}");
        }
        for verb in verbs().filter(|verb| verb.begins) {
            assert_eq!(given(&desk, verb.name).await.map(|events| events > 0), Ok(true));
        }
    }
    let desk = Desk::empty(None).await;
    assert_eq!(given(&desk, "import-reference").await.map(|events| events > 0), Ok(true));
}
