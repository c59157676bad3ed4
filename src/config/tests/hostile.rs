//! Whatever the text, the answer is a value, soon.

use proptest::prelude::*;

use super::*;

const VALID: &str = "[mqtt]\nhost = \"broker\"\npassword = \"swordfish\"\n\n[mqtt.tls]\nenabled = true\n\
    ca_file = '/etc/ssl/ca.pem'\n\n[[my_box]]\nhost = \"192.168.1.50\"\npeers = [\n  \"a\",\n]\n\
    panels = [{ name = \"süd\", watts = 400 }]\nkeys.A1 = \"00112233\"\n\n[[my-box]]\nhost = \"b\"\n\
    link = { type = \"tcp\", address = \"x\" }\n";

/// Everything that can be asked of a text; the number of problems.
fn everything(text: &str) -> usize {
    match File::parse(text, "wattbridge.toml") {
        Err(problems) => {
            assert!(!problems.is_empty());
            problems.to_string().len()
        }
        Ok(file) => {
            let mut shown = file.unknown_sections(&["mqtt", "my_box"]).to_string().len();
            if let Err(problems) = file.settings::<Mqtt>("mqtt") {
                assert!(!problems.is_empty());
                shown += problems.to_string().len();
            }
            for section in file.sections("my_box") {
                if let Err(problems) = section.read::<Box>() {
                    assert!(!problems.is_empty() && section.line() > 0);
                    shown += problems.to_string().len();
                }
            }
            shown
        }
    }
}

#[test]
fn the_valid_file_is_valid() {
    assert_eq!(everything(VALID), 0);
}

proptest! {
    #[test]
    fn any_text(text in "\\PC*") {
        everything(&text);
    }

    #[test]
    fn nearly_toml(parts in proptest::collection::vec(prop_oneof![
        Just("["), Just("]"), Just("[["), Just("]]"), Just("{"), Just("}"), Just("="), Just("\""),
        Just("'"), Just("\"\"\""), Just("\n"), Just("\r\n"), Just("\r"), Just("\t"), Just(","),
        Just("."), Just("#"), Just("mqtt"), Just("my_box"), Just("my-box"), Just("host"),
        Just("password"), Just("keys"), Just("panels"), Just("link"), Just("type"), Just("ü"),
        Just("1"), Just("-1e5"), Just("true"), Just("\u{feff}"), Just("\u{0}"), Just("\\"),
        Just("host = \"x\"\n"), Just("[[my_box]]\n"), Just("[mqtt]\n"), Just("tls = "),
    ], 0..40)) {
        everything(&parts.concat());
    }

    #[test]
    fn mutations_of_a_valid_file(
        cuts in proptest::collection::vec((any::<proptest::sample::Index>(), 0..12_usize, "\\PC{0,6}"), 1..5)
    ) {
        let mut text: Vec<char> = VALID.chars().collect();
        for (at, length, insert) in cuts {
            let at = at.index(text.len() + 1);
            let end = (at + length).min(text.len());
            text.splice(at..end, insert.chars());
        }
        everything(&text.iter().collect::<String>());
    }
}

/// On a stack as small as any thread of the program has.
fn on_a_small_stack(text: String) -> usize {
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
    thread
        .spawn(move || everything(&text))
        .unwrap()
        .join()
        .unwrap()
}

#[test]
fn depth_of_every_kind() {
    let dots = vec!["a"; 79].join(".");
    let mut winding = format!("[my_box]\n{dots} = ");
    winding.push_str(&format!("{{ {dots} = ").repeat(78));
    winding.push('1');
    winding.push_str(&"}".repeat(78));
    for text in [
        winding,
        format!("a = {}", "[".repeat(300_000)),
        format!("a = {}{}", "[".repeat(70), "]".repeat(70)),
        format!("[my_box]\npanels = {}{}", "[".repeat(30), "]".repeat(30)),
        format!("[{}]", vec!["mqtt"; 100_000].join(".")),
        format!("[[my_box]]\nkeys = {}1{}", "{a=".repeat(40), "}".repeat(40)),
        "[[my_box]]\n[[my_box.panels]]\n".repeat(50),
    ] {
        assert!(on_a_small_stack(text) > 0);
    }
}

#[test]
fn a_great_many_of_everything() {
    for text in [
        "[[my_box]]\nhsot=1\n".repeat(2000),
        format!("my_box = [{}]", "{hsot=1},".repeat(2000)),
        format!(
            "[mqtt]\n{}",
            (0..20_000).map(|n| format!("k{n}=1\n")).collect::<String>()
        ),
        format!(
            "mqtt = {{{} z=1}}",
            (0..20_000).map(|n| format!("k{n}=1,")).collect::<String>()
        ),
        (0..20_000).map(|n| format!("[s{n}]\n")).collect(),
        format!("[mqtt]\nhost = \"{}", "ü".repeat(400_000)),
        format!("{}password = \"", "password = \"\"\"\n".repeat(20_000)),
    ] {
        assert!(everything(&text) > 0);
    }
}
