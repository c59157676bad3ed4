use std::io::Write;
use std::sync::{Arc, Mutex};

use super::super::recorder::{Mask, Recorder};
use super::*;
use proptest::prelude::*;

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn started() -> Timestamp {
    "2026-06-21T10:00:00Z".parse().unwrap()
}

fn line(millis: u64, event: Event) -> RecordedLine {
    RecordedLine {
        after: Duration::from_millis(millis),
        connection: 1,
        event,
    }
}

fn written(lines: &[RecordedLine], mask: Option<Mask>) -> Recording {
    written_by(lines, mask, Recorder::connection)
}

/// What is written of these lines on the first connection, which is of this kind.
fn written_by(lines: &[RecordedLine], mask: Option<Mask>, kind: fn(&Recorder) -> u64) -> Recording {
    let page = Page::default();
    let recorder = Recorder::new(Box::new(page.clone()), "aps_ecu", started(), mask).unwrap();
    assert_eq!(kind(&recorder), 1);
    for line in lines {
        recorder.record(line);
    }
    recorder.finish().unwrap();
    let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
    Recording::parse(&text).unwrap()
}

#[test]
fn joins_what_the_network_cut_before_masking() {
    let lines = [
        line(0, Event::Open("192.168.1.50:8899".into())),
        line(1, Event::Sent(vec![1, 2])),
        line(2, Event::Received(vec![3])),
        line(3, Event::Received(vec![4])),
        line(4, Event::Close),
    ];
    let mask: Mask = Box::new(|bytes| bytes.iter().rev().copied().collect());
    let recording = written(&lines, Some(mask));
    assert_eq!(recording.started, started());
    let events: Vec<Event> = recording.lines.into_iter().map(|line| line.event).collect();
    assert_eq!(events[1], Event::Sent(vec![2, 1]));
    assert_eq!(events[2], Event::Received(vec![4, 3]));
    assert_eq!(events.len(), 4);
}

/// Two messages that nobody asked for, each in two pieces.
fn pushed() -> [RecordedLine; 5] {
    [
        line(0, Event::Open("/dev/ttyUSB0".into())),
        line(100, Event::Received(vec![1])),
        line(260, Event::Received(vec![2])),
        line(5100, Event::Received(vec![3])),
        line(5600, Event::Received(vec![4])),
    ]
}

#[test]
fn each_message_that_nobody_asked_for_has_its_own_time() {
    let mask: Mask = Box::new(|bytes| bytes.iter().rev().copied().collect());
    let recording = written_by(&pushed(), Some(mask), Recorder::stream);
    assert_eq!(
        recording.lines,
        [
            line(0, Event::Open("/dev/ttyUSB0".into())),
            line(100, Event::Received(vec![2, 1])),
            line(5100, Event::Received(vec![4, 3])),
        ]
    );
}

#[test]
fn a_slow_network_does_not_cut_an_answer() {
    let recording = written(&pushed(), None);
    assert_eq!(
        recording.lines[1..],
        [line(100, Event::Received(vec![1, 2, 3, 4]))]
    );
}

#[test]
fn a_line_that_never_falls_silent_is_not_held_for_ever() {
    let noise: Vec<RecordedLine> = (0..1000)
        .map(|n| line(n, Event::Received(vec![0xff; 1024])))
        .collect();
    let recording = written_by(&noise, None, Recorder::stream);
    let lengths = recording.lines.iter().map(|line| match &line.event {
        Event::Received(bytes) => bytes.len(),
        _ => 0,
    });
    assert!(lengths.clone().all(|length| length <= 256 * 1024));
    assert_eq!(lengths.sum::<usize>(), 1000 * 1024);
}

#[test]
fn says_what_is_wrong_and_where() {
    let with = |line: &str| {
        format!("{MAGIC}\n# adapter: aps_ecu\n# started: 2026-06-21T10:00:00Z\n\n{line}\n")
    };
    for (text, words) in [
        (String::new(), "not a recording"),
        ("hello".to_owned(), "not a recording"),
        (MAGIC.to_owned(), "lacks \"# adapter"),
        (
            with("x 1 close"),
            "line 5: the line does not begin with seconds",
        ),
        (with("0 x close"), "line 5: the second word"),
        (with("0 1"), "line 5: the line ends too early"),
        (with("0 1 > 0"), "line 5: the bytes are not hexadecimal"),
        (with("0 1 < zz"), "line 5: the bytes are not hexadecimal"),
        (with("0 1 jump"), "line 5: the third word"),
        (
            with("-1 1 close"),
            "line 5: the line does not begin with seconds",
        ),
        (
            with("1e300 1 close"),
            "line 5: the line does not begin with seconds",
        ),
        (
            with("1e11 1 close"),
            "line 5: the line does not begin with seconds",
        ),
    ] {
        let error = Recording::parse(&text).unwrap_err().to_string();
        assert!(error.contains(words), "{text:?}: {error}");
    }
}

#[test]
fn a_recording_begins_in_this_age() {
    let parse =
        |started: &str| Recording::parse(&format!("{MAGIC}\n# adapter: a\n# started: {started}\n"));
    for started in [
        "9999-12-30T00:00:00Z",
        "1999-12-31T23:59:59Z",
        "2100-01-01T00:00:00Z",
    ] {
        let error = parse(started).unwrap_err().to_string();
        assert!(
            error.contains("line 3: the start is not between"),
            "{error}"
        );
    }
    assert!(parse("2000-01-01T00:00:00Z").is_ok());
    assert!(parse("2099-12-31T23:59:59Z").is_ok());
}

proptest! {
    #[test]
    fn never_panics(text in ".*") {
        let _ = Recording::parse(&text);
        let _ = Recording::parse(&format!("{MAGIC}\n# adapter: a\n# started: 2026-06-21T10:00:00Z\n0 1 {text}"));
    }

    #[test]
    fn gives_back_what_was_sent(bytes: Vec<u8>, millis in 0_u64..100_000_000) {
        let recording = written(&[line(millis, Event::Sent(bytes.clone()))], None);
        prop_assert_eq!(&recording.lines, &[line(millis, Event::Sent(bytes))]);
    }
}
