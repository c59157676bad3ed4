//! What the log looks like and how much of it there is.

use std::fmt;

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
    let level = match settings.level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    };
    // The broker inside the demo tells of every client; nobody asked.
    let default = || {
        Targets::new()
            .with_default(level)
            .with_target("mqtt5", LevelFilter::OFF)
            .with_target("mqtt5_protocol", LevelFilter::OFF)
    };
    let wanted = std::env::var("WATTBRIDGE_LOG").ok();
    let wanted = wanted.and_then(|words| words.parse::<Targets>().ok());
    let detailed = matches!(settings.level, Level::Debug | Level::Trace);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_timer(LocalTime)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_target(detailed);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match settings.format {
        Format::Text => Box::new(lines),
        Format::Json => Box::new(lines.json()),
    };
    let log = tracing_subscriber::registry()
        .with(lines)
        .with(wanted.unwrap_or_else(default));
    // Fails only if a log has been started before, which then goes on.
    let _ = log.try_init();
}

struct LocalTime;

impl FormatTime for LocalTime {
    fn format_time(&self, out: &mut Writer<'_>) -> fmt::Result {
        write!(out, "{}", Zoned::now().strftime("%Y-%m-%d %H:%M:%S"))
    }
}
