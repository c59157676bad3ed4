//! Values of the wrong type, out of range, or against a rule of the section.

use super::*;

#[test]
fn several_in_one_section() {
    assert_eq!(
        mqtt_error(
            "[mqtt]\nport = \"abc\"\nretain = \"yes\"\nkeep_alive = 30\nusername = 5\n\
             [mqtt.tls]\nenabled = 1\nversion = \"modren\"\n"
        ),
        r#"wattbridge.toml:2:8: "port" in [mqtt] should be a whole number from 0 to 65535, but is the text "abc"
  | port = "abc"
  |        ^^^^^

wattbridge.toml:3:10: "retain" in [mqtt] should be true or false, but is the text "yes"
  | retain = "yes"
  |          ^^^^^
  = write retain = true, without quotes

wattbridge.toml:4:14: "keep_alive" in [mqtt]: 30 has no unit
  | keep_alive = 30
  |              ^^
  = write "30s" for seconds or "30m" for minutes

wattbridge.toml:5:12: "username" in [mqtt] should be a text in quotes, but is 5
  | username = 5
  |            ^
  = write username = "5", with quotes

wattbridge.toml:7:11: "enabled" in [mqtt.tls] should be true or false, but is 1
  | enabled = 1
  |           ^
  = write enabled = true

wattbridge.toml:8:11: "version" in [mqtt.tls] should be "any" or "modern", but is the text "modren"
  | version = "modren"
  |           ^^^^^^^^
  = did you mean "modern"?"#
    );
}

/// The first line of the message and its hint, without the place.
fn value(key: &str, value: &str) -> (String, String) {
    let problems = mqtt(&format!("[mqtt]\n{key} = {value}\n")).unwrap_err();
    let problem = problems.iter().next().unwrap();
    assert_eq!(
        (problem.line, problem.key.as_str()),
        (2, format!("mqtt.{key}").as_str())
    );
    (problem.what.clone(), problem.hint.clone())
}

#[test]
fn numbers() {
    let port = "\"port\" in [mqtt] should be a whole number from 0 to 65535, but is";
    let huge = "9".repeat(60);
    for (written, found, hint) in [
        ("70000", "70000", ""),
        ("-1", "-1", ""),
        (huge.as_str(), "a number with far too many digits", ""),
        ("1883.0", "1883", "write port = 1883"),
        ("0.5", "0.5", ""),
        (
            "\"1883\"",
            "the text \"1883\"",
            "write port = 1883, without quotes",
        ),
        ("[1883]", "a list", ""),
        ("{ a = 1 }", "a table", ""),
        ("2024-01-01", "the date 2024-01-01", ""),
        ("true", "true", ""),
    ] {
        assert_eq!(
            value("port", written),
            (format!("{port} {found}"), hint.to_owned())
        );
    }
}

#[test]
fn texts_and_tables() {
    // A date needs no quotes where a text is wanted.
    assert_eq!(
        mqtt("[mqtt]\nhost = 2024-01-01\n").unwrap().host,
        "2024-01-01"
    );
    assert_eq!(
        value("tls", "5").0,
        "\"tls\" in [mqtt] should be a table, but is 5"
    );
    assert_eq!(
        value("keep_alive", "\"soon\""),
        (
            "\"keep_alive\" in [mqtt]: \"soon\" is not a length of time (expected number at 0)"
                .to_owned(),
            "write it like \"30s\", \"5m\" or \"1h 30m\"".to_owned()
        )
    );
    assert_eq!(
        value("keep_alive", "true").0,
        "\"keep_alive\" in [mqtt] should be a length of time such as \"30s\", \"5m\" or \"1h 30m\", but is true"
    );
}

#[test]
fn entries_of_a_list() {
    assert_eq!(
        box_error("[[my_box]]\nhost = \"x\"\npeers = [\n  \"a\",\n  5,\n]\n"),
        "wattbridge.toml:5:3: entry 2 of \"peers\" in [[my_box]] should be a text in quotes, but is 5\n  \
         | 5,\n  | ^\n  = write \"5\", with quotes"
    );
    assert_eq!(
        box_error("[[my_box]]\nhost = \"x\"\npeers = \"a\"\n"),
        "wattbridge.toml:3:9: \"peers\" in [[my_box]] should be a list in square brackets, but is the text \"a\"\n  \
         | peers = \"a\"\n  |         ^^^\n  = write peers = [\"a\"]"
    );
}

#[test]
fn rules_of_the_section() {
    assert_eq!(
        mqtt_error("[mqtt]\nhost = \"\"\n[mqtt.tls]\nenabled = true\n"),
        "wattbridge.toml:2:1: \"host\" in [mqtt]: the address is empty\n  | host = \"\"\n  | ^^^^\n  \
         = write the broker's name or address\n\n\
         wattbridge.toml:3:7: \"ca_file\" in [mqtt.tls]: port 1883 has no encryption\n  \
         | [mqtt.tls]\n  |       ^^^\n  = use port 8883"
    );
}

#[test]
fn rules_that_span_sections() {
    let sections = parse("[[my_box]]\nhost = \"a\"\n[[my_box]]\nhost = \"a\"\n").sections("my_box");
    assert_eq!(
        sections[1]
            .problem::<Box>("host", "the same address as in line 1", "remove one")
            .to_string(),
        "wattbridge.toml:4:1: \"host\" in [[my_box]]: the same address as in line 1\n  \
         | host = \"a\"\n  | ^^^^\n  = remove one"
    );
}
