//! A labelled dump of a frame, for people who look for a mistake: ours, or the gateway's.

use super::answer::{Answer, Status};
use super::ecu_info::EcuInfo;
use super::frame::RawFrame;
use super::history;
use super::ids::Uid;
use super::products::{Gateway, Product};
use super::record::{FOUR, HEAD, Record, THREE_PHASE, TWO};
use super::signal;
use super::telemetry::Telemetry;
use crate::hex::{Dump, Hex};

/// Columns of the names of fields.
const NAMES: usize = 20;

/// Describes every byte of a frame, one line a field: offset in the frame, bytes, name, value. Each
/// byte appears exactly once; what is not understood is labelled so.
#[must_use]
pub fn annotate(frame: &RawFrame) -> String {
    let mut fields = Fields {
        dump: Dump::new(&frame.bytes, NAMES),
    };
    fields.dump.field(3, "signature", "APS");
    fields.dump.field(2, "group", frame.group());
    fields
        .dump
        .field(4, "length", format_args!("{} bytes", frame.length()));
    let command = frame.command();
    fields.dump.field(
        4,
        "command",
        format_args!("{command:04} {}", title(command)),
    );
    match Answer::decode(frame) {
        Ok(answer) => fields.answer(frame, &answer),
        Err(error) => fields.dump.field(frame.body().len(), "refused", error),
    }
    let body_end = super::error::BODY + frame.body().len();
    fields.dump.field(
        body_end.saturating_sub(fields.dump.at()),
        "not understood",
        String::new(),
    );
    if !frame.is_status() {
        fields.dump.field(3, "end", "END");
    }
    fields.dump.field(1, "newline", "");
    fields.dump.finish()
}

fn title(command: u16) -> &'static str {
    match command {
        1 => "gateway",
        2 => "telemetry",
        3 => "power of a day",
        4 => "energy history",
        12 => "clock",
        30 => "signal",
        _ => "unknown command",
    }
}

/// The fields of answers.
struct Fields<'a> {
    dump: Dump<'a>,
}

impl Fields<'_> {
    fn answer(&mut self, frame: &RawFrame, answer: &Answer) {
        let entries = frame.body().get(2..).unwrap_or_default();
        match answer {
            Answer::EcuInfo(info) => self.ecu_info(info),
            Answer::Telemetry(telemetry) => {
                self.dump.field(2, "status", Status::Done);
                self.telemetry(telemetry);
            }
            Answer::Signal(signal) => {
                self.dump.field(2, "status", Status::Done);
                for (uid, quality) in &signal.entries {
                    let percent = (u32::from(*quality) * 100 + 127) / 255;
                    let value = format!("{}: {quality} of 255 ({percent} %)", named(*uid));
                    self.dump.field(signal::ENTRY, "signal", value);
                }
            }
            Answer::DayCurve(_) => {
                self.dump.field(2, "status", Status::Done);
                for bytes in entries.chunks_exact(history::POINT) {
                    match history::point(bytes) {
                        Some((time, power)) => {
                            self.dump
                                .field(bytes.len(), "power", format!("{time} {power} W"));
                        }
                        None => self.dump.field(bytes.len(), "power", "not a time"),
                    }
                }
            }
            Answer::EnergyHistory(energy) => {
                self.dump.field(2, "status", Status::Done);
                self.dump.field(2, "period", energy.period.words());
                let days = entries.get(2..).unwrap_or_default();
                let size = history::entry_size(frame.group(), days);
                for bytes in days.chunks_exact(size) {
                    match history::day(bytes) {
                        Some((date, wh)) => {
                            let value = format!("{date} {} kWh", decimal(wh, 1000));
                            self.dump.field(size, "energy", value);
                        }
                        None => self.dump.field(size, "energy", "not a date"),
                    }
                }
            }
            Answer::Clock(clock) => {
                self.dump.field(2, "status", Status::Done);
                self.dump.field(14, "time", format!("{} (local)", clock.at));
            }
            Answer::Status { status, .. } => self.dump.field(2, "status", status),
            Answer::Other { body, .. } => self.dump.field(body.len(), "body", body.escape_ascii()),
        }
    }

    fn ecu_info(&mut self, info: &EcuInfo) {
        let product = Gateway::of(&info.ecu).map_or("unknown product", |gateway| gateway.name);
        self.dump
            .field(12, "ECU id", format!("{} {product}", info.ecu));
        self.dump.field(2, "model", info.model.escape_ascii());
        let lifetime = decimal(info.lifetime_wh, 1000);
        self.dump
            .field(4, "lifetime energy", format!("{lifetime} kWh"));
        self.dump.field(4, "power", format!("{} W", info.power_w));
        let today = decimal(info.today_wh, 1000);
        self.dump.field(4, "energy today", format!("{today} kWh"));
        let upload = info.last_upload.map(|at| format!("{at} (local)"));
        self.dump
            .field(7, "last upload", upload.as_deref().unwrap_or("unknown"));
        self.dump
            .field(2, "registered", format!("{} inverters", info.registered));
        self.dump
            .field(2, "online", format!("{} inverters", info.online));
        self.dump.field(2, "radio channel", &info.channel);
        let labels = self
            .dump
            .bytes()
            .len()
            .saturating_sub(self.dump.at() + info.tail.len() + 4);
        if labels > 0 {
            self.label("firmware", &info.firmware);
        }
        // Labels that could not be read are in the tail, so the bytes in between tell how many were.
        let read = 3 + info.firmware.len();
        if labels > read {
            self.label("time zone", &info.time_zone);
        }
        let read = read + 3 + info.time_zone.len();
        if labels >= read + 6 {
            self.dump.field(6, "Ethernet MAC", mac(info.mac_ethernet));
        }
        if labels >= read + 12 {
            self.dump.field(6, "Wi-Fi MAC", mac(info.mac_wifi));
        }
        self.dump.field(info.tail.len(), "tail", "purpose unknown");
    }

    fn label(&mut self, name: &str, text: &str) {
        self.dump.field(3, &format!("{name} length"), text.len());
        self.dump.field(text.len(), name, text.escape_default());
    }

    fn telemetry(&mut self, telemetry: &Telemetry) {
        self.dump.field(2, "model", &telemetry.model);
        self.dump.field(2, "records", telemetry.declared);
        let at = telemetry.at.map(|at| format!("{at} (local)"));
        self.dump
            .field(7, "last cycle", at.as_deref().unwrap_or("not a time"));
        for (index, record) in telemetry.records.iter().enumerate() {
            self.record(index + 1, record);
        }
        self.dump
            .field(telemetry.undecoded.len(), "not understood", "");
    }

    fn record(&mut self, number: usize, record: &Record) {
        let state = if record.online { "online" } else { "offline" };
        let uid = named(record.uid);
        let value = format!("{uid}, {state}, type {}", record.kind);
        self.dump.field(HEAD, &format!("inverter {number}"), value);
        let rest = record.raw.len().saturating_sub(HEAD);
        let Some(body) = record.body.as_ref() else {
            self.dump.field(rest, "  layout unknown", "");
            return;
        };
        let grid = match (record.online, record.temperature_c()) {
            (false, _) => "placeholders (offline)".to_owned(),
            (true, temperature) => format!(
                "{} Hz, {} °C",
                decimal(u64::from(body.frequency_dhz), 10),
                temperature.map_or_else(|| "unknown".to_owned(), |t| t.to_string())
            ),
        };
        self.dump.field(4, "  frequency, temp.", grid);
        let power = |n: usize| body.power_w.get(n).copied().unwrap_or(0);
        let volt = |n: usize| body.voltage_v.get(n).copied().unwrap_or(0);
        let pair = |n: usize| format!("{} W, {} V", power(n), volt(n));
        match record.raw.len() {
            TWO => self
                .dump
                .field(8, "  channels 1, 2", format!("{}; {}", pair(0), pair(1))),
            FOUR => {
                let value = format!(
                    "{}; {} W; {} W; {} W",
                    pair(0),
                    power(1),
                    power(2),
                    power(3)
                );
                self.dump.field(10, "  channels 1 to 4", value);
            }
            THREE_PHASE => {
                self.dump
                    .field(8, "  channels 1, 2", format!("{}; {}", pair(0), pair(1)));
                self.dump
                    .field(6, "  channels 3, 4", format!("{}; {} W", pair(2), power(3)));
            }
            _ => self.dump.field(rest.saturating_sub(4), "  channels", ""),
        }
    }
}

fn named(uid: Uid) -> String {
    match Product::of(uid) {
        Some(product) => format!("{uid} {}", product.name),
        None => uid.to_string(),
    }
}

fn mac(mac: Option<[u8; 6]>) -> String {
    mac.map_or_else(
        || "none".to_owned(),
        |mac| Hex::of(&mac).with(":").to_string(),
    )
}

/// A number of small units in large ones, exactly; `per` is a power of ten.
fn decimal(value: u64, per: u64) -> String {
    let places = per.checked_ilog10().unwrap_or(0) as usize;
    let text = format!("{}.{:0places$}", value / per, value % per);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_and_short() {
        assert_eq!(decimal(1_995_500, 1000), "1995.5");
        assert_eq!(decimal(10, 1000), "0.01");
        assert_eq!(decimal(500, 10), "50");
        assert_eq!(decimal(0, 1000), "0");
    }
}
