//! What only a build for fault trials does to commands and views; see [`crate::fault`].

mod views;

use kernel::{StreamId, Version};

use crate::fault::{self, Sabotage};
use crate::intake::Accepted;
use crate::port::{Append, Part, Ports};
use crate::registry::Ask;

pub(crate) use views::tried;

/// Records a refused command, where that property is broken on purpose. False in every other build.
pub(crate) async fn record_refusal(ports: &Ports, ask: &Ask, accepted: &Accepted) -> bool {
    if !fault::is_sabotaged(Sabotage::RefusedRecorded) {
        return false;
    }
    let stream = StreamId::new(ask.category, ask.id);
    let Ok(recorded) = ports.log.stream(&stream, Version(0)).await else { return true };
    let expected = recorded.last().map_or(Version(0), |event| event.version);
    let append = Append {
        principal: accepted.provenance.actor.id.clone(),
        command: accepted.provenance.command,
        request: accepted.said.fingerprint(None),
        parts: vec![Part { stream, expected, events: Vec::new() }],
        at: ports.clock.now(),
        incarnation: None,
    };
    // Where it cannot be recorded either, there is nothing to find.
    let _ = ports.log.append(append).await;
    true
}
