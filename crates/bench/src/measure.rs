//! Timed windows, pairs of them, and how long things took.

use std::time::Duration;

use crate::report::Figure;

/// What one timed window gave.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    /// Things done per second.
    pub(crate) per_s: f64,
    /// How long each took.
    pub(crate) latencies: Latencies,
}

/// Times that things took.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latencies {
    /// In microseconds, sorted.
    micros: Vec<u32>,
}

impl Latencies {
    /// Of these times.
    pub(crate) fn of(times: impl IntoIterator<Item = Duration>) -> Self {
        let micros = times.into_iter().map(|time| u32::try_from(time.as_micros()).unwrap_or(u32::MAX));
        let mut micros: Vec<u32> = micros.collect();
        micros.sort_unstable();
        Self { micros }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.micros.len()
    }

    /// The time, in milliseconds, that a share of the things (0.5, 0.99 …) did not exceed. Not a number without things.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "an index between 0 and the length"
    )]
    pub(crate) fn percentile_ms(&self, share: f64) -> f64 {
        let rank = (self.micros.len() as f64 * share).ceil() as usize;
        let found = self.micros.get(rank.clamp(1, self.micros.len().max(1)) - 1);
        found.map_or(f64::NAN, |micros| f64::from(*micros) / 1000.0)
    }
}

/// The same thing measured several times.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Series(pub Vec<f64>);

impl Series {
    /// The middle one; of an even number, the mean of the two in the middle. Not a number where there are none.
    pub(crate) fn median(&self) -> f64 {
        let sorted = self.sorted();
        let middle = sorted.len() / 2;
        match sorted.as_slice() {
            [] => f64::NAN,
            all if all.len() % 2 == 1 => all[middle],
            all => f64::midpoint(all[middle - 1], all[middle]),
        }
    }

    /// The smallest and the largest.
    pub(crate) fn range(&self) -> (f64, f64) {
        let sorted = self.sorted();
        (sorted.first().copied().unwrap_or(f64::NAN), sorted.last().copied().unwrap_or(f64::NAN))
    }

    /// Each divided by the one of the same turn.
    pub(crate) fn over(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(ours, theirs)| ours / theirs).collect())
    }

    /// The median as a figure, with its spread.
    pub(crate) fn figure(&self, key: impl Into<String>, what: impl Into<String>, unit: &'static str) -> Figure {
        let (least, most) = self.range();
        Figure::new(key, what, self.median(), unit).between(least, most)
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

/// Both sides of a comparison, in turns: `ours` and `theirs` of one index are a pair.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Pairs {
    /// One number a turn.
    pub(crate) ours: Series,
    /// One number a turn.
    pub(crate) theirs: Series,
}

impl Pairs {
    /// Ours divided by theirs, pair by pair.
    pub(crate) fn ratios(&self) -> Series {
        self.ours.over(&self.theirs)
    }
}

/// Measures two things in turns: `A B`, `B A`, `A B` … Who begins changes, so that nobody always comes after the other.
pub(crate) async fn interleaved<A, B>(pairs: usize, ours: A, theirs: B) -> anyhow::Result<Pairs>
where
    A: AsyncFnMut() -> anyhow::Result<f64>,
    B: AsyncFnMut() -> anyhow::Result<f64>,
{
    let (ours, theirs) = in_turns(pairs, ours, theirs).await?;
    Ok(Pairs { ours: Series(ours), theirs: Series(theirs) })
}

/// As [`interleaved`], of anything.
pub(crate) async fn in_turns<T, A, B>(pairs: usize, mut ours: A, mut theirs: B) -> anyhow::Result<(Vec<T>, Vec<T>)>
where
    A: AsyncFnMut() -> anyhow::Result<T>,
    B: AsyncFnMut() -> anyhow::Result<T>,
{
    let mut measured = (Vec::new(), Vec::new());
    for pair in 0..pairs {
        if pair % 2 == 0 {
            measured.0.push(ours().await?);
            measured.1.push(theirs().await?);
        } else {
            measured.1.push(theirs().await?);
            measured.0.push(ours().await?);
        }
    }
    Ok(measured)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert!((Series(vec![9.0, 1.0, 5.0]).median() - 5.0).abs() < 1e-9);
        assert!((Series(vec![1.0, 9.0, 5.0, 4.0]).median() - 4.5).abs() < 1e-9);
        assert!(Series::default().median().is_nan());
    }

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let latencies = Latencies::of((1..=100).map(Duration::from_millis));
        assert_eq!(latencies.count(), 100);
        assert!((latencies.percentile_ms(0.5) - 50.0).abs() < 1e-9);
        assert!((latencies.percentile_ms(0.99) - 99.0).abs() < 1e-9);
        assert!((latencies.percentile_ms(1.0) - 100.0).abs() < 1e-9);
        assert!(Latencies::default().percentile_ms(0.5).is_nan());
    }

    #[tokio::test]
    async fn a_ratio_is_of_one_pair() {
        let (mut a, mut b) = (0.0, 0.0);
        let ours = async || {
            a += 10.0;
            Ok(a)
        };
        let theirs = async || {
            b += 1.0;
            Ok(b)
        };
        let pairs = interleaved(5, ours, theirs).await.unwrap();
        assert_eq!(pairs.ratios(), Series(vec![10.0; 5]));
    }
}
