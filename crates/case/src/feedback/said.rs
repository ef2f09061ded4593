//! What a finder says of how it stands, and what stays of it.

/// What a finder said of how it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Whether it is solved.
    pub solved: Option<bool>,
    /// Whether they are satisfied.
    pub satisfied: Option<bool>,
}

impl Said {
    /// What holds after something was said later.
    #[must_use]
    pub fn then(self, later: Self) -> Self {
        Self { solved: later.solved.or(self.solved), satisfied: later.satisfied.or(self.satisfied) }
    }

    /// Whether the finder says that it is not solved, or is not satisfied.
    pub fn is_unhappy(self) -> bool {
        self.solved == Some(false) || self.satisfied == Some(false)
    }
}
