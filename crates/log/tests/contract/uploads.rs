//! The register of uploads: whose a file is, until when, and that nothing goes that somebody needs.

use std::sync::Arc;

use app::port::Uploads;
use app::port::uploads::{Entered, Exceeded, Leaving, Quotas, REMOVAL_LASTS, Upload};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::digest::Digest;
use kernel::{DepartmentCode, Evidence};
use log::Options;

use crate::place::{Place, at};

on_both_databases! {
    the_same_file_of_two_owners_is_two_uploads
    what_is_about_to_be_named_is_not_removed
    the_last_upload_of_a_file_takes_it_along_and_no_other
    what_is_named_stays
    nobody_sends_more_in_a_day_than_they_may
}

const PLENTY: Quotas = Quotas { principal_bytes: 1 << 40, department_bytes: 1 << 40 };

async fn register(place: &Place) -> Arc<dyn Uploads> {
    log::open(&place.url, &Options::default()).await.unwrap().uploads
}

fn file(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

fn upload(text: &str, owner: &str, sent: i64) -> Upload {
    Upload {
        evidence: Evidence { sha256: file(text), media_type: "image/png".into(), size: 60 },
        owner: owner.into(),
        by: owner.into(),
        department: None,
        original: file("as sent"),
        received: 100,
        captured: Some("sealed".into()),
        at: at(sent),
        until: Some(at(sent + 100)),
    }
}

fn soon() -> DateTime<Utc> {
    at(0)
}

async fn the_same_file_of_two_owners_is_two_uploads(place: &Place) {
    let uploads = register(place).await;
    let (one, other) = (upload("a", "staff-1", 0), upload("a", "staff-2", 1));
    assert_eq!(uploads.enter(&one, PLENTY).await.unwrap(), Entered::New);
    assert_eq!(uploads.enter(&other, PLENTY).await.unwrap(), Entered::New);
    assert_eq!(uploads.hold(file("a"), "staff-1", soon()).await.unwrap(), Some(one.clone()));
    assert_eq!(uploads.hold(file("a"), "staff-3", soon()).await.unwrap(), None);
    assert_eq!(uploads.hold(file("b"), "staff-1", soon()).await.unwrap(), None);
    assert_eq!(uploads.of(file("a")).await.unwrap(), [one.clone(), other.clone()]);
    let again = Upload { at: at(50), until: Some(at(150)), captured: None, ..one.clone() };
    assert_eq!(uploads.enter(&again, PLENTY).await.unwrap(), Entered::Again);
    let renewed = Upload { captured: one.captured, ..again };
    assert_eq!(register(place).await.of(file("a")).await.unwrap(), [renewed, other], "another process sees the same");
}

/// A command holds a file before it is recorded; from then on the file is not over for as long as any command takes.
async fn what_is_about_to_be_named_is_not_removed(place: &Place) {
    let uploads = register(place).await;
    uploads.enter(&upload("a", "staff-1", 0), PLENTY).await.unwrap();
    assert!(!uploads.begin_removal(file("a"), "staff-1", at(99)).await.unwrap(), "it is not over yet");
    let held = uploads.hold(file("a"), "staff-1", at(5000)).await.unwrap().unwrap();
    assert_eq!(held.until, Some(at(5000)));
    assert_eq!(uploads.over(at(200), 10).await.unwrap(), []);
    assert!(!uploads.begin_removal(file("a"), "staff-1", at(200)).await.unwrap());
    // The other way round: what is being removed is not there for a command, nor for whoever sends it.
    assert!(uploads.begin_removal(file("a"), "staff-1", at(6000)).await.unwrap());
    assert_eq!(uploads.hold(file("a"), "staff-1", at(9000)).await.unwrap(), None);
    assert_eq!(uploads.of(file("a")).await.unwrap(), []);
    for owner in ["staff-1", "staff-2"] {
        let entered = uploads.enter(&upload("a", owner, 6000), PLENTY).await.unwrap();
        assert_eq!(entered, Entered::BeingRemoved, "{owner}");
    }
}

async fn the_last_upload_of_a_file_takes_it_along_and_no_other(place: &Place) {
    let [one, other] = [register(place).await, register(place).await];
    for owner in ["staff-1", "staff-2"] {
        one.enter(&upload("a", owner, 0), PLENTY).await.unwrap();
    }
    let over = one.over(at(100), 10).await.unwrap();
    assert_eq!(over.iter().map(|upload| upload.owner.as_str()).collect::<Vec<_>>(), ["staff-1", "staff-2"]);
    assert_eq!(one.over(at(100), 1).await.unwrap().len(), 1);
    assert!(one.begin_removal(file("a"), "staff-1", at(100)).await.unwrap());
    assert!(!other.begin_removal(file("a"), "staff-1", at(101)).await.unwrap(), "one process has it for itself");
    assert!(other.begin_removal(file("a"), "staff-2", at(101)).await.unwrap());
    assert_eq!(one.continue_removal(file("a"), "staff-1").await.unwrap(), Leaving::RowGone);
    assert_eq!(other.continue_removal(file("a"), "staff-2").await.unwrap(), Leaving::FileToo);
    // The one who had it is gone in the middle: another one goes on with it after a while.
    assert_eq!(one.over(at(102), 10).await.unwrap(), []);
    let later = at(101) + REMOVAL_LASTS + TimeDelta::seconds(1);
    assert_eq!(one.over(later, 10).await.unwrap().len(), 1);
    assert!(one.begin_removal(file("a"), "staff-2", later).await.unwrap());
    assert_eq!(one.continue_removal(file("a"), "staff-2").await.unwrap(), Leaving::FileToo);
    one.remove(file("a"), "staff-2").await.unwrap();
    assert_eq!(one.enter(&upload("a", "staff-2", 300), PLENTY).await.unwrap(), Entered::New);
}

async fn what_is_named_stays(place: &Place) {
    let uploads = register(place).await;
    uploads.enter(&upload("a", "staff-1", 0), PLENTY).await.unwrap();
    assert!(uploads.begin_removal(file("a"), "staff-1", at(200)).await.unwrap());
    uploads.keep(file("a"), "staff-1").await.unwrap();
    assert_eq!(uploads.of(file("a")).await.unwrap()[0].until, None);
    assert_eq!(uploads.over(at(1_000_000), 10).await.unwrap(), []);
    assert!(!uploads.begin_removal(file("a"), "staff-1", at(1_000_000)).await.unwrap());
    assert_eq!(uploads.enter(&upload("a", "staff-1", 300), PLENTY).await.unwrap(), Entered::Again);
    assert_eq!(uploads.of(file("a")).await.unwrap()[0].until, None, "sent again, it stays all the same");
}

async fn nobody_sends_more_in_a_day_than_they_may(place: &Place) {
    const DAY: i64 = 24 * 3600;
    let uploads = register(place).await;
    let quotas = Quotas { principal_bytes: 250, department_bytes: 350 };
    let department = DepartmentCode::try_new("CGZF").unwrap();
    let of_department = |text: &str, by: &str, sent: i64| Upload {
        by: by.into(),
        department: Some(department.clone()),
        ..upload(text, "department:CGZF", sent)
    };
    for (n, by) in [(0, "staff-1"), (1, "staff-1"), (2, "staff-2")] {
        let entered = uploads.enter(&of_department(&n.to_string(), by, n), quotas).await.unwrap();
        assert_eq!(entered, Entered::New, "{n}");
    }
    let principal = uploads.enter(&of_department("3", "staff-1", 3), quotas).await.unwrap();
    assert_eq!(principal, Entered::Exceeded(Exceeded::Principal));
    let shared = uploads.enter(&of_department("3", "staff-2", 3), quotas).await.unwrap();
    assert_eq!(shared, Entered::Exceeded(Exceeded::Department));
    assert_eq!(uploads.of(file("3")).await.unwrap(), [], "what is refused is not registered");
    let full = Quotas { principal_bytes: 200, ..quotas };
    let exceeded = async |now, quotas| uploads.exceeded("staff-1", Some(&department), now, quotas).await.unwrap();
    assert_eq!(exceeded(at(3), full).await, Some(Exceeded::Principal));
    assert_eq!(exceeded(at(3), quotas).await, None);
    assert_eq!(exceeded(at(DAY + 10), full).await, None, "a day later there is room again");
    assert_eq!(uploads.enter(&of_department("3", "staff-1", DAY + 10), quotas).await.unwrap(), Entered::New);
}
