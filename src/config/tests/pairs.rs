//! Sections from the command line.

use super::super::Section;
use super::*;

fn section(pairs: &[(&str, &str)]) -> Result<Section, Problems> {
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    Section::from_pairs("my-box", &pairs)
}

fn read(pairs: &[(&str, &str)]) -> Result<Box, String> {
    section(pairs)
        .unwrap()
        .read()
        .map_err(|problems| problems.to_string())
}

#[test]
fn every_kind_of_value() {
    let read = read(&[
        ("host", "192.168.1.50"),
        ("serial", "0012345678901234567890"),
        ("keys.7F190FF7", "00112233445566778899"),
        ("poll_interval", "10m"),
        ("peers", "[\"a\", \"b\"]"),
        ("panels", "[{ name = \"x\", watts = 400 }]"),
        ("link.type", "tcp"),
        ("link.address", "1234"),
    ])
    .unwrap();
    assert_eq!(read.serial, "0012345678901234567890");
    assert_eq!(
        read.keys["7F190FF7"].reveal().unwrap().as_str(),
        "00112233445566778899"
    );
    assert_eq!(read.poll_interval, Period::minutes(10));
    assert_eq!((read.peers.len(), read.panels[0].watts), (2, 400));
    assert!(matches!(read.link, Link::Tcp { address } if address == "1234"));
}

#[test]
fn the_later_one_wins() {
    assert_eq!(read(&[("host", "a"), ("host", "b")]).unwrap().host, "b");
}

#[test]
fn mistakes_name_the_option() {
    assert_eq!(section(&[]).unwrap().kind, "my_box");
    assert_eq!(section(&[]).unwrap().line(), 0);
    assert_eq!(
        read(&[("hsot", "a"), ("peers", "a"), ("keys.A", "{ fiel = 1")]).unwrap_err(),
        "--set hsot: unknown key \"hsot\" in my_box\n  = did you mean \"host\"?\n\n\
         --set peers: \"peers\" in my_box should be a list in square brackets, but is the text \"a\""
    );
    assert_eq!(
        read(&[]).unwrap_err(),
        "my_box.host: my_box lacks the key \"host\"\n  = add a line that starts with host ="
    );
}

#[test]
fn keys_that_are_none() {
    let error = section(&[("", "x"), ("a..b", "x"), ("c", "1"), ("c.d", "2")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "--set: \"\" is not the name of a key\n  \
           = write it like --set host=192.168.1.50; a dot leads to a key of an inner table\n\n\
         --set: \"a..b\" is not the name of a key\n  \
           = write it like --set host=192.168.1.50; a dot leads to a key of an inner table\n\n\
         --set c.d: \"c\" cannot be a value and a table at once\n  = leave out one of the two"
    );
    assert!(section(&[(&vec!["a"; 10_000].join("."), "x")]).is_err());
}
