//! The key from an inverter on a serial line.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use wattbridge::links::{Happening, PseudoTerminal};

use crate::Done;

/// Only reached when something is broken.
const DEADLINE: Duration = Duration::from_secs(60);
const KEY: &[u8; 16] = b"not a true key!!";

/// An inverter that answers questions for parameters. One that is late answers the question before.
struct Unit {
    key: [u8; 16],
    is_late: bool,
    heard: Vec<u8>,
    late: Vec<u8>,
}

impl Unit {
    fn take(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.heard.extend_from_slice(bytes);
        let mut answers = Vec::new();
        while self.heard.len() >= 24 {
            let question: Vec<u8> = self.heard.drain(..24).collect();
            assert_eq!(
                question[18..20],
                [0x12, 0],
                "it is only asked, and nothing set"
            );
            let part = usize::from(question[20] - 0x39);
            let answer = answer(&question, &self.key[4 * part..4 * part + 4]);
            if self.is_late {
                answers.extend(std::mem::replace(&mut self.late, answer));
            } else {
                answers.extend(answer);
            }
        }
        answers
    }
}

fn answer(question: &[u8], value: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x12, 0x34, 0x56, 0x79, 6, 0, 0xf9, 0xff];
    frame.extend(&question[8..10]);
    frame.extend(&question[14..18]);
    frame.extend(&question[10..14]);
    frame.extend([0x90, 0]);
    frame.extend(value);
    frame.extend([0, 0]);
    // The fields of the head count as big-endian numbers.
    let reversed =
        |range: std::ops::Range<usize>| frame[range].iter().rev().copied().collect::<Vec<_>>();
    let covered = [
        reversed(8..10),
        reversed(10..14),
        reversed(14..18),
        reversed(18..20),
        frame[20..].to_vec(),
    ]
    .concat();
    let crc = covered.iter().fold(0x5a5a_u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| {
            let shifted = crc >> 1;
            if crc & 1 == 1 {
                shifted ^ 0xa001
            } else {
                shifted
            }
        })
    });
    frame.extend(crc.to_le_bytes());
    frame
}

async fn ask(mut unit: Unit, serial: &str) -> Done {
    let folder = tempfile::tempdir().unwrap();
    let port = folder.path().join("port");
    let mut terminal = PseudoTerminal::new(&port).unwrap();
    let asking = Command::new(env!("CARGO_BIN_EXE_wattbridge"))
        .args(["solaredge", "key", "--serial"])
        .arg(&port)
        .args(["--inverter", serial])
        .stdin(Stdio::null())
        .output();
    let answering = async {
        loop {
            if let Happening::Received(bytes) = terminal.next().await.unwrap() {
                let answers = unit.take(&bytes);
                terminal.send(&answers).await.unwrap();
            }
        }
    };
    let asked = async {
        tokio::select! {
            output = asking => output.unwrap(),
            () = answering => unreachable!("it answers for ever"),
        }
    };
    Done::of(tokio::time::timeout(DEADLINE, asked).await.unwrap())
}

fn unit(key: [u8; 16], is_late: bool) -> Unit {
    Unit {
        key,
        is_late,
        heard: Vec::new(),
        late: Vec::new(),
    }
}

#[tokio::test]
async fn the_key_is_asked_for_and_printed() {
    for is_late in [false, true] {
        let done = ask(unit(*KEY, is_late), "7F123456-1B").await;
        assert_eq!(done.code, 0, "{}", done.said);
        let hex: String = KEY.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            done.out,
            format!("keys = {{ \"7F123456-1B\" = \"{hex}\" }}\n")
        );
        assert!(!done.said.contains(&hex), "{}", done.said);
    }
}

#[tokio::test]
async fn a_unit_without_a_key_says_so() {
    let done = ask(unit([0; 16], false), "7F123456").await;
    assert_eq!((done.code, done.out.as_str()), (1, ""));
    assert!(done.said.contains("SetApp"), "{}", done.said);
}

#[tokio::test]
async fn a_serial_number_with_a_digit_wrong_is_not_asked_for() {
    let done = ask(unit(*KEY, false), "7F123457-1B").await;
    assert_eq!(done.code, 2, "{}", done.said);
    assert!(
        done.said.contains("compare it with the label"),
        "{}",
        done.said
    );
}
