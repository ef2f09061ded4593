//! `dualgrid withdraw`: takes back what is scheduled and has not begun.

use chrono::{DateTime, Utc};
use kernel::{DepartmentCode, GridCode};

use crate::config::Config;
use crate::import;
use crate::system::{self, Uses};

/// What to withdraw.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Withdraw {
    /// Changes of the district: of all of it, or of one grid with its posts and its entries in the map, or of one department.
    District {
        /// The moment of the first change that is withdrawn, for example 2099-01-01T00:00:00+08:00. Later ones go with it.
        #[arg(long, value_parser = moment)]
        from: DateTime<Utc>,
        #[arg(long)]
        grid: Option<GridCode>,
        #[arg(long)]
        department: Option<DepartmentCode>,
    },
    /// Rules: what was published for a moment or later, calendars before their first day, consent rules for later decisions.
    Rules {
        /// The moment of the first publication that is withdrawn. Later ones go with it.
        #[arg(long, value_parser = moment, required_unless_present_any = ["calendars", "consent_rules"])]
        from: Option<DateTime<Utc>>,
        /// Id of a calendar, for example cn-2099.1.
        #[arg(long = "calendar")]
        calendars: Vec<String>,
        /// Id of a consent rule.
        #[arg(long = "consent-rule")]
        consent_rules: Vec<String>,
    },
}

/// A moment as every door reads it.
fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    kernel::time::read_moment(text).map_err(|error| error.to_string())
}

impl Withdraw {
    /// The command and its body.
    fn command(&self) -> (&'static str, serde_json::Value) {
        let mut body = serde_json::Map::new();
        let name = match self {
            Self::District { from, grid, department } => {
                body.insert("scheduled_from".into(), from.to_rfc3339().into());
                let named = [
                    ("grid", grid.as_ref().map(ToString::to_string)),
                    ("department", department.as_ref().map(ToString::to_string)),
                ];
                body.extend(named.into_iter().filter_map(|(field, code)| Some((field.to_owned(), code?.into()))));
                "withdraw-changes"
            }
            Self::Rules { from, calendars, consent_rules } => {
                body.extend(from.map(|from| ("scheduled_from".to_owned(), from.to_rfc3339().into())));
                body.insert("calendars".into(), calendars.clone().into());
                body.insert("consent_rules".into(), consent_rules.clone().into());
                "withdraw-rules"
            }
        };
        (name, body.into())
    }
}

/// Gives the command and prints what was recorded.
pub(crate) async fn withdraw(config: &Config, withdraw: &Withdraw) -> anyhow::Result<()> {
    let (name, body) = withdraw.command();
    let app = system::open(config, Uses::Log).await?;
    let answer = app.submit(import::request(&app, name, &body)?).await?;
    import::print(&answer);
    Ok(())
}

#[cfg(test)]
mod tests {
    use app::registry;
    use clap::Parser;
    use clap::error::ErrorKind::{MissingRequiredArgument, ValueValidation};

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(subcommand)]
        withdraw: Withdraw,
    }

    #[test]
    fn each_form_is_a_command_that_is_taken() {
        let m = "2099-01-01T00:00:00+08:00";
        for (arguments, fields) in [
            (vec!["district", "--from", m], vec!["scheduled_from"]),
            (vec!["district", "--from", m, "--grid", "JAS-R03"], vec!["grid", "scheduled_from"]),
            (vec!["district", "--from", m, "--department", "CGZF"], vec!["department", "scheduled_from"]),
            (vec!["rules", "--from", m], vec!["calendars", "consent_rules", "scheduled_from"]),
            (vec!["rules", "--calendar", "cn-2099.1", "--consent-rule", "X"], vec!["calendars", "consent_rules"]),
        ] {
            let line = Line::try_parse_from(std::iter::once("withdraw").chain(arguments)).unwrap();
            let (name, body) = line.withdraw.command();
            let given: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(given, fields);
            let (kind, verb) = registry::verb(name).unwrap();
            kind.parse(verb.name, &body).unwrap();
        }
        for wrong in [vec!["rules"], vec!["district"], vec!["district", "--from", "2099"]] {
            let refused = Line::try_parse_from(std::iter::once("withdraw").chain(wrong.clone()));
            let kind = refused.map(|line| line.withdraw.command()).map_err(|error| error.kind());
            assert!(matches!(kind, Err(MissingRequiredArgument | ValueValidation)), "{wrong:?}: {kind:?}");
        }
    }
}
