//! Lines for the page, beside those that are written.
//!
//! They are chosen apart: what the page is asked for does not fill a disk, and what is not written is shown all the
//! same.

use std::fmt::{self, Write as _};
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::terminal::OneLine;
use crate::web::{LogBook, LogLevel};

/// The lines of this process.
static BOOK: OnceLock<LogBook> = OnceLock::new();

/// The field of a span that says what its lines are about.
const DEVICE: &str = "device";

/// The last lines of the log of this process.
pub fn book() -> LogBook {
    let new = || LogBook::new(tracing::callsite::rebuild_interest_cache);
    BOOK.get_or_init(new).clone()
}

/// Whether a span says what lines are about, which nobody has to read beside each of them.
pub fn is_of_device(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.name() == DEVICE
}

/// Whether the page may want lines from this place in the code.
pub fn wants(book: &LogBook, metadata: &Metadata<'_>) -> bool {
    // Libraries tell more than anybody asked for.
    let is_own = metadata.target().starts_with("wattbridge");
    (is_own || *metadata.level() <= Level::WARN) && book.wants(level(metadata))
}

fn level(metadata: &Metadata<'_>) -> LogLevel {
    match *metadata.level() {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warn,
        Level::INFO => LogLevel::Info,
        Level::DEBUG => LogLevel::Debug,
        Level::TRACE => LogLevel::Trace,
    }
}

/// The layer that keeps lines.
pub struct KeptLines(pub LogBook);

/// What the lines of a span are about.
struct About(Arc<str>);

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for KeptLines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut name = DeviceName(None);
        attributes.record(&mut name);
        if let (Some(name), Some(span)) = (name.0, context.span(id)) {
            span.extensions_mut().insert(About(name.into()));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        if !wants(&self.0, metadata) {
            return;
        }
        let about = context.event_scope(event).and_then(|scope| {
            let mut named = scope
                .filter_map(|span| span.extensions().get::<About>().map(|it| Arc::clone(&it.0)));
            named.next()
        });
        let level = level(metadata);
        if self.0.wants_of(level, about.as_deref()) {
            let mut line = WholeLine::default();
            event.record(&mut line);
            self.0.push(level, about, &line.whole(), Timestamp::now());
        }
    }
}

/// The message of a line, and its fields behind it.
#[derive(Default)]
struct WholeLine {
    message: String,
    fields: String,
}

impl WholeLine {
    fn whole(mut self) -> String {
        if self.message.is_empty() {
            return self.fields.trim_start().to_owned();
        }
        self.message.push_str(&self.fields);
        self.message
    }
}

impl Visit for WholeLine {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a text cannot fail.
        let _ = match field.name() {
            "message" => write!(OneLine(&mut self.message), "{value:?}"),
            name if name.starts_with("log.") => Ok(()),
            name => write!(OneLine(&mut self.fields), " {name}={value:?}"),
        };
    }
}

struct DeviceName(Option<String>);

impl Visit for DeviceName {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == DEVICE {
            self.0 = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == DEVICE {
            self.0 = Some(format!("{value:?}"));
        }
    }
}
