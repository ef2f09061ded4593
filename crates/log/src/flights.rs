//! A few futures that run at once in one task.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Polls all of them whenever the task is woken, which suits a handful.
///
/// `FuturesUnordered` wakes its own task each time it has polled all of its futures. With one or two futures that is every time,
/// and every time another thread is woken to take over the task.
pub(crate) struct Flights<F>(Vec<Pin<Box<F>>>);

impl<F: Future> Flights<F> {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn push(&mut self, flight: F) {
        self.0.push(Box::pin(flight));
    }

    /// The output of the first future that ends; waits forever if there is none.
    pub(crate) async fn landed(&mut self) -> F::Output {
        poll_fn(|context| self.poll_landed(context)).await
    }

    fn poll_landed(&mut self, context: &mut Context<'_>) -> Poll<F::Output> {
        for place in 0..self.0.len() {
            if let Poll::Ready(output) = self.0[place].as_mut().poll(context) {
                drop(self.0.swap_remove(place));
                return Poll::Ready(output);
            }
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use tokio::sync::oneshot;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_task_is_woken_by_what_lands_and_by_nothing_else() {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        let (mut flights, mut senders) = (Flights::new(), Vec::new());
        for _ in 0..3 {
            let (sender, receiver) = oneshot::channel::<u32>();
            senders.push(sender);
            flights.push(receiver);
        }
        assert_eq!(flights.poll_landed(&mut context), Poll::Pending);
        assert_eq!(woken.0.load(Ordering::Relaxed), 0);
        senders.remove(1).send(7).unwrap();
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert_eq!(flights.poll_landed(&mut context), Poll::Ready(Ok(7)));
        assert_eq!(flights.poll_landed(&mut context), Poll::Pending);
        assert_eq!((flights.len(), woken.0.load(Ordering::Relaxed)), (2, 1));
    }
}
