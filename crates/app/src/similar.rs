//! What may be the same thing: found by where it is and by its words among thousands, whatever else is known of it.
//!
//! Both are looked up in the entries of a view, each with one statement that reads a bounded number of rows. It is a hint for people:
//! the view may be late.

use std::cmp::Reverse;
use std::time::Duration;

use kernel::aggregate::SimilarSpec;
use kernel::likeness::{Likeness, LikenessLimits, Similar, Told};
use kernel::{Actor, Position, StreamId};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::authorise::{authorise, authorise_one};
use crate::kind::{Kind, Sight};
use crate::port::Either;
use crate::query::raw;
use crate::reference::Known;
use crate::{App, Error, registry};

/// Most that are named of one.
const NAMED_MAX: usize = 20;
/// Most rows that are read for each cell of a place and for each value of a sketch, the newest.
const EACH_MAX: u32 = 30;
/// Most rows that are read because of their place, the newest.
const NEAR_MAX: u32 = 300;
/// Most rows that are read because of their words, those with the most values in common.
const LIKE_MAX: u32 = 60;
/// How long a command waits for the view.
const PATIENCE: Duration = Duration::from_secs(1);

/// What may be the same thing.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SimilarOnes {
    /// At most 20 that the caller may read, those in the likest words first, then the nearest.
    pub items: Vec<SimilarOne>,
    /// The position of the log up to which the view follows; `None` where nothing was looked up.
    #[serde(skip)]
    pub position: Option<Position>,
}

/// One that may be the same thing, and why.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SimilarOne {
    #[serde(flatten)]
    pub likeness: Likeness,
    /// Its row.
    #[schemars(with = "serde_json::Value")]
    pub row: Box<RawValue>,
}

/// A row that is like.
struct Found {
    similar: Similar,
    told: Told,
    doc: String,
}

impl App {
    /// What may be the same thing as one aggregate: open, near or told of in like words, and in reach of the actor.
    ///
    /// # Errors
    /// Where there is no such aggregate, the actor may not read it, or the view cannot be read.
    pub async fn similar(&self, by: &Actor, kind: &dyn Kind, id: Uuid) -> Result<SimilarOnes, Error> {
        let spec = kind.similar().ok_or_else(|| Error::NotFound { what: "similar ones here".into() })?;
        let sight = Sight { memory: &self.memory, log: &*self.ports.log, may_recall: false };
        let (place, told) = kind.told(sight, id).await?.unzip();
        authorise_one(by, kind, spec.action, spec.read, place.as_ref())?;
        let limits = self.known().await?.rules().likeness_limits(self.ports.clock.now());
        let Some((told, limits)) = told.flatten().zip(limits) else {
            return Ok(SimilarOnes { items: Vec::new(), position: None });
        };
        let (found, position) = self.look_for_similar(&spec, id, &told, limits).await?;
        let mut items = Vec::new();
        for Found { similar, doc, .. } in found {
            let place = view_of(&spec)?.place(&doc).map_err(|error| Error::Unreadable(error.to_string()))?;
            if items.len() < NAMED_MAX && authorise(by, spec.action, spec.read, &place).is_ok() {
                items.push(SimilarOne { likeness: similar.likeness, row: raw(doc)? });
            }
        }
        Ok(SimilarOnes { items, position: Some(position) })
    }

    /// What may be the same thing as an aggregate, in the same grid. A view that is away or being built is no reason to refuse a
    /// command.
    pub(crate) async fn suspected(&self, of: &StreamId, told: &Told, known: &Known) -> Vec<Similar> {
        let limits = known.rules().likeness_limits(self.ports.clock.now());
        let spec = registry::kind(of.category()).ok().and_then(Kind::similar);
        let Some((spec, limits)) = spec.zip(limits) else { return Vec::new() };
        let look = self.look_for_similar(&spec, of.id(), told, limits);
        let found = match tokio::time::timeout(PATIENCE, look).await {
            Ok(Ok((found, _))) => found,
            Ok(Err(error)) => {
                tracing::warn!(aggregate.id = %of.id(), %error, "decided without a look for duplicates");
                Vec::new()
            }
            Err(_) => {
                tracing::warn!(aggregate.id = %of.id(), "the view did not answer: decided without a look for duplicates");
                Vec::new()
            }
        };
        let is_here = |found: &Found| found.told.grids.first() == told.grids.first();
        found.into_iter().filter(is_here).map(|found| found.similar).take(NAMED_MAX).collect()
    }

    /// What is like, those in the likest words first, then the nearest; and how far the view follows the log.
    async fn look_for_similar(
        &self,
        spec: &SimilarSpec,
        id: Uuid,
        told: &Told,
        limits: LikenessLimits,
    ) -> Result<(Vec<Found>, Position), Error> {
        let view = view_of(spec)?.fold().spec();
        let near = Either {
            filter: "cell",
            values: told.cells_within(limits.metres_max),
            each_max: EACH_MAX,
            limit: NEAR_MAX,
        };
        let like = Either { filter: "sketch", values: told.sketch(), each_max: EACH_MAX, limit: LIKE_MAX };
        let mut found: Vec<Found> = Vec::new();
        let mut position = None;
        for either in [near, like].iter().filter(|either| !either.values.is_empty()) {
            let page = self.ports.views.find_either(&view, either).await?;
            // The older of the two: so far both follow.
            position = Some(position.map_or(page.position, |known: Position| known.min(page.position)));
            for row in page.rows {
                let unreadable = |reason: String| Error::Unreadable(format!("row {} of a view: {reason}", row.key));
                let of = Uuid::try_parse(&row.key).map_err(|error| unreadable(error.to_string()))?;
                if of == id || found.iter().any(|known| known.similar.id == of) {
                    continue;
                }
                let other: Told = serde_json::from_str(&row.doc).map_err(|error| unreadable(error.to_string()))?;
                if let Some(likeness) = told.likeness(&other, limits) {
                    found.push(Found { similar: Similar { id: of, likeness }, told: other, doc: row.doc });
                }
            }
        }
        let rank = |found: &Found| {
            let Likeness { metres, percent } = found.similar.likeness;
            (Reverse(percent), metres.unwrap_or(u32::MAX), found.similar.id)
        };
        found.sort_by_key(rank);
        Ok((found, position.unwrap_or(Position::START)))
    }
}

fn view_of(spec: &SimilarSpec) -> Result<&'static dyn crate::shown::Shown, Error> {
    let missing = || Error::NotFound { what: format!("view {}", spec.view) };
    registry::view(spec.view).ok_or_else(missing)
}
