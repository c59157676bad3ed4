//! Keys that a section has in common with others, beside its own.

use super::*;
use crate::config::{DeviceKey, DeviceKeys, SectionDoc, reference};

#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Lamp {
    /// Its address.
    host: String,
    /// Whether it is only looked at.
    only_looks: bool,
}

impl Settings for Lamp {
    const DEVICE_KEYS: &'static [(DeviceKey, &'static str)] = &[
        (DeviceKey::Enabled, "Set to false to leave the lamp alone."),
        (DeviceKey::Names, "What lamps are called."),
        (DeviceKey::ForgetAfter, "How long a lamp is kept."),
        (DeviceKey::AllowControl, "Set to true to switch it."),
    ];

    fn check(&self) -> Vec<Complaint> {
        let complaint = Complaint::new("host", "the address is empty", "write it");
        Vec::from_iter(self.host.is_empty().then_some(complaint))
    }

    fn check_beside(&self, keys: &DeviceKeys) -> Vec<Complaint> {
        let is_odd = self.only_looks && keys.allow_control;
        let complaint = Complaint::new("allow_control", "it is only looked at", "leave it out");
        Vec::from_iter(is_odd.then_some(complaint))
    }
}

fn lamp(text: &str) -> Result<(Lamp, DeviceKeys), String> {
    let file = parse(&format!("[[lamp]]\n{text}"));
    let section = file.sections("lamp").remove(0);
    section
        .read_with_keys()
        .map_err(|problems| problems.to_string())
}

#[test]
fn they_are_read_with_the_section_and_apart_from_it() {
    let text = "host = \"a\"\nenabled = false\nforget_after = \"90days\"\n\
                names = { \"1 \" = \"Hall\" }\n";
    let (lamp_, keys) = lamp(text).unwrap();
    assert_eq!(lamp_.host, "a");
    let expected = DeviceKeys {
        enabled: false,
        forget_after: Period::days(90),
        names: [("1".to_owned(), "Hall".to_owned())].into(),
        ..DeviceKeys::default()
    };
    assert_eq!(keys, expected);
    assert_eq!(lamp("host = \"a\"\n").unwrap().1, DeviceKeys::default());
    // Whoever wants its own keys alone is not disturbed by the others.
    let file = parse(&format!("[[lamp]]\n{text}"));
    let alone: Lamp = file.sections("lamp").remove(0).read().unwrap();
    assert_eq!(alone.host, "a");
}

#[test]
fn what_is_wrong_with_either_is_told_at_once_with_its_line() {
    let told = lamp("hots = 1\nenabeld = 1\nonly_looks = 2\nallow_control = 3\n").unwrap_err();
    for words in [
        "wattbridge.toml:2:1: unknown key \"hots\" in [[lamp]]",
        "did you mean \"host\"?",
        "wattbridge.toml:3:1: unknown key \"enabeld\" in [[lamp]]",
        "did you mean \"enabled\"?",
        "wattbridge.toml:4:14: \"only_looks\" in [[lamp]] should be true or false, but is 2",
        "wattbridge.toml:5:17: \"allow_control\" in [[lamp]] should be true or false, but is 3",
    ] {
        assert!(told.contains(words), "{words}\n{told}");
    }
    let told =
        lamp("only_looks = true\nallow_control = true\nforget_after = \"3s\"\n").unwrap_err();
    for words in [
        "the address is empty",
        "wattbridge.toml:3:1: \"allow_control\" in [[lamp]]: it is only looked at",
        "wattbridge.toml:4:1: \"forget_after\" in [[lamp]]: 3s is not between 1h and",
    ] {
        assert!(told.contains(words), "{words}\n{told}");
    }
}

#[test]
fn a_section_has_only_those_that_it_declares() {
    let told = lamp("host = \"a\"\narea = \"Hall\"\n").unwrap_err();
    assert!(told.contains("unknown key \"area\""), "{told}");
    let page = reference(&[SectionDoc::of::<Lamp>("[[lamp]]", "A lamp.", "")]);
    let rows: Vec<&str> = page.lines().filter(|line| line.contains("` | ")).collect();
    assert_eq!(
        rows,
        [
            "| `host` | text | `\"\"` | Its address. |",
            "| `only_looks` | `true` or `false` | `false` | Whether it is only looked at. |",
            "| `enabled` | `true` or `false` | `true` | Set to false to leave the lamp alone. |",
            "| `names` | table of names, each with: text | none | What lamps are called. |",
            "| `forget_after` | duration | `\"30days\"` | How long a lamp is kept. |",
            "| `allow_control` | `true` or `false` | `false` | Set to true to switch it. |",
        ]
    );
}
