//! A file as it goes out and comes back.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::*;
use crate::config::{File, Problems, Secret};

#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Broker {
    host: Option<String>,
    port: Option<u16>,
    username: Option<String>,
    password: Option<Secret>,
    base_topic: Option<String>,
    tls: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Meter {
    port: Option<String>,
    name: Option<String>,
    interval: Option<String>,
    key: Option<Secret>,
    keys: BTreeMap<String, Secret>,
    sessions: BTreeMap<String, Secret>,
    command: Vec<String>,
}

#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Place {
    path: Option<String>,
}

fn kinds() -> SectionKinds {
    let kind = |name, schema, can_be_left_out| SectionKind {
        name,
        others: &[],
        schema,
        can_be_left_out,
    };
    SectionKinds(vec![
        kind("mqtt", schemars::schema_for!(Broker), false),
        kind("store", schemars::schema_for!(Place), false),
        kind("solarview", schemars::schema_for!(Place), false),
        kind("web", schemars::schema_for!(Broker), false),
        SectionKind {
            others: &["smart"],
            ..kind("smart_meter", schemars::schema_for!(Meter), true)
        },
        kind("text", schemars::schema_for!(Meter), true),
    ])
}

fn hide(text: &str) -> Hidden {
    Hidden::of(text, &kinds(), &BTreeSet::new())
}

const GATE: Gate<'static> = Gate {
    keys: &[
        GatedKey {
            section: "web",
            key: "",
            hold: Hold::All,
        },
        GatedKey {
            section: "store",
            key: "path",
            hold: Hold::All,
        },
        GatedKey {
            section: "solarview",
            key: "path",
            hold: Hold::NothingNew,
        },
        GatedKey {
            section: "text",
            key: "command",
            hold: Hold::NothingNew,
        },
    ],
    fed: &[],
};

/// What becomes of a text that comes back.
fn back(old: &str, edited: &str, gate: &Gate<'_>) -> Result<String, Problems> {
    let hidden = hide(old);
    let restored = Restored::of(edited, &hidden, &kinds(), "wattbridge.toml")?;
    let refused = gate.refused(&hidden, &restored, &kinds());
    if refused.is_empty() {
        Ok(restored.text)
    } else {
        Err(refused)
    }
}

const KEY: &str = "00112233445566778899AABBCCDDEEFF";

fn whole() -> String {
    format!(
        "# Mine\n[mqtt]\nhost = \"192.0.2.1\" # the broker\nusername = \"roof\"\npassword = \"hunter2\" # hunter2, yes\n\
         #password = \"older-word\"\n\n[[smart_meter]]\nport = \"/dev/ttyUSB0\"\nkeys = {{ \"7F19\" = '{KEY}', b = \"\"\"\n\
         {KEY}\"\"\" }}\nsessions.a = \"secret-session\"\n\n[[smart_meter]]\nkey = \"word-of-two\"\n"
    )
}

#[test]
fn secrets_are_not_shown_and_all_else_is() {
    let shown = hide(&whole()).text;
    assert_eq!(
        shown,
        "# Mine\n[mqtt]\nhost = \"192.0.2.1\" # the broker\nusername = \"roof\"\npassword = \"kept-1\" # kept-2\n\
         #password = \"kept-3\"\n\n[[smart_meter]]\nport = \"/dev/ttyUSB0\"\nkeys = { \"7F19\" = \"kept-4\", b = \"kept-5\" }\n\
         sessions.a = \"kept-6\"\n\n[[smart_meter]]\nkey = \"kept-7\"\n"
    );
}

#[test]
fn what_was_not_touched_comes_back_as_it_was() {
    let old = whole();
    let shown = hide(&old).text;
    assert_eq!(back(&old, &shown, &GATE).unwrap(), old);
    // Other lines may change, and sections may move.
    let (broker, meters) = shown.split_once("[[smart").unwrap();
    let moved = format!("[[smart{meters}\n{broker}").replace("roof", "cellar");
    let meant = back(&old, &moved, &GATE).unwrap();
    assert!(
        meant.contains("\"hunter2\"") && meant.contains("cellar") && !meant.contains("kept-"),
        "{meant}"
    );
    // A secret is replaced by writing another one.
    let other = back(&old, &shown.replace("\"kept-1\"", "\"new\""), &GATE).unwrap();
    assert!(other.contains("password = \"new\" # hunter2"), "{other}");
}

#[test]
fn a_secret_goes_to_its_own_key_only() {
    let old = whole();
    let shown = hide(&old).text;
    for (from, to, words) in [
        ("\"roof\"", "\"kept-1\"", "only for that"),
        ("\"192.0.2.1\"", "\"kept-1\"", "only for that"),
        ("\"192.0.2.1\"", "\"k\\u0065pt-1\"", "only for that"),
        ("\"192.0.2.1\"", "'kept-1'", "only for that"),
        ("\"192.0.2.1\"", "\"\"\"\nkept-1\"\"\"", "only for that"),
        ("\"/dev/ttyUSB0\"", "\"kept-4\"", "only for that"),
        ("\"/dev/ttyUSB0\"", "\"kept-2\"", "words of a remark"),
        ("\"/dev/ttyUSB0\"", "\"tcp://kept-1:1\"", "a whole secret"),
        ("\"/dev/ttyUSB0\"", "\"kept-99\"", "stands for nothing"),
        (
            "\"7F19\" = \"kept-4\"",
            "\"7F20\" = \"kept-4\"",
            "only for that",
        ),
        (
            "\"7F19\" = \"kept-4\"",
            "\"kept-4\" = \"x\"",
            "only for that",
        ),
        ("b = \"kept-5\"", "b = \"kept-7\"", "only for that"),
        (
            "[mqtt]",
            "[mqtt]\nbase_topic = [\"kept-1\"]",
            "only for that",
        ),
        (
            "[mqtt]",
            "[mqtt.password]\nname = \"kept-1\"\n[mqtt2]",
            "only for that",
        ),
        ("[[smart_meter]]\nkey", "[[text]]\nkey", "only for that"),
        (
            "[[smart_meter]]\nkey =",
            "[[smart_meter]]\nname =",
            "only for that",
        ),
        ("# Mine", "# kept-1", "a remark"),
        ("# Mine", "# it was kept-2", "a remark"),
        ("#password = \"kept-3\"", "#topic = \"kept-3\"", "a remark"),
        // The broker is another one now.
        ("\"192.0.2.1\"", "\"192.0.2.66\"", "another one"),
        ("host = \"192.0.2.1\"", "", "another one"),
        ("[mqtt]", "[mqtt]\nport = 1884", "another one"),
        (
            "[mqtt]",
            "[mqtt]\ntls.ca_file = \"/tmp/own.pem\"",
            "another one",
        ),
    ] {
        let edited = shown.replacen(from, to, 1);
        assert_ne!(edited, shown, "{from}");
        let refused = back(&old, &edited, &GATE).unwrap_err();
        let told = refused.to_string();
        assert!(told.contains(words), "{from} {to}: {told}");
        for secret in [
            "hunter2",
            KEY,
            "word-of-two",
            "older-word",
            "secret-session",
        ] {
            assert!(!told.contains(secret), "{told}");
        }
    }
    // Written otherwise, it is still the same key.
    for (from, to) in [
        ("sessions.a = \"kept-6\"", "sessions = { \"a\" = 'kept-6' }"),
        (
            "[[smart_meter]]\nkey = \"kept-7\"",
            "[[smart]]\n\"key\" = \"\"\"kept-7\"\"\"",
        ),
        (
            "[[smart_meter]]\nkey = \"kept-7\"",
            "[[smart-meter]]\nkey = [\"kept-7\"]",
        ),
    ] {
        let edited = shown.replacen(from, to, 1);
        assert_ne!(edited, shown, "{from}");
        let meant = back(&old, &edited, &GATE).unwrap();
        assert!(
            meant.contains("word-of-two") && meant.contains("secret-session"),
            "{meant}"
        );
    }
    // The same broker, a new password.
    let edited = shown
        .replace("192.0.2.1", "192.0.2.66")
        .replace("\"kept-1\"", "\"theirs\"");
    assert!(back(&old, &edited, &GATE).is_ok());
}

#[test]
fn a_user_may_have_such_words_too() {
    let old = "[[smart_meter]]\nname = \"kept-1\" # kept-3\nkey = \"word\"\n";
    let hidden = hide(old);
    assert_eq!(
        hidden.text,
        "[[smart_meter]]\nname = \"kept-1\" # kept-3\nkey = \"kept-2\"\n"
    );
    assert_eq!(back(old, &hidden.text, &GATE).unwrap(), old);
}

#[test]
fn the_gate_is_held_however_it_is_written() {
    let old = "[store]\npath = \"/var/a.db\"\n[web]\nhost = \"x\"\n[[text]]\ncommand = [\"/bin/a\", \"b\"]\n[[text]]\nport = \"c\"\n";
    for (from, to, line, words) in [
        ("/var/a.db", "/etc/passwd", 2, "\"path\" in [store]"),
        ("path = \"/var/a.db\"", "", 1, "\"path\" in [store]"),
        (
            "[store]",
            "[solarview]\npath = \"/etc/cron.d/a\"\n[store]",
            2,
            "\"path\" in [solarview]",
        ),
        (
            "[store]",
            "solarview.\"path\" = \"/etc/cron.d/a\"\n[store]",
            1,
            "\"path\" in [solarview]",
        ),
        (
            "[store]",
            "solarview = { path = '''/etc/cron.d/a''' }\n[store]",
            1,
            "\"path\" in [solarview]",
        ),
        ("host = \"x\"", "host = \"y\"", 3, "the section [web]"),
        (
            "host = \"x\"",
            "host = \"x\"\nport = 1",
            3,
            "the section [web]",
        ),
        ("[web]\nhost = \"x\"", "", 0, "the section [web]"),
        (
            "\"/bin/a\", \"b\"",
            "\"/bin/a\", \"c\"",
            6,
            "\"command\" in [text]",
        ),
        (
            "\"/bin/a\", \"b\"",
            "\"/bin/a\"",
            6,
            "\"command\" in [text]",
        ),
        (
            "port = \"c\"",
            "command = [\"/bin/sh\"]",
            8,
            "\"command\" in [text]",
        ),
        (
            "port = \"c\"",
            "\"\\u0063ommand\" = [\"/bin/sh\"]",
            8,
            "\"command\" in [text]",
        ),
        // Once is not twice.
        (
            "port = \"c\"",
            "command = [\"/bin/a\", \"b\"]",
            8,
            "\"command\" in [text]",
        ),
        (
            "[[text]]\nport = \"c\"",
            "[[\"text\"]]\ncommand = [\"/bin/sh\"]",
            8,
            "\"command\" in [text]",
        ),
        (
            "[[text]]\nport = \"c\"",
            "[[smart_meter]]\nkey = { file = \"/etc/shadow\" }",
            8,
            "comes from",
        ),
        (
            "[[text]]\nport = \"c\"",
            "[smart_meter.key]\nenv = \"PASS_WORD\"\n",
            8,
            "comes from",
        ),
        (
            "[[text]]\nport = \"c\"",
            "[[smart_meter]]\nkeys = { a = { credential = \"a-b\" } }",
            8,
            "comes from",
        ),
        (
            "[store]",
            "[mqtt]\npassword.file = \"/etc/shadow\"\n[store]",
            2,
            "comes from",
        ),
    ] {
        let edited = old.replacen(from, to, 1);
        assert_ne!(edited, old, "{from}");
        let told = back(old, &edited, &GATE);
        // A line that cannot stand there at all is refused otherwise.
        let Err(told) = told else {
            panic!("{from} {to}")
        };
        if told.to_string().contains("is already there") {
            continue;
        }
        let first = told.iter().next().unwrap();
        assert!(first.what.contains(words), "{to}: {told}");
        assert_eq!(
            (first.line, first.hint.as_str()),
            (line, "change it in the file itself"),
            "{to}: {told}"
        );
    }
    // What only looks otherwise is the same.
    for (from, to) in [
        (
            "[store]\npath = \"/var/a.db\"",
            "store = { \"path\" = '/var/a.db' }",
        ),
        (
            "[\"/bin/a\", \"b\"]",
            "[\n  '/bin/a', # a\n  \"\\u0062\",\n]",
        ),
        (
            "[web]\nhost = \"x\"",
            "# [web]\n[web] # the page\n\"host\" = \"x\" # mine",
        ),
        // A device may go, with its program.
        ("[[text]]\ncommand = [\"/bin/a\", \"b\"]\n", ""),
        (
            "[[text]]\ncommand = [\"/bin/a\", \"b\"]\n[[text]]\nport = \"c\"\n",
            "[[text]]\nport = \"c\"\n[[text]]\ncommand = [\"/bin/a\", \"b\"]\n",
        ),
    ] {
        let edited = old.replacen(from, to, 1);
        assert_ne!(edited, old, "{from}");
        back(old, &edited, &GATE).unwrap();
    }
}

#[test]
fn a_secret_from_elsewhere_is_not_sent_to_somebody_else() {
    let folder = tempfile::tempdir().unwrap();
    let word = folder.path().join("word").display().to_string();
    let old = format!("[mqtt]\nhost = \"a\"\npassword = {{ file = \"{word}\" }}\n");
    let hidden = hide(&old);
    assert_eq!(hidden.text, old, "where a secret is may be shown");
    let told = back(&old, &old.replace("\"a\"", "\"evil\""), &GATE).unwrap_err();
    assert!(told.to_string().contains("comes from"), "{told}");
    back(
        &old,
        &old.replace("[mqtt]", "[mqtt]\nusername = \"u\""),
        &GATE,
    )
    .unwrap();
    // It is in no file, but in a variable.
    let fed = Gate {
        fed: &["mqtt"],
        ..GATE
    };
    let told = back("[mqtt]\nhost = \"a\"\n", "[mqtt]\nhost = \"evil\"\n", &fed).unwrap_err();
    assert!(
        told.to_string().contains("change it in the file itself"),
        "{told}"
    );
    back(
        "[mqtt]\nhost = \"a\"\n",
        "[mqtt]\nhost = \"a\"\nusername = \"u\"\n",
        &fed,
    )
    .unwrap();
    // A secret in place of its place.
    let hidden = hide("[mqtt]\npassword = { env = \"hunter2\" }\n");
    assert_eq!(hidden.text, "[mqtt]\npassword = { env = \"kept-1\" }\n");
    assert!(
        back(
            "[mqtt]\npassword = { env = \"hunter2\" }\n",
            &hidden.text,
            &GATE
        )
        .is_ok()
    );
}

#[test]
fn nobody_reads_secrets_where_somebody_mistyped() {
    for text in [
        "[mqtt]\npasswrod = \"hunter2\"\n",
        "[mqqt]\npassword = \"hunter2\"\n",
        "[elsewhere]\nword = \"hunter2\"\n",
        "word = \"hunter2\"\n",
        "[mqtt]\nmot = \"hunter2\"\n",
        "[mqtt]\nhost = \"mqtt://u:hunter2@a\"\n",
        "[mqtt]\npassword = [\"hunter2\"]\n",
        "[mqtt]\npassword = { fle = \"hunter2\" }\n",
        "[mqtt]\npassword = { hunter2 = 5 }\n",
        "# the password is hunter2\n[mqtt]\n",
        "# the password:\n# hunter2\n[mqtt]\n",
        "[mqtt]\nhost = \"a\" # password hunter2\n",
        "#[mqtt]\n#password = \"hunter2\" # x\n",
        "#password = [\n#  \"hunter2\",\n#]\n",
        "#password = '''\n#a = \"hunter2\"\n#'''\n",
        "[mqtt]\npassword = \"hunter2\"\n[[smart_meter]]\n# not hunter2\n",
        // No TOML at all.
        "[mqtt]\npassword = \"hunter2\n",
        "[mqtt]\npassword = hunter2\n",
        "[mqtt]\npassword = \"hunter2\" oops\n",
        "[mqtt]\npassword = \"x\npassword = \"hunter2\"\n",
        "[mqtt]\npassword =\n\"hunter2\"\n",
        "[mqtt]\npassword =\n\n\"hunter2\"\n",
        "[mqtt]\npassword \"hunter2\"\n",
        "[mqtt]\npassword: hunter2\n",
        "[mqtt\npassword = \"hunter2\"\n",
        "[mqtt]\npassword = '''\na = 1\nhunter2 = 5\n",
        "[mqtt]\npassword = [\n\"a\",\n\"hunter2\"\n",
        "[mqtt]\n= 5\n# password hunter2\n",
        "= 5\n[smart_meter.keys]\na = \"hunter2\"\n",
        "= 5\n[smart_meter.keys]\na = hunter2\n",
        "= 5\n[[smart_meter]]\nkeys = {\n  a = \"hunter2\",\n  b = \"hunter2\"\n}\n",
        "= 5\n[mqtt]\npassword = \"hunter2\" # hunter2\n",
    ] {
        let hidden = hide(text);
        assert!(!hidden.text.contains("hunter2"), "{text}\n{}", hidden.text);
        assert!(hidden.text.contains("kept-"), "{text}\n{}", hidden.text);
        assert!(!format!("{hidden:?}").contains("hunter2"));
    }
    for text in [
        format!("[[smart_meter]]\nname = \"{KEY}\"\n"),
        format!("[[smart_meter]]\nkeys.{KEY} = \"a\"\n"),
        format!("[[smart_meter]]\nkeys.\"{KEY}\".file = \"a\"\n"),
        format!("# {KEY}\n"),
        format!("= 5\n# {KEY}\n"),
        format!("= 5\n[[smart_meter]]\nname = {KEY}\n"),
        format!("= 5\n{KEY}\n"),
    ] {
        let hidden = hide(&text);
        assert!(!hidden.text.contains(KEY), "{text}\n{}", hidden.text);
    }
}

#[test]
fn what_we_write_ourselves_is_shown() {
    let text = "# Passwords and keys come to stand in here.\n#password = \"...\"\n# my password\n";
    let public = [
        "Passwords and keys come to stand in here.",
        "password = \"...\"",
    ];
    let public = public.map(str::to_owned).into_iter().collect();
    let hidden = Hidden::of(text, &kinds(), &public);
    assert_eq!(
        hidden.text,
        "# Passwords and keys come to stand in here.\n#password = \"...\"\n# kept-1\n"
    );
}

#[test]
fn a_broken_file_can_be_mended_and_keeps_its_secrets() {
    let old = "[mqtt]\nhost = \"a\"\npassword = \"hunter2\"\n[[smart_meter]]\nport = /dev/ttyUSB0\nkey = \"other\"\n";
    let hidden = hide(old);
    assert_eq!(
        hidden.text,
        "[mqtt]\nhost = \"a\"\npassword = \"kept-1\"\n[[smart_meter]]\nport = /dev/ttyUSB0\nkey = \"kept-2\"\n"
    );
    let mended = hidden.text.replace("/dev/ttyUSB0", "\"/dev/ttyUSB0\"");
    assert_eq!(
        back(old, &mended, &GATE).unwrap(),
        old.replace("/dev/ttyUSB0", "\"/dev/ttyUSB0\"")
    );
    let evil = mended.replace("\"a\"", "\"b\"");
    assert!(back(old, &evil, &GATE).is_err());
    // What was not understood has to be written anew.
    let old = "[mqtt]\npassword = \"hunter2\n";
    let hidden = hide(old);
    assert_eq!(hidden.text, "[mqtt]\npassword = \"kept-1\"\n");
    let told = back(old, &hidden.text, &GATE).unwrap_err();
    assert!(told.to_string().contains("write it anew"), "{told}");
    back(old, &hidden.text.replace("kept-1", "hunter2"), &GATE).unwrap();
    // A gate that cannot be seen is shut.
    let old = "[web]\nhost = \"a\"\nport = [\n[store]\npath = \"/a\"\n";
    let told = back(old, "[web]\nhost = \"b\"\n[store]\npath = \"/a\"\n", &GATE).unwrap_err();
    assert!(told.to_string().contains("the section [web]"), "{told}");
}

#[test]
fn a_section_counts_only_if_all_of_it_is_understood() {
    let part = |text: &str| part_of(text, "web", &kinds());
    let web = "[web]\nhost = \"a\"\npassword = \"b\"\n";
    for good in [
        format!("{web}[mqtt]\nport = \n"),
        format!("[mqtt]\npassword = \"\n{web}"),
        format!("\u{feff}[mqtt]\r\nport = x\r\n{web}"),
    ] {
        let text = part(&good).unwrap();
        let web = File::parse(&text, "").unwrap().sections("web").remove(0);
        assert_eq!(web.read::<Broker>().unwrap().host.as_deref(), Some("a"));
        assert!(web.read::<Broker>().unwrap().password.is_some());
    }
    for bad in [
        format!("{web}port = \n"),
        format!("{web}password = \"\n"),
        format!("[mqtt\n{web}"),
        "[mqtt]\n[web\npassword = \"a\"\n".to_owned(),
        format!("[mqtt]\npassword = \"\"\"\n{web}"),
        format!("port = \n{web}"),
        "[web]\nhost = \"a\"\n[web.tls]\na = \n".to_owned(),
    ] {
        assert_eq!(part(&bad), None, "{bad}");
    }
}

#[test]
fn places_are_those_of_the_edited_text() {
    let old = format!("[[smart_meter]]\nkey = \"\"\"\n\n{KEY}\"\"\"\nbaut = 1\n");
    let hidden = hide(&old);
    let restored = Restored::of(&hidden.text, &hidden, &kinds(), "f").unwrap();
    assert_eq!(restored.text, old);
    let file = File::parse(&restored.text, "f").unwrap();
    let section = file.sections("smart_meter").remove(0);
    let told = section.read::<super::tests::Sectioned>().unwrap_err();
    let problem = restored.as_edited(told.iter().next().unwrap().clone());
    assert_eq!((problem.line, problem.column), (3, 1), "{problem}");
}

/// What would mend a mistake stands beside it.
#[test]
fn what_is_only_a_slip_can_be_mended() {
    let mend = |text: &str| {
        let file = File::parse(text, "f").unwrap();
        let problems = match file.sections("smart_meter").first() {
            Some(section) => section.read::<Sectioned>().unwrap_err(),
            None => file.unknown_sections(&["smart_meter"]),
        };
        let problem = problems.iter().next().unwrap().clone();
        let fix = problem.fix.clone()?;
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let line: Vec<char> = lines[problem.line - 1].chars().collect();
        let (before, rest) = line.split_at(problem.column - 1);
        let after = &rest[fix.length..];
        let line = before
            .iter()
            .copied()
            .chain(fix.text.chars())
            .chain(after.iter().copied());
        lines[problem.line - 1] = line.collect();
        Some(lines.join("\n"))
    };
    for (wrong, right) in [
        (
            "[[smart_meter]]\n\"buad\" = 1",
            Some("[[smart_meter]]\nbaud = 1"),
        ),
        (
            "[[smart_meter]] # ü\nbaud = \"9600\" # ü",
            Some("[[smart_meter]] # ü\nbaud = 9600 # ü"),
        ),
        ("[[smart_metre]]\n", Some("[[smart_meter]]")),
        (
            "[[smart_meter]]\nport = 'onee'",
            Some("[[smart_meter]]\nport = \"one\""),
        ),
        (
            "[[smart_meter]]\nkye = \"secret\"",
            Some("[[smart_meter]]\nkey = \"secret\""),
        ),
        ("[[smart_meter]]\nelsewhere = 1", None),
        ("[[smart_meter]]\nkey = 5", None),
    ] {
        assert_eq!(mend(wrong).as_deref(), right, "{wrong}");
    }
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Port {
    One,
    Other,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct Sectioned {
    port: Option<Port>,
    baud: Option<u32>,
    key: Option<Secret>,
}

impl crate::config::Settings for Sectioned {}

impl crate::config::Settings for Broker {}

#[test]
fn sections_are_left_out_with_all_that_is_theirs() {
    let text = "# head\n[[text]] # one\nport = \"a\"\n\n# of two\n[[text]]\nport = '''\n# b\n'''\n[mqtt]\nhost = \"c\"\n\
                [[smart_meter]]\n[smart_meter.keys]\na = \"b\"\n\n# end\n";
    let extents = Extents::of(text, &kinds()).unwrap();
    let owner = |line| {
        let mut problem = crate::config::Problem::new("", "", "");
        (problem.line, problem.column) = (line, 1);
        extents
            .owner(&problem)
            .map(|(index, label, can)| (index, label.to_owned(), can))
    };
    assert_eq!(owner(1), None);
    assert_eq!(owner(3), Some((0, "[[text]]".to_owned(), true)));
    assert_eq!(owner(8), Some((1, "[[text]]".to_owned(), true)));
    assert_eq!(owner(11), Some((2, "[mqtt]".to_owned(), false)));
    assert_eq!(owner(14), Some((3, "[[smart_meter]]".to_owned(), true)));
    let left = extents.without(&[1, 3]);
    assert_eq!(
        left,
        "# head\n[[text]] # one\nport = \"a\"\n\n# of two\n#[[text]]\n#port = '''\n## b\n#'''\n[mqtt]\nhost = \"c\"\n\
         #[[smart_meter]]\n#[smart_meter.keys]\n#a = \"b\"\n\n# end\n"
    );
    assert_eq!(File::parse(&left, "").unwrap().tops.len(), 2);
    assert_eq!(extents.labels(&[1, 3]), ["[[text]]", "[[smart_meter]]"]);
    // Sections on one line cannot be told apart by lines.
    let inline = Extents::of("text = [{ port = 1 }, { port = 2 }]\n", &kinds()).unwrap();
    let mut problem = crate::config::Problem::new("", "", "");
    (problem.line, problem.column) = (1, 25);
    assert_eq!(inline.owner(&problem), Some((1, "[[text]]", false)));
    assert_eq!(
        inline.without(&[1]),
        "text = [{ port = 1 }, { port = 2 }]\n"
    );
}

#[test]
fn ends_of_lines_and_the_mark_stay() {
    for text in [
        "a\r\nb\r\n",
        "\u{feff}a\nb",
        "a\nb\n",
        "\u{feff}a\r\n",
        "a",
        "",
    ] {
        assert_eq!(Layout::of(text).dress(&Layout::plain(text)), text);
    }
}

/// A value in every way that TOML knows.
fn written(value: &str, way: u8) -> String {
    match way % 4 {
        0 => format!("\"{value}\""),
        1 => format!("'{value}'"),
        2 => format!("\"\"\"\n{value}\"\"\""),
        _ => format!("'''{value}'''"),
    }
}

proptest! {
    /// Whatever is made of the shown text, no secret gets to a key that is none.
    #[test]
    fn no_secret_moves(
        ways in proptest::collection::vec(any::<u8>(), 4),
        number in 1_usize..5,
        at in 0_usize..8,
        way in any::<u8>(),
    ) {
        let words = ["alpha-word", "beta-word", "gamma-word"];
        let old = format!(
            "[mqtt]\nhost = \"h\"\npassword = {}\n[[smart_meter]]\nname = \"n\"\nkey = {}\n[[text]]\nkey = {}\n",
            written(words[0], ways[0]), written(words[1], ways[1]), written(words[2], ways[2]),
        );
        let hidden = hide(&old);
        for word in words {
            prop_assert!(!hidden.text.contains(word));
        }
        prop_assert_eq!(&back(&old, &hidden.text, &GATE).unwrap(), &old);
        let put = written(&format!("kept-{number}"), way);
        let mut lines: Vec<String> = hidden.text.lines().map(str::to_owned).collect();
        let line = match at {
            0 => format!("name = {put}"),
            1 => format!("base_topic = {put}"),
            2 => format!("[{{ name = {put} }}]"),
            3 => format!("\"pass\\u0077ord\".name = {put}"),
            4 => format!("port = {put}"),
            5 => format!("# {put}"),
            6 => format!("keys.a = {put}"),
            _ => format!("username = {put}"),
        };
        for index in 1..=lines.len() {
            lines.insert(index, line.clone());
            let edited = lines.join("\n");
            if let Ok(text) = back(&old, &edited, &GATE) {
                // Only where it is a remark of the user that says so much.
                for word in words {
                    prop_assert_eq!(text.matches(word).count(), 1, "{}", text);
                }
            }
            lines.remove(index);
        }
    }

    /// No text makes it fall over, and what comes back unchanged is what went out.
    #[test]
    fn any_text_goes_and_comes(text in "(\\[mqtt\\]\n|\\[\\[text\\]\\]\n|password = |key = |\"[a-z#\\\\']{0,5}\"|'''|\"\"\"|# [a-z =\"]{0,9}|\n|[=\\[\\]{},.a-z# ]|kept-[0-9]){0,25}") {
        let hidden = hide(&text);
        let _ = Extents::of(&text, &kinds());
        if File::parse(&text, "").is_ok() {
            let restored = Restored::of(&hidden.text, &hidden, &kinds(), "");
            prop_assert_eq!(restored.map(|it| it.text).map_err(|e| e.to_string()), Ok(text));
        }
    }
}

#[test]
fn a_table_where_a_text_belongs_is_perhaps_a_secret() {
    for text in [
        "[mqtt]\nusername = { value = \"planted\" }\n",
        "[mqtt]\nusername.value = \"planted\"\n",
        "[mqtt.username]\nvalue = \"planted\"\n",
        "[mqtt]\nbase_topic = { x = { y = [\"planted\"] } }\n",
        "[[text]]\nname = { password = \"a\", z = \"planted\" }\n",
    ] {
        let hidden = Hidden::of(text, &kinds(), &BTreeSet::new());
        assert!(!hidden.text.contains("planted"), "{}", hidden.text);
        let back = Restored::of(&hidden.text, &hidden, &kinds(), "f").unwrap();
        assert_eq!(back.text, text);
    }
    let plain = "[mqtt]\ntls = { ca = \"shown\" }\nusername = \"shown\"\n";
    assert_eq!(Hidden::of(plain, &kinds(), &BTreeSet::new()).text, plain);
}
