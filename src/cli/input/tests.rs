//! The same bytes, written down in every way that programs have.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

/// Of a meter, more or less.
const BYTES: &[u8] = b"\x68\xfa\xfa\x68\x53\xff\x00\x01\x67\xdb\x08XYZ1\r\n\"\x12\x34\x56 \x7e\xa1";

fn first(text: &str) -> Reading {
    readings(text.as_bytes().to_vec()).unwrap().remove(0)
}

fn hex(bytes: &[u8], separator: &str, upper: bool) -> String {
    let digits = |byte: &u8| match upper {
        true => format!("{byte:02X}"),
        false => format!("{byte:02x}"),
    };
    bytes.iter().map(digits).collect::<Vec<_>>().join(separator)
}

fn escaped(bytes: &[u8]) -> String {
    let one = |byte: &u8| match byte {
        b'\r' => "\\r".to_owned(),
        b'\n' => "\\n".to_owned(),
        b'\t' => "\\t".to_owned(),
        b'"' | b'\'' | b'\\' => format!("\\{}", char::from(*byte)),
        0x20..=0x7e => char::from(*byte).to_string(),
        _ => format!("\\x{byte:02X}"),
    };
    bytes.iter().map(one).collect()
}

fn shown(bytes: &[u8]) -> String {
    let one = |byte: &u8| match byte {
        0x20..=0x7e => char::from(*byte),
        _ => '.',
    };
    bytes.iter().map(one).collect()
}

/// What programs write before the bytes of a line.
const BEFORE: [&str; 18] = [
    "",
    "(V) ",
    "(V t:2349520ms) ",
    "18:54:53.123 : ",
    "18:54:53.123 :> ",
    ":> ",
    "18:54:53 ",
    "[18:54:53][D][uart_debug:114]: <<< ",
    "[D][uart_debug:114]: ",
    "\u{1b}[0;36m[18:54:53][D][uart_debug:114]: <<< ",
    "[0;36m[18:54:53.123][D][uart_debug:158]: <<< ",
    "17:56:55.000 > [VE.Direct MPPT 4/5] ",
    "2026-11-28 18:54:53.123 DEBUG (MainThread) [custom_components.meter] Received: ",
    "2026-11-28T18:54:53.123Z ",
    "Nov 28 18:54:53 raspberrypi esphome[1234]: ",
    "1796000000.123 RX ",
    "[ 123.456] ",
    "payload: ",
];

/// How bytes are written in a line.
const STYLES: [fn(&[u8]) -> String; 9] = [
    |bytes| hex(bytes, " ", true),
    |bytes| hex(bytes, "", false),
    |bytes| hex(bytes, ":", true),
    |bytes| hex(bytes, "-", false),
    |bytes| format!("0x{}", hex(bytes, ", 0x", false)),
    |bytes| format!("{}\u{1b}[0m", hex(bytes, ":", true)),
    |bytes| format!("{} ({})", hex(bytes, ":", true), bytes.len()),
    |bytes| format!("\"{}\"", escaped(bytes)),
    |bytes| format!("b'{}'", escaped(bytes)),
];

type Dumped = fn(&[u8]) -> String;

/// Whole files of other programs.
const DUMPS: [(&str, Dumped); 8] = [
    ("xxd", |bytes| {
        let row = |(row, bytes): (usize, &[u8])| {
            let groups: Vec<_> = bytes.chunks(2).map(|pair| hex(pair, "", false)).collect();
            format!(
                "{:08x}: {:<39}  {}\n",
                row * 16,
                groups.join(" "),
                shown(bytes)
            )
        };
        bytes.chunks(16).enumerate().map(row).collect()
    }),
    ("xxd -e", |bytes| {
        let swapped =
            |group: &[u8]| hex(&group.iter().rev().copied().collect::<Vec<_>>(), "", false);
        let row = |(row, bytes): (usize, &[u8])| {
            let groups: Vec<_> = bytes.chunks(4).map(swapped).collect();
            format!(
                "{:08x}: {:<36}  {}\n",
                row * 16,
                groups.join(" "),
                shown(bytes)
            )
        };
        bytes.chunks(16).enumerate().map(row).collect()
    }),
    ("hexdump -C", |bytes| {
        let row = |(row, bytes): (usize, &[u8])| {
            let halves: Vec<_> = bytes.chunks(8).map(|half| hex(half, " ", false)).collect();
            format!(
                "{:08x}  {:<48}  |{}|\n",
                row * 16,
                halves.join("  "),
                shown(bytes)
            )
        };
        let rows: String = bytes.chunks(16).enumerate().map(row).collect();
        format!("{rows}{:08x}\n", bytes.len())
    }),
    ("hexdump", |bytes| {
        words(
            bytes,
            |at| format!("{at:07x}"),
            |word| format!("{word:04x}"),
        )
    }),
    ("od -x", |bytes| {
        words(
            bytes,
            |at| format!("{at:07o}"),
            |word| format!("{word:04x}"),
        )
    }),
    ("od", |bytes| {
        words(
            bytes,
            |at| format!("{at:07o}"),
            |word| format!("{word:06o}"),
        )
    }),
    ("od -t x1", |bytes| {
        let row =
            |(row, bytes): (usize, &[u8])| format!("{:07o} {}\n", row * 16, hex(bytes, " ", false));
        let rows: String = bytes.chunks(16).enumerate().map(row).collect();
        format!("{rows}{:07o}\n", bytes.len())
    }),
    ("C", |bytes| {
        let rows = bytes
            .chunks(12)
            .map(|row| format!("  0x{},\n", hex(row, ", 0x", false)));
        let rows: String = rows.collect();
        let count = bytes.len();
        format!("unsigned char telegram[] = {{\n{rows}}};\nunsigned int telegram_len = {count};\n")
    }),
];

fn words(bytes: &[u8], offset: fn(usize) -> String, word: fn(u16) -> String) -> String {
    let mut out = String::new();
    for (row, bytes) in bytes.chunks(16).enumerate() {
        out.push_str(&offset(row * 16));
        for pair in bytes.chunks(2) {
            let pair = [pair[0], pair.get(1).copied().unwrap_or(0)];
            write!(out, " {}", word(u16::from_le_bytes(pair))).unwrap();
        }
        out.push('\n');
    }
    writeln!(out, "{}", offset(bytes.len())).unwrap();
    out
}

#[test]
fn the_bytes_of_one_log_are_those_of_any_other() {
    for before in BEFORE {
        for style in STYLES {
            let text = format!("{before}{}\n", style(BYTES));
            assert_eq!(first(&text).streams, [BYTES], "{text}");
        }
    }
}

#[test]
fn what_was_sent_and_lines_about_other_things_are_left_out() {
    let text = "\u{feff}INFO Starting log output from serial port\r\n\
        [12:00:00][C][wifi:123]: Connected to beach\r\n\
        [12:00:01][D][uart_debug:114]: <<< 68:FA\r\n\
        [12:00:01][D][uart_debug:114]: >>> 01:02\r\n\
        [12:00:02][D][sensor:094]: 'Power': Sending state 12.0 W\r\n\r\n\
        [12:00:03][D][uart_debug:114]: <<< 68:00\r\n";
    assert_eq!(first(text).streams, [[0x68, 0xfa, 0x68, 0x00]]);
    assert_eq!(first(text).torn, None);
    let torn = "(V) 7E A1 02\n(V) 7E A1 02 0g\n";
    assert_eq!(first(torn).torn, Some(2));
}

#[test]
fn rows_that_a_dump_leaves_out_are_there() {
    let mut bytes = vec![0x41; 80];
    bytes.extend(b"end");
    let text = "00000000  41 41 41 41 41 41 41 41  41 41 41 41 41 41 41 41  |AAAAAAAAAAAAAAAA|\n*\n\
                00000050  65 6e 64                                          |end|\n00000053\n";
    assert_eq!(first(text).streams, [bytes]);
}

#[test]
fn what_devices_send_themselves_is_never_text_about_bytes() {
    for content in [
        b"APS1100160001END\n".as_slice(),
        b"\r\nPID\t0xA04C\r\nV\t14990\r\nI\t2770\r\n",
        b":A0920000022\n:ADBED00520829\n",
        b"/ABC5\\2\r\n\r\n1-0:1.8.0(000123.456*kWh)\r\n!ABCD\r\n",
        b"T=21.5\nT=21.6\n",
        b"415",
        b"",
        &[0xff, 0x00, 0x41],
    ] {
        let all = readings(content.to_vec()).unwrap();
        let forms: Vec<_> = all.iter().map(|reading| reading.form).collect();
        assert_eq!(forms, [Form::Bytes], "{content:?}");
        assert_eq!(all[0].streams, [content]);
    }
}

#[test]
fn text_that_may_be_either_is_left_to_who_decodes_it() {
    let all = readings(b"2150\n2160\n".to_vec()).unwrap();
    let forms: Vec<_> = all.iter().map(|reading| reading.form).collect();
    assert_eq!(forms, [Form::Text, Form::Bytes]);
}

#[test]
fn takes_what_a_recording_received_and_what_opens_it() {
    let recording =
        b"# wattbridge recording 1\n# adapter: aps_ecu\n# started: 2026-06-21T10:00:00Z\n\
        # set: key=00\n\
        0 1 open x\n0 1 > 41\n0 1 < 42\n0 2 < 44\n0 1 < 43\n";
    let reading = readings(recording.to_vec()).unwrap().remove(0);
    assert_eq!(reading.streams, [b"BC".to_vec(), b"D".to_vec()]);
    assert_eq!(reading.settings, [("key".to_owned(), "00".to_owned())]);
    assert!(readings(b"# wattbridge recording 1\nx".to_vec()).is_err());
}

proptest! {
    #[test]
    fn any_bytes_come_out_of_any_log(
        lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 1..6),
        before in prop::sample::select(&BEFORE[..]),
        style in 0..STYLES.len(),
    ) {
        // A single byte or two without anything before them may be anything.
        prop_assume!(lines.iter().all(|line| line.len() > 3));
        let text: Vec<_> = lines.iter().map(|line| format!("{before}{}", STYLES[style](line))).collect();
        let bytes = lines.concat();
        let found = first(&text.join("\n")).streams;
        prop_assert_eq!(found, [bytes], "{}", text.join("\n"));
    }

    #[test]
    fn any_bytes_come_out_of_any_dump(bytes in prop::collection::vec(any::<u8>(), 17..200), kind in 0..DUMPS.len()) {
        let (name, dump) = DUMPS[kind];
        let text = dump(&bytes);
        let all = readings(text.clone().into_bytes()).unwrap();
        let texts = all.iter().filter(|reading| reading.form == Form::Text).count();
        // Only where words may have either byte first, and the characters do not tell.
        prop_assert!(texts == 1 || name == "xxd -e", "{}", text);
        prop_assert!(all.iter().any(|reading| reading.streams == [bytes.as_slice()]), "{}\n{}", name, text);
    }

    #[test]
    fn nothing_panics(text in "[0-9a-fx:\\[\\]()<>|\"'\\\\# \t\n{},*.-]{0,120}") {
        let _ = readings(text.into_bytes());
    }
}
