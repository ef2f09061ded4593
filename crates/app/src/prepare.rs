//! From the register of builds to views that follow the log: a view that is new, or of a new version, is built first.

use std::collections::HashMap;
use std::sync::Arc;

use kernel::Position;

use crate::health::Progress;
use crate::lanes::{Lane, Lanes, ProjectError, Sources, Why};
use crate::port::{Build, Failure, Registered, ViewSpec};
use crate::rebuild::{ROWS_HELD_MAX, rebuild};
use crate::view::Fold;

/// From so many events on, a view is built in one pass before it is shown.
const BULK_EVENTS_MIN: u64 = 20_000;

/// A view that is to follow the log.
#[derive(Clone)]
pub(crate) struct Follower {
    pub(crate) fold: Arc<dyn Fold>,
    pub(crate) progress: Arc<Progress>,
}

/// What became of views that were to be brought to the end of the log.
#[derive(Default)]
pub(crate) struct Prepared {
    pub(crate) lanes: Vec<Lane>,
    pub(crate) failed: Vec<(&'static str, ProjectError)>,
}

impl Prepared {
    fn fail(&mut self, followers: Vec<Follower>, failure: &Failure) {
        let failed = followers.into_iter().map(|view| (view.fold.spec().name, failure.clone().into()));
        self.failed.extend(failed);
    }
}

/// How far a view is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The build of this version is shown.
    Current(Build, Position),
    /// A build of this version was begun and is not shown yet.
    Unfinished(Build, Position),
    /// There is no build of this version; perhaps one of another version is shown.
    New { is_shown: bool },
}

/// How far a view is, as the register says.
pub(crate) fn standing(builds: &[Registered], spec: &ViewSpec) -> Standing {
    let of_view = || builds.iter().filter(|build| build.view == spec.name);
    let of_version = || of_view().filter(|build| build.version == spec.version && !build.filling);
    let named = |build: &Registered| Build { number: build.number, view: spec.name };
    if let Some(build) = of_version().find(|build| build.active) {
        return Standing::Current(named(build), build.position);
    }
    match of_version().next_back() {
        Some(build) => Standing::Unfinished(named(build), build.position),
        None => Standing::New { is_shown: of_view().any(|build| build.active) },
    }
}

/// Brings views to the end of the log, beside whoever follows it. What is wrong with one view does not stop another.
pub(crate) async fn prepare(sources: &Sources, followers: Vec<Follower>) -> Prepared {
    let mut prepared = Prepared::default();
    let mut rest = followers;
    while !rest.is_empty() {
        let views: HashMap<&str, Follower> = rest.iter().map(|view| (view.fold.spec().name, view.clone())).collect();
        let begun = match begin(sources, rest).await {
            Ok(begun) => begun,
            Err(failure) => {
                prepared.fail(views.into_values().collect(), &failure);
                return prepared;
            }
        };
        rest = Vec::new();
        prepared.failed.extend(begun.failed);
        let mut lanes = Lanes::new(sources.clone());
        begun.lanes.into_iter().for_each(|lane| lanes.join(lane));
        for (lane, why) in lanes.catch_up().await {
            match why {
                Why::Error(error) => prepared.failed.push((lane.build.view, error)),
                // Somebody else was faster, or has built the view: look again.
                Why::Fenced | Why::Gone => rest.extend(views.get(lane.build.view).cloned()),
            }
        }
        for lane in lanes.take() {
            if begun.unfinished.contains(&lane.build)
                && let Err(failure) = sources.views.activate(&lane.build).await
            {
                prepared.failed.push((lane.build.view, failure.into()));
                continue;
            }
            prepared.lanes.push(lane);
        }
    }
    prepared
}

/// Views that have a build.
#[derive(Default)]
struct Begun {
    lanes: Vec<Lane>,
    /// Builds that must be activated at the end of the log.
    unfinished: Vec<Build>,
    failed: Vec<(&'static str, ProjectError)>,
}

/// Finds the build of each view, or makes one.
async fn begin(sources: &Sources, followers: Vec<Follower>) -> Result<Begun, Failure> {
    let builds = sources.views.builds().await?;
    let mut begun = Begun::default();
    let mut to_build = Vec::new();
    let mut is_short = None;
    for Follower { fold, progress } in followers {
        let spec = fold.spec();
        match standing(&builds, &spec) {
            Standing::Current(build, position) => begun.lanes.push(Lane::new(fold, build, position, progress)),
            Standing::Unfinished(build, position) => {
                begun.unfinished.push(build.clone());
                begun.lanes.push(Lane::new(fold, build, position, progress));
            }
            Standing::New { is_shown } => {
                tracing::info!(view.name = spec.name, view.version = spec.version, "a view is built");
                let is_short_log = match is_short {
                    Some(is_short) => is_short,
                    None => *is_short.insert(sources.log.head().await?.0 < BULK_EVENTS_MIN),
                };
                // The first build of a short log is shown while it grows; otherwise nothing is shown before it is whole.
                if is_short_log && !is_shown {
                    let build = sources.views.begin(&spec).await?;
                    sources.views.activate(&build).await?;
                    begun.lanes.push(Lane::new(fold, build, Position::START, progress));
                } else {
                    to_build.push(Follower { fold, progress });
                }
            }
        }
    }
    if !to_build.is_empty() {
        build(sources, to_build, &mut begun).await?;
    }
    Ok(begun)
}

/// Builds views from the whole log.
async fn build(sources: &Sources, followers: Vec<Follower>, begun: &mut Begun) -> Result<(), Failure> {
    let progress = |done, _| followers.iter().for_each(|view| view.progress.reached(done));
    let folds = followers.iter().map(|view| Arc::clone(&view.fold)).collect();
    match rebuild(sources, folds, ROWS_HELD_MAX, progress).await {
        Ok(rebuilt) => begun.failed.extend(rebuilt.failed),
        Err(ProjectError::Failure(failure)) => return Err(failure),
        Err(ProjectError::Fold(error)) => {
            let failure = Failure { operation: "build views", reason: error.to_string(), passing: false };
            return Err(failure);
        }
    }
    let builds = sources.views.builds().await?;
    for Follower { fold, progress } in followers {
        let view = fold.spec().name;
        if let Standing::Current(build, position) = standing(&builds, &fold.spec()) {
            begun.lanes.push(Lane::new(fold, build, position, progress));
        } else if !begun.failed.iter().any(|(failed, _)| *failed == view) {
            let reason = "somebody else has replaced the build of this view".to_owned();
            let failure = Failure { operation: "build a view", reason, passing: true };
            begun.failed.push((view, failure.into()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: ViewSpec = ViewSpec { name: "board", version: 2, filters: &[] };

    fn registered(number: i64, version: u32, active: bool, filling: bool) -> Registered {
        Registered { number, view: "board".into(), version, position: Position(7), active, filling }
    }

    #[test]
    fn the_active_build_of_the_version_is_the_one() {
        let build = |number| Build { number, view: "board" };
        let other = Registered { view: "other".into(), ..registered(9, 2, true, false) };
        let standing = |builds: &[Registered]| standing(builds, &SPEC);
        assert_eq!(standing(std::slice::from_ref(&other)), Standing::New { is_shown: false });
        let old = registered(1, 1, true, false);
        assert_eq!(standing(&[old.clone(), other.clone()]), Standing::New { is_shown: true });
        let bulk = registered(2, 2, false, true);
        assert_eq!(standing(&[old.clone(), bulk.clone()]), Standing::New { is_shown: true }, "nobody continues a fill");
        let begun = registered(3, 2, false, false);
        assert_eq!(standing(&[old, bulk, begun.clone()]), Standing::Unfinished(build(3), Position(7)));
        assert_eq!(standing(&[registered(4, 2, true, false), begun]), Standing::Current(build(4), Position(7)));
    }
}
