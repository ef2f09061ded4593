//! Store handles for esrs on any log.

mod command_store;

use std::sync::Arc;

use app::port::{AggregateStores, CaseStore, DistrictStore, EventLog, Recording, RulesStore};
use kernel::Entropy;

pub use command_store::CommandStore;

/// Opens store handles on one log.
#[derive(Clone)]
pub struct LogStores {
    log: Arc<dyn EventLog>,
    entropy: Arc<dyn Entropy>,
}

impl LogStores {
    /// Stores on `log`, with event ids from `entropy`.
    pub fn new(log: Arc<dyn EventLog>, entropy: Arc<dyn Entropy>) -> Self {
        Self { log, entropy }
    }

    /// A handle for one command on any aggregate.
    pub fn open<A>(&self, recording: Recording) -> CommandStore<A> {
        CommandStore::new(Arc::clone(&self.log), Arc::clone(&self.entropy), recording)
    }
}

impl AggregateStores for LogStores {
    fn cases(&self, recording: Recording) -> Box<CaseStore> {
        Box::new(self.open(recording))
    }

    fn district(&self, recording: Recording) -> Box<DistrictStore> {
        Box::new(self.open(recording))
    }

    fn rules(&self, recording: Recording) -> Box<RulesStore> {
        Box::new(self.open(recording))
    }
}
