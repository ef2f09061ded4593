//! Floor 0: what every other crate speaks in.
//!
//! Ids and codes, the clock, the actor, the event envelope (CloudEvents 1.0), sealed personal data, due times; and what a kind
//! is made of: [`Aggregate`], [`Verb`], [`Event`], [`Refusal`], [`Needs`], [`View`].
//!
//! INVARIANT: no I/O and no async runtime; the only things read from outside are the system's clock
//! ([`SystemClock`]) and its random source ([`SystemEntropy`]), and both stand behind a trait.
//! INVARIANT: an event is its bytes; [`envelope::encode`] is the only place that makes them.
//! INVARIANT: no type here prints personal data: [`Sealed`] shows ciphertext, keys show nothing.

// Times come from outside: what may leave the range of moments is asked for and not assumed (clippy.toml).
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

pub mod access;
pub mod actor;
pub mod aggregate;
pub mod canonical;
pub mod clock;
mod command;
pub mod consent;
pub mod difference;
pub mod digest;
pub mod due;
pub mod entropy;
pub mod envelope;
pub mod event;
pub mod evidence;
pub mod facts;
pub mod id;
pub mod likeness;
pub mod needs;
pub mod numbers;
pub mod refusal;
pub mod sealed;
pub mod separation;
pub mod source_code;
pub mod stream;
pub mod text;
pub mod time;
pub mod trace;
pub mod view;

pub use access::{Allowed, Place, Reach, reach_of};
pub use actor::{Actor, Role, Scope};
pub use aggregate::{Aggregate, Command, Decision, ParseError, Verb, VerbSpec};
pub use canonical::Canonical;
pub use clock::{Clock, ManualClock, SystemClock};
pub use difference::{Difference, Excess, Turn};
pub use due::{Derivation, Due, Limit, LimitOf, Obligation, Party, Step, TimeUnit};
pub use entropy::{Entropy, SystemEntropy};
pub use event::{Audience, AudienceKind, Event, EventSpec};
pub use evidence::Evidence;
pub use facts::{Context, Facts};
pub use id::{
    CaseId, CommandId, CorrelationId, DepartmentCode, EventId, GridCode, MatterCode, MeetingId, OrderId, PartyOrgCode,
    PersonId,
};
pub use needs::Needs;
pub use refusal::{Family, NoDue, Refusal, Unfit, UnfitOf, check_count, check_line, check_text};
pub use sealed::{PersonKey, Personal, PersonalField, Sealed, WrappingKey};
pub use source_code::SourceCode;
pub use stream::{Position, Recorded, StreamId, Version};
pub use view::{AnyEvent, Key, Read, View};

#[doc(hidden)]
pub use schemars;
#[doc(hidden)]
pub use serde_json;
