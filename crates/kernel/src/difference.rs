//! What a description of everything changes, row by row, before or after it is recorded.

use std::fmt;

/// What becomes of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Turn {
    /// It is not there now.
    Begins,
    /// It stays, and something about it differs.
    Changes,
    /// It is there now, and is closed, ended or withdrawn.
    Ends,
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Begins => "begins",
            Self::Changes => "changes",
            Self::Ends => "ends",
        })
    }
}

/// One row of the difference between what is known and what is described.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    pub turn: Turn,
    /// What kind of thing, for example `grid`.
    pub what: &'static str,
    /// What names it among its kind.
    pub code: String,
    /// Its name, where it has one: the new one of what begins or changes, the known one of what ends.
    pub name: String,
}

/// What would be closed or ended although that was not allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excess {
    ending: Vec<Difference>,
    allowed: u32,
}

/// Most things that an [`Excess`] names.
const NAMED_MAX: usize = 5;

impl Excess {
    /// What ends beyond the `allowed` number; `None` where no more ends.
    pub fn of(differences: &[Difference], allowed: u32) -> Option<Self> {
        let ending: Vec<_> = differences.iter().filter(|row| row.turn == Turn::Ends).cloned().collect();
        (count(&ending) > allowed).then_some(Self { ending, allowed })
    }
}

/// How many of them end.
pub fn ending(differences: &[Difference]) -> u32 {
    u32::try_from(differences.iter().filter(|row| row.turn == Turn::Ends).count()).unwrap_or(u32::MAX)
}

fn count(rows: &[Difference]) -> u32 {
    u32::try_from(rows.len()).unwrap_or(u32::MAX)
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ending, allowed } = self;
        let all = count(ending);
        write!(f, "this would close or end {all} things that are no longer described, and at most {allowed} may be: ")?;
        let named: Vec<String> =
            ending.iter().take(NAMED_MAX).map(|row| format!("{} {}", row.what, row.code)).collect();
        f.write_str(&named.join(", "))?;
        if let Some(more) = ending.len().checked_sub(NAMED_MAX).filter(|more| *more > 0) {
            write!(f, " and {more} more")?;
        }
        let missing = all.saturating_sub(*allowed);
        write!(
            f,
            "; describe them (perhaps a file was not included), or raise `allow_closing` (`--allow-closing` of the import) by \
             {missing}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(turn: Turn, code: &str) -> Difference {
        Difference { turn, what: "grid", code: code.into(), name: String::new() }
    }

    #[test]
    fn what_ends_beyond_the_allowed_number_is_counted_and_the_first_are_named() {
        let mut rows: Vec<_> = (1..=7).map(|number| row(Turn::Ends, &format!("G{number}"))).collect();
        rows.push(row(Turn::Begins, "N"));
        rows.push(row(Turn::Changes, "C"));
        assert_eq!((Excess::of(&rows, 7), ending(&rows)), (None, 7));
        let said = Excess::of(&rows, 6).unwrap().to_string();
        assert_eq!(
            said,
            "this would close or end 7 things that are no longer described, and at most 6 may be: grid G1, grid G2, grid G3, \
             grid G4, grid G5 and 2 more; describe them (perhaps a file was not included), or raise `allow_closing` \
             (`--allow-closing` of the import) by 1"
        );
        assert!(!Excess::of(&rows[..5], 0).unwrap().to_string().contains("more;"));
    }
}
