//! Everything that is logged while a test looks.
//!
//! One subscriber for the whole test program, which hands on to whoever looks on that thread. With a subscriber of its
//! own for each test, a place that logs for the first time on another thread would be taken for one that nobody wants.

use std::cell::RefCell;
use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex, Once, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

thread_local! {
    static LOOKING: RefCell<Option<Captured>> = const { RefCell::new(None) };
}

/// The fields of all spans and events, one `name=value` a line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Captured(Arc<Mutex<String>>);

/// Captures until it is dropped.
pub(crate) struct Looking;

impl Drop for Looking {
    fn drop(&mut self) {
        LOOKING.with_borrow_mut(Option::take);
    }
}

impl Captured {
    /// Captures what this thread logs until the guard is dropped.
    pub(crate) fn start() -> (Self, Looking) {
        static INSTALLED: Once = Once::new();
        INSTALLED.call_once(|| {
            tracing::subscriber::set_global_default(Everywhere).expect("nobody else in these tests installs one");
        });
        let captured = Self::default();
        LOOKING.set(Some(captured.clone()));
        (captured, Looking)
    }

    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Visit for &Captured {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(text, "{field}={value:?}").expect("a string takes everything");
    }
}

/// Hands on to whoever looks on this thread.
struct Everywhere;

fn looking(record: impl FnOnce(&mut &Captured)) {
    LOOKING.with_borrow(|captured| captured.as_ref().map(|mut captured| record(&mut captured)));
}

impl Subscriber for Everywhere {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        looking(|captured| span.record(captured));
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, values: &Record<'_>) {
        looking(|captured| values.record(captured));
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        looking(|captured| event.record(captured));
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
