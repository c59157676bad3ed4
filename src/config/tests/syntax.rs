//! Text that is no TOML, and files that are no text.

use super::*;

/// Checks the first line, the excerpt and the hint of a syntax error.
#[track_caller]
fn says(text: &str, expected: &[&str]) {
    assert_eq!(syntax_error(text), expected.join("\n  "));
}

#[test]
fn quotes() {
    says(
        "[mqtt]\nhost = \"broker\nport = 1\n",
        &[
            "wattbridge.toml:2:15: a quote is missing, or a character in the text is not allowed",
            "| host = \"broker",
            "|               ^",
            "= put the text between two quotes of the same kind, all on one line",
        ],
    );
    says(
        "[mqtt]\nhost = broker\n",
        &[
            "wattbridge.toml:2:8: a text must stand in quotes",
            "| host = broker",
            "|        ^^^^^^",
            "= put it in double quotes, like \"text\"",
        ],
    );
    says(
        "host = “broker”\n",
        &[
            "wattbridge.toml:1:8: these are not the quotes that TOML knows",
            "| host = “broker”",
            "|        ^^^^^^^^",
            "= use the straight quotes \" instead of curly ones",
        ],
    );
    says(
        "path = \"C:\\Users\\me\"\n",
        &[
            "wattbridge.toml:1:13: a backslash has a special meaning between double quotes",
            "| path = \"C:\\Users\\me\"",
            "|             ^",
            "= put the text in single quotes, or write every backslash twice",
        ],
    );
}

#[test]
fn values() {
    says(
        "host = 192.168.1.5\n",
        &[
            "wattbridge.toml:1:15: this is neither a number nor a text",
            "| host = 192.168.1.5",
            "|               ^^^^",
            "= put texts such as addresses and serial numbers in double quotes; write numbers like \
             1883 or 0.5",
        ],
    );
    says(
        "retain = True\n",
        &[
            "wattbridge.toml:1:10: this is neither true nor false",
            "| retain = True",
            "|          ^^^^",
            "= write true or false in small letters",
        ],
    );
    says(
        "port =\n",
        &[
            "wattbridge.toml:1:7: the value is missing",
            "| port =",
            "|       ^",
            "= write one behind the equals sign",
        ],
    );
    says(
        "host: \"x\"\n",
        &[
            "wattbridge.toml:1:5: an equals sign is missing",
            "| host: \"x\"",
            "|     ^",
            "= TOML writes host = \"192.168.1.50\", with = instead of a colon, and a section as [mqtt]",
        ],
    );
    says(
        "peers = [1, 2\nport = 3\n",
        &[
            "wattbridge.toml:2:1: a comma or the closing ] of a list is missing",
            "| port = 3",
            "| ^",
            "= write lists like [1, 2, 3]; the place may be above this line",
        ],
    );
}

#[test]
fn names() {
    says(
        "[mqtt\nhost = 1\n",
        &[
            "wattbridge.toml:1:6: a closing bracket is missing",
            "| [mqtt",
            "|      ^",
            "= write the section like [mqtt]",
        ],
    );
    says(
        "[mqtt]\nport = 1\nhost = \"a\"\nport = 2\n",
        &[
            "wattbridge.toml:4:1: this key is already there",
            "| port = 2",
            "| ^^^^",
            "= keep one of the two lines",
        ],
    );
    says(
        "[my_box]\n[my_box]\n",
        &[
            "wattbridge.toml:2:2: this section is already there",
            "| [my_box]",
            "|  ^^^^^^",
            "= put the keys together under one; several devices of one kind each start with double \
             brackets, like [[name]]",
        ],
    );
    says(
        "{\"mqtt\": {}}",
        &[
            "wattbridge.toml:1:1: this looks like JSON, but should be TOML",
            "| {\"mqtt\": {}}",
            "| ^",
            "= write sections like [mqtt] and keys like host = \"192.168.1.50\"",
        ],
    );
}

#[test]
fn a_line_with_a_secret_shows_no_more_than_its_key() {
    says(
        "[mqtt]\npassword = \"sword\"fish\"\n",
        &[
            "wattbridge.toml:2:19: there is something behind the value",
            "| password = ***",
            "|            ^^^",
            "= write one key on each line; start a remark with #",
        ],
    );
    says(
        "password swordfish\n",
        &[
            "wattbridge.toml:1:10: an equals sign and a value are missing",
            "= write it like host = \"192.168.1.50\"; start a remark with #",
        ],
    );
}

fn load_error(bytes: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let error = File::load(file.path()).unwrap_err().to_string();
    error.replace(&file.path().display().to_string(), "FILE")
}

#[test]
fn files_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("wattbridge.toml");
    assert_eq!(
        File::load(&missing).unwrap_err().to_string(),
        format!(
            "{}: there is no such file\n  = `wattbridge init` makes one; or name the right one with --config",
            missing.display()
        )
    );
    assert_eq!(
        File::load(folder.path()).unwrap_err().to_string(),
        format!(
            "{}: is a directory, not a configuration file\n  = name the file in it, such as \
             wattbridge.toml",
            folder.path().display()
        )
    );
    assert_eq!(
        load_error(&[b'#'; 1024 * 1024 + 1]),
        "FILE: is larger than 1 MiB and surely no configuration file\n  = check the path"
    );
    assert_eq!(
        load_error(b"\xEF\xBB\xBF# a\n# \xC3\xBCber S\xFCd\n"),
        "FILE:2:9: there is a character here that is not UTF-8\n  = save the file as UTF-8; the \
         editor asks for it under \"Encoding\""
    );
    assert_eq!(
        load_error(b"\xFF\xFE[\0"),
        "FILE: is saved as UTF-16, which TOML does not know\n  = save it as UTF-8; the editor \
         asks for it under \"Encoding\""
    );
    assert_eq!(
        load_error(b"x").lines().next(),
        Some("FILE:1:2: an equals sign and a value are missing")
    );
}

#[test]
fn a_good_file_loads() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), [b'#'; 1024 * 1024]).unwrap();
    assert!(
        File::load(file.path())
            .unwrap()
            .unknown_sections(&[])
            .is_empty()
    );
    assert_eq!(
        File::parse("", "")
            .unwrap()
            .settings::<Mqtt>("mqtt")
            .unwrap()
            .port,
        1883
    );
}
