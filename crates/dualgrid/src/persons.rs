//! `dualgrid init` and `dualgrid person`: the first administrators, and one person at a time, from the command line.

use anyhow::bail;
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use kernel::{Actor, DepartmentCode, GridCode, Role, Scope};
use people::{PersonCode, PostCode};
use serde_json::{Value, json};

use crate::config::Config;
use crate::import::{self, persons::security_administrator};
use crate::output::say;
use crate::system::{self, Uses};

/// The first administrators (三员分立): three persons.
#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// Staff id of who cares for the district and the rules.
    #[arg(long = "system-administrator", value_name = "ID")]
    system: PersonCode,
    /// Staff id of who cares for persons, posts, programs and keys.
    #[arg(long = "security-administrator", value_name = "ID")]
    security: PersonCode,
    /// Staff id of who reads everything that administrators did.
    #[arg(long = "audit-administrator", value_name = "ID")]
    audit: PersonCode,
}

/// Names the first administrators, once, while nobody is in the register.
pub(crate) async fn init(config: &Config, arguments: &InitArguments) -> anyhow::Result<()> {
    let app = system::open(config, Uses::Log).await?;
    let body = json!({
        "system": arguments.system,
        "security": arguments.security,
        "audit": arguments.audit,
    });
    let by = Actor::system("init");
    app.submit(import::request_by(&app, &by, "name-administrators", &body)?).await?;
    say!("The first administrators are named. From here on {} enters and appoints persons.", arguments.security);
    Ok(())
}

/// What is done with one person. For many at once there is `dualgrid import persons`.
#[derive(Debug, Args)]
pub(crate) struct PersonArguments {
    #[command(subcommand)]
    task: PersonTask,
    /// The security administrator who gives it; the command is recorded as theirs.
    #[arg(long = "as", value_name = "ID", global = true, required = false)]
    by: Option<PersonCode>,
}

#[derive(Debug, Subcommand)]
enum PersonTask {
    /// Enter somebody, or say anew which department lends them. A name is given over HTTP only: a command line is seen by others.
    Enter {
        person: PersonCode,
        /// The department that lends them (派出单位).
        #[arg(long)]
        seconded_by: Option<DepartmentCode>,
    },
    /// Give somebody a post.
    Appoint(AppointArguments),
    /// End a post, now or at a moment.
    EndPost {
        person: PersonCode,
        /// What names the post among those of the person.
        post: PostCode,
        #[arg(long, value_parser = moment)]
        at: Option<DateTime<Utc>>,
    },
    /// Let somebody act no more, for a while.
    Suspend {
        person: PersonCode,
        #[arg(long)]
        reason: String,
    },
    /// Let somebody who was suspended act again.
    Reinstate {
        person: PersonCode,
        #[arg(long)]
        reason: String,
    },
    /// Refuse what was issued to somebody before now: tokens and sessions.
    EndSessions { person: PersonCode },
    /// End somebody in the register, with all their posts.
    End {
        person: PersonCode,
        #[arg(long)]
        reason: String,
    },
}

#[derive(Debug, Args)]
struct AppointArguments {
    person: PersonCode,
    /// What names the post among those of the person.
    post: PostCode,
    #[arg(long)]
    role: Role,
    #[command(flatten)]
    place: PlaceArguments,
    /// Start of the term; now where it is not given.
    #[arg(long, value_parser = moment)]
    from: Option<DateTime<Utc>>,
    /// End of the term.
    #[arg(long, value_parser = moment)]
    until: Option<DateTime<Utc>>,
    /// Whom they stand in for (代班); the term needs an end.
    #[arg(long, requires = "until")]
    deputy_for: Option<PersonCode>,
}

/// Where a role holds: one of these, in so many words.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct PlaceArguments {
    /// In this grid and below.
    #[arg(long)]
    grid: Option<GridCode>,
    /// In this department.
    #[arg(long)]
    department: Option<DepartmentCode>,
    /// In the whole installation.
    #[arg(long)]
    everywhere: bool,
}

/// A moment as every door reads it.
fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    kernel::time::read_moment(text).map_err(|error| error.to_string())
}

impl PersonTask {
    /// The command and its body, without what was not given.
    fn command(&self) -> (&'static str, Value) {
        let (name, mut body) = match self {
            Self::Enter { person, seconded_by } => {
                ("enter-person", json!({"person": person, "seconded_by": seconded_by}))
            }
            Self::Appoint(arguments) => ("appoint-person", arguments.body()),
            Self::EndPost { person, post, at } => {
                ("end-appointment", json!({"person": person, "post": post, "at": at}))
            }
            Self::Suspend { person, reason } => ("suspend-person", json!({"person": person, "reason": reason})),
            Self::Reinstate { person, reason } => ("reinstate-person", json!({"person": person, "reason": reason})),
            Self::EndSessions { person } => ("end-sessions", json!({"person": person})),
            Self::End { person, reason } => ("end-person", json!({"person": person, "reason": reason})),
        };
        if let Some(fields) = body.as_object_mut() {
            fields.retain(|_, field| !field.is_null());
        }
        (name, body)
    }
}

impl AppointArguments {
    fn body(&self) -> Value {
        let Self { person, post, role, place, from, until, deputy_for } = self;
        let scope = match place {
            PlaceArguments { grid: Some(grid), .. } => Scope::Grid(grid.clone()),
            PlaceArguments { department: Some(department), .. } => Scope::Department(department.clone()),
            PlaceArguments { .. } => Scope::Everywhere,
        };
        json!({
            "person": person,
            "post": post,
            "role": role,
            "scope": scope,
            "from": from,
            "until": until,
            "deputy_for": deputy_for,
        })
    }
}

/// Gives the command and prints what was recorded.
pub(crate) async fn person(config: &Config, arguments: &PersonArguments) -> anyhow::Result<()> {
    let Some(by) = &arguments.by else { bail!("--as ID is missing: name the security administrator who gives this") };
    let (name, body) = arguments.task.command();
    let app = system::open(config, Uses::Log).await?;
    let by = security_administrator(&app, by).await?;
    let answer = app.submit(import::request_by(&app, &by, name, &body)?).await?;
    import::print(&answer);
    Ok(())
}

#[cfg(test)]
mod tests {
    use app::registry;
    use clap::Parser;
    use clap::error::ErrorKind;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        person: PersonArguments,
    }

    fn line(arguments: &[&str]) -> Result<Line, clap::Error> {
        Line::try_parse_from(
            std::iter::once("person").chain(arguments.iter().copied()).chain(["--as", "security-admin"]),
        )
    }

    #[test]
    fn each_form_is_a_command_that_is_taken() {
        let m = "2026-04-01T00:00:00+08:00";
        for (arguments, verb) in [
            (&["enter", "li.wei"][..], "enter-person"),
            (&["enter", "li.wei", "--seconded-by", "CGZF"], "enter-person"),
            (&["appoint", "li.wei", "clerk", "--role", "department_clerk", "--department", "CGZF"], "appoint-person"),
            (&["appoint", "li.wei", "all", "--role", "supervisor", "--everywhere", "--until", m], "appoint-person"),
            (
                &[
                    "appoint",
                    "li.wei",
                    "duty",
                    "--role",
                    "duty_officer",
                    "--grid",
                    "JAS",
                    "--from",
                    m,
                    "--until",
                    "2026-04-08T00:00:00+08:00",
                    "--deputy-for",
                    "jas-duty",
                ],
                "appoint-person",
            ),
            (&["end-post", "li.wei", "duty", "--at", m], "end-appointment"),
            (&["suspend", "li.wei", "--reason", "核查"], "suspend-person"),
            (&["reinstate", "li.wei", "--reason", "核查完毕"], "reinstate-person"),
            (&["end-sessions", "li.wei"], "end-sessions"),
            (&["end", "li.wei", "--reason", "调离"], "end-person"),
        ] {
            let (name, body) = line(arguments).unwrap().person.task.command();
            assert_eq!(name, verb);
            let (kind, verb) = registry::verb(name).unwrap();
            kind.parse(verb.name, &body).unwrap();
        }
    }

    #[test]
    fn a_place_and_an_id_are_said_in_so_many_words() {
        let refused = |arguments: &[&str]| line(arguments).map(drop).map_err(|error| error.kind());
        let clerk = ["appoint", "li.wei", "clerk", "--role", "department_clerk"];
        assert_eq!(refused(&clerk), Err(ErrorKind::MissingRequiredArgument), "nothing holds everywhere by omission");
        let both = [&clerk[..], &["--department", "CGZF", "--everywhere"]].concat();
        assert_eq!(refused(&both), Err(ErrorKind::ArgumentConflict));
        let endless = [&clerk[..], &["--department", "CGZF", "--deputy-for", "other"]].concat();
        assert_eq!(refused(&endless), Err(ErrorKind::MissingRequiredArgument));
        for bad in ["LI.Wei", "王小明", "department/SCJG", "system/outbox"] {
            assert_eq!(refused(&["enter", bad]), Err(ErrorKind::ValueValidation), "{bad}");
        }
        assert_eq!(refused(&["suspend", "li.wei"]), Err(ErrorKind::MissingRequiredArgument));
    }
}
