//! Sections and keys: unknown, missing, too many, in the wrong place.

use super::*;

#[test]
fn all_unknown_keys_at_once() {
    assert_eq!(
        mqtt_error(
            "[mqtt]\nhsot = \"x\"\nbanana = 5\nkeep-alive = \"5s\"\n[mqtt.tls]\nca-file = \"x\"\nmqtt_port = 1\n"
        ),
        r#"wattbridge.toml:2:1: unknown key "hsot" in [mqtt]
  | hsot = "x"
  | ^^^^
  = did you mean "host"?

wattbridge.toml:3:1: unknown key "banana" in [mqtt]
  | banana = ***
  | ^^^^^^
  = [mqtt] knows host, port, username, password, retain, keep_alive, tls

wattbridge.toml:4:1: unknown key "keep-alive" in [mqtt]
  | keep-alive = "5s"
  | ^^^^^^^^^^
  = did you mean "keep_alive"?

wattbridge.toml:6:1: unknown key "ca-file" in [mqtt.tls]
  | ca-file = "x"
  | ^^^^^^^
  = did you mean "ca_file"?

wattbridge.toml:7:1: unknown key "mqtt_port" in [mqtt.tls]
  | mqtt_port = ***
  | ^^^^^^^^^
  = [mqtt.tls] knows enabled, ca_file, version"#
    );
}

#[test]
fn tables_within_lists_and_tagged_tables() {
    assert_eq!(
        box_error(
            "[[my_box]]\nhost = \"x\"\nlink = { type = \"tcp\", adress = \"y\" }\n\
             [[my_box.panels]]\nname = \"a\"\n[[my_box.panels]]\nnmae = \"b\"\nwatts = -1\n"
        ),
        r#"wattbridge.toml:3:24: unknown key "adress" in [my_box.link]
  | link = { type = "tcp", adress = "y" }
  |                        ^^^^^^
  = did you mean "address"?

wattbridge.toml:7:1: unknown key "nmae" in [[my_box.panels]]
  | nmae = "b"
  | ^^^^
  = did you mean "name"?

wattbridge.toml:8:9: "watts" in [my_box.panels] should be a whole number, 0 or more, but is -1
  | watts = -1
  |         ^^"#
    );
    assert!(
        boxes("[[my_box]]\nhost = \"x\"\nkeys.anything = \"goes\"\nlink.type = \"none\"\n")[0]
            .is_ok()
    );
}

#[test]
fn a_missing_key_is_asked_for_once() {
    assert_eq!(
        box_error("[[my_box]]\nserial = \"x\"\n\n[[my_box]]\nhsot = \"x\"\n"),
        r#"wattbridge.toml:1:1: [[my_box]] lacks the key "host"
  | [[my_box]]
  | ^^^^^^^^^^
  = add a line that starts with host =

wattbridge.toml:5:1: unknown key "hsot" in [[my_box]]
  | hsot = "x"
  | ^^^^
  = did you mean "host"?"#
    );
}

#[test]
fn one_wrong_section_leaves_the_others_alone() {
    let read = boxes(
        "[[my_box]]\nhost = 5\n[[my_box]]\nhost = \"b\"\n[[my_box]]\n[[my_box]]\nhost = \"d\"\n",
    );
    let hosts: Vec<_> = read
        .iter()
        .map(|read| read.as_ref().ok().map(|read| read.host.as_str()))
        .collect();
    assert_eq!(hosts, [None, Some("b"), None, Some("d")]);
    assert_eq!(boxes("[my_box]\nhost = \"a\"\n").len(), 1);
    assert_eq!(boxes("[my-box]\nhost = \"a\"\n").len(), 1);
    assert!(boxes("[other]\n").is_empty());
}

#[test]
fn single_sections() {
    assert_eq!(mqtt("").unwrap().host, "localhost");
    assert_eq!(
        mqtt_error("[[mqtt]]\nhost = \"a\"\n[[mqtt]]\nhost = \"b\"\n"),
        "wattbridge.toml:3:1: there can be only one [mqtt]\n  | [[mqtt]]\n  | ^^^^^^^^\n  \
         = move the keys together under the first one"
    );
    assert_eq!(
        mqtt_error("[[mqtt]]\nhost = \"a\"\n"),
        "wattbridge.toml:1:1: [[mqtt]] is a single section\n  | [[mqtt]]\n  | ^^^^^^^^\n  \
         = write its name in single brackets"
    );
    assert_eq!(
        mqtt_error("mqtt = \"broker\"\n"),
        "wattbridge.toml:1:8: \"mqtt\" should be a section of its own\n  | mqtt = ***\n  |        ^^^\n  \
         = write [mqtt] on one line and its keys on the lines below"
    );
}

#[test]
fn sections_that_nobody_knows() {
    let file =
        parse("host = \"x\"\nlog = 5\nmqqt.host = 1\n[[mybox]]\n[[mybox]]\n[zebra]\n[my-box]\n");
    assert_eq!(
        file.unknown_sections(&["mqtt", "my_box", "logs"])
            .to_string(),
        r#"wattbridge.toml:1:1: "host" stands outside of every section
  | host = ***
  | ^^^^
  = put it below the [section] it belongs to

wattbridge.toml:2:1: unknown name "log"
  | log = ***
  | ^^^
  = did you mean the section [logs]?

wattbridge.toml:3:1: unknown section [mqqt]
  | mqqt.host = ***
  | ^^^^
  = did you mean [mqtt]?

wattbridge.toml:4:3: unknown section [[mybox]]
  | [[mybox]]
  |   ^^^^^
  = did you mean [[my_box]]?

wattbridge.toml:6:2: unknown section [zebra]
  | [zebra]
  |  ^^^^^
  = known sections: mqtt, my_box, logs"#
    );
    assert!(
        parse("[mqtt]\n[[my-box]]\n")
            .unknown_sections(&["mqtt", "my_box"])
            .is_empty()
    );
}

#[test]
fn problems_are_values() {
    let problems = parse("[a]\n[b]\n").unknown_sections(&["mqtt"]);
    assert_eq!(problems.len(), 2);
    let first = problems.iter().next().unwrap();
    assert_eq!(
        (first.file.as_str(), first.key.as_str()),
        ("wattbridge.toml", "a")
    );
    let twice = problems.clone().merge(problems);
    assert_eq!(
        twice
            .into_iter()
            .map(|problem| problem.line)
            .collect::<Vec<_>>(),
        [1, 2, 1, 2]
    );
}
