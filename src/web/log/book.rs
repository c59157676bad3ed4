//! What the page shows of the log: its last lines, in memory only.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use utoipa::{IntoParams, ToSchema};

/// Lines that are kept.
const MOST_LINES: usize = 2000;
/// Bytes that they may take, with all that belongs to a line.
const MOST_BYTES: usize = 512 * 1024;
/// Bytes of one line.
const LONGEST: usize = 2048;
/// What a line takes beside its words.
const OVERHEAD: usize = size_of::<LogLine>() + 32;
/// A line that says the same as one of these is counted and no line of its own.
const LOOK_BACK: usize = 8;
/// Lines of one answer.
const PAGE: usize = 1000;
/// Lines that a reader of the stream may lag behind.
const NEWS: usize = 256;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Everything.
    Trace,
    /// How something has happened.
    Debug,
    /// What has happened.
    Info,
    /// What somebody should look after.
    Warn,
    /// What cannot go on.
    Error,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LogLine {
    /// Its number; later ones are larger.
    pub n: u64,
    /// When it was said last, in seconds since 1970.
    pub at: f64,
    /// How much it matters.
    pub level: LogLevel,
    /// The section it is about, as it is said: `APS ECU 192.168.1.50`.
    #[schema(value_type = Option<String>)]
    pub device: Option<Arc<str>>,
    /// What it says.
    #[schema(value_type = String)]
    pub text: Arc<str>,
    /// How often it was said.
    pub count: u64,
}

impl LogLine {
    /// When it was said last, in seconds since 1970.
    #[allow(clippy::cast_possible_truncation, reason = "no clock shows that much")]
    pub fn at_second(&self) -> i64 {
        self.at as i64
    }

    fn size(&self) -> usize {
        self.text.len() + OVERHEAD
    }
}

/// Which lines are wanted.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LogQuery {
    /// Those that matter so much, or more.
    pub level: Option<LogLevel>,
    /// Those about this section.
    pub device: Option<String>,
    /// Those with these words in them, in any case.
    pub q: Option<String>,
    /// Those before this number.
    pub before: Option<u64>,
}

/// More than usual is kept for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// Of this section; of all if none is named.
    pub device: Option<Arc<str>>,
    until: Instant,
}

/// The lines; cheap to clone.
#[derive(Clone)]
pub struct LogBook(Arc<Book>);

struct Book {
    lines: Mutex<Lines>,
    news: broadcast::Sender<LogLine>,
    detail: Mutex<Option<Detail>>,
    /// Whether there is one, without waiting.
    is_detailed: AtomicBool,
    /// Nobody will ever read it.
    is_closed: AtomicBool,
    /// Called when what is wanted has changed.
    changed: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct Lines {
    kept: VecDeque<LogLine>,
    bytes: usize,
    last: u64,
}

impl LogBook {
    /// An empty one. `changed` is called when more or less lines are wanted than before.
    pub fn new(changed: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(Book {
            lines: Mutex::default(),
            news: broadcast::Sender::new(NEWS),
            detail: Mutex::new(None),
            is_detailed: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
            changed: Box::new(changed),
        }))
    }

    /// Whether lines of this level are wanted at all, as far as that can be told without knowing what they are about.
    pub fn wants(&self, level: LogLevel) -> bool {
        if self.0.is_closed.load(Ordering::Relaxed) {
            return false;
        }
        level >= LogLevel::Info
            || (level == LogLevel::Debug && self.0.is_detailed.load(Ordering::Relaxed))
    }

    /// Whether a line of this level about this section is wanted.
    pub fn wants_of(&self, level: LogLevel, device: Option<&str>) -> bool {
        self.wants(level)
            && (level >= LogLevel::Info
                || self.detail().is_some_and(|detail| {
                    detail.device.is_none() || detail.device.as_deref() == device
                }))
    }

    /// Keeps lines from now on, or none at all where there is no page that shows them.
    pub fn keep(&self, is_wanted: bool) {
        let was_closed = self.0.is_closed.swap(!is_wanted, Ordering::Relaxed);
        if !is_wanted {
            *self.lines() = Lines::default();
        }
        if was_closed == is_wanted {
            (self.0.changed)();
        }
    }

    /// Keeps a line.
    pub fn push(&self, level: LogLevel, device: Option<Arc<str>>, text: &str, now: Timestamp) {
        let mut end = text.len().min(LONGEST);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let cut = if end < text.len() {
            Some(format!("{}…", &text[..end]))
        } else {
            None
        };
        let text = cut.as_deref().unwrap_or(text);
        let at = seconds(now);
        let mut lines = self.lines();
        let line = match lines.again(level, device.as_deref(), text) {
            Some(line) => {
                line.at = at;
                line.count += 1;
                line.clone()
            }
            None => {
                lines.last += 1;
                let line = LogLine {
                    n: lines.last,
                    at,
                    level,
                    device,
                    text: text.into(),
                    count: 1,
                };
                lines.add(line.clone());
                line
            }
        };
        drop(lines);
        // Perhaps nobody looks.
        let _ = self.0.news.send(line);
    }

    /// The last lines of those that are wanted, in their order, and whether there are earlier ones.
    pub fn read(&self, query: &LogQuery) -> (Vec<LogLine>, bool) {
        let words = query.q.as_deref().map(str::to_lowercase);
        let lines = self.lines();
        let wanted = lines
            .kept
            .iter()
            .rev()
            .filter(|line| query.matches(line, words.as_deref()));
        let mut found: Vec<LogLine> = wanted.take(PAGE + 1).cloned().collect();
        drop(lines);
        let has_more = found.len() > PAGE;
        found.truncate(PAGE);
        found.reverse();
        (found, has_more)
    }

    /// The last lines, as many as this.
    pub fn latest(&self, count: usize) -> Vec<LogLine> {
        let lines = self.lines();
        let first = lines.kept.len().saturating_sub(count);
        lines.kept.iter().skip(first).cloned().collect()
    }

    /// The sections that there are lines about.
    pub fn devices(&self) -> Vec<Arc<str>> {
        let lines = self.lines();
        let named = lines.kept.iter().filter_map(|line| line.device.clone());
        let named: std::collections::BTreeSet<Arc<str>> = named.collect();
        named.into_iter().collect()
    }

    /// Lines as they come, and as they are said again.
    pub fn follow(&self) -> broadcast::Receiver<LogLine> {
        self.0.news.subscribe()
    }

    /// Keeps more for a while, instead of what was wanted before.
    pub fn keep_detail(&self, device: Option<&str>, time: Duration) {
        let detail = Detail {
            device: device.map(Arc::from),
            until: Instant::now() + time,
        };
        *self.detail_lock() = Some(detail);
        self.0.is_detailed.store(true, Ordering::Relaxed);
        (self.0.changed)();
    }

    /// What is kept more of now, and how much longer.
    pub fn detailed(&self) -> Option<(Option<Arc<str>>, Duration)> {
        let detail = self.detail()?;
        let left = detail.until.saturating_duration_since(Instant::now());
        Some((detail.device, left))
    }

    fn detail(&self) -> Option<Detail> {
        let mut detail = self.detail_lock();
        if detail
            .as_ref()
            .is_some_and(|detail| detail.until <= Instant::now())
        {
            *detail = None;
            drop(detail);
            self.0.is_detailed.store(false, Ordering::Relaxed);
            return None;
        }
        detail.clone()
    }

    /// Keeps no more than usual if the time for it is over; says whether that was so.
    pub fn end_detail_in_time(&self) -> bool {
        let is_over = self.detail().is_none();
        if is_over {
            (self.0.changed)();
        }
        is_over
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn detail_lock(&self) -> MutexGuard<'_, Option<Detail>> {
        self.0.detail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for LogBook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogBook").finish_non_exhaustive()
    }
}

impl Lines {
    /// One of the last lines that said the same.
    fn again(&mut self, level: LogLevel, device: Option<&str>, text: &str) -> Option<&mut LogLine> {
        let same = |line: &&mut LogLine| {
            line.level == level && line.device.as_deref() == device && &*line.text == text
        };
        self.kept.iter_mut().rev().take(LOOK_BACK).find(same)
    }

    fn add(&mut self, line: LogLine) {
        self.bytes += line.size();
        self.kept.push_back(line);
        while self.kept.len() > MOST_LINES || self.bytes > MOST_BYTES {
            let Some(oldest) = self.kept.pop_front() else {
                break;
            };
            self.bytes -= oldest.size();
        }
    }
}

impl LogQuery {
    fn matches(&self, line: &LogLine, words: Option<&str>) -> bool {
        self.before.is_none_or(|before| line.n < before)
            && self.level.is_none_or(|level| line.level >= level)
            && self
                .device
                .as_deref()
                .is_none_or(|device| line.device.as_deref() == Some(device))
            && words.is_none_or(|words| line.text.to_lowercase().contains(words))
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "milliseconds since 1970 are exact for long"
)]
fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book() -> LogBook {
        LogBook::new(|| ())
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_line_that_is_said_again_is_counted() {
        let book = book();
        let device: Arc<str> = "APS ECU 192.0.2.1".into();
        for second in 1..=14 {
            book.push(
                LogLevel::Warn,
                Some(Arc::clone(&device)),
                "does not answer",
                at(second),
            );
            book.push(LogLevel::Warn, None, "does not answer", at(second));
        }
        let (lines, has_more) = book.read(&LogQuery::default());
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| (line.count, line.at) == (14, 14.0)) && !has_more);
        assert_eq!(book.devices(), [Arc::clone(&device)]);
        for number in 0..LOOK_BACK {
            book.push(LogLevel::Info, None, &number.to_string(), at(20));
        }
        // So long ago that it is news.
        book.push(LogLevel::Warn, None, "does not answer", at(21));
        assert_eq!(book.read(&LogQuery::default()).0.len(), 3 + LOOK_BACK);
    }

    #[test]
    fn lines_are_chosen() {
        let book = book();
        for (level, device, text) in [
            (LogLevel::Info, Some("a"), "Round one"),
            (LogLevel::Warn, Some("a"), "no answer"),
            (LogLevel::Error, None, "Full"),
            (LogLevel::Info, Some("b"), "round two"),
        ] {
            book.push(level, device.map(Arc::from), text, at(0));
        }
        let chosen = |query: LogQuery| {
            let lines = book.read(&query).0.into_iter();
            lines.map(|line| line.n).collect::<Vec<_>>()
        };
        let all = LogQuery::default;
        assert_eq!(chosen(all()), [1, 2, 3, 4]);
        assert_eq!(
            chosen(LogQuery {
                level: Some(LogLevel::Warn),
                ..all()
            }),
            [2, 3]
        );
        assert_eq!(
            chosen(LogQuery {
                device: Some("a".to_owned()),
                ..all()
            }),
            [1, 2]
        );
        assert_eq!(
            chosen(LogQuery {
                q: Some("ROUND".to_owned()),
                ..all()
            }),
            [1, 4]
        );
        assert_eq!(
            chosen(LogQuery {
                before: Some(3),
                ..all()
            }),
            [1, 2]
        );
    }

    #[test]
    fn it_never_takes_more_than_its_room() {
        let book = book();
        for number in 0..3000_u32 {
            book.push(LogLevel::Info, None, &number.to_string(), at(0));
        }
        assert_eq!(book.lines().kept.len(), MOST_LINES);
        for number in 0..3000_u32 {
            book.push(
                LogLevel::Info,
                None,
                &format!("{number} {}", "ü".repeat(5000)),
                at(0),
            );
            assert!(book.lines().bytes <= MOST_BYTES);
        }
        let lines = book.lines();
        assert_eq!(
            lines.bytes,
            lines.kept.iter().map(LogLine::size).sum::<usize>()
        );
        assert!(
            lines.kept.len() > 100 && lines.kept.iter().all(|line| line.text.len() <= LONGEST + 3)
        );
        drop(lines);
        assert_eq!(
            book.read(&LogQuery {
                q: Some("2999 ".to_owned()),
                ..LogQuery::default()
            })
            .0
            .len(),
            1
        );
    }

    #[test]
    fn more_is_kept_for_a_while() {
        let book = book();
        assert!(book.wants(LogLevel::Info) && !book.wants(LogLevel::Debug));
        book.keep_detail(Some("a"), Duration::from_secs(600));
        assert!(book.wants(LogLevel::Debug) && !book.wants(LogLevel::Trace));
        assert!(book.wants_of(LogLevel::Debug, Some("a")));
        for other in [Some("b"), None] {
            assert!(!book.wants_of(LogLevel::Debug, other));
            assert!(book.wants_of(LogLevel::Info, other));
        }
        let (device, left) = book.detailed().unwrap();
        assert!(device.as_deref() == Some("a") && left > Duration::from_secs(500));
        assert!(!book.end_detail_in_time());
        book.keep_detail(None, Duration::ZERO);
        assert!(!book.wants_of(LogLevel::Debug, Some("a")));
        assert!(book.end_detail_in_time());
        assert!(!book.wants(LogLevel::Debug) && book.detailed().is_none());
    }

    #[tokio::test]
    async fn who_follows_hears_of_each() {
        let book = book();
        let mut news = book.follow();
        book.push(LogLevel::Info, None, "a", at(0));
        book.push(LogLevel::Info, None, "a", at(1));
        assert_eq!(news.recv().await.unwrap().count, 1);
        let again = news.recv().await.unwrap();
        assert_eq!((again.n, again.count), (1, 2));
    }
}
