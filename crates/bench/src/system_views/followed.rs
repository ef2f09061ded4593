//! The views that are followed: those of the product, and trial views beside them until there are sixty.
//!
//! Six of the trial views fold every event. Three of these have a row for each case, the others one for each of a hundred places.
//! The rest have a row for one case in thirty. All of them are asked for the keys of every event, as if all came from one kind:
//! views of other kinds would not even be asked.

use std::sync::Arc;

use app::registry;
use app::view::{Fold, fold_of};
use kernel::{Allowed, Key, Place, Read, View};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How many views there are in all.
pub(super) const SIXTY: usize = 60;
/// How many trial views fold every event.
const OF_EVERY_EVENT: usize = 6;
/// The others have a row for one case in so many.
const ONE_CASE_IN: usize = 30;
/// How many places there are.
const PLACES: u128 = 100;
/// How many names of events a row shows.
const SHOWN_MAX: usize = 12;
/// After this event, no other is expected.
const CLOSED: &str = "cn.dualgrid.case.case_closed.v1";

/// Whether a view changes a row for an event.
type Touches = Box<dyn Fn(&Read<'_>) -> bool + Send + Sync>;

/// One view.
pub(super) struct Followed {
    pub(super) name: &'static str,
    pub(super) fold: Arc<dyn Fold>,
    touches: Touches,
}

impl Followed {
    fn trial<const N: usize>() -> Self {
        let touches = |event: &Read<'_>| Trial::<N>::sees(event.id());
        Self { name: Trial::<N>::NAME, fold: fold_of::<Trial<N>>(), touches: Box::new(touches) }
    }

    /// Whether it changes a row for the event.
    pub(super) fn touches(&self, event: &Read<'_>) -> bool {
        self.fold.from().contains(&event.recorded.stream.category()) && (self.touches)(event)
    }
}

/// The views of the product.
pub(super) fn of_the_product() -> Vec<Followed> {
    let followed = |view: &'static dyn app::shown::Shown| Followed {
        name: view.name(),
        fold: view.fold(),
        touches: Box::new(move |event| !view.keys(event).is_empty()),
    };
    registry::views().iter().map(|view| followed(&**view)).collect()
}

/// The views of the product, and trial views until there are sixty.
pub(super) fn sixty() -> Vec<Followed> {
    let mut views = of_the_product();
    views.extend(trials());
    views.truncate(SIXTY);
    views
}

macro_rules! trials {
    ($($number:literal)*) => {
        const NAMES: &[&str] = &[$(concat!("trial_", $number)),*];

        fn trials() -> Vec<Followed> {
            vec![$(Followed::trial::<$number>()),*]
        }
    };
}

trials! {
    0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29
    30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59
}

/// A trial view.
struct Trial<const N: usize>;

/// A row of a trial view.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
struct Row {
    place: String,
    status: String,
    events: u64,
    /// The position of the newest event.
    newest: u64,
    /// The names of the newest events.
    shown: Vec<String>,
}

impl<const N: usize> Trial<N> {
    fn sees(case: Uuid) -> bool {
        N < OF_EVERY_EVENT || case.as_u128() % (ONE_CASE_IN as u128) == (N % ONE_CASE_IN) as u128
    }

    fn key(case: Uuid) -> Key {
        if N < OF_EVERY_EVENT && N % 2 == 1 { Key::Text(place_of(case).into()) } else { Key::Id(case) }
    }
}

fn place_of(case: Uuid) -> String {
    format!("PLACE-{:02}", case.as_u128() % PLACES)
}

impl<const N: usize> View for Trial<N> {
    const NAME: &'static str = NAMES[N];
    const PATH: &'static str = NAMES[N];
    const ABOUT: &'static str = "A view of a benchmark";
    const ACTION: &'static str = "read-trial";
    const READ: Allowed = &[];
    const FROM: &'static [&'static str] = &["case"];
    const FILTERS: &'static [&'static [&'static str]] = &[&["place"], &["place", "status"]];
    type Row = Row;

    fn keys(event: &Read<'_>, touch: &mut dyn FnMut(Key)) {
        if Self::sees(event.id()) {
            touch(Self::key(event.id()));
        }
    }

    fn fold(_: &Key, row: &mut Option<Row>, event: &Read<'_>) {
        let row = row.get_or_insert_with(|| Row {
            place: place_of(event.id()),
            status: String::new(),
            events: 0,
            newest: 0,
            shown: Vec::new(),
        });
        row.events += 1;
        row.newest = event.position().0;
        row.status.clone_from(&event.recorded.kind);
        if row.shown.len() == SHOWN_MAX {
            row.shown.remove(0);
        }
        row.shown.push(event.recorded.kind.clone());
    }

    fn place(_: &Row) -> Place {
        Place::default()
    }

    fn sort(row: &Row) -> i64 {
        i64::try_from(row.newest).unwrap_or(i64::MAX)
    }

    fn values(row: &Row, filter: &str, give: &mut dyn FnMut(&str)) {
        match filter {
            "place" => give(&row.place),
            _ => give(&row.status),
        }
    }

    fn is_settled(row: &Row) -> bool {
        row.status == CLOSED
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn there_are_sixty_views_of_which_six_trials_see_every_case_and_the_others_their_share() {
        let views = sixty();
        let names: HashSet<&str> = views.iter().map(|view| view.name).collect();
        assert_eq!((views.len(), names.len()), (SIXTY, SIXTY));
        let cases: Vec<Uuid> = (0..3_000_u128).map(Uuid::from_u128).collect();
        let seen = |sees: fn(Uuid) -> bool| cases.iter().filter(|case| sees(**case)).count();
        assert_eq!((seen(Trial::<0>::sees), seen(Trial::<5>::sees)), (3_000, 3_000));
        assert_eq!((seen(Trial::<6>::sees), seen(Trial::<55>::sees)), (100, 100));
    }
}
