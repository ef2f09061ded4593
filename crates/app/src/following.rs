//! How far follow-ups that go to many have come, for whoever waits for them.

use tokio::sync::watch;

/// How far the follow-ups that go to many have come in this process, since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Following {
    /// The commands that were answered.
    pub done: u64,
    /// The commands that were to be sent.
    pub all: u64,
}

/// The commands of one sweep, as they are answered. What it does not come to is taken out of the count again: it is counted when
/// the sweep is begun anew.
pub(crate) struct Counted<'a> {
    following: &'a watch::Sender<Following>,
    left: u64,
}

impl<'a> Counted<'a> {
    /// Begins a sweep of so many commands.
    pub(crate) fn begin(following: &'a watch::Sender<Following>, commands: u64) -> Self {
        following.send_modify(|following| following.all += commands);
        Self { following, left: commands }
    }

    /// One of them was answered.
    pub(crate) fn answered(&mut self) {
        self.left -= 1;
        self.following.send_modify(|following| following.done += 1);
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.following.send_modify(|following| following.all -= self.left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_sweep_did_not_come_to_is_not_counted() {
        let following = watch::Sender::<Following>::default();
        let mut broken_off = Counted::begin(&following, 3);
        broken_off.answered();
        assert_eq!(*following.borrow(), Following { done: 1, all: 3 });
        drop(broken_off);
        assert_eq!(*following.borrow(), Following { done: 1, all: 1 });
        let mut again = Counted::begin(&following, 2);
        (0..2).for_each(|_| again.answered());
        drop(again);
        assert_eq!(*following.borrow(), Following { done: 3, all: 3 });
    }
}
