//! The text format of Prometheus, read as strictly as its linter does.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail, ensure};

/// What a histogram adds to its name.
const PARTS: [&str; 3] = ["_bucket", "_sum", "_count"];

/// The samples of one family.
#[derive(Debug, Default)]
pub struct Metric {
    /// `counter`, `gauge` or `histogram`.
    pub kind: String,
    /// Name, labels in braces, and value of each sample, in order.
    pub samples: Vec<(String, String, f64)>,
}

/// Reads all families, by name. An error names the line that a linter would.
pub fn read(text: &str) -> anyhow::Result<BTreeMap<String, Metric>> {
    let (mut found, mut helped) = (BTreeMap::new(), BTreeSet::new());
    let mut current: Option<(String, Metric)> = None;
    for line in text.lines().filter(|line| !line.is_empty()) {
        let read = read_line(line, &mut helped, &mut current, &mut found);
        read.with_context(|| format!("in the line `{line}`"))?;
    }
    finish(current, &mut found)?;
    Ok(found)
}

fn read_line(
    line: &str,
    helped: &mut BTreeSet<String>,
    current: &mut Option<(String, Metric)>,
    found: &mut BTreeMap<String, Metric>,
) -> anyhow::Result<()> {
    if let Some(help) = line.strip_prefix("# HELP ") {
        let (name, text) = help.split_once(' ').context("no help text")?;
        ensure!(!text.trim().is_empty(), "an empty help text");
        ensure!(helped.insert(name.to_owned()), "a second help text");
        return Ok(());
    }
    if let Some(kind) = line.strip_prefix("# TYPE ") {
        let (name, kind) = kind.split_once(' ').context("no type")?;
        ensure!(helped.contains(name), "no help text");
        ensure!(["counter", "gauge", "histogram"].contains(&kind), "an unknown type");
        ensure!((kind == "counter") == name.ends_with("_total"), "only counters end with _total, and all of them do");
        finish(current.take(), found)?;
        *current = Some((name.to_owned(), Metric { kind: kind.to_owned(), samples: Vec::new() }));
        return Ok(());
    }
    let (series, value) = line.rsplit_once(' ').context("no value")?;
    let (name, labels) = series.split_once('{').map_or((series, ""), |(name, labels)| (name, labels));
    let value: f64 = value.parse().context("the value is no number")?;
    let (family, metric) = current.as_mut().context("a sample without a type")?;
    let is_own = name == family
        || (metric.kind == "histogram" && PARTS.iter().any(|part| name.strip_suffix(part) == Some(family)));
    ensure!(is_own, "a sample of another family");
    ensure!(labels.is_empty() || is_labels(labels.strip_suffix('}').unwrap_or_default()), "its labels cannot be read");
    let is_new = metric.samples.iter().all(|(known, other, _)| (known.as_str(), other.as_str()) != (name, labels));
    ensure!(is_new, "the same series twice");
    metric.samples.push((name.to_owned(), labels.to_owned(), value));
    Ok(())
}

/// `name="value",…`, with quotes, backslashes and line breaks escaped.
fn is_labels(text: &str) -> bool {
    let mut rest = text;
    loop {
        let Some((name, value)) = rest.split_once("=\"") else { return false };
        let is_name = |char: char| char.is_ascii_lowercase() || char == '_';
        let end = value.char_indices().find(|(at, char)| *char == '"' && !value[..*at].ends_with('\\'));
        let Some((end, _)) = end.filter(|_| !name.is_empty() && name.chars().all(is_name)) else { return false };
        match &value[end + 1..] {
            "" => return true,
            more => match more.strip_prefix(',') {
                Some(more) => rest = more,
                None => return false,
            },
        }
    }
}

/// A family is whole: it has samples, and the buckets of a histogram add up.
fn finish(family: Option<(String, Metric)>, found: &mut BTreeMap<String, Metric>) -> anyhow::Result<()> {
    let Some((name, metric)) = family else { return Ok(()) };
    ensure!(!metric.samples.is_empty(), "{name} has no sample");
    let mut before: Option<f64> = None;
    for (sample, labels, value) in &metric.samples {
        if sample.ends_with("_bucket") {
            ensure!(before.is_none_or(|before| before <= *value), "{name}: a bucket holds less than the one before");
            before = (!labels.contains("le=\"+Inf\"")).then_some(*value);
        }
    }
    ensure!(before.is_none(), "{name} has no bucket without an end");
    if found.insert(name.clone(), metric).is_some() {
        bail!("{name} comes in two pieces");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_text_is_read() {
        let text = "# HELP a_total A.\n# TYPE a_total counter\na_total{x=\"1\",y=\"q\\\"\"} 2\na_total{x=\"2\"} 0\n\n\
            # HELP h_seconds H.\n# TYPE h_seconds histogram\nh_seconds_bucket{le=\"1\"} 1\n\
            h_seconds_bucket{le=\"+Inf\"} 2\nh_seconds_sum 3.5\nh_seconds_count 2\n";
        let read = read(text).unwrap();
        assert_eq!((read["a_total"].samples.len(), read["h_seconds"].kind.as_str()), (2, "histogram"));
    }

    #[test]
    fn what_a_linter_would_tell_is_told() {
        for (text, what) in [
            ("# TYPE a_total counter\na_total 1\n", "no help text"),
            ("# HELP a A.\n# TYPE a counter\na 1\n", "_total"),
            ("# HELP a A.\n# TYPE a gauge\nb 1\n", "another family"),
            ("# HELP a A.\n# TYPE a gauge\na{x=1} 1\n", "labels"),
            ("# HELP a A.\n# TYPE a gauge\na one\n", "no number"),
            ("# HELP a A.\n# TYPE a gauge\na 1\na 1\n", "twice"),
            ("# HELP a A.\n# TYPE a gauge\n", "no sample"),
            ("# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\n", "less than"),
        ] {
            let told = format!("{:#}", read(text).unwrap_err());
            assert!(told.contains(what), "{told}");
        }
    }
}
