//! Secrets are in no message, whatever is wrong around them.

use proptest::prelude::*;

use super::*;

/// Everything that is printed about a text.
fn printed(text: &str) -> String {
    let file = match File::parse(text, "wattbridge.toml") {
        Ok(file) => file,
        Err(problems) => return format!("{problems} {problems:?}"),
    };
    let mut shown = format!("{file:?} {}", file.unknown_sections(&["log"]));
    match file.settings::<Mqtt>("mqtt") {
        Ok(mqtt) => {
            let revealed = mqtt.password.map(|password| password.reveal());
            if let Some(Err(error)) = revealed {
                shown.push_str(&format!("{error} {error:?}"));
            }
        }
        Err(problems) => shown.push_str(&format!("{problems} {problems:?}")),
    }
    for section in file.sections("my_box") {
        shown.push_str(&format!(
            "{section:?} {}",
            section.problem::<Box>("host", "no", "")
        ));
        if let Err(problems) = section.read::<Box>() {
            shown.push_str(&format!("{problems} {problems:?}"));
        }
    }
    shown
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn never_shown(
        secret in "[A-Z]{3}[a-zA-Z0-9 \\[\\]#=.:;,{}'!$%&/ü]{1,20}[0-9]{4}",
        holder in prop_oneof![
            Just("[mqtt]\npassword = \"@\""),
            Just("[mqtt]\nport = \"x\"\npassword = '''@'''"),
            Just("[mqtt]\nport = \"x\"\npasword = \"@\" # @"),
            Just("[mqtt]\nkennwort = [\"@\"]"),
            Just("[mqtt]\npassword = { words = \"@\" }"),
            Just("[mqtt]\npassword = [\"@\", 5]"),
            Just("[mqtt]\npassword = [\"@\"]"),
            Just("[mqtt]\npassword = [[\"@\"]]"),
            Just("[mqtt]\npassword = [{ file = \"@\" }]"),
            Just("[mqtt]\npassword = { file = \"@\" }"),
            Just("[mqtt]\npassword = { env = \"@\" }"),
            Just("[mqtt]\npassword = { file = [\"@\"] }"),
            Just("[mqtt]\npassword = { env = { a = \"@\" } }"),
            Just("[mqtt]\npassword = { file = \"@\", env = \"@\" }"),
            Just("[mqtt]\npassword = { \"@\" = 1 }"),
            Just("[mqtt.password]\nfile = \"@\"\nx = 1"),
            Just("[[mqtt.password]]\nfile = \"@\""),
            Just("[mqtt]\nport = \"mqtt://u:@§host\""),
            Just("[mqtt]\nport = [\"mqtt://u:@§host\"]"),
            Just("[mqtt]\nprot = \"mqtt://u:@§host\""),
            Just("[[my_box]]\nhost = [\"u:@§host\"]"),
            Just("[[my_box]]\nkeys = { A1 = [\"@\"], A2 = { file = \"@\" } }"),
            Just("[[my_box]]\nkeys = [\"@\"]"),
            Just("[[my_box]]\nkeys = \"@\""),
            Just("[mqtt]\npassword = @"),
            Just("[mqtt]\npassword = \"@"),
            Just("[mqtt]\npassword \"@\""),
            Just("[mqtt]\npassword: @"),
            Just("[mqtt]\npassword = \"\"\"\n@\n\"\"\"\nport = []"),
            Just("mqtt = { hsot = 1, password = \"@\", port = \"x\" }"),
            Just("mqtt.password = \"@\"\nmqtt.port = -1"),
            Just("[[my_box]]\nkeys = { A1 = \"@\" }\nhsot = 1"),
            Just("[[my_box]]\nhost = 5\n[my_box.keys]\nA1 = \"@\"\nA2 = 5"),
            Just("[[my_box]]\nhost = 5\n[my_box.keys]\nA1 = @"),
            Just("my_box = [{ keys = { A = \"@\" } }, { hsot = 1, keys.A = \"@\" }]"),
            Just("[my_box]\nhost = \"x\"\nsecretes = \"@\""),
            Just("[my_box]\nhost = { password = \"@\" }"),
            Just("[my_box]\nlink = { type = \"tcp\", token = \"@\" }"),
            Just("[mqttt]\npassword = \"@\""),
            Just("password = \"@\""),
            Just("[keys]\nx = [\n\"@\",\n\"@\"\n]\n[keys]"),
        ],
        before in prop_oneof![
            Just(""), Just("\u{feff}"), Just("[log]\nlevel = \"info\"\n"), Just("x = [1,\n"),
            Just("[log\n"), Just("x = 1\nx = 2\n"), Just("a = {\n"), Just("x = '''\n"),
            Just("[log]\nlevel = info\n"), Just("x = \"a\n"), Just("ä = 1\n"),
        ],
        after in prop_oneof![
            Just("\n"), Just(""), Just("\nx = 1\nx = 2\n"), Just(" x\n"), Just("\"\n"), Just(",\n"),
            Just("\n]\n"), Just("\n[mqtt]\n"), Just("\n[[mqtt]]\n"), Just("\nport = \\\n"), Just("\r"),
            Just("\n'''\n"), Just("\"\"\"\n"),
        ],
    ) {
        let text = format!("{before}{}{after}", holder.replace('@', &secret).replace('§', "@"));
        let shown = printed(&text);
        prop_assert!(!shown.contains(&secret), "{text}\n---\n{shown}");
    }
}

#[test]
fn a_login_in_an_address_is_hidden_whatever_its_key_is_called() {
    for (text, is_toml) in [
        ("[mqtt]\nport = \"mqtt://u:S3cret@host\"\n", true),
        ("[mqtt]\nhost = \"mqtt://u:S3cret@host\"\nprot = 1\n", true),
        (
            "mqtt = { host = \"mqtt://u:S3cret@host\", prot = 1 }\n",
            true,
        ),
        (
            "[mqtt]\nhots = \"a-very-long-scheme-that-is-cut://u:S3cret@host\"\n",
            true,
        ),
        ("[mqtt]\nhost = \"mqtt://u:S3cret@host\" oops\n", false),
        ("[mqtt]\nhost = mqtt://u:S3cret@host\n", false),
    ] {
        let shown = printed(text);
        assert_eq!(File::parse(text, "x").is_ok(), is_toml, "{text}");
        assert!(
            !shown.is_empty() && !shown.contains("S3cret"),
            "{text}\n{shown}"
        );
    }
}

#[test]
fn stars_stand_in_their_place() {
    assert_eq!(
        mqtt_error("mqtt = { hsot = 1, password = \"swordfish\", prot = 2 }"),
        "wattbridge.toml:1:10: unknown key \"hsot\" in [mqtt]\n  \
           | …{ hsot = 1, password = ***\n  \
           |    ^^^^\n  \
           = did you mean \"host\"?\n\n\
         wattbridge.toml:1:44: unknown key \"prot\" in [mqtt]\n  \
           | …{ hsot = 1, password = ***, prot\n  \
           |                              ^^^^\n  \
           = did you mean \"port\"?"
    );
    assert_eq!(
        syntax_error("[mqtt]\npassword = swordfish\n"),
        "wattbridge.toml:2:12: a text must stand in quotes\n  \
           | password = ***\n  \
           |            ^^^\n  \
           = put it in double quotes, like \"text\""
    );
    assert_eq!(
        mqtt_error("[mqtt]\npassword = 12345 # or 54321\n"),
        "wattbridge.toml:2:12: \"password\" in [mqtt] should be a text in quotes, \
         { file = \"/path\" }, { env = \"VARIABLE\" } or { credential = \"name\" }\n  \
           | password = ***\n  \
           |            ^^^"
    );
}

#[test]
fn not_even_by_a_type_that_repeats_its_value() {
    /// Complains with the value itself.
    #[derive(Debug, Deserialize, JsonSchema)]
    struct Loud {
        code: Secret,
    }
    impl Settings for Loud {
        fn check(&self) -> Vec<Complaint> {
            let words = self.code.reveal().unwrap();
            vec![Complaint::new(
                "code",
                format!("{:?} is bad", words.as_str()),
                "",
            )]
        }
    }
    let error = parse("[a]\ncode = \"swordfish\"\n")
        .settings::<Loud>("a")
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "wattbridge.toml:2:1: \"code\" in [a]: \"***\" is bad\n  | code = ***\n  | ^^^^"
    );
}

#[test]
fn a_key_in_place_of_something_else_is_not_repeated() {
    let key = "0F1E2D3C4B5A69788796A5B4C3D2E1F0";
    for place in ["[mqtt]\nport", "[[my_box]]\nhost = 5\nhsot"] {
        let shown = printed(&format!("{place} = \"{key}\"\n"));
        assert!(!shown.contains(key), "{shown}");
    }
}

#[test]
fn a_key_in_place_of_a_name_is_not_repeated() {
    let printed_key =
        r"\\x0F\\x1E\\x2D\\x3C\\x4B\\x5A\\x69\\x78\\x87\\x96\\xA5\\xB4\\xC3\\xD2\\xE1\\xF0";
    for key in ["0F1E2D3C4B5A69788796A5B4C3D2E1F0", printed_key] {
        for before in ["[mqtt]\n", "[[my_box]]\nhost = 5\n", "[[my_box]]\nhots."] {
            let shown = printed(&format!("{before}\"{key}\" = \"7F123456-1B\"\n"));
            assert!(!shown.contains("0F"), "{shown}");
            let shown = printed(&format!("{before}other = \"{key}\"\n"));
            assert!(!shown.contains("0F"), "{shown}");
        }
    }
}

#[test]
fn a_table_in_place_of_a_text_is_not_repeated() {
    for text in [
        "[mqtt]\nhost = { value = \"planted\" }\n",
        "[mqtt]\nhost.value = \"planted\"\n",
    ] {
        let shown = printed(text);
        assert!(!shown.contains("planted"), "{shown}");
    }
}
