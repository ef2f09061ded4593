//! From when on a process acts: a kind of its own, one stream for each version of each process.

use kernel::{Aggregate, Allowed, Context, Decision, Needs, Place, Reach, Role, Unfit, Verb, check_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

kernel::commands! {
    /// What can be asked of the activation of a process.
    pub enum ActivationCommand of Activation { ActivateProcess, }
}

kernel::events! {
    /// What has happened to the activation of a process.
    pub enum ActivationEvent in "process" {
        ProcessActivated = "cn.dualgrid.process.process_activated.v1" to Internal,
    }
}

kernel::refusals! {
    /// Why an activation says no.
    pub enum Refusal {
        /// Nothing was ever activated under this id.
        #[error("there is no such process")]
        UnknownProcess = Missing "unknown-process",
        ..Unfit(Unfit),
    }
}

/// The activation of one version of a process; `None` before it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Activation(Option<Box<ProcessActivated>>);

impl Aggregate for Activation {
    const PLURAL: &'static str = "processes";
    const ABOUT: &'static str = "Processes, each with the moment from which on it acts";
    const READ_ACTION: &'static str = "read-process-history";
    type Command = ActivationCommand;
    type Event = ActivationEvent;
    type Refusal = Refusal;

    fn place(&self) -> Option<Place> {
        self.0.as_ref().map(|_| Place::default())
    }
    fn missing() -> Refusal {
        Refusal::UnknownProcess
    }
    fn decide(&self, command: &ActivationCommand, _: &Context) -> Decision<Self> {
        let ActivationCommand::ActivateProcess(ActivateProcess { process, version }) = command;
        check_text("process", process, 100)?;
        if self.0.is_some() {
            return Ok(vec![]);
        }
        Ok(vec![ProcessActivated { process: process.clone(), version: *version }.into()])
    }
    fn evolve(self, event: ActivationEvent) -> Self {
        let ActivationEvent::ProcessActivated(activated) = event;
        Self(Some(activated))
    }
}

/// A process acts on everything that is recorded after this. Given by the system when it runs a version for the first time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActivateProcess {
    /// Its name, at most 100 characters.
    pub process: String,
    pub version: u32,
}

/// A process acts from here on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessActivated {
    pub process: String,
    pub version: u32,
}

impl Verb for ActivateProcess {
    const NAME: &'static str = "activate-process";
    const BY: Allowed = &[(Role::System, Reach::Everywhere)];
    const BEGINS: bool = true;
    type Of = Activation;

    fn needs(&self, _: &Activation) -> Needs {
        Needs::none()
    }
    fn natural_key(&self) -> Option<String> {
        Some(format!("{}/{}", self.process, self.version))
    }
    fn example() -> Self {
        Self { process: "merged_answer".into(), version: 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use given::given;

    #[test]
    fn a_version_of_a_process_is_activated_once() {
        let activated = || ActivationEvent::from(ProcessActivated { process: "merged_answer".into(), version: 1 });
        given::<Activation>([]).when(ActivateProcess::example()).then([activated()]);
        given::<Activation>([activated()]).when(ActivateProcess::example()).then_nothing();
        let nameless = ActivateProcess { process: String::new(), version: 1 };
        given::<Activation>([]).when(nameless).then_refused(Unfit::TextLength { field: "process", max: 100 });
        // No verb is taken by what never began; the refusal is for its history.
        assert_eq!(Activation::missing().to_string(), "there is no such process");
        given::refused::<Activation>(&Activation::missing());
        given::covered::<Activation>(concat!(env!("CARGO_MANIFEST_DIR"), "/src/golden"), vec![activated()], &[]);
    }
}
