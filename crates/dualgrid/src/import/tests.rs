use super::*;

fn sample() -> Description {
    Description::read(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/sample/district.toml"))
        .unwrap()
}

/// What is said of a description in two files, the second of which is included.
fn said(main: &str, beside: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("main.toml", &format!("include = [\"beside.toml\"]\n{main}"));
    write("beside.toml", beside);
    let description = Description::read(&folder.path().join("main.toml"));
    let said = match description.and_then(|description| body(&description, 0)) {
        Ok(_) => "taken".to_owned(),
        Err(error) => format!("{error:#}"),
    };
    said.replace(&format!("{}/", folder.path().display()), "")
}

const RULES: &str = r#"effective_from = 2018-01-01T00:00:00+08:00
[windows]
return = { limit = { amount = 2, unit = "work_day" }, source = "x" }
reopen = { limit = { amount = 30, unit = "calendar_day" }, source = "x" }
own_due = { limit = { amount = 90, unit = "calendar_day" }, source = "x" }
"#;

const ROOT: &str = r#"[[grids]]
code = "T"
name = "T"
network = "party"
level = "L"
"#;

#[test]
fn the_sample_becomes_both_commands() {
    let [rules, district] = parts(&sample()).unwrap();
    assert!(rules["calendars"].is_array() && rules["grids"].is_null());
    assert!(district["grids"].is_array() && district["calendars"].is_null());
    let body = body(&sample(), 7).unwrap();
    assert_eq!((&body["allow_closing"], body["district"]["allow_closing"].is_null()), (&7.into(), true));
}

#[test]
fn what_is_wrong_in_a_row_is_told_with_file_line_column_and_row() {
    assert_eq!(said(RULES, ROOT), "taken");
    let row = |text: &str| format!("{ROOT}\n{}", text.replace("; ", "\n"));
    let bad = "[[grids]]; code = \"G\"; name = 7; network = \"party\"; level = \"L\"; parent = \"T\"";
    let misfit = "the body of load-district does not fit: ";
    for (row, place, reason) in [
        (row(bad), "beside.toml:9:1: G in grids", "grids[1].name must be a text, not a number of this kind"),
        (
            row(&bad.replace('7', "\"G\"; colour = \"red\"")),
            "beside.toml:10:1: G in grids",
            "grids[1].colour is not known here",
        ),
        (row(&bad.replace("name = 7; ", "")), "beside.toml:7:1: G in grids", "grids[1] must have `name`"),
        (
            row(&bad.replace('7', "\"G\"").replace("\"party\"", "\"third\"")),
            "beside.toml:10:1: G in grids",
            "grids[1].network must be one of \"party\", \"administrative\"",
        ),
        (
            row(&bad.replace('7', "\"G\"").replace("\"G\";", "\"g g\";")),
            "beside.toml:8:1: g g in grids",
            "grids[1].code does not fit: ",
        ),
        (row("bounds = { west = \"121\", south = 31, east = 122, north = 32 }"), "beside.toml:5:1", ""),
        (row("[departments]; a = 1"), "beside.toml:7:2: departments", "departments must be a list, not an object"),
        (
            row("[[mappings]]; party = \"T\"; administrative = [\"A\"]"),
            "beside.toml:9:1: mappings[0].administrative",
            "mappings[0].administrative must be a text, not a list",
        ),
    ] {
        let told = said(RULES, &row);
        if reason.is_empty() {
            assert!(told.contains("grids[0].bounds is not known here"), "{told}");
            continue;
        }
        let expected = format!("nothing was recorded; see {place}: {misfit}{reason}");
        assert!(told.starts_with(&expected), "{told}\n{expected}");
    }
}

#[test]
fn what_is_wrong_above_the_rows_is_told_with_its_place_too() {
    let unknown = said(&format!("colour = 1\n{RULES}"), ROOT);
    assert!(unknown.contains("main.toml:2:1: there is no key `colour`; known are bounds, "), "{unknown}");
    let limit = said(&format!("allow_closing = 99\n{RULES}"), ROOT);
    assert!(
        limit.contains("main.toml:2:1: `allow_closing` is said for each import, with --allow-closing N"),
        "{limit}"
    );
    let twice = said(RULES, "effective_from = 2019-01-01T00:00:00Z");
    assert_eq!(twice, "beside.toml:1:1 sets effective_from, which is set already: main.toml:2:1");
    let window = said(&RULES.replace("amount = 30", "amount = \"30\""), ROOT);
    assert!(
        window.starts_with(
            "nothing was recorded; see main.toml:5:22: windows.reopen.limit.amount: the body of \
             publish-rules does not fit: windows.reopen.limit.amount must be a whole number, not a text"
        ),
        "{window}"
    );
    for key in ["windows", "effective_from"] {
        let rest = RULES.split_once("[windows]").unwrap();
        let main = if key == "windows" { rest.0.to_owned() } else { format!("[windows]{}", rest.1) };
        let missing = said(&main, ROOT);
        let place = format!("no file sets `{key}`: see main.toml:1:1, and set it above the first table");
        assert!(missing.contains(&place) && missing.contains(&format!("must have `{key}`")), "{missing}");
    }
}

#[test]
fn a_refusal_of_the_system_is_told_with_the_rows_that_it_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("persons.toml");
    let posts =
        "posts = [\n  { code = \"x\", role = \"verifier\", scope = { grid = \"T\" } },\n  { code = \"y\" },\n]\n";
    std::fs::write(&file, format!("[[persons]]\nid = \"a\"\n[[persons]]\nid = \"b\"\n{posts}")).unwrap();
    let description = Description::read(&file).unwrap();
    let spots = |message: &str| description.spots_in(message).replace(&format!("{}/", folder.path().display()), "");
    assert_eq!(spots("persons[1].posts[0]: b is verifier already"), "; see persons.toml:6:3: b in persons");
    assert_eq!(
        spots("persons[1] describes b, who is described in persons[0];"),
        "; see persons.toml:3:1: b in persons; see persons.toml:1:1: a in persons"
    );
}
