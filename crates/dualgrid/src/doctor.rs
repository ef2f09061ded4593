//! `dualgrid doctor`: checks the installation and says what to do.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::ExitCode;

use bus::Connection;
use comfy_table::Table;
use kernel::{Clock as _, Position, SystemClock};

use crate::config::{Config, Overrides};
use crate::output::say;
use crate::roles::RoleName;
use crate::system::{self, Uses};
use crate::{keys, needs, private, programs};

/// One thing that was checked.
struct Finding {
    what: String,
    ok: bool,
    detail: String,
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, what: impl Into<String>, ok: bool, detail: impl Into<String>) {
        self.0.push(Finding { what: what.into(), ok, detail: detail.into() });
    }
}

/// Checks what these roles use, or everything where none is named, and prints a table. The exit code is 0 only if all is well.
pub(crate) async fn doctor(path: &Path, roles: &[RoleName]) -> anyhow::Result<ExitCode> {
    let mut findings = Findings::default();
    match Config::load(path, Overrides::default()) {
        Err(error) => findings.add("configuration", false, format!("{error:#}")),
        Ok(config) => {
            findings.add("configuration", true, path.display().to_string());
            let is_whole = roles.is_empty();
            let roles = RoleName::asked(roles);
            if let Err(error) = needs::check(&config, roles) {
                findings.add("what the roles use", false, format!("{error:#}"));
            }
            key_files(&config, roles, is_whole, &mut findings);
            kept_here(&config, roles, &mut findings);
            durability(&config, &mut findings).await;
            rights(&config, &mut findings).await;
            stores(&config, roles, &mut findings).await;
            if needs::is_used(roles, "nats.url") {
                nats(&config, &mut findings).await;
            }
        }
    }
    let mut table = Table::new();
    table.set_header(["check", "", "found, and what to do"]);
    for finding in &findings.0 {
        table.add_row([finding.what.as_str(), if finding.ok { "ok" } else { "NOT OK" }, finding.detail.as_str()]);
    }
    say!("{table}");
    let well = findings.0.iter().all(|finding| finding.ok);
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The files of keys that these roles read; also the one that signs tokens where everything is looked at.
fn key_files(config: &Config, roles: &[RoleName], is_whole: bool, findings: &mut Findings) {
    let used = |setting| needs::is_used(roles, setting);
    let wrapping = config.vault.key_file().ok().filter(|_| used("vault.key_file")).map(|file| (file, true));
    let signing = config.auth.private_key_file.as_deref().filter(|_| is_whole).map(|file| (file, true));
    let public = config.auth.public_key_files().into_iter().flatten().filter(|_| used("auth.public_key_file"));
    for (file, secret) in wrapping.into_iter().chain(signing).chain(public.map(|file| (file, false))) {
        let what = format!("key file {}", file.display());
        let mode = std::fs::metadata(file).map(|metadata| metadata.permissions().mode() & 0o777);
        match (keys::read(file), mode) {
            (Err(error), _) => findings.add(what, false, format!("{error:#}")),
            (Ok(_), Ok(mode)) if secret && mode & 0o077 != 0 => {
                findings.add(what, false, format!("others may read it (mode {mode:o}); chmod 600 it"));
            }
            (Ok(_), _) => findings.add(what, true, "readable"),
        }
    }
}

/// Files and folders that others may look into.
fn kept_here(config: &Config, roles: &[RoleName], findings: &mut Findings) {
    let vault = config.vault.url().ok().filter(|_| needs::is_used(roles, "vault.url"));
    let evidence = config.evidence.url().ok().filter(|_| needs::is_used(roles, "evidence.url"));
    for (what, url) in [("log", Some(config.store.url.as_str())), ("vault", vault), ("evidence", evidence)] {
        let kept = url.map(log::kept_here).unwrap_or_default();
        for path in private::looser(&kept) {
            let mode = if path.is_dir() { "700" } else { "600" };
            let detail = format!("others may look into {}; chmod {mode} it", path.display());
            findings.add(format!("files of {what}"), false, detail);
        }
    }
}

async fn durability(config: &Config, findings: &mut Findings) {
    match log::durability(&config.store.url, &config.store.options()).await {
        Err(error) => findings.add("durability of the log", false, error.chain()),
        Ok(durability) => {
            for finding in &durability.findings {
                let detail = if finding.durable {
                    finding.value.clone()
                } else {
                    format!("{}: {}", finding.value, finding.advice)
                };
                findings.add(format!("{} of the log", finding.setting), finding.durable, detail);
            }
        }
    }
}

/// What the user of the log may do beyond what it needs.
async fn rights(config: &Config, findings: &mut Findings) {
    match log::excess(&config.store.url, &config.store.options()).await {
        Err(error) => findings.add("user of the log", false, error.chain()),
        Ok(excess) if excess.is_empty() => findings.add("user of the log", true, "may do what it needs"),
        Ok(excess) => {
            let advice = "make an owner beside it, set store.owner_url, and run `dualgrid migrate`";
            findings.add("user of the log", false, format!("{}; {advice}", excess.join(", ")));
        }
    }
}

async fn stores(config: &Config, roles: &[RoleName], findings: &mut Findings) {
    let uses = if roles.contains(&RoleName::Api) { Uses::Stores } else { Uses::Log };
    let app = match system::open(config, uses).await {
        Ok(app) => app,
        Err(error) => return findings.add("stores", false, format!("{error:#}")),
    };
    match app.ports().log.head().await {
        Err(failure) => findings.add("log", false, failure.to_string()),
        Ok(head) => {
            findings.add("log", true, format!("at position {head}"));
            clock(&app, head, findings).await;
            whole(config, &app, findings).await;
            calendars(&app, findings).await;
        }
    }
    if uses == Uses::Stores {
        findings.add("vault", true, "the wrapping key fits");
        evidence(config, &app, findings).await;
    }
}

/// Whether files can be kept.
async fn evidence(config: &Config, app: &app::App, findings: &mut Findings) {
    let url = config.evidence.url().unwrap_or_default();
    match app.ports().evidence.check().await {
        Ok(()) => findings.add("evidence", true, format!("{url}: files can be kept")),
        Err(failure) => {
            let detail = format!("{failure}; look at {url}: who may write there, and what is free");
            findings.add("evidence", false, detail);
        }
    }
}

/// Every stream from its first version on, and nothing lost.
async fn whole(config: &Config, app: &app::App, findings: &mut Findings) {
    match log::refuse_holes(&config.store.url, &config.store.options()).await {
        Ok(()) => findings.add("streams of the log", true, "each has its versions from 1 on"),
        Err(error) => findings.add("streams of the log", false, error.chain()),
    }
    match app.ports().log.lost().await {
        Ok(None) => findings.add("losses of the log", true, "none"),
        Ok(Some(lost)) => findings.add("losses of the log", false, lost.to_string()),
        Err(failure) => findings.add("losses of the log", false, failure.to_string()),
    }
}

/// Calendars that reach at least 60 days ahead.
async fn calendars(app: &app::App, findings: &mut Findings) {
    match app.calendars_ending().await {
        Err(error) => findings.add("calendars", false, error.to_string()),
        Ok(ending) if ending.is_empty() => findings.add("calendars", true, "they cover the next 60 days"),
        Ok(ending) => {
            for end in ending {
                findings.add("calendars", false, end.to_string());
            }
        }
    }
}

async fn clock(app: &app::App, head: Position, findings: &mut Findings) {
    let before = Position(head.0.saturating_sub(1));
    let newest = app.ports().log.after(before, 1).await.ok().and_then(|mut events| events.pop());
    let now = SystemClock.now();
    match newest {
        Some(event) if event.time > now => findings.add(
            "clock",
            false,
            format!("the newest event is of {}, and the clock says {now}; set the clock (chrony, ntpd)", event.time),
        ),
        _ => findings.add("clock", true, format!("{now}, not behind the log")),
    }
}

async fn nats(config: &Config, findings: &mut Findings) {
    // What is not set was told above.
    let (Ok(url), Ok(options)) = (config.nats.url(), config.nats.connection("dualgrid doctor".into())) else { return };
    let connection = match Connection::connect(options).await {
        Ok(connection) => connection,
        Err(error) => return findings.add("NATS", false, format!("{:#}", anyhow::Error::new(error))),
    };
    if !connection.is_up() {
        let detail = format!("{url} does not answer; commands are accepted, and published when it does");
        return findings.add("NATS", false, detail);
    }
    findings.add("NATS", true, format!("{url}, new enough"));
    if let Some(file) = &config.nats.programs_file {
        match programs::check(file) {
            Ok(count) => findings.add("NATS programs", true, format!("{count} in {}", file.display())),
            Err(error) => findings.add("NATS programs", false, format!("{error:#}")),
        }
    }
    match connection.payload_warning() {
        None => findings.add("NATS messages", true, "the largest event fits into one"),
        Some(warning) => findings.add("NATS messages", false, warning),
    }
    match bus::check_permissions(&connection).await {
        Ok(()) => findings.add("NATS permissions", true, "the stream can be read and kept"),
        Err(error) => findings.add("NATS permissions", false, format!("{:#}", anyhow::Error::new(error))),
    }
}
