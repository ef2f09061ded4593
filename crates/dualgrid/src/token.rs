//! `dualgrid token issue`.

use anyhow::{Context as _, ensure};
use app::App;
use app::who::SubjectId;
use chrono::TimeDelta;
use http_api::token::{Claims, DOOR_SECONDS_MAX, Issuer, valid_hours_max};
use kernel::{Clock as _, DepartmentCode, SystemClock};
use people::{PersonCode, ProgramId};

use crate::config::Config;
use crate::keys;
use crate::output::say;
use crate::system::{self, Uses};

/// For whom, for which door, for how long.
#[derive(Debug, clap::Args)]
pub(crate) struct IssueArguments {
    #[command(flatten)]
    subject: SubjectArguments,
    /// The door for which it is: `department/CODE`, where a clerk gives commands through the department's program. HTTP without it.
    #[arg(long, value_parser = department, conflicts_with = "program")]
    audience: Option<DepartmentCode>,
    /// Needed for persons: they log in elsewhere, and whoever issues a token for one acts as them.
    #[arg(long)]
    dev: bool,
    /// How many hours it is valid: at most 24 for a person, 8784 for a program. For the door of a department it is 10 minutes.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..))]
    hours: u32,
}

/// Who: one of these. What they may do, the register says.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct SubjectArguments {
    /// Staff id of a registered person.
    #[arg(long, value_name = "ID")]
    person: Option<PersonCode>,
    /// A registered program: `department/CODE`, `integrator/NAME` or `connector/NAME`.
    #[arg(long, value_name = "PROGRAM", value_parser = program)]
    program: Option<ProgramId>,
}

fn program(text: &str) -> Result<ProgramId, String> {
    ProgramId::of_subject(text).map_err(|error| error.to_string())
}

fn department(text: &str) -> Result<DepartmentCode, String> {
    match ProgramId::of_subject(text) {
        Ok(ProgramId::Department(code)) => Ok(code),
        _ => Err("the only doors beside HTTP are those of departments: department/CODE".to_owned()),
    }
}

impl SubjectArguments {
    fn subject(&self) -> anyhow::Result<SubjectId> {
        let person = self.person.clone().map(SubjectId::Person);
        person.or_else(|| self.program.clone().map(SubjectId::Program)).context("give --person or --program")
    }
}

/// Prints a token of somebody who is in the register.
pub(crate) async fn issue(config: &Config, arguments: &IssueArguments) -> anyhow::Result<()> {
    let subject = arguments.subject.subject()?;
    ensure!(
        subject.is_program() || arguments.dev,
        "persons log in and get their tokens there; --dev issues one for a trial, and whoever has it acts as them"
    );
    let hours_max = valid_hours_max(&subject);
    ensure!(arguments.hours <= hours_max, "--hours is at most {hours_max} for {}", subject.text());
    let file = config.auth.private_key_file.as_ref();
    let file = file.context("auth.private_key_file is not set: this installation does not issue tokens")?;
    let public = keys::read_32(config.auth.public_key_file()?)?;
    let issuer = Issuer::try_new(&keys::read(file)?, &public).with_context(|| file.display().to_string())?;
    let app = system::open(config, Uses::Log).await?;
    check_registered(&app, &subject).await?;
    let now = SystemClock.now();
    let claims = |valid| Claims::new(&config.installation, &subject, now, valid);
    let claims = match &arguments.audience {
        Some(department) => claims(TimeDelta::seconds(DOOR_SECONDS_MAX.into())).for_department(department),
        None => claims(TimeDelta::hours(arguments.hours.into())),
    };
    say!("{}", issuer.issue(&claims));
    Ok(())
}

/// Refuses a subject that the register does not know, or that cannot act: a token for nobody would only be refused later.
async fn check_registered(app: &App, subject: &SubjectId) -> anyhow::Result<()> {
    let refused = app.may_have_token(subject).await?;
    ensure!(refused.is_none(), "{}: {}", subject.text(), refused.map(|reason| reason.to_string()).unwrap_or_default());
    Ok(())
}
