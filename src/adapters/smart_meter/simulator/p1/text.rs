//! The telegram of a meter with a P1 port: the text of its profile, with numbers and times in it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::Sample;
use super::figure::Figure;
use super::profile::{P1Profile, Season};
use super::sample::{BehindSample, P1Sample, Peak};
use crate::hex::Hex;

/// What a clock shows that was never set.
const NOT_SET: &str = "000101010000W";
/// Digits of the date in a time.
const DATE: usize = 6;

/// The telegram up to its `!`.
pub fn write(
    profile: &P1Profile,
    number: &str,
    grid: &Sample,
    p1: &P1Sample,
    zone: &TimeZone,
) -> String {
    let writer = Writer {
        profile,
        number,
        grid,
        p1,
        zone,
    };
    let mut lines: Vec<String> = Vec::new();
    let mut text = profile.text.lines().peekable();
    while let Some(line) = text.next() {
        let Some(channel) = writer.channel(line) else {
            lines.push(writer.own(line));
            continue;
        };
        let mut block = vec![line];
        while let Some(more) =
            text.next_if(|more| more.starts_with('(') || writer.channel(more) == Some(channel))
        {
            block.push(more);
        }
        for meter in p1.behind.iter().filter(|meter| meter.lines == channel) {
            lines.extend(block.iter().map(|line| writer.behind(line, meter)));
        }
    }
    lines.join("\r\n")
}

struct Writer<'a> {
    profile: &'a P1Profile,
    number: &'a str,
    grid: &'a Sample,
    p1: &'a P1Sample,
    zone: &'a TimeZone,
}

impl Writer<'_> {
    /// The channel of a meter behind this one whose line it is.
    fn channel(&self, line: &str) -> Option<u8> {
        let (channel, code) = line.strip_prefix("0-")?.split_once(':')?;
        let channel = channel.parse().ok()?;
        let mut meters = self.profile.behind.iter();
        // Relays of the meter itself are numbered in the same way.
        let is_behind = !code.starts_with("96.3.10(") && meters.any(|it| it.channel == channel);
        is_behind.then_some(channel)
    }

    /// A line of the meter itself.
    fn own(&self, line: &str) -> String {
        let clock = self.clock();
        let (date, time) = clock.split_at_checked(DATE).unwrap_or_default();
        let line = line
            .replace("{clock}", &clock)
            .replace("{date}", date)
            .replace("{time}", time.trim_end_matches(['S', 'W']))
            .replace("{hex}", &hex(self.number))
            .replace("{plain}", self.number)
            .replace(
                "{peak_time}",
                &self.time(self.p1.month_peak.at, self.profile.season),
            )
            .replace("{peaks}", &self.peaks(self.p1.past_peaks.iter()))
            .replace(
                "{newest_peaks}",
                &self.peaks(self.p1.past_peaks.iter().rev()),
            );
        let code = line.split(['(', '*']).next().unwrap_or_default();
        if code == "0-0:96.14.0" {
            return self.tariff(&line);
        }
        let figure = code.split_once(':').and_then(|(_, code)| {
            let mut parts = code.split('.').map(|part| part.parse().ok());
            let code = [parts.next()??, parts.next()??, parts.next()??];
            Figure::of(code, self.grid, self.p1)
        });
        figure
            .and_then(|figure| filled(&line, figure))
            .unwrap_or(line)
    }

    /// A line of a meter behind it.
    fn behind(&self, line: &str, meter: &BehindSample) -> String {
        let profiles = self.profile.behind.iter();
        let season = profiles
            .into_iter()
            .find(|it| it.channel == meter.lines)
            .map_or(self.profile.season, |it| it.season);
        let time = self.time(meter.captured, season);
        let time = if line.contains(":24.3.0(") {
            // Of a time when nobody wrote a letter.
            time.trim_end_matches(['S', 'W'])
        } else {
            &time
        };
        let line = line
            .replace(
                &format!("0-{}:", meter.lines),
                &format!("0-{}:", meter.channel),
            )
            .replace("{captured}", time)
            .replace("{hex}", &hex(&meter.number))
            .replace("{plain}", &meter.number);
        let is_value = line.starts_with('(') || line.contains(":24.2.");
        if !is_value {
            return line;
        }
        let count = Figure::counted(meter.supply, meter.count);
        let line = filled(&line, count).unwrap_or(line);
        match (meter.captured, line.rsplit_once('*')) {
            // A place that is kept has no unit.
            (None, Some((before, _))) => format!("{before})"),
            _ => line,
        }
    }

    fn clock(&self) -> String {
        self.p1.clock.map_or_else(
            || NOT_SET.to_owned(),
            |clock| self.time(Some(clock), self.profile.season),
        )
    }

    fn time(&self, at: Option<Timestamp>, season: Season) -> String {
        let Some(at) = at else {
            return self.profile.no_time.to_owned();
        };
        let info = self.zone.to_offset_info(at);
        let is_summer = info.dst().is_dst();
        let digits = |at: Timestamp| {
            info.offset()
                .to_datetime(at)
                .strftime("%y%m%d%H%M%S")
                .to_string()
        };
        match season {
            Season::Letter if is_summer => digits(at) + "S",
            Season::Letter => digits(at) + "W",
            Season::Silent => digits(at),
            Season::Standard => {
                let summer = i64::from(is_summer);
                let hour = jiff::SignedDuration::from_hours(summer);
                digits(at.checked_sub(hour).unwrap_or(at)) + "W"
            }
        }
    }

    fn peaks<'a>(&self, months: impl ExactSizeIterator<Item = &'a (Timestamp, Peak)>) -> String {
        let count = months.len();
        let month = |(end, peak): &(Timestamp, Peak)| {
            let [end, at] = [Some(*end), peak.at].map(|time| self.time(time, self.profile.season));
            let watts = Figure::new(peak.watts.into(), 0).like("00.000*kW");
            format!("({end})({at})({})", watts.unwrap_or_default())
        };
        let months: String = months.map(month).collect();
        format!("({count})(1-0:1.6.0)(1-0:1.6.0){months}")
    }

    /// The last digit of what stands there is the tariff.
    fn tariff(&self, line: &str) -> String {
        let zeros = line.strip_suffix("0)");
        zeros.map_or_else(
            || line.to_owned(),
            |zeros| format!("{zeros}{})", self.p1.tariff),
        )
    }
}

/// Two digits for each character; zeros where there is none.
fn hex(text: &str) -> String {
    if text.is_empty() {
        return "0".repeat(14);
    }
    format!("{:X}", Hex::of(text.as_bytes()))
}

/// The line with a number in place of the zeros in its last brackets.
fn filled(line: &str, figure: Figure) -> Option<String> {
    let (before, zeros) = line.strip_suffix(')')?.rsplit_once('(')?;
    Some(format!("{before}({})", figure.like(zeros)?))
}
