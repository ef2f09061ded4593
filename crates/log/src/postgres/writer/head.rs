//! Where the head row is in its table.
//!
//! PostgreSQL makes a new version of a row with each update, and removes the old ones when nobody can see them any more. Who
//! reads for an hour, as `pg_dump` does, keeps them for an hour: one for each batch. Who looks through all of them for the
//! newest takes longer with each. So it is looked for on the page where it was last and on the one after, where it goes when
//! that is full, and everywhere when it is not there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Behind every page that there can be.
const BEHIND_ALL: u32 = u32::MAX - 1;

/// The page of the table `head` on which the row was last. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeadPage(Arc<AtomicU32>);

/// Where the head row is looked for: from the first page up to, and without, the second one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pages(u32, u32);

impl Pages {
    /// The whole table.
    pub(super) const ALL: Self = Self(0, BEHIND_ALL);

    /// As places, which PostgreSQL calls `tid`.
    pub(super) fn places(self) -> [String; 2] {
        [self.0, self.1].map(|page| format!("({page},0)"))
    }
}

impl HeadPage {
    /// Where the row most likely is.
    pub(super) fn pages(&self) -> Pages {
        let page = self.0.load(Ordering::Relaxed);
        Pages(page, page.saturating_add(2).min(BEHIND_ALL))
    }

    /// The row is at this place now: `(page,number)`, as PostgreSQL writes it.
    pub(super) fn saw(&self, place: &str) {
        let page = place.trim_start_matches('(').split(',').next().and_then(|page| page.parse().ok());
        self.0.store(page.unwrap_or_default(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_is_looked_for_where_it_was_and_on_the_page_after() {
        let head = HeadPage::default();
        assert_eq!(head.pages().places(), ["(0,0)", "(2,0)"]);
        head.clone().saw("(268,16)");
        assert_eq!(head.pages().places(), ["(268,0)", "(270,0)"]);
        head.saw("(4294967293,1)");
        assert_eq!(head.pages().places(), ["(4294967293,0)", "(4294967294,0)"]);
        head.saw("what it never writes");
        assert_eq!(head.pages(), Pages(0, 2));
        assert_eq!(Pages::ALL.places(), ["(0,0)", "(4294967294,0)"]);
    }
}
