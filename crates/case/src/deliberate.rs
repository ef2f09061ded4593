//! 共议: the party grid deliberates (三会), revises its proposal, concludes, and escalates what it cannot solve.
//!
//! Consent polls with an electorate and votes of their own come with their issue; until then a consent is recorded as
//! the result of a meeting.

mod conclude_deliberation;
mod escalate_issue;
mod hold_meeting;
mod open_deliberation;
mod revise_proposal;

pub use conclude_deliberation::{ConcludeDeliberation, DeliberationConcluded};
pub use escalate_issue::{DeliberationWaived, EscalateIssue, IssueEscalated};
pub use hold_meeting::{Attendance, ConsentResult, HoldMeeting, MeetingHeld};
pub use open_deliberation::{DeliberationOpened, OpenDeliberation, Roster, Seat};
pub use revise_proposal::{MeetingRound, ProposalRevised, ReviseProposal, Topic};
