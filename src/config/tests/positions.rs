//! Line and column are those that an editor shows.

use super::*;

fn place(text: &str) -> (usize, usize, String) {
    let problems = mqtt(text).unwrap_err();
    let problem = problems.iter().next().unwrap();
    let caret = problem
        .to_string()
        .lines()
        .nth(2)
        .unwrap_or_default()
        .to_owned();
    (problem.line, problem.column, caret)
}

#[test]
fn byte_order_mark_windows_lines_tabs_and_umlauts() {
    assert_eq!(place("[mqtt]\nhsot = 1\n"), (2, 1, "  | ^^^^".to_owned()));
    assert_eq!(
        place("\u{feff}[mqtt]\r\n\r\n\thsot = 1\r\n"),
        (3, 2, "  | ^^^^".to_owned())
    );
    assert_eq!(place("mqtt = { \"ü\" = 1 }").1, 10);
    assert_eq!(
        place("mqtt = { host = 'süß', port = 'x' }"),
        (1, 31, "  |                         ^^^".to_owned())
    );
    assert_eq!(place("\u{feff}mqtt.hsot = 1").1, 6);
    let error = syntax_error("\u{feff}# ä\r\n\ta = 'ö' ß\r\n");
    assert!(error.starts_with("wattbridge.toml:2:10: "), "{error}");
    assert!(error.contains("\n  | a = 'ö' ß\n  |         ^"), "{error}");
}

#[test]
fn a_tab_within_a_line_keeps_the_caret_in_place() {
    assert_eq!(
        mqtt_error("[mqtt]\n\tport\t=\t'x'\n")
            .lines()
            .skip(1)
            .collect::<Vec<_>>(),
        ["  | port = 'x'", "  |        ^^^"]
    );
}

#[test]
fn long_lines_are_cut_around_the_place() {
    let text = format!(
        "mqtt = {{ host = \"{}\", hsot = 1, username = \"{}\" }}",
        "ü".repeat(3000),
        "x".repeat(3000)
    );
    let problems = mqtt(&text).unwrap_err();
    let problem = problems.iter().next().unwrap();
    assert_eq!((problem.line, problem.column), (1, 3021));
    let line = problem.excerpt().unwrap();
    assert!(
        line.starts_with("…ü") && line.contains("ü\", hsot = 1, username"),
        "{line}"
    );
    assert!(line.chars().count() < 150);
}

#[test]
fn the_end_of_the_file() {
    let error = syntax_error("[mqtt]\nhost = '''x\n\n");
    assert!(
        error.starts_with("wattbridge.toml:4:1: the end of a text"),
        "{error}"
    );
    assert!(syntax_error("[mqtt").starts_with("wattbridge.toml:1:6: "));
}

#[test]
fn nothing_a_terminal_would_obey() {
    let error = syntax_error("a = \"\u{1b}[31m\"\n");
    assert!(error.contains("| a = \"\u{fffd}[31m\""), "{error}");
    let error = mqtt_error("[mqtt]\nport = \"\\u001b[31m\"\n\"\\u001bx\" = 1\n");
    assert!(!error.contains('\u{1b}'), "{error}");
}

#[test]
fn sections_know_their_line() {
    let file =
        parse("[[my_box]]\nhost = \"a\"\n\n[[my-box]]\nhost = \"b\"\n\n[[my_box]]\nhost = \"c\"\n");
    let lines: Vec<_> = file
        .sections("my_box")
        .iter()
        .map(super::super::Section::line)
        .collect();
    assert_eq!(lines, [1, 7, 4]);
}
