//! Floor 0: what every other crate speaks in.
//!
//! Ids and codes, the clock, the actor, the event envelope (CloudEvents 1.0), sealed personal data, due times.
//!
//! INVARIANT: no I/O and no async runtime; the only things read from outside are the system's clock
//! ([`SystemClock`]) and its random source ([`SystemEntropy`]), and both stand behind a trait.
//! INVARIANT: an event is its bytes; [`envelope::encode`] is the only place that makes them.
//! INVARIANT: no type here prints personal data: [`Sealed`] shows ciphertext, keys show nothing.

pub mod actor;
pub mod clock;
pub mod command;
pub mod digest;
pub mod due;
pub mod entropy;
pub mod envelope;
pub mod event;
pub mod evidence;
pub mod id;
pub mod sealed;
pub mod stream;
pub mod time;

pub use actor::{Actor, Role, Scope};
pub use clock::{Clock, ManualClock, SystemClock};
pub use command::Command;
pub use due::{Derivation, Due, Limit, Obligation, Party, Step, TimeUnit};
pub use entropy::{Entropy, SystemEntropy};
pub use event::Event;
pub use evidence::Evidence;
pub use id::{
    CaseId, CommandId, CorrelationId, DepartmentCode, EventId, GridCode, MatterCode, MeetingId, OrderId, PartyOrgCode,
    PersonId,
};
pub use sealed::{PersonKey, PersonalField, Sealed, WrappingKey};
pub use stream::{Position, Recorded, StreamId, Version};

#[doc(hidden)]
pub use schemars;
#[doc(hidden)]
pub use serde_json;
