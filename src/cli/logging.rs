//! What the log looks like and how much of it there is.
//!
//! Words from outside are in almost every line. None of them makes a line of its own or is obeyed by a
//! terminal, however it came into the message or a field: that is seen to here, for all of them.

mod calm;
mod choice;
mod kept;
mod sink;

use std::fmt::{self, Write as _};
use std::io;

use jiff::Zoned;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::Subscriber;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::{FormatFields, Writer, debug_fn};
use tracing_subscriber::fmt::layer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use self::calm::{Calm, Filter};
use self::choice::{Choice, ChosenLines, WrittenLines};
use self::kept::KeptLines;
pub use self::kept::book;
use self::sink::Sink;
pub use self::sink::finish;
use crate::config::{Complaint, Settings};
use crate::terminal::{OneLine, visible_json};

/// What is written to the log.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// How much is written: error, warn, info, debug or trace. The environment variable
    /// `WATTBRIDGE_LOG` comes first.
    pub level: Level,
    /// One line of text or one JSON object an entry.
    pub format: Format,
}

/// How much is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Only what cannot go on.
    Error,
    /// And what somebody should look after.
    Warn,
    /// And what has happened.
    #[default]
    Info,
    /// And how.
    Debug,
    /// Everything.
    Trace,
}

/// How an entry is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

impl Settings for LogSettings {
    fn check(&self) -> Vec<Complaint> {
        Vec::new()
    }
}

/// Starts the log. A second call changes how much is written, and nothing else.
pub fn start(settings: &LogSettings) {
    let has_colours = io::IsTerminal::is_terminal(&io::stderr());
    start_to(settings, io::stderr(), has_colours);
}

/// The log until it is known how it shall be: it ends with what is returned, and another one may be started.
/// Only this thread has it.
pub fn start_for_now() -> LogForNow {
    let has_colours = io::IsTerminal::is_terminal(&io::stderr());
    let (log, sink, ..) = log(&LogSettings::default(), io::stderr(), has_colours);
    LogForNow {
        _here: tracing::subscriber::set_default(log),
        sink,
    }
}

/// Whether the log of this process has been started for good.
pub fn is_started() -> bool {
    choice::is_kept()
}

/// See [`start_for_now`].
pub struct LogForNow {
    sink: Sink,
    _here: tracing::subscriber::DefaultGuard,
}

impl Drop for LogForNow {
    fn drop(&mut self) {
        self.sink.flush(sink::PATIENCE);
    }
}

/// Starts the log somewhere else than on standard error.
pub fn start_to(settings: &LogSettings, out: impl io::Write + Send + 'static, has_colours: bool) {
    let (log, sink, choice, wrong) = log(settings, out, has_colours);
    // Fails only if a log has been started before, which then goes on.
    if log.try_init().is_err() {
        choice::choose_anew(choice.chosen());
        return;
    }
    sink.keep();
    choice.keep();
    if let Some(words) = wrong {
        tracing::warn!(
            "WATTBRIDGE_LOG=\"{words}\" is left out because it cannot be read. Write one level, such as debug, \
             or one for each part, such as \"info,wattbridge::adapters=trace\"."
        );
    }
}

/// A log, where its lines go, which ones are written, and what WATTBRIDGE_LOG says if that cannot be read.
fn log(
    settings: &LogSettings,
    out: impl io::Write + Send + 'static,
    has_colours: bool,
) -> (impl Subscriber + Send + Sync, Sink, Choice, Option<String>) {
    let level = match settings.level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    };
    let words = std::env::var("WATTBRIDGE_LOG").ok();
    let (filter, is_wrong) = filter(level, words.as_deref());
    let detailed = matches!(settings.level, Level::Debug | Level::Trace);
    let calm = Calm::default();
    let sink = Sink::start(out, calm.clone());
    let lines = lines(settings.format, detailed, has_colours, sink.clone());
    let owing = sink.clone();
    let wake = move || owing.owe();
    let choice = Choice::new(filter);
    let kept = book();
    let log = tracing_subscriber::registry()
        .with(lines.with_filter(WrittenLines(choice.clone())))
        .with(KeptLines(kept.clone()))
        .with(Filter { calm, wake })
        .with(ChosenLines {
            written: choice.clone(),
            kept,
        });
    (log, sink, choice, words.filter(|_| is_wrong))
}

/// The layer that makes lines and writes them.
fn lines<W>(
    format: Format,
    detailed: bool,
    has_colours: bool,
    out: W,
) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: io::Write + Clone + Send + Sync + 'static,
{
    let lines = layer().with_timer(LocalTime).with_target(detailed);
    match format {
        Format::Text => Box::new(
            lines
                .with_ansi(has_colours)
                .fmt_fields(fields())
                .with_writer(move || out.clone()),
        ),
        Format::Json => Box::new(lines.json().with_writer(move || PlainJson(out.clone()))),
    }
}

/// The message, and each field with its name.
fn fields() -> impl for<'w> FormatFields<'w> + Send + Sync + 'static {
    let fields = debug_fn(|writer: &mut Writer<'_>, field, value| match field.name() {
        "message" => write!(OneLine(writer), "{value:?}"),
        // Where a line of a library came from.
        name if name.starts_with("log.") => Ok(()),
        name => write!(OneLine(writer), "{name}={value:?}"),
    });
    fields.delimited(" ")
}

/// Nothing in a line of JSON is obeyed by a terminal.
struct PlainJson<W>(W);

impl<W: io::Write> io::Write for PlainJson<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        self.0.write_all(visible_json(&text).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// What to write: `words` come before `level`; also says whether they cannot be read.
fn filter(level: LevelFilter, words: Option<&str>) -> (Targets, bool) {
    let words = words.filter(|words| !words.trim().is_empty());
    let read = words.map(read_words);
    let is_wrong = matches!(read, Some(None));
    let wanted = read
        .flatten()
        .unwrap_or_else(|| Targets::new().with_default(level));
    // The broker inside the demo tells of every client; nobody asked, unless by its name.
    let quiet = ["mqtt5", "mqtt5_protocol"].into_iter().filter(|target| {
        let asked = |(name, _): (&str, LevelFilter)| name.starts_with(target);
        !wanted.iter().any(asked)
    });
    let quiet = quiet.collect::<Vec<_>>().into_iter();
    (
        wanted.with_targets(quiet.map(|target| (target, LevelFilter::OFF))),
        is_wrong,
    )
}

/// A mistyped level would else be taken for the name of a part of the program.
fn read_words(words: &str) -> Option<Targets> {
    let is_known = |word: &str| {
        let word = word.trim();
        let is_part = word.starts_with("wattbridge") || word.contains(['=', ':']);
        is_part || word.parse::<LevelFilter>().is_ok()
    };
    let known = words.split(',').all(is_known);
    words.parse::<Targets>().ok().filter(|_| known)
}

struct LocalTime;

impl FormatTime for LocalTime {
    fn format_time(&self, out: &mut Writer<'_>) -> fmt::Result {
        write!(out, "{}", Zoned::now().strftime("%Y-%m-%d %H:%M:%S"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::terminal::is_obeyed;
    use proptest::prelude::*;
    use tracing::Level as Amount;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// All that is written about words from outside in a message, a text and a displayed field.
    fn written(format: Format, words: &str) -> String {
        let page = Page::default();
        let out = page.clone();
        let log = tracing_subscriber::registry().with(lines(format, false, false, out));
        tracing::subscriber::with_default(log, || {
            let error = std::io::Error::other(words.to_owned());
            tracing::warn!(text = words, shown = %words, debug = ?words, %error, "said: {words}");
        });
        String::from_utf8(page.0.lock().unwrap().clone()).unwrap()
    }

    proptest! {
        #[test]
        fn no_words_make_a_line_or_move_a_cursor(
            words in prop_oneof![
                any::<String>(),
                "[a\n\r\t\u{1b}\u{7f}\u{85}\u{9b}\u{2028}\u{202e}\u{2066}\\\"\u{fffd}]{0,20}",
            ],
        ) {
            for format in [Format::Text, Format::Json] {
                let log = written(format, &words);
                let line = log.strip_suffix('\n').unwrap();
                prop_assert!(!line.contains(is_obeyed), "{line:?}");
                if format == Format::Json {
                    let json: serde_json::Value = serde_json::from_str(line).unwrap();
                    prop_assert_eq!(&json["fields"]["message"], &format!("said: {words}"));
                    prop_assert_eq!(&json["fields"]["text"], &words);
                }
            }
        }
    }

    /// What is written and what is kept of lines about a device.
    struct Both {
        page: Page,
        book: crate::web::LogBook,
        choice: Choice,
    }

    impl Both {
        fn of(level: LevelFilter, talk: impl FnOnce(&Self)) -> Self {
            let both = Self {
                page: Page::default(),
                book: crate::web::LogBook::new(tracing::callsite::rebuild_interest_cache),
                choice: Choice::new(filter(level, None).0),
            };
            let lines = lines(Format::Text, false, false, both.page.clone());
            let log = tracing_subscriber::registry()
                .with(lines.with_filter(WrittenLines(both.choice.clone())))
                .with(KeptLines(both.book.clone()))
                .with(ChosenLines {
                    written: both.choice.clone(),
                    kept: both.book.clone(),
                });
            tracing::subscriber::with_default(log, || talk(&both));
            both
        }

        fn written(&self) -> Vec<String> {
            let log = String::from_utf8(self.page.0.lock().unwrap().clone()).unwrap();
            let words = |line: &str| line.split_at(19).1.trim_start().to_owned();
            log.lines().map(words).collect()
        }

        fn kept(&self) -> Vec<(Option<String>, String)> {
            let lines = self.book.latest(100).into_iter();
            let about = |line: &crate::web::LogLine| line.device.as_deref().map(str::to_owned);
            lines
                .map(|line| (about(&line), line.text.to_string()))
                .collect()
        }
    }

    #[test]
    fn lines_are_kept_with_what_they_are_about_and_written_without() {
        let both = Both::of(LevelFilter::WARN, |_| {
            let roof = tracing::info_span!("device", device = %"Roof");
            roof.in_scope(|| {
                tracing::warn!(number = 5, "not\nthere");
                tracing::info!("round");
                tracing::debug!("detail");
            });
            tracing::warn!("alone");
            tracing::info!(target: "rumqttc", "of a library");
        });
        assert_eq!(both.written(), ["WARN not\\nthere number=5", "WARN alone"]);
        let kept = |device: Option<&str>, text: &str| (device.map(str::to_owned), text.to_owned());
        let roof = Some("Roof");
        assert_eq!(
            both.kept(),
            [
                kept(roof, "not\\nthere number=5"),
                kept(roof, "round"),
                kept(None, "alone")
            ]
        );
    }

    #[test]
    fn more_is_kept_of_one_device_and_no_more_written() {
        let both = Both::of(LevelFilter::INFO, |both| {
            let span = |name: &str| tracing::info_span!("device", device = %name);
            let (roof, shed) = (span("Roof"), span("Shed"));
            let detail = |words: &str| {
                roof.in_scope(|| tracing::debug!("roof {words}"));
                shed.in_scope(|| tracing::debug!("shed {words}"));
                tracing::trace!("nothing {words}");
                tracing::debug!(target: "hyper", "library {words}");
            };
            let minute = std::time::Duration::from_secs(60);
            detail("before");
            both.book.keep_detail(Some("Roof"), minute);
            detail("one");
            both.book.keep_detail(None, minute);
            detail("all");
            both.book.keep_detail(None, std::time::Duration::ZERO);
            assert!(both.book.end_detail_in_time());
            detail("after");
            *both.choice.test_targets() = filter(LevelFilter::DEBUG, None).0;
            tracing::callsite::rebuild_interest_cache();
            detail("written");
        });
        let texts: Vec<String> = both.kept().into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, ["roof one", "roof all", "shed all"]);
        let written = both.written();
        let words: Vec<&str> = written
            .iter()
            .map(|line| line.trim_start_matches("DEBUG "))
            .collect();
        assert_eq!(words, ["roof written", "shed written", "library written"]);
    }

    #[test]
    fn a_line_looks_as_ever() {
        let line = written(Format::Text, "a\nb");
        let (_, rest) = line.split_once("  WARN ").unwrap();
        assert_eq!(
            rest,
            "said: a\\nb text=\"a\\nb\" shown=a\\nb debug=\"a\\nb\" error=a\\nb\n"
        );
    }

    #[test]
    fn the_variable_comes_first_if_it_can_be_read() {
        for (words, is_wrong, debug) in [
            (None, false, false),
            (Some(""), false, false),
            (Some("debug"), false, true),
            (Some("warn,wattbridge=debug"), false, true),
            (Some("wattbridge::bridge=trace"), false, false),
            (Some("wattbridge"), false, true),
            (Some("verbose"), true, false),
            (Some("debgu"), true, false),
            (Some("wattbridge=loud"), true, false),
        ] {
            let (filter, wrong) = filter(LevelFilter::INFO, words);
            assert_eq!(wrong, is_wrong, "{words:?}");
            let shows = filter.would_enable("wattbridge", &Amount::DEBUG);
            assert_eq!(shows, debug, "{words:?}");
            assert!(!filter.would_enable("mqtt5", &Amount::ERROR), "{words:?}");
        }
    }
}
