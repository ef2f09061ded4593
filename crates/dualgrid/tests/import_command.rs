//! `dualgrid import` and `dualgrid withdraw` as an operator meets them: a table, an exit code, a place in a file.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const MAIN: &str = r#"
effective_from = 2026-01-01T00:00:00+08:00
include = ["two.toml", "limits.toml"]
[[levels]]
root = "T"
levels = [{ name = "街道" }, { name = "居民区" }]
[[grids]]
code = "T"
name = "某街道"
network = "party"
level = "街道"
[[grids]]
code = "R1"
name = "第一居民区"
network = "party"
level = "居民区"
parent = "T"
"#;

const TWO: &str = r#"
grids = [
  { code = "R2", name = "第二居民区", network = "party", level = "居民区", parent = "T" },
  { code = "R3", name = "第三居民区", network = "party", level = "居民区", parent = "T" },
]
"#;

const PERSONS: &str = r#"include = ["duty.toml"]
persons = [
  { id = "sys", posts = [{ code = "system-administrator", role = "system_administrator", scope = "everywhere" }] },
  { id = "sec", posts = [{ code = "security-administrator", role = "security_administrator", scope = "everywhere" }] },
  { id = "aud", posts = [{ code = "audit-administrator", role = "audit_administrator", scope = "everywhere" }] },
]
"#;

const DUTY: &str = r#"[[persons]]
id = "duty-1"
posts = [{ code = "duty", role = "duty_officer", scope = { grid = "T" }, until = 2099-06-01T00:00:00+08:00 }]
[[persons]]
id = "duty-2"
posts = [{ code = "duty", role = "duty_officer", scope = { grid = "T" }, from = 2099-06-01T00:00:00+08:00 }]
"#;

/// The limits of the sample: every step needs one.
const LIMITS: &str = include_str!("../../../deploy/sample/limits.toml");

/// An installation in a folder of its own.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        let at = |name: &str| place.path(name).display().to_string();
        let config = format!(
            "installation = \"test\"\n[store]\nurl = \"sqlite:{}\"\n[vault]\nurl = \"sqlite:{}\"\nkey_file = \"{}\"\n\
             [evidence]\nurl = \"file://{}\"\n[auth]\npublic_key_file = \"{}\"\nprivate_key_file = \"{}\"\n[nats]\nurl = \"nats://127.0.0.1:1\"\nnkey_file = \"{}\"\n",
            at("log.db"),
            at("vault.db"),
            at("vault.key"),
            at("evidence"),
            at("token.pub"),
            at("token.key"),
            at("core.nk"),
        );
        place.write("dualgrid.toml", &config);
        let keys = place.run(&["keys", "init", "--dir", &at("")]);
        assert!(keys.status.success(), "{}", told(&keys.stderr));
        let (persons, duty) = (("persons.toml", PERSONS), ("duty.toml", DUTY));
        for (name, text) in [("main.toml", MAIN), ("two.toml", TWO), persons, duty, ("limits.toml", LIMITS)] {
            place.write(name, text);
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dualgrid"));
        command.arg("--config").arg(self.path("dualgrid.toml")).args(arguments).current_dir(Path::new("/"));
        command
    }

    /// Imports with these flags. Returns whether it was taken, and what was printed, without the folder.
    fn import(&self, flags: &[&str]) -> (bool, String) {
        let file = self.path("main.toml").display().to_string();
        self.said(&[&["import", "district", &file], flags].concat())
    }

    /// Imports persons with these flags.
    fn import_persons(&self, by: &str, flags: &[&str]) -> (bool, String) {
        let file = self.path("persons.toml").display().to_string();
        self.said(&[&["import", "persons", &file, "--as", by], flags].concat())
    }

    /// Names the administrators.
    fn init(&self, security: &str) -> (bool, String) {
        let three =
            ["--system-administrator", "sys", "--security-administrator", security, "--audit-administrator", "aud"];
        self.said(&[&["init"][..], &three].concat())
    }

    /// Whether a command was taken, and what was printed, without the folder.
    fn said(&self, arguments: &[&str]) -> (bool, String) {
        let output = self.run(arguments);
        let printed = told(&output.stdout) + &told(&output.stderr);
        (output.status.success(), printed.replace(&format!("{}/", self.folder.path().display()), ""))
    }
}

fn told(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_forgotten_file_closes_nothing_unless_that_is_allowed() {
    let place = Place::new();
    let (taken, first) = place.import(&["--dry-run"]);
    assert!(taken && first.contains("0 change, 0 end; nothing was recorded"), "{first}");
    assert_eq!(place.import(&["--dry-run"]), (true, first), "a rehearsal changes nothing");
    let (taken, said) = place.import(&[]);
    assert!(taken && said.contains("events were recorded"), "{said}");
    let (taken, said) = place.import(&["--dry-run"]);
    assert!(taken && said.contains("0 begin, 0 change, 0 end"), "{said}");
    place.write("main.toml", &MAIN.replace("\"two.toml\", ", "").replace("2026-01-01", "2026-02-01"));
    let refusal = "this would close or end 2 things that are no longer described, and at most 0 may be: grid R2, grid R3; \
                   describe them (perhaps a file was not included), or raise `allow_closing` \
                   (`--allow-closing` of the import) by 2";
    let (taken, said) = place.import(&["--dry-run"]);
    assert!(!taken && said.contains(refusal), "{said}");
    assert!(said.contains("第二居民区") && said.contains("0 begin, 0 change, 2 end; nothing was recorded"), "{said}");
    for flags in [&[][..], &["--allow-closing", "1"]] {
        let (taken, said) = place.import(flags);
        assert!(!taken && said.contains("this would close or end 2 things"), "{said}");
    }
    let (taken, said) = place.import(&["--allow-closing", "2"]);
    assert!(taken && said.contains("2 events were recorded"), "{said}");
}

/// The same description as of a month later, without the grids R2 and R3.
fn without_r2() -> String {
    MAIN.replace("\"two.toml\", ", "").replace("2026-01-01", "2026-02-01")
}

#[test]
fn an_import_that_closes_a_grid_waits_until_open_cases_have_followed_it() {
    let place = Place::new();
    assert!(place.import(&[]).0);
    place.write("main.toml", &without_r2());
    let (taken, said) = place.import(&["--allow-closing", "2"]);
    assert!(taken && said.contains("2 of them close or move a grid."), "{said}");
    assert!(said.contains("Every open case is where it belongs; 0 were looked at here."), "{said}");
    place.write("main.toml", &MAIN.replace("2026-01-01", "2026-03-01"));
    assert!(place.import(&[]).0, "it is established again");
    place.write("main.toml", &without_r2().replace("2026-02-01", "2026-04-01"));
    let (taken, said) = place.import(&["--allow-closing", "2", "--no-wait"]);
    assert!(taken && said.contains("`dualgrid district follow` waits for that and helps with it."), "{said}");
    let followed = place.run(&["district", "follow"]);
    let said = told(&followed.stdout);
    assert!(followed.status.success() && said.contains("Every open case is where it belongs"), "{said}");
}

#[test]
fn no_command_minds_a_reader_that_has_seen_enough() {
    let place = Place::new();
    let main = place.path("main.toml").display().to_string();
    let folder = place.folder.path().display().to_string();
    let person = "0190163d-8694-739b-aea5-966c26f8ad91";
    let persons = place.path("persons.toml").display().to_string();
    let issue = ["token", "issue", "--dev", "--person", "sec"];
    assert!(place.init("sec").0);
    for (arguments, is_done) in [
        (&["import", "district", &main, "--dry-run"][..], true),
        (&["import", "district", &main], true),
        (&["import", "persons", &persons, "--as", "sec"], true),
        (&["person", "end-sessions", "sec", "--as", "sec"], true),
        (&["rebuild", "all"], true),
        (&["district", "follow"], true),
        (&["keys", "init", "--dir", &folder], true),
        (&issue, true),
        (&["erase", "person", person, "--ground", "unlawful", "--reason", "误录"], false), // Nobody of that id.
        (&["withdraw", "rules", "--calendar", "cn-2099.1"], false),                        // No such calendar.
        (&["log", "status"], false),                                                       // NATS is away.
        (&["log", "recover", "--from-nats"], false),
        (&["department", "run", "--as", "CGZF", "--nkey-file", "no.nk"], false), // No such key.
        (&["docs", "events"], true),
        (&["docs", "openapi"], true),
        (&["doctor"], false), // NATS is away.
        (&["--help"], true),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = place.command(arguments).stdout(writer).output().unwrap();
        let said = told(&output.stderr);
        assert!(!said.contains("panicked"), "{arguments:?}: {said}");
        assert_eq!(output.status.success(), is_done, "{arguments:?}: {said}");
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = place.command(arguments).stdout(Stdio::null()).stderr(writer).status().unwrap();
        assert_eq!(ended.code(), Some(i32::from(!is_done)), "{arguments:?}: what is said of faults is not read either");
    }
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = place.command(&issue).stdout(full).output().unwrap();
    let said = told(&output.stderr);
    assert!(!output.status.success() && said.contains("not all that was said about it could be written"), "{said}");
}

#[test]
fn the_first_administrators_are_named_once_and_persons_are_imported_by_one_of_security() {
    let place = Place::new();
    assert!(place.import(&[]).0);
    let (taken, said) = place.import_persons("sec", &[]);
    assert!(!taken && said.contains("--as sec: nobody is registered under this id"), "{said}");
    let (taken, said) = place.init("sys");
    assert!(!taken && said.contains("sys is named for two of the three administrators"), "{said}");
    assert!(place.init("sec").0);
    for security in ["sec", "other"] {
        let (taken, said) = place.init(security);
        assert!(!taken && said.contains("the first administrators were named already"), "{said}");
    }
    for (by, reason) in [("sys", "this is a system_administrator"), ("nobody", "nobody is registered under this id")] {
        let (taken, said) = place.import_persons(by, &[]);
        assert!(!taken && said.contains(reason), "{said}");
    }
    let (taken, first) = place.import_persons("sec", &["--dry-run"]);
    assert!(taken && first.contains("4 begin, 0 change, 0 end; nothing was recorded"), "{first}");
    assert_eq!(place.import_persons("sec", &["--dry-run"]), (true, first), "a rehearsal changes nothing");
    let (taken, said) = place.import_persons("sec", &[]);
    assert!(taken && said.contains("4 events were recorded"), "{said}");
    let (taken, said) = place.import_persons("sec", &[]);
    assert!(taken && said.contains("0 events were recorded"), "{said}");
    // A file that was forgotten ends nobody.
    place.write("persons.toml", &PERSONS.replace("include = [\"duty.toml\"]\n", ""));
    for flags in [&["--dry-run"][..], &[], &["--allow-closing", "3"]] {
        let (taken, said) = place.import_persons("sec", flags);
        assert!(
            !taken && said.contains("this would close or end 4 things") && said.contains("person duty-1"),
            "{said}"
        );
    }
    let (taken, said) = place.import_persons("sec", &["--allow-closing", "4"]);
    assert!(taken && said.contains("4 events were recorded"), "{said}");
}

#[test]
fn what_is_wrong_with_a_person_is_told_with_its_place() {
    let place = Place::new();
    assert!(place.import(&[]).0 && place.init("sec").0);
    let refused = |duty: &str, at: &str, reason: &str| {
        place.write("duty.toml", duty);
        for flags in [&["--dry-run"][..], &[]] {
            let (taken, said) = place.import_persons("sec", flags);
            assert!(!taken && said.contains(at) && said.contains(reason), "{said}");
        }
    };
    let overlapping = DUTY.replace("from = 2099-06-01", "from = 2099-05-31");
    refused(&overlapping, "see duty.toml:6:10: duty-2 in persons", "duty-1 is duty_officer of grid:T during that time");
    refused(&DUTY.replace("\"duty-1\"", "7"), "duty.toml:2:1", "persons[3].id must be a text");
    refused(&DUTY.replace("\"duty-1\"", "\"丁霞\""), "duty.toml:2:1", "persons[3].id does not fit");
    let nowhere = DUTY.replace("scope = { grid = \"T\" }, until", "until");
    refused(&nowhere, "duty.toml:3:10", "persons[3].posts[0] must have `scope`");
    let unknown = DUTY.replacen("grid = \"T\"", "grid = \"X\"", 1);
    refused(&unknown, "see duty.toml:3:10: duty-1 in persons", "there is no active grid X");
    refused(&DUTY.replace("duty-2", "duty-1"), "duty.toml:4:1", "is described before");
    refused(&format!("posts = []\n{DUTY}"), "duty.toml:1:1", "there is no key `posts`; known are persons");
    place.write("duty.toml", DUTY);
    assert!(place.import_persons("sec", &[]).0);
}

#[test]
fn one_person_is_entered_appointed_suspended_and_ended_from_the_command_line() {
    let place = Place::new();
    assert!(place.import(&[]).0 && place.init("sec").0);
    let person = |arguments: &[&str]| place.said(&[&["person"][..], arguments, &["--as", "sec"]].concat());
    let taken = |arguments: &[&str]| {
        let (taken, said) = person(arguments);
        assert!(taken && said.contains("1 events were recorded"), "{arguments:?}: {said}");
    };
    taken(&["enter", "li.wei"]);
    taken(&["appoint", "li.wei", "duty", "--role", "duty_officer", "--grid", "T"]);
    taken(&["suspend", "li.wei", "--reason", "核查"]);
    taken(&["reinstate", "li.wei", "--reason", "核查完毕"]);
    taken(&["end-sessions", "li.wei"]);
    taken(&["end-post", "li.wei", "duty"]);
    taken(&["end", "li.wei", "--reason", "调离"]);
    for (arguments, reason) in [
        (&["suspend", "li.wei", "--reason", "x"][..], "li.wei has left"),
        (&["end", "sec", "--reason", "x"], "this is about sec, who gives the command"),
        (&["appoint", "sys", "duty", "--role", "duty_officer", "--grid", "T"], "an administrator has no other post"),
        (&["end-post", "li.wei", "other"], "li.wei does not have a post other at that time"),
    ] {
        let (taken, said) = person(arguments);
        assert!(!taken && said.contains(reason), "{arguments:?}: {said}");
    }
    let (taken, said) = place.said(&["person", "end", "li.wei", "--reason", "x"]);
    assert!(!taken && said.contains("--as ID is missing"), "{said}");
}

#[test]
fn an_import_for_a_wrong_year_is_withdrawn_from_the_command_line() {
    let place = Place::new();
    assert!(place.import(&[]).0);
    let wrong = MAIN.replace("第一居民区", "新名").replace("2026-01-01", "2099-01-01");
    let shorter = LIMITS.replacen("amount = ", "amount = 1", 1);
    place.write("limits.toml", &shorter);
    place.write("main.toml", &wrong);
    let (taken, said) = place.import(&[]);
    assert!(taken, "{said}");
    place.write("main.toml", &MAIN.replace("第一居民区", "改名").replace("2026-01-01", "2026-02-01"));
    place.write("limits.toml", LIMITS);
    let (taken, said) = place.import(&[]);
    assert!(!taken && said.contains("withdraw it first"), "{said}");
    let from = "2099-01-01T00:00:00+08:00";
    for part in ["district", "rules"] {
        let output = place.run(&["withdraw", part, "--from", from]);
        assert!(output.status.success(), "{part}: {}", told(&output.stderr));
    }
    let (taken, said) = place.import(&[]);
    assert!(taken && said.contains("events were recorded"), "{said}");
    let late = place.run(&["withdraw", "district", "--from", "2026-02-01T00:00:00+08:00"]);
    assert!(!late.status.success() && told(&late.stderr).contains("has begun and cannot be withdrawn"));
}

/// No token for what does not exist, and none of a person by whoever can read the key, unless they say that it is a trial.
#[test]
fn a_token_is_issued_for_who_is_in_the_register_alone() {
    let place = Place::new();
    assert!(place.import(&[]).0);
    assert!(place.init("sec").0);
    let issue = |arguments: &[&str]| place.said(&[&["token", "issue"], arguments].concat());
    for good in [
        vec!["--dev", "--person", "sec"],
        vec!["--dev", "--person", "sec", "--hours", "24"],
        vec!["--dev", "--person", "sec", "--audience", "department/CGZF"],
    ] {
        let (is_taken, said) = issue(&good);
        assert!(is_taken && said.trim().split('.').count() == 3, "{}: {said}", good.join(" "));
    }
    let refused = [
        (vec!["--person", "sec"], "--dev issues one for a trial"),
        (vec!["--dev", "--person", "nobody"], "nobody is registered under this id"),
        (vec!["--dev", "--person", "Sec"], "letters in lower case"),
        (vec!["--dev", "--person", "sec", "--hours", "25"], "--hours is at most 24 for sec"),
        (vec!["--dev", "--person", "sec", "--hours", "0"], "0 is not in"),
        (vec!["--program", "department/CGZF"], "no program is registered as department/CGZF"),
        (vec!["--program", "integrator/city", "--hours", "8785"], "--hours is at most 8784"),
        (vec!["--program", "connector/12345"], "no program is registered as connector/12345"),
        (vec!["--program", "CGZF"], "department/CODE, integrator/NAME or connector/NAME"),
        (vec!["--program", "integrator/city", "--audience", "department/CGZF"], "cannot be used with"),
        (vec!["--dev", "--person", "sec", "--audience", "integrator/city"], "department/CODE"),
        (vec!["--dev", "--person", "sec", "--program", "integrator/city"], "cannot be used with"),
        (vec!["--dev"], "--person"),
        (vec!["--dev", "--subject", "sec", "--role", "auditor"], "--subject"),
    ];
    for (arguments, expected) in refused {
        let (is_taken, said) = issue(&arguments);
        assert!(!is_taken && said.contains(expected), "{}: {said}", arguments.join(" "));
    }
    let suspend = ["person", "suspend", "aud", "--reason", "x", "--as", "sec"];
    assert!(place.said(&suspend).0);
    let (is_taken, said) = issue(&["--dev", "--person", "aud"]);
    assert!(!is_taken && said.contains("this person is suspended"), "{said}");
}
