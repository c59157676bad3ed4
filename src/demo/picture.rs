//! The demo on one terminal: how to connect, and a line for each device. From states to lines, without
//! I/O.
//!
//! Whatever the size: no line is longer than the terminal is wide, no word is cut that could stand whole
//! elsewhere, and all fits above the cursor. What does not fit is left out in this order: parts of
//! devices, the long head, devices.

use console::{Style, measure_text_width, truncate_str};

use super::values::{has_values, lack, values};
use crate::bridge::Known;

/// Width of the words before what they stand for, in the head.
const LABEL: usize = 16;
/// Width that values have at least, so that what is behind them stays where it is while they change.
const VALUE: usize = 7;
/// Lines of the log that are shown at most.
const LOG: usize = 6;

/// Devices of the demo whose energy belongs into the Energy dashboard, each with that of its parts. Wherever this is
/// shown first, they are not known yet.
const ENERGY: [&str; 7] = [
    "Grid meter",
    "Solar roof",
    "Garage",
    "Garage roof",
    "Barn roof",
    "Shed roof",
    "Shed battery",
];

/// What is said above the devices.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    /// Where the broker listens.
    pub port: u16,
    /// Where it should; 0 stands for any port.
    pub wanted: u16,
    /// The port of the page.
    pub page: u16,
}

/// How a piece of a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tone {
    Plain,
    Strong,
    Dim,
    Good,
    Waiting,
}

/// A line of the picture.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScreenLine(Vec<(Tone, String)>);

/// Everything that is to be seen.
#[derive(Debug, Clone, Copy)]
pub struct Picture<'a> {
    pub(crate) head: Head,
    pub(crate) devices: &'a [Known],
    /// What was logged, oldest first.
    pub log: &'a [String],
}

impl Head {
    /// What there is to know, and the word for it.
    pub fn facts(self) -> [(&'static str, String); 6] {
        let Self { port, page, .. } = self;
        [
            ("The page", format!("http://127.0.0.1:{page}/")),
            (
                "MQTT broker",
                format!(
                    "127.0.0.1:{port} on this computer only, no user name{}",
                    self.taken()
                ),
            ),
            (
                "Home Assistant",
                "add the MQTT integration with this broker".to_owned(),
            ),
            (
                "Look at",
                format!("MQTT devices; Energy dashboard: {}", ENERGY.join(", ")),
            ),
            (
                "Any client",
                format!("mosquitto_sub -p {port} -v -t 'wattbridge/#'"),
            ),
            ("End", "Ctrl-C".to_owned()),
        ]
    }

    /// What is running.
    pub fn title(self) -> String {
        format!(
            "wattbridge {} demo: one simulated house, always late in the morning",
            env!("CARGO_PKG_VERSION")
        )
    }

    /// Says that another port was wanted.
    fn taken(self) -> String {
        let Self { port, wanted, .. } = self;
        if wanted == port || wanted == 0 {
            String::new()
        } else {
            format!(" (port {wanted} is taken)")
        }
    }

    fn lines(self, columns: usize) -> Vec<ScreenLine> {
        let mut lines: Vec<_> = wrap(&self.title(), columns)
            .into_iter()
            .map(strong)
            .collect();
        lines.push(ScreenLine::default());
        for (label, text) in self.facts() {
            let narrow = columns < LABEL * 3;
            let indent = if narrow { 2 } else { LABEL };
            let mut wrapped = wrap(&text, columns.saturating_sub(indent)).into_iter();
            if narrow {
                lines.push(dim(label.to_owned()));
            } else {
                let first = wrapped.next().unwrap_or_default();
                let label = (Tone::Dim, format!("{label:<LABEL$}"));
                lines.push(ScreenLine(vec![label, (Tone::Plain, first)]));
            }
            let rest = wrapped.map(|text| (Tone::Plain, format!("{:indent$}{text}", "")));
            lines.extend(rest.map(|piece| ScreenLine(vec![piece])));
        }
        lines.push(ScreenLine::default());
        lines
    }

    /// The least that is needed to connect, and to get out.
    fn short(self, columns: usize) -> Vec<ScreenLine> {
        let address = format!("MQTT broker 127.0.0.1:{}", self.port);
        let long = format!("{address}{}, Ctrl-C ends the demo", self.taken());
        let fits = measure_text_width(&long) <= columns;
        vec![strong(if fits { long } else { address })]
    }
}

impl Picture<'_> {
    /// What fits on a terminal of so many rows, the last of which stays free for the cursor.
    pub fn lines(&self, rows: usize, columns: usize) -> Vec<ScreenLine> {
        let rows = rows.saturating_sub(1);
        let mut log: Vec<ScreenLine> = self
            .log
            .iter()
            .flat_map(|text| noted(text, columns))
            .collect();
        let more = log.len().saturating_sub(LOG.min(rows / 3));
        log.drain(..more);
        if !log.is_empty() && rows > 12 {
            log.insert(0, ScreenLine::default());
        }
        let room = rows.saturating_sub(log.len());
        let (all, whole) = (self.rows(columns, true), self.rows(columns, false));
        let (long, short) = (self.head.lines(columns), self.head.short(columns));
        let fits =
            |head: &Vec<ScreenLine>, devices: &Vec<ScreenLine>| head.len() + devices.len() <= room;
        let (mut lines, mut devices) = if fits(&long, &all) {
            (long, all)
        } else if fits(&long, &whole) {
            (long, whole)
        } else {
            (short, whole)
        };
        let left = room.saturating_sub(lines.len());
        if devices.len() > left {
            let hidden = devices.len() - left.saturating_sub(1);
            devices.truncate(left.saturating_sub(1));
            devices.push(dim(format!("and {hidden} more")));
        }
        lines.append(&mut devices);
        lines.append(&mut log);
        lines.truncate(rows);
        lines.into_iter().map(|line| line.within(columns)).collect()
    }

    /// A line for each device, and for each of its parts if `parts`.
    fn rows(&self, columns: usize, parts: bool) -> Vec<ScreenLine> {
        let shown = self.devices.iter().filter(|known| has_values(known));
        let shown = shown.filter(|known| parts || known.device.via.is_none());
        let shown: Vec<_> = in_families(&shown.collect::<Vec<_>>());
        if shown.is_empty() {
            return vec![dim("Waiting for the first device ...".to_owned())];
        }
        let width = |known: &&Known| indent(known).len() + measure_text_width(&known.device.name);
        let widths = shown.iter().map(width);
        let width = widths.max().unwrap_or(0).min(columns / 2);
        shown
            .iter()
            .map(|known| row(known, width, columns))
            .collect()
    }
}

/// Devices by their names' order of arrival, each with its parts behind it.
fn in_families<'a>(devices: &[&'a Known]) -> Vec<&'a Known> {
    let mut sorted = Vec::with_capacity(devices.len());
    let is_part = |known: &&&Known| {
        let via = known.device.via.as_ref();
        via.is_some_and(|via| devices.iter().any(|other| other.device.id == *via))
    };
    for device in devices.iter().filter(|known| !is_part(known)) {
        sorted.push(*device);
        let parts = devices
            .iter()
            .filter(|known| known.device.via.as_ref() == Some(&device.device.id));
        sorted.extend(parts);
    }
    sorted
}

/// Before a part of a device.
fn indent(known: &Known) -> &'static str {
    if known.device.via.is_some() { "  " } else { "" }
}

/// One device: as many whole values as fit.
fn row(known: &Known, width: usize, columns: usize) -> ScreenLine {
    let indent = indent(known);
    let lack = lack(known);
    let tone = if lack.is_some() {
        Tone::Waiting
    } else {
        Tone::Good
    };
    let name = cut(&known.device.name, width.saturating_sub(indent.len()));
    let pad = width.saturating_sub(indent.len() + measure_text_width(&name));
    let mut line = ScreenLine(vec![
        (tone, format!("{indent}● ")),
        (Tone::Strong, format!("{name}{:pad$}", "")),
    ]);
    let mut left = columns.saturating_sub(width + 2);
    if let Some(lack) = lack {
        let lines = wrap(&lack, left.saturating_sub(5));
        let more = if lines.len() > 1 { " ..." } else { "" };
        if let Some(first) = lines.first().filter(|_| left > 12) {
            line.0.push((Tone::Plain, format!("  {first}{more}")));
        }
        return line;
    }
    for (place, shown) in values(known).into_iter().enumerate() {
        let value = format!("{:<VALUE$}", shown.value);
        let with_title = 3 + measure_text_width(&shown.title) + measure_text_width(&value);
        let bare = 2 + measure_text_width(&value);
        if with_title <= left {
            line.0.push((Tone::Dim, format!("  {} ", shown.title)));
            line.0.push((Tone::Plain, value));
            left -= with_title;
        } else {
            if place == 0 && bare <= left {
                line.0.push((Tone::Plain, format!("  {value}")));
            }
            break;
        }
    }
    line
}

/// An entry of the log.
fn noted(text: &str, columns: usize) -> Vec<ScreenLine> {
    let lines = wrap(text, columns.saturating_sub(2))
        .into_iter()
        .enumerate();
    let mark = |(place, text): (usize, String)| {
        let mark = if place == 0 { "! " } else { "  " };
        ScreenLine(vec![(Tone::Waiting, mark.to_owned()), (Tone::Plain, text)])
    };
    lines.map(mark).collect()
}

fn strong(text: String) -> ScreenLine {
    ScreenLine(vec![(Tone::Strong, text)])
}

fn dim(text: String) -> ScreenLine {
    ScreenLine(vec![(Tone::Dim, text)])
}

fn cut(text: &str, width: usize) -> String {
    truncate_str(text, width, "").into_owned()
}

/// Breaks a text between its words.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if measure_text_width(line) + 1 + measure_text_width(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

impl ScreenLine {
    /// What fits into a line of this width.
    fn within(self, columns: usize) -> Self {
        let mut left = columns;
        let mut piece = |(tone, text): (Tone, String)| {
            let text = cut(&text, left);
            left -= measure_text_width(&text);
            (tone, text)
        };
        Self(self.0.into_iter().map(&mut piece).collect())
    }

    /// As the terminal takes it, with colours or without.
    pub fn render(&self, colours: bool) -> String {
        let piece = |(tone, text): &(Tone, String)| {
            let style = Style::new().force_styling(colours);
            let style = match tone {
                Tone::Plain => return text.clone(),
                Tone::Strong => style.bold(),
                Tone::Dim => style.dim(),
                Tone::Good => style.green(),
                Tone::Waiting => style.yellow(),
            };
            style.apply_to(text).to_string()
        };
        self.0.iter().map(piece).collect()
    }
}

#[cfg(test)]
mod tests;
