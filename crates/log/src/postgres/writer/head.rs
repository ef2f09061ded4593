//! Where the head row is in its table.
//!
//! PostgreSQL makes a new version of a row with each update, and removes the old ones when nobody can see them any more. Who
//! reads for an hour, as `pg_dump` does, keeps them for an hour: one for each batch. Who looks through all of them for the
//! newest takes longer with each. So it is looked for from the page on where it was last, and everywhere when it is not there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The page of the table `head` on which the row was last. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeadPage(Arc<AtomicU32>);

impl HeadPage {
    pub(super) fn page(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// The row is at this place now: `(page,number)`, as PostgreSQL writes it.
    pub(super) fn saw(&self, place: &str) {
        let page = place.trim_start_matches('(').split(',').next().and_then(|page| page.parse().ok());
        self.0.store(page.unwrap_or_default(), Ordering::Relaxed);
    }

    /// The row is not where it was: gives the first page.
    pub(super) fn look_everywhere(&self) -> u32 {
        self.0.store(0, Ordering::Relaxed);
        0
    }
}

/// The first place on a page.
pub(super) fn start_of(page: u32) -> String {
    format!("({page},0)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_remembered_until_the_row_is_not_there() {
        let head = HeadPage::default();
        assert_eq!(start_of(head.page()), "(0,0)");
        head.clone().saw("(268,16)");
        assert_eq!(start_of(head.page()), "(268,0)");
        assert_eq!(head.look_everywhere(), 0);
        assert_eq!(head.page(), 0);
        head.saw("(4294967294,1)");
        head.saw("what it never writes");
        assert_eq!(head.page(), 0);
    }
}
