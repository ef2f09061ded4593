//! Parts of a benchmark, for whoever tunes one thing and does not want to wait for the others.

/// Names the parts to run, separated by commas. Where it is not set, all of them run.
const VARIABLE: &str = "DUALGRID_BENCH_PARTS";

/// Whether a part is to run.
pub(crate) fn is_asked_for(part: &str) -> bool {
    std::env::var(VARIABLE).map_or(true, |parts| parts.split(',').any(|asked| asked == part))
}
