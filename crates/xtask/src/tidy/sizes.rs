//! Nothing too long to read in one go.
//!
//! Relies on rustfmt: the brace that closes an item stands alone at the indentation of the line that opened it.

use super::{Offence, Source};

const FILE_LINES_MAX: usize = 400;
const FILE_LINES_WITH_TESTS_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;

pub(super) fn check(source: &Source) -> Vec<Offence> {
    let lines: Vec<&str> = source.text.lines().collect();
    let mut offences = check_file(source, &lines);
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let length = length_of_function(&lines[start..]);
        if length > FUNCTION_LINES_MAX {
            let what = format!(
                "function `{name}` has {length} lines, at most {FUNCTION_LINES_MAX}: split it into steps with names"
            );
            offences.push(Offence::new(&source.path, start + 1, what));
        }
    }
    offences
}

fn check_file(source: &Source, lines: &[&str]) -> Vec<Offence> {
    let is_test = source.path.components().any(|part| part.as_os_str() == "tests") || source.path.ends_with("tests.rs");
    let code = if is_test { 0 } else { lines.len() - lines_of_tests(lines) };
    let what = if code > FILE_LINES_MAX {
        format!("{code} lines without tests, at most {FILE_LINES_MAX}: split it by what it is about")
    } else if lines.len() > FILE_LINES_WITH_TESTS_MAX {
        format!("{} lines, at most {FILE_LINES_WITH_TESTS_MAX}: split it by what it is about", lines.len())
    } else {
        return Vec::new();
    };
    vec![Offence::new(&source.path, 1, what)]
}

/// How many lines are in modules for tests.
fn lines_of_tests(lines: &[&str]) -> usize {
    let mut count = 0;
    let mut index = 0;
    while index < lines.len() {
        let opens = lines[index].trim() == "#[cfg(test)]"
            && lines.get(index + 1).is_some_and(|next| next.trim_start().starts_with("mod ") && next.ends_with('{'));
        let length = if opens { 1 + length_of_block(&lines[index + 1..]) } else { 0 };
        count += length;
        index += length.max(1);
    }
    count
}

/// The name, if the line begins a function.
fn function_name(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    loop {
        if let Some(after) = rest.strip_prefix("fn ") {
            return after.split(['(', '<']).next();
        }
        let (word, after) = rest.split_once(' ')?;
        let qualifies =
            matches!(word, "pub" | "const" | "async" | "unsafe" | "extern" | "\"C\"") || word.starts_with("pub(");
        if !qualifies {
            return None;
        }
        rest = after;
    }
}

/// From `fn` to the closing brace, or to the semicolon of a declaration.
fn length_of_function(lines: &[&str]) -> usize {
    let Some(first) = lines.first() else { return 0 };
    if first.ends_with(';') || first.ends_with('}') {
        return 1;
    }
    length_of_block(lines)
}

/// From an opening line to what closes it at the same indentation.
fn length_of_block(lines: &[&str]) -> usize {
    let Some(first) = lines.first() else { return 0 };
    let depth = indentation(first);
    let closes = |line: &&str| {
        let text = line.trim_start();
        // `) -> X;` ends a declaration, `) {}` an empty function; `) {` only its arguments.
        indentation(line) == depth
            && (text.starts_with('}') || (text.starts_with(')') && (text.ends_with(';') || text.ends_with('}'))))
    };
    lines.iter().skip(1).position(closes).map_or(lines.len(), |index| index + 2)
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offences(path: &str, text: String) -> Vec<Offence> {
        check(&Source { path: path.into(), text })
    }

    fn function(body_lines: usize) -> String {
        format!(
            "impl X {{\n    pub(crate) async fn long(\n        a: u8,\n    ) -> u8 {{\n{}    }}\n}}\n",
            "        a();\n".repeat(body_lines)
        )
    }

    #[test]
    fn a_function_of_seventy_lines_is_in_order_and_one_more_is_not() {
        assert!(offences("src/a.rs", function(66)).is_empty());
        let found = offences("src/a.rs", function(67));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, 2);
        assert!(found[0].what.starts_with("function `long` has 71 lines"), "{}", found[0]);
    }

    #[test]
    fn declarations_and_empty_functions_end_at_once() {
        let lines = "trait T {\n    fn a(&self);\n    fn b(\n        &self,\n    ) -> u8;\n    fn c() {}\n}\n";
        let lines: Vec<&str> = lines.lines().collect();
        assert_eq!(length_of_function(&lines[1..]), 1);
        assert_eq!(length_of_function(&lines[2..]), 3);
        assert_eq!(length_of_function(&lines[5..]), 1);
    }

    #[test]
    fn only_functions_are_functions() {
        assert_eq!(function_name("    pub const fn a<T>() {"), Some("a"));
        assert_eq!(function_name("let fn_name = 1;"), None);
        assert_eq!(function_name("// a fn in a comment"), None);
        assert_eq!(function_name("type F = fn(u8) -> u8;"), None);
    }

    #[test]
    fn a_long_file_is_an_offence_but_its_tests_count_less() {
        assert_eq!(offences("src/a.rs", "a();\n".repeat(401)).len(), 1);
        let with_tests = |tests: usize| {
            format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", "a();\n".repeat(390), "    b();\n".repeat(tests))
        };
        assert!(offences("src/a.rs", with_tests(207)).is_empty());
        assert_eq!(offences("src/a.rs", with_tests(208)).len(), 1);
        assert!(offences("tests/a.rs", "a();\n".repeat(600)).is_empty());
        assert_eq!(offences("tests/a.rs", "a();\n".repeat(601)).len(), 1);
    }
}
