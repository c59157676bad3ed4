//! What the log looks like and how much of it there is.

use std::fmt;
use std::io;
use std::sync::Mutex;

use jiff::Zoned;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use crate::config::{Complaint, Settings};

/// What is written to the log.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct LogSettings {
    /// How much is written: error, warn, info, debug or trace. The environment variable
    /// `WATTBRIDGE_LOG` comes first.
    pub level: Level,
    /// One line of text or one JSON object an entry.
    pub format: Format,
}

/// How much is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Level {
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
pub(super) enum Format {
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

/// Starts the log. A second call changes nothing, so that tests may each begin with it.
pub(super) fn start(settings: &LogSettings) {
    let colours = io::IsTerminal::is_terminal(&io::stderr());
    start_to(settings, io::stderr(), colours);
}

/// Starts the log somewhere else than on standard error.
pub(super) fn start_to(
    settings: &LogSettings,
    out: impl io::Write + Send + 'static,
    colours: bool,
) {
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
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(Mutex::new(out))
        .with_timer(LocalTime)
        .with_ansi(colours)
        .with_target(detailed);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match settings.format {
        Format::Text => Box::new(lines),
        Format::Json => Box::new(lines.json()),
    };
    let log = tracing_subscriber::registry().with(lines).with(filter);
    // Fails only if a log has been started before, which then goes on.
    if log.try_init().is_ok() && is_wrong {
        tracing::warn!(
            "WATTBRIDGE_LOG=\"{}\" is left out because it cannot be read. Write one level, such as debug, \
             or one for each part, such as \"info,wattbridge::adapters=trace\".",
            words.unwrap_or_default()
        );
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
    use super::*;
    use tracing::Level as Amount;

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
