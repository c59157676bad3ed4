use super::*;
use crate::config::{File, Problems};

fn read(text: &str) -> Result<TextConfig, Problems> {
    let file = File::parse(&format!("[[text]]\n{text}\n"), "test.toml").unwrap();
    file.sections("text").remove(0).read()
}

#[test]
fn what_is_written_is_read_exactly() {
    let config = read(
        "id = \"clamp\"\nport = \"/dev/ttyACM0\"\nparity = \"even\"\nask = '\\x01'\n\
         pattern = '^(?<amperes>\\d+\\.\\d)A$'\n\
         values = [{ id = \"power\", quantity = \"power\", group = \"amperes\", scale = 0.1, floor = -5 }]",
    )
    .unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!((config.question(), config.parity), (vec![1], Parity::Even));
    let value = &config.values[0];
    assert_eq!(value.scale, Number(Decimal::new(1, 1)));
    assert_eq!(value.floor, Some(Number(Decimal::integer(-5))));
    assert_eq!(value.group, Some(Group::Name("amperes".to_owned())));
}

#[test]
fn what_can_never_work_is_refused_with_its_line_and_advice() {
    let id = "id = \"a\"";
    let port = "port = \"/dev/ttyACM0\"";
    let values = "values = [{ id = \"x\" }]";
    let value = |more: &str| format!("{id}\n{port}\nvalues = [{{ id = \"x\", {more} }}]");
    for (text, line, words, advice) in [
        (
            format!("{port}\n{values}"),
            1,
            "word for the device is missing",
            "id = \"clamp\"",
        ),
        (
            format!("id = \"A b\"\n{port}\n{values}"),
            2,
            "not a word",
            "small letters",
        ),
        (
            format!("{id}\n{values}"),
            1,
            "where the lines come from",
            "command = [",
        ),
        (
            format!("{id}\n{port}\ncommand = [\"x\"]\n{values}"),
            4,
            "not from both",
            "leave out one",
        ),
        (
            format!("{id}\ncommand = [\"\"]\n{values}"),
            3,
            "is empty",
            "first entry",
        ),
        (
            format!("{id}\ncommand = [\"x\"]\nask = \"?\"\n{values}"),
            4,
            "a program cannot be asked",
            "argument",
        ),
        (
            format!("{id}\n{port}\nask = '\\q'\n{values}"),
            4,
            "\\q is not known",
            "\\xNN",
        ),
        (
            format!("{id}\n{port}\nbaud = 7\n{values}"),
            4,
            "bits per second",
            "9600",
        ),
        (
            format!("{id}\n{port}\ninterval = \"1ms\"\n{values}"),
            4,
            "not between 200ms and 1day",
            "leave it out",
        ),
        (
            format!("{id}\n{port}\ntries = 0\n{values}"),
            4,
            "not between 1 and 10",
            "leave it out",
        ),
        (format!("{id}\n{port}"), 1, "no value to read", "values = ["),
        (
            format!("{id}\n{port}\npattern = '(\\d+'\n{values}"),
            4,
            "pattern",
            "round brackets",
        ),
        (
            format!("{id}\n{port}\npattern = '((\\d{{1,1000}}){{1,1000}}){{1,1000}}'\n{values}"),
            4,
            "too large",
            "shorter",
        ),
        (
            value("group = 2"),
            4,
            "value 1 (\"x\"): the pattern has no group 2",
            "group",
        ),
        (value("group = \"y\""), 4, "no group \"y\"", "group"),
        (value("group = -1"), 4, "no negative number", "write 1"),
        (value("quantity = \"wats\""), 4, "wats", "power"),
        (
            value("scale = 0"),
            4,
            "makes every number 0",
            "leave it out",
        ),
        (
            value("floor = 2, ceiling = 1"),
            4,
            "no value is above 2 and below 1",
            "swap",
        ),
        (value("decimals = 7"), 4, "more than 6 decimals", "leave"),
        (
            value("quantity = \"voltage\", counter = true"),
            4,
            "cannot be a counter",
            "energy, ",
        ),
        (
            value("quantity = \"current\", energy = true"),
            4,
            "summed up from a power",
            "quantity = \"power\"",
        ),
        (
            format!(
                "{id}\ncommand = [\"x\"]\ninterval = \"40m\"\nvalues = [{{ id = \"power\", quantity = \"power\", energy = true }}]"
            ),
            4,
            "no energy is summed up",
            "30m or less",
        ),
        (
            value("idd = 1"),
            4,
            "unknown key \"idd\"",
            "did you mean \"id\"",
        ),
        (
            format!("{id}\n{port}\nvalues = [{{ id = \"\" }}]"),
            4,
            "its id is missing",
            "for ever",
        ),
        (
            format!("{id}\n{port}\nvalues = [{{ id = \"X\" }}]"),
            4,
            "not a word",
            "pump_power",
        ),
        (
            format!("{id}\n{port}\nvalues = [{{ id = \"x\" }}, {{ id = \"x\" }}]"),
            4,
            "\"x\" is there twice",
            "an id of its own",
        ),
        (
            format!("{id}\n{port}\nvalues = [{{ id = \"reason\" }}]"),
            4,
            "\"reason\" is taken",
            "another",
        ),
        (
            format!("{id}\n{port}\nvalues = [{{ id = \"status\" }}]"),
            4,
            "\"Status\", as something that every device has",
            "name",
        ),
        (
            format!("{id}\n{port}\nvalues = [{{ id = \"x\", name = \"connection\" }}]"),
            4,
            "as something that every device has",
            "name",
        ),
        (
            format!("{id}\n{port}\nvalues = [{{ id = \"set_x\" }}]"),
            4,
            "\"set_x\" is taken",
            "another",
        ),
        (
            format!(
                "{id}\n{port}\nvalues = [{{ id = \"power\", quantity = \"power\", energy = true }}, {{ id = \"energy_total\" }}]"
            ),
            4,
            "\"energy_total\" is there twice",
            "an id of its own",
        ),
        (
            format!(
                "{id}\n{port}\nvalues = [{{ id = \"x\", name = \"A\" }}, {{ id = \"y\", name = \"a\" }}]"
            ),
            4,
            "are called \"a\"",
            "name",
        ),
    ] {
        let told = read(&text).map(|_| text.clone()).unwrap_err().to_string();
        assert!(
            told.starts_with(&format!("test.toml:{line}:")),
            "{text}\n{told}"
        );
        assert!(
            told.contains(words) && told.contains(advice),
            "{text}\n{told}"
        );
    }
}

#[test]
fn no_environment_variable_reaches_a_section() {
    let mut file = File::parse(
        "[[text]]\nid = \"a\"\nport = \"/dev/ttyACM0\"\nvalues = [{ id = \"x\" }]\n",
        "t",
    )
    .unwrap();
    let command = (
        "WATTBRIDGE_TEXT_COMMAND".to_owned(),
        "[\"/bin/true\"]".to_owned(),
    );
    file.override_from(std::iter::once(command));
    let config: TextConfig = file
        .sections("text")
        .remove(0)
        .read()
        .unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(config.command, Vec::<String>::new());
    let told = file.unknown_sections(&["text"]).to_string();
    assert!(told.contains("WATTBRIDGE_TEXT_COMMAND"), "{told}");
}
