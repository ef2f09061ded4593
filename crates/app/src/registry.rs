//! The only list of kinds and of views. Routes, OpenAPI, NATS verbs, schemas, the table of authorisation and the coverage tests
//! walk it; nothing outside knows a kind by name.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use case::Case;
use chrono::{DateTime, Utc};
use community::{Pledge, PledgeView};
use grid::District;
use kernel::needs::Also;
use kernel::{AnyEvent, Recorded, Step, VerbSpec};
use people::Erasures;
use people::{Persons, Programs};
use process::{
    Alarms, DepartmentWatch, Entry, GridWatch, Losses, MergedAnswer, NamedEvidence, Outbox, Process, Run, Timed,
};
use rules::Rulebook;
use serde_json::Value;
use uuid::Uuid;

use crate::Error;
use crate::event::Unreadable;
use crate::kind::{Asked, Kind, Of};
use crate::port::{Failure, ViewSpec};
use crate::shown::{Shown, Views};

/// The filter by which a view of one kind finds what is open in exactly that grid.
pub const OPEN_IN: &str = "open_in";
/// The filter by which a view of one kind finds that on which exactly that department must still act.
pub const OPEN_AT: &str = "open_at";

static KINDS: LazyLock<Vec<Box<dyn Kind>>> = LazyLock::new(|| {
    vec![
        of::<Case>(),
        of::<Pledge>(),
        of::<District>(),
        of::<Rulebook>(),
        of::<Persons>(),
        of::<Programs>(),
        of::<Erasures>(),
        of::<Run>(),
        of::<Losses>(),
    ]
});

static VIEWS: LazyLock<Vec<Box<dyn Shown>>> = LazyLock::new(|| {
    vec![
        shown::<case::CaseSummaryView>(),
        shown::<case::DepartmentOrderView>(),
        shown::<case::IssueView>(),
        shown::<case::OpenObligationView>(),
        shown::<case::ReporterReadingView>(),
        shown::<PledgeView>(),
        shown::<NamedEvidence>(),
        shown::<Outbox<MergedAnswer>>(),
        shown::<Outbox<GridWatch>>(),
        shown::<Alarms<GridWatch>>(),
        shown::<Outbox<DepartmentWatch>>(),
        shown::<Alarms<DepartmentWatch>>(),
    ]
});

/// Every kind.
pub fn kinds() -> &'static [Box<dyn Kind>] {
    &KINDS
}

/// Every view.
pub fn views() -> &'static [Box<dyn Shown>] {
    &VIEWS
}

fn of<A: kernel::Aggregate>() -> Box<dyn Kind> {
    Box::new(Of::<A>::new())
}

fn shown<V: kernel::View>() -> Box<dyn Shown> {
    Box::new(Views::<V>::new())
}

/// Every process.
pub fn processes() -> Vec<Running> {
    vec![Running::of::<MergedAnswer>(), grid_watch(), Running::timed::<DepartmentWatch>()]
}

/// The process that lets what is open follow its grid.
pub fn grid_watch() -> Running {
    Running::timed::<GridWatch>()
}

/// A process as its runner needs it.
#[derive(Clone, Copy)]
pub struct Running {
    pub name: &'static str,
    pub version: u32,
    /// The view in which its commands wait.
    pub outbox: ViewSpec,
    /// The view with the moments at which it wants to be woken, where it is timed.
    pub alarms: Option<ViewSpec>,
    /// The moment for which an entry asks.
    pub next: fn(&Entry<Value>) -> Option<DateTime<Utc>>,
}

impl Running {
    /// A process that reacts to events only.
    pub fn of<P: Process>() -> Self {
        let outbox = ViewSpec::of::<Outbox<P>>();
        Self { name: P::NAME, version: P::VERSION, outbox, alarms: None, next: |_| None }
    }

    /// A process that also asks to be woken.
    pub fn timed<P: Timed>() -> Self {
        let next = |entry: &Entry<Value>| P::next(&serde_json::from_value(entry.state.clone()?).ok()?);
        Self { alarms: Some(ViewSpec::of::<Alarms<P>>()), next, ..Self::of::<P>() }
    }
}

/// A command on one aggregate.
pub struct Ask {
    /// The aggregate.
    pub id: Uuid,
    /// The category of its stream.
    pub category: &'static str,
    /// The verb.
    pub verb: &'static VerbSpec,
    /// The command itself.
    pub asked: Box<dyn Asked>,
}

/// The kind whose streams are of this category.
///
/// # Errors
/// Where no kind has such streams, which is a fault of ours.
pub fn kind(category: &str) -> Result<&'static dyn Kind, Error> {
    let found = kinds().iter().find(|kind| kind.category() == category);
    found.map(|kind| &**kind).ok_or_else(|| {
        let reason = format!("no kind has streams of category {category}");
        Error::Failure(Failure { operation: "find a kind", reason, passing: false })
    })
}

/// The kind and the verb that are called `name`; no two verbs share a name.
pub fn verb(name: &str) -> Option<(&'static dyn Kind, &'static VerbSpec)> {
    kinds().iter().find_map(|kind| Some((&**kind, kind.verbs().iter().find(|verb| verb.name == name)?)))
}

/// Whether an installation has exactly one of this kind.
pub fn is_single(category: &str) -> bool {
    kinds().iter().any(|kind| kind.category() == category && kind.is_single())
}

/// The id of the one aggregate of a single kind.
pub fn single_id(category: &str) -> Uuid {
    Uuid::new_v5(&kernel::id::NAMESPACE, category.as_bytes())
}

/// Whether events of this category may name files.
pub fn names_files(category: &str) -> bool {
    <NamedEvidence as kernel::View>::FROM.contains(&category)
}

/// The steps that some kind may ask a limit for.
pub fn steps() -> BTreeSet<Step> {
    kinds().iter().flat_map(|kind| kind.steps()).cloned().collect()
}

/// A view by the first segment of its routes.
pub fn view(path: &str) -> Option<&'static dyn Shown> {
    views().iter().find(|view| view.path() == path).map(|view| &**view)
}

/// The view that lists, by such a filter, the aggregates of a category on which somebody must still act.
pub fn open_by(category: &str, filter: &'static str) -> Option<&'static dyn Shown> {
    let lists = |view: &dyn Shown| view.is_of_one() && view.filters().contains(&&[filter][..]);
    views().iter().map(|view| &**view).find(|view| view.from().first() == Some(&category) && lists(*view))
}

/// Reads an event of whichever kind its stream belongs to. An unknown one stops its reader; it is never skipped.
pub fn decode(recorded: &Recorded) -> Result<AnyEvent, Unreadable> {
    let category = recorded.stream.category();
    let kind = kinds().iter().find(|kind| kind.category() == category).ok_or_else(|| {
        let reason = format!("no kind has streams of category `{category}`; a newer dualgrid may have written it");
        Unreadable { position: recorded.position, reason }
    })?;
    kind.decode(recorded)
}

/// A verb on another aggregate, read.
pub(crate) fn ask(also: &Also) -> Result<Ask, Error> {
    let broken = |reason: String| Failure { operation: "read a part of a command", reason, passing: false };
    let kind = kind(also.category)?;
    let verb = kind.verbs().iter().find(|verb| verb.name == also.verb);
    let verb = verb.ok_or_else(|| broken(format!("no verb is called {}", also.verb)))?;
    let asked = kind.parse(also.verb, &also.body);
    let asked =
        asked.map_err(|error| if also.is_asked { error.into() } else { Error::from(broken(error.to_string())) })?;
    Ok(Ask { id: also.id, category: kind.category(), verb, asked })
}
