//! What the log has lost: a kind with one stream, and an event for each loss that an operator accepted. Each raises the epoch, by which
//! everybody who follows the log can tell that positions were given again.

use kernel::{Aggregate, Allowed, Context, Decision, Place, Position, Reach, Role, Unfit, Verb};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Only the system itself, on the command line.
const SYSTEM: Allowed = &[(Role::System, Reach::Everywhere)];

kernel::commands! {
    /// What is decided about lost events.
    pub enum LossCommand of Losses { AcceptLoss, }
}

kernel::events! {
    /// What has happened to the log itself.
    pub enum LossEvent in "log" {
        LossAccepted = "cn.dualgrid.log.loss_accepted.v1" to Internal,
    }
}

kernel::refusals! {
    /// Why a loss is not accepted.
    pub enum Refusal {
        /// No loss was ever accepted.
        #[error("this log has lost nothing")]
        NothingLost = Missing "nothing-lost",
        /// Another loss was accepted meanwhile.
        #[error("the epoch is {epoch} already; look again what is lost")]
        EpochNotHigher {
            epoch: u32,
        } = Refused "epoch-not-higher",
        ..Unfit(Unfit),
    }
}

/// The losses that were accepted, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Losses(Vec<LossAccepted>);

impl Losses {
    /// The epoch of the log: 0 before the first loss.
    pub fn epoch(&self) -> u32 {
        self.0.last().map_or(0, |loss| loss.epoch)
    }

    /// How many losses were accepted.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The last position up to which a reader of an epoch has what is in the log; `None` where that is all it has.
    pub fn common_with(&self, epoch: u32) -> Option<Position> {
        self.0.iter().filter(|loss| loss.epoch > epoch).map(|loss| loss.after).min()
    }
}

impl Aggregate for Losses {
    const PLURAL: &'static str = "losses";
    const ABOUT: &'static str =
        "Events that the log has lost, after a failover or a restore, where an operator has accepted that";
    const READ_ACTION: &'static str = "read-losses";
    const IS_SINGLE: bool = true;
    type Command = LossCommand;
    type Event = LossEvent;
    type Refusal = Refusal;

    fn place(&self) -> Option<Place> {
        Some(Place::default())
    }
    fn missing() -> Refusal {
        Refusal::NothingLost
    }
    fn decide(&self, command: &LossCommand, _: &Context) -> Decision<Self> {
        let LossCommand::AcceptLoss(AcceptLoss { epoch, after, to }) = command;
        let loss = LossAccepted { epoch: *epoch, after: *after, to: *to };
        if self.0.last() == Some(&loss) {
            return Ok(vec![]); // A retry.
        }
        if *epoch <= self.epoch() {
            return Err(Refusal::EpochNotHigher { epoch: self.epoch() });
        }
        Ok(vec![loss.into()])
    }
    fn evolve(mut self, LossEvent::LossAccepted(loss): LossEvent) -> Self {
        self.0.push(*loss);
        self
    }
}

/// An operator accepts that events are lost. Given by the system for `dualgrid log accept-loss`, while nothing else is recorded; refused
/// where the epoch is not higher than that of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptLoss {
    /// The new epoch: higher than that of the log and that of the stream of NATS.
    pub epoch: u32,
    /// The last position before the lost events.
    pub after: Position,
    /// The last position of the lost events.
    pub to: Position,
}

/// Events after a position were lost, and their positions are given again. A reader of an earlier epoch goes back to that position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LossAccepted {
    /// The epoch that begins with this event.
    pub epoch: u32,
    /// The last position before the lost events.
    pub after: Position,
    /// The last position of the lost events, as far as that is known.
    pub to: Position,
}

impl Verb for AcceptLoss {
    const NAME: &'static str = "accept-loss";
    const BY: Allowed = SYSTEM;
    type Of = Losses;

    fn example() -> Self {
        Self { epoch: 1, after: Position(812), to: Position(1108) }
    }
}

#[cfg(test)]
mod tests {
    use given::given;

    use super::*;

    fn accept(epoch: u32, after: u64) -> AcceptLoss {
        AcceptLoss { epoch, after: Position(after), to: Position(after + 9) }
    }

    #[test]
    fn each_loss_raises_the_epoch() {
        let first = given::<Losses>([]).when(accept(1, 40)).events();
        given::<Losses>(first.clone()).when(accept(1, 40)).then_nothing();
        given::<Losses>(first.clone()).when(accept(1, 41)).then_refused(Refusal::EpochNotHigher { epoch: 1 });
        let second = given::<Losses>(first.clone()).when(accept(3, 20)).events();
        given::refused::<Losses>(&Losses::missing());
        given::covered::<Losses>(
            concat!(env!("CARGO_MANIFEST_DIR"), "/src/loss/golden"),
            [first, second].concat(),
            &[],
        );
    }

    #[test]
    fn a_reader_goes_back_to_where_its_epoch_and_the_log_part() {
        let losses = [(1, 40), (3, 20), (4, 70)];
        let losses = losses.map(|(epoch, after)| LossAccepted { epoch, after: Position(after), to: Position(90) });
        let losses = losses.into_iter().fold(Losses::default(), |losses, loss| losses.evolve(loss.into()));
        let common = [0, 1, 2, 3, 4, 5].map(|epoch| losses.common_with(epoch).map(|position| position.0));
        assert_eq!(common, [Some(20), Some(20), Some(20), Some(70), None, None]);
        assert_eq!((losses.epoch(), losses.count()), (4, 3));
        assert_eq!(Losses::default().common_with(0), None);
    }
}
