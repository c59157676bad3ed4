//! What the gateway answers, from what it knows and what is wrong with it.

use jiff::civil;

use super::super::wire::{
    Answer, Body, Clock, DayCurve, EcuInfo, EnergyHistory, Group, Period, Quad, Record, RecordType,
    Request, Signal, Status, Telemetry, Uid, VoltageKind,
};
use super::ecu::{Contact, Ecu, Member, View};
use super::plant::Plant;

/// The type of a record nobody knows.
const UNKNOWN: RecordType = RecordType::Other(*b"07");

/// Products of which newer gateways tell in a type of their own.
const LATER: [&str; 3] = ["DS3-H", "DS3D", "DS3D-L"];

/// What is wrong with an answer.
#[derive(Debug, Clone, Default)]
pub struct Flaws {
    pub status: Option<Status>,
    pub lifetime_zero: bool,
    pub lifetime_jump_wh: u64,
    pub today_zero: bool,
    pub empty_list: bool,
    /// The place of an inverter, from 1.
    pub unknown_type: Option<usize>,
    /// The place of an inverter, from 1.
    pub longer_record: Option<usize>,
    /// The place of an inverter, from 1.
    pub blank: Option<usize>,
    pub wrong_count: Option<usize>,
    /// Which answer of its kind this is, if all have other ids.
    pub strange_ids: Option<u64>,
    pub ecu_as_inverter: bool,
    pub foreign_ecu: bool,
    pub no_history: bool,
    pub wide_history: bool,
}

/// The answer to a request at a local time.
pub fn answer(
    request: &Request,
    ecu: &Ecu,
    view: &View,
    now: civil::DateTime,
    flaws: &Flaws,
) -> Answer {
    let command = request.command();
    let plant = &ecu.plant;
    let status = |status| Answer::Status { command, status };
    if let Some(flaw) = flaws.status {
        return status(flaw);
    }
    if request.ecu().is_some_and(|asked| *asked != plant.ecu) {
        return status(Status::WrongEcuId);
    }
    match request {
        Request::EcuInfo => Answer::EcuInfo(info(ecu, view, flaws)),
        Request::Telemetry { .. } => match view.cycle {
            Some(at) => Answer::Telemetry(telemetry(plant, view, at, flaws)),
            None => status(Status::NoData),
        },
        Request::Signal { .. } => {
            let heard = view.members.iter();
            let heard = heard.map(|member| (member.inverter.uid, member.radio));
            let gateways = gateways(plant, flaws).map(|uid| (uid, 0));
            Answer::Signal(Signal {
                entries: heard.chain(gateways).collect(),
            })
        }
        Request::DayCurve { date, .. } => Answer::DayCurve(DayCurve {
            points: ecu.curve(*date),
        }),
        Request::EnergyHistory { period, .. } => Answer::EnergyHistory(EnergyHistory {
            period: *period,
            days: match period {
                _ if flaws.no_history => Vec::new(),
                Period::Week => ecu.last_days(7),
                Period::Month => ecu.last_days(30),
                Period::Year => ecu.last_months(),
            },
            wraps: !plant.model.is_linux() && !flaws.wide_history,
            group: group(plant),
        }),
        Request::Clock { .. } => {
            // The wire has whole seconds.
            let time = civil::Time::new(now.hour(), now.minute(), now.second(), 0);
            Answer::Clock(Clock {
                at: now.date().to_datetime(time.unwrap_or_default()),
            })
        }
    }
}

fn info(ecu: &Ecu, view: &View, flaws: &Flaws) -> EcuInfo {
    let plant = &ecu.plant;
    let linux = plant.model.is_linux();
    let registered = view.members.len() + gateways(plant, flaws).count();
    let tail: &[u8] = if linux {
        b"00\0\0\0\0\0\0\0\0\0\0"
    } else {
        b""
    };
    EcuInfo {
        ecu: plant.ecu,
        group: group(plant),
        model: *b"01",
        lifetime_wh: if flaws.lifetime_zero {
            0
        } else {
            view.lifetime_wh.saturating_add(flaws.lifetime_jump_wh)
        },
        power_w: view.power_w(),
        today_wh: if flaws.today_zero { 0 } else { view.today_wh },
        last_upload: view.cycle.filter(|_| linux),
        registered: count(registered),
        online: count(view.online()),
        channel: "10".to_owned(),
        firmware: plant.firmware.clone(),
        // The small ones say this wherever they are.
        time_zone: ecu
            .zone()
            .iana_name()
            .filter(|_| linux)
            .unwrap_or("Etc/GMT-8")
            .to_owned(),
        mac_ethernet: Some(mac(plant, 1)),
        mac_wifi: linux.then(|| mac(plant, 2)),
        tail: tail.to_vec(),
    }
}

fn group(plant: &Plant) -> Group {
    if plant.model.is_linux() {
        Group::G12
    } else {
        Group::G11
    }
}

/// From the range everybody may use.
fn mac(plant: &Plant, number: u8) -> [u8; 6] {
    let digits = plant.ecu.as_str().get(6..).unwrap_or_default();
    let [.., a, b, c] = digits.parse::<u32>().unwrap_or(0).to_be_bytes();
    [2, 0, number, a, b, c]
}

fn telemetry(plant: &Plant, view: &View, at: civil::DateTime, flaws: &Flaws) -> Telemetry {
    let mut records: Vec<Record> = Vec::new();
    if !flaws.empty_list {
        records.extend(view.members.iter().map(|member| record(plant, member)));
        let gateways = gateways(plant, flaws);
        records.extend(gateways.map(|uid| Record::new(uid, false, RecordType::T00, None)));
    }
    if let Some(record) = at_place(&mut records, flaws.unknown_type, view.members.len()) {
        *record = Record::new(record.uid, record.online, UNKNOWN, record.body);
    }
    if let Some(record) = at_place(&mut records, flaws.blank, view.members.len()) {
        let zeros = |quad: Quad| Quad::new([0; 4].get(..quad.len()).unwrap_or_default());
        let body = record.body.map(|body| Body {
            frequency_dhz: 0,
            temperature_raw: 0,
            power_w: zeros(body.power_w),
            voltage_v: zeros(body.voltage_v),
        });
        *record = Record::new(record.uid, true, record.kind, body);
    }
    let longer = at_place(&mut records, flaws.longer_record, view.members.len());
    if let Some(kind) = longer.map(|record| record.kind) {
        for record in records.iter_mut().filter(|record| record.kind == kind) {
            record.raw.extend([0, 7, 0, 8]);
            record.body = None;
        }
    }
    if let Some(number) = flaws.strange_ids {
        for (place, record) in records.iter_mut().enumerate() {
            record.uid = strange(number, place);
        }
    }
    Telemetry {
        model: "01".to_owned(),
        at: Some(at),
        declared: count(flaws.wrong_count.unwrap_or(records.len())),
        records,
        undecoded: Vec::new(),
    }
}

fn record(plant: &Plant, member: &Member) -> Record {
    let product = member.inverter.product;
    let linux = plant.model.is_linux();
    let kind = match (product.voltage, product.channels) {
        (VoltageKind::Grid, ..=2) if linux && LATER.contains(&product.name) => RecordType::T04,
        (VoltageKind::Grid, ..=2) => RecordType::T01,
        (VoltageKind::Grid, _) => RecordType::T03,
        (VoltageKind::PhaseToPhase, _) if linux => RecordType::T05,
        (VoltageKind::PhaseToNeutral | VoltageKind::PhaseToPhase, _) => RecordType::T02,
    };
    let (online, body) = match member.contact {
        Contact::Never => return Record::new(member.inverter.uid, false, RecordType::T00, None),
        Contact::Online(body) => (true, body),
        Contact::Silent => {
            let voltages = match kind {
                RecordType::T03 => 1,
                RecordType::T01 | RecordType::T04 => 2,
                _ => 3,
            };
            let zeros = |length: usize| Quad::new([0; 4].get(..length).unwrap_or_default());
            let body = Body {
                frequency_dhz: 0,
                // Older firmware leaves 0 degrees there.
                temperature_raw: if linux { 0 } else { 100 },
                power_w: zeros(usize::from(product.channels)),
                voltage_v: zeros(voltages),
            };
            (false, body)
        }
    };
    Record::new(member.inverter.uid, online, kind, Some(body))
}

/// The record at a place that counts from 1 and starts over behind the last inverter, if it has a body.
fn at_place(records: &mut [Record], place: Option<usize>, count: usize) -> Option<&mut Record> {
    let place = place?.saturating_sub(1).checked_rem(count)?;
    let record = records.get_mut(place);
    record.filter(|record| record.body.is_some())
}

/// An id of a real product that no other answer has.
fn strange(answer: u64, place: usize) -> Uid {
    let number = (answer * 1000 + place as u64) % 1_000_000_000;
    let digits = format!("704{number:09}");
    digits.parse().unwrap_or(Uid::from_wire([0; 6]))
}

/// Gateways that somebody has registered as inverters.
fn gateways(plant: &Plant, flaws: &Flaws) -> impl Iterator<Item = Uid> + use<> {
    let own = plant.ecu.as_str().parse().ok();
    let foreign = "216000000999".parse().ok();
    let own = own.filter(|_| flaws.ecu_as_inverter);
    own.into_iter().chain(foreign.filter(|_| flaws.foreign_ecu))
}

fn count(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}
