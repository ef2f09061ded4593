//! From a command to its events: load, authorise, look up, decide, append; at most three times.

use std::sync::{Arc, OnceLock};

use case::{Case, CaseCommand, CaseEvent};
use esrs::AggregateState;
use esrs::manager::AggregateManager;
use grid::DistrictCommand;
use kernel::{CaseId, Command, Event as _, StreamId, Version};
use rules::RulesCommand;
use uuid::Uuid;

use crate::authorise::{Place, authorise};
use crate::fault::{self, Sabotage};
use crate::intake::{Accepted, Answer};
use crate::port::{Append, Receipt, Recording, StoreError};
use crate::seen::Seen;
use crate::{App, Error};

/// How often a decision is made anew when somebody else was faster.
const ATTEMPTS_MAX: u32 = 3;

impl App {
    pub(crate) async fn handle_case(
        &self,
        case: CaseId,
        command: CaseCommand,
        accepted: &Accepted,
    ) -> Result<Answer, Error> {
        let log = &*self.ports.log;
        let (mut seen, mut is_fresh) = match (self.cases.recall(case.uuid()), &command) {
            (Some(seen), _) => (seen, false),
            // Taken to be the first one until the log says otherwise; not where it brings a reporter, because sealing asks
            // the vault, and there a repeat must not look like a first time.
            (None, CaseCommand::DiscoverIssue(discover)) if discover.reporter.is_none() => (Arc::default(), false),
            (None, _) => (self.cases.look(log, case.uuid()).await?, true),
        };
        let mut conflicts = 0;
        loop {
            match self.attempt_case(case, &seen, command.clone(), accepted).await {
                Err(Error::Conflict) => {
                    // A race that was lost by what was remembered is no race lost by who looked.
                    conflicts += u32::from(is_fresh);
                    if conflicts == ATTEMPTS_MAX {
                        return Err(Error::Conflict);
                    }
                    (seen, is_fresh) = (self.cases.look(log, case.uuid()).await?, true);
                }
                Err(Error::Refused { .. } | Error::Forbidden { .. }) if !is_fresh => {
                    (seen, is_fresh) = (self.cases.look(log, case.uuid()).await?, true);
                }
                Err(error @ (Error::Refused { .. } | Error::Forbidden { .. })) => {
                    if fault::is_sabotaged(Sabotage::RefusedRecorded) {
                        self.record_a_refusal(case, accepted).await;
                        return Err(error);
                    }
                    return self.first_answer(accepted).await?.ok_or(error);
                }
                Err(error) => {
                    // Whatever happened, what is remembered may not be what is recorded.
                    self.cases.forget(case.uuid());
                    return Err(error);
                }
                Ok(answer) => return Ok(answer),
            }
        }
    }

    async fn attempt_case(
        &self,
        id: CaseId,
        seen: &Seen<Case>,
        command: CaseCommand,
        accepted: &Accepted,
    ) -> Result<Answer, Error> {
        let recording = Recording { newest: seen.newest, ..self.recording(accepted) };
        let by = &accepted.provenance.actor;
        self.authorise_case_command(by, &command, &seen.state).await?;
        let known = self.known().await?;
        let facts = self.facts(id, &command, &seen.state, &known, recording.at).await?;
        let today = known.today(recording.at);
        let context = case::Context { id, at: recording.at, today, by: by.clone(), facts };
        let manager = AggregateManager::new(self.ports.stores.cases(recording.clone()));
        let case =
            manager.handle_command(seen.aggregate_state(id.uuid())?, case::Instruction { command, context }).await??;
        let receipt = receipt(&recording)?;
        self.cases.moved(id.uuid(), seen, case, &receipt, recording.event_time());
        Ok(receipt.into())
    }

    /// What no build for production does: a refused command is recorded.
    async fn record_a_refusal(&self, case: CaseId, accepted: &Accepted) {
        let stream = StreamId::new(CaseEvent::CATEGORY, case.uuid());
        let Ok(recorded) = self.ports.log.stream(&stream, Version(0)).await else { return };
        let append = Append {
            command: accepted.provenance.command,
            request: accepted.request,
            stream,
            expected: recorded.last().map_or(Version(0), |event| event.version),
            events: Vec::new(),
            at: self.ports.clock.now(),
        };
        // Where it cannot be recorded either, there is nothing to find.
        let _ = self.ports.log.append(append).await;
    }

    /// A discovery takes place in the grid that it names, every other command where the case is.
    async fn authorise_case_command(
        &self,
        by: &kernel::Actor,
        command: &CaseCommand,
        case: &Case,
    ) -> Result<(), Error> {
        match (command, &case.file) {
            (CaseCommand::DiscoverIssue(discover), None) => {
                let now = self.ports.clock.now();
                let grids = self.known().await?.district.path(&discover.grid, now);
                let named = [discover.grid.clone()];
                let grids = if grids.is_empty() { &named[..] } else { &grids };
                authorise(by, command.name(), &Place { grids, departments: &[] })
            }
            (_, None) => Err(case::Refusal::UnknownCase.into()),
            (_, Some(file)) => {
                authorise(by, command.name(), &Place { grids: &file.grids, departments: &file.departments() })
            }
        }
    }

    /// The answer that this command got before, if it was recorded: a repeat may come when the case has moved on.
    async fn first_answer(&self, accepted: &Accepted) -> Result<Option<Answer>, Error> {
        match self.ports.log.outcome(accepted.provenance.command).await? {
            Some((receipt, request)) if request == accepted.request => {
                Ok(Some(Receipt { replayed: true, ..receipt }.into()))
            }
            Some(_) => Err(Error::CommandReused(accepted.provenance.command)),
            None => Ok(None),
        }
    }

    fn recording(&self, accepted: &Accepted) -> Recording {
        Recording {
            provenance: accepted.provenance.clone(),
            request: accepted.request,
            at: self.ports.clock.now(),
            newest: None,
            receipt: Arc::new(OnceLock::new()),
        }
    }
}

fn receipt(recording: &Recording) -> Result<Receipt, Error> {
    recording.receipt.get().cloned().ok_or_else(|| {
        let reason = "the store gave no receipt".to_owned();
        Error::Failure(crate::port::Failure { operation: "record a command", reason, passing: false })
    })
}

macro_rules! handle_reference {
    ($name:ident, $store:ident, $command:ty, $aggregate:ident) => {
        impl App {
            pub(crate) async fn $name(
                &self,
                id: Uuid,
                command: $command,
                accepted: &Accepted,
            ) -> Result<Answer, Error> {
                authorise(&accepted.provenance.actor, command.name(), &Place::default())?;
                for _ in 0..ATTEMPTS_MAX {
                    let recording = self.recording(accepted);
                    let manager = AggregateManager::new(self.ports.stores.$store(recording.clone()));
                    let state = manager.load(id).await?.unwrap_or_else(|| AggregateState::with_id(id));
                    let instruction = $aggregate::Instruction { command: command.clone(), at: recording.at };
                    match manager.handle_command(state, instruction).await {
                        Ok(Ok(_)) => {
                            self.reference.expire().await;
                            return Ok(receipt(&recording)?.into());
                        }
                        Ok(Err(refusal)) => return self.first_answer(accepted).await?.ok_or_else(|| refusal.into()),
                        Err(StoreError::Conflict { .. }) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                Err(Error::Conflict)
            }
        }
    };
}

handle_reference!(handle_district, district, DistrictCommand, grid);
handle_reference!(handle_rules, rules, RulesCommand, rules);
