//! Validity of the trees, checked on every draft that changes a grid.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::{District, GridNode, Refusal};

impl District {
    /// Checks the place of every grid at that moment and at every change that is scheduled after it.
    pub(crate) fn check_trees(&self, from: DateTime<Utc>) -> Result<(), Refusal> {
        let changes = self.grids.values().flat_map(crate::timeline::Timeline::changes);
        let mut moments: BTreeSet<_> = changes.filter(|at| *at > from).collect();
        moments.insert(from);
        for at in moments {
            if let Some(node) = self.grids(at).find(|node| !self.has_a_place(node, at)) {
                return Err(Refusal::ContradictsLater { grid: node.code.clone(), at });
            }
        }
        Ok(())
    }

    /// A grid has a place if its parent is active, of its network and one level up. A cycle is impossible, because the level
    /// decreases by one from child to parent.
    fn has_a_place(&self, node: &GridNode, at: DateTime<Utc>) -> bool {
        let above = match &node.parent {
            None => node.level == 1,
            Some(parent) => self.grid(parent, at).is_some_and(|parent| {
                parent.network == node.network && parent.level.checked_add(1) == Some(node.level)
            }),
        };
        let levels = self.levels(&node.code, at);
        above && crate::place::level_at(&node.code, levels, node.level).is_ok_and(|level| level.name == node.level_name)
    }
}
