//! What RPI-ECU, ESP-ECU and their kin know of APsystems inverters: programs that read them through a Zigbee module.
//!
//! | file | becomes |
//! |---|---|
//! | RPI-ECU's backup `YYYYMMDD-ecu_backup.tar`, or its folder `ecu_data` | |
//! | `inverters/invProperties0` to `9` | `inverters`, `addresses`, `names`; `idx` a comment |
//! | `settings.json`, `ecuProperties` | `ecu_id`, `latitude`, `longitude`, `sun_offset` |
//! | `mqttConfig.json` | `[mqtt]`, unless the broker ran on the old computer |
//! | answers of ESP-ECU, ESP32-ECU and the one for ESP32-C6, one for each inverter | `inverters`, `addresses`, `names` |
//! | `core.config_entries` of Home Assistant, and `inverters.json`, of ha-apsystems-ds3 | the same, `ecu_id` and `port` |
//! | `core.config` of Home Assistant | `latitude`, `longitude` |
//!
//! Each file is recognised by what is in it. Inverters in several files are put together by their serial numbers; what is
//! said first counts. **The order of the bytes of an address differs**: RPI-ECU and early versions of the others write a
//! number, `0x7C3A`; later versions write the bytes as they are sent, `3A7C`; ha-apsystems-ds3 a number again, without
//! `0x`.

mod answers;
mod archive;
mod backup;
mod found;
mod integration;
mod lenient;
mod numbers;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use zeroize::Zeroizing;

pub use archive::{FOLDER, LONGEST_MEMBER, MEMBERS, Members, is_archive, is_compressed};

use self::backup::BackupObject;
use self::found::{FoundInverter, FoundNetwork};
use self::lenient::{LenientFields, LenientReading};
use self::numbers::{NamedNetwork, PairedAddress};
use super::{Migrated, look_over};

/// A file of another program, or its folder.
pub struct EcuFile {
    name: String,
    content: EcuContent,
}

enum EcuContent {
    Backup(archive::Unpacked),
    Text(Zeroizing<String>),
}

impl EcuFile {
    /// A tar archive; it is read here, and nothing of it is kept but the [`MEMBERS`].
    pub fn archive(name: String, archive: impl Read) -> Self {
        let content = EcuContent::Backup(archive::unpack(archive));
        Self { name, content }
    }

    /// A folder `ecu_data`.
    pub fn folder(name: String, members: Members) -> Self {
        let content = EcuContent::Backup(archive::Unpacked {
            members,
            ..archive::Unpacked::default()
        });
        Self { name, content }
    }

    /// Anything else.
    pub fn text(name: String, text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text).into_owned();
        let content = EcuContent::Text(Zeroizing::new(text));
        Self { name, content }
    }
}

/// What the user says because no file does. It counts before what files say.
#[derive(Debug, Clone, Default)]
pub struct EcuOptions {
    /// The id of the ECU.
    pub ecu_id: Option<String>,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
}

/// Why nothing can be made of these files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RpiEcuError {
    /// There is no inverter in any of them.
    #[error(
        "there is no inverter in it; name the backup of RPI-ECU, or the saved answers of ESP-ECU, one for each inverter{0}"
    )]
    NoInverter(String),
    /// They are of more than one network.
    #[error(
        "these are inverters of two ECU ids, {0} and {1}; do it once for each of them: name only its own files, or choose \
         one with --ecu-id"
    )]
    TwoNetworks(String, String),
    /// What the user says is no ECU id.
    #[error(
        "--ecu-id is no ECU id: it has 12 hexadecimal digits as in D8A3011B9780, and does not begin with 0000 or FFFF"
    )]
    EcuId,
    /// What the user says is no place.
    #[error(
        "--latitude and --longitude are no place; write both as a map shows them, such as 48.2 and 16.4"
    )]
    NoPlace,
}

/// Turns what other programs know into a configuration for the same inverters.
///
/// # Errors
///
/// If there is no inverter in these files, or they are of several networks, or an option is wrong.
pub fn migrate(files: &[EcuFile], options: &EcuOptions) -> Result<Migrated, RpiEcuError> {
    let wanted = options.ecu_id.as_deref();
    let wanted = wanted.map(|text| NamedNetwork::read(text).ok_or(RpiEcuError::EcuId));
    let wanted = wanted.transpose()?;
    let place = match (options.latitude, options.longitude) {
        (None, None) => None,
        (Some(latitude), Some(longitude)) => {
            Some(found::place(latitude, longitude).ok_or(RpiEcuError::NoPlace)?)
        }
        _ => return Err(RpiEcuError::NoPlace),
    };
    let mut remarks = Vec::new();
    let mut all = Vec::new();
    for file in files {
        match &file.content {
            EcuContent::Backup(unpacked) => all.push(backup(&file.name, unpacked, &mut remarks)),
            EcuContent::Text(text) => all.extend(text_file(&file.name, text, &mut remarks)),
        }
    }
    let ecu_id = choose_network(&mut all, wanted, &mut remarks)?;
    let mut found = together(all, &mut remarks);
    if found.inverters.is_empty() {
        let why: String = remarks.iter().map(|remark| format!("\n{remark}")).collect();
        return Err(RpiEcuError::NoInverter(why));
    }
    found.ecu_id = ecu_id;
    found.place = place.or(found.place);
    look_at_addresses(&mut found, &mut remarks);
    say_what_is_missing(&found, &mut remarks);
    let toml = written::write(&found);
    remarks.extend(look_over(&toml));
    Ok(Migrated { toml, remarks })
}

fn backup(name: &str, unpacked: &archive::Unpacked, remarks: &mut Vec<String>) -> FoundNetwork {
    let mut found = FoundNetwork::default();
    if unpacked.is_damaged {
        remarks.push(format!(
            "{name} cannot be read to its end: it is cut short or damaged. Compare what came of it, and download the backup \
             again if something is missing."
        ));
    }
    for member in &unpacked.too_long {
        remarks.push(format!(
            "{name}: {member} is too long to be what it should be, and is left out. Was it replaced?"
        ));
    }
    for member in MEMBERS {
        let Some(bytes) = unpacked.members.get(member) else {
            continue;
        };
        let at = format!("{name}: {member}");
        let text = Zeroizing::new(String::from_utf8_lossy(bytes).into_owned());
        let object = BackupObject::named(member);
        for fields in objects(&text, &at, remarks) {
            if let Some(object) = object {
                object.take(&fields, &at, &mut found, remarks);
            }
        }
    }
    found
}

/// The objects in a text.
fn objects(text: &str, at: &str, remarks: &mut Vec<String>) -> Vec<LenientFields> {
    match lenient::read(text) {
        LenientReading::Json(values) => values.into_iter().filter_map(LenientFields::of).collect(),
        other => broken(other, at, remarks).into_iter().collect(),
    }
}

/// What can be made out of a text that is no JSON.
fn broken(reading: LenientReading, at: &str, remarks: &mut Vec<String>) -> Option<LenientFields> {
    match reading {
        LenientReading::Scanned(scanned) => {
            let missed = match scanned.missed.as_slice() {
                [] => "Everything could be made out all the same; compare it.".to_owned(),
                keys => format!(
                    "The rest was made out; what could not be read is left out: {}. Compare it with the old program's page.",
                    keys.join(", ")
                ),
            };
            remarks.push(format!(
                "{at} is not quite JSON (line {}, column {}), as the old program writes it when a name has a quote in it, \
                 a number has a comma, or a field is empty. {missed}",
                scanned.line, scanned.column
            ));
            Some(scanned.fields)
        }
        LenientReading::Several => {
            remarks.push(format!(
                "{at} has several inverters in it and is not quite JSON, so it is left out. Save each answer in a file of its \
                 own."
            ));
            None
        }
        LenientReading::Other | LenientReading::Json(_) => {
            remarks.push(format!(
                "{at} is none of the files that can be read, and is left out."
            ));
            None
        }
    }
}

fn text_file(name: &str, text: &str, remarks: &mut Vec<String>) -> Vec<FoundNetwork> {
    if text.trim().is_empty() || answers::is_none(text) {
        return Vec::new();
    }
    let mut all = Vec::new();
    let mut take = |fields: &LenientFields, remarks: &mut Vec<String>| {
        let mut found = FoundNetwork::default();
        if !answers::take(fields, name, &mut found, remarks) {
            let object = BackupObject::seen(fields)?;
            object.take(fields, name, &mut found, remarks);
        }
        all.push(found);
        Some(())
    };
    let mut is_known = true;
    match lenient::read(text) {
        LenientReading::Json(values) => {
            let mut of_integration = Vec::new();
            for value in values {
                if let Some(found) = integration::take(&value, name, remarks) {
                    of_integration.extend(found);
                } else {
                    let fields = LenientFields::of(value);
                    is_known &= fields.and_then(|fields| take(&fields, remarks)).is_some();
                }
            }
            all.extend(of_integration);
        }
        other => {
            if let Some(fields) = broken(other, name, remarks) {
                is_known = take(&fields, remarks).is_some();
            }
        }
    }
    if !is_known {
        remarks.push(format!(
            "{name} is none of the files that can be read, and is left out."
        ));
    }
    all
}

/// The network that all belong to. What is known to be of another one goes.
fn choose_network(
    all: &mut Vec<FoundNetwork>,
    wanted: Option<NamedNetwork>,
    remarks: &mut Vec<String>,
) -> Result<Option<NamedNetwork>, RpiEcuError> {
    let networks: BTreeSet<NamedNetwork> = all.iter().filter_map(|found| found.ecu_id).collect();
    let mut each = networks.iter();
    match (each.next(), each.next(), wanted) {
        (Some(_), Some(_), Some(wanted)) if networks.contains(&wanted) => {
            all.retain(|found| found.ecu_id.is_none_or(|id| id == wanted));
        }
        (Some(first), Some(second), _) => {
            return Err(RpiEcuError::TwoNetworks(first.to_string(), second.to_string()));
        }
        (Some(only), None, Some(wanted)) if *only != wanted => remarks.push(format!(
            "The ECU id in the files is {only}; {wanted} is written, as --ecu-id says. If no inverter answers, try the other \
             one."
        )),
        _ => {}
    }
    Ok(wanted.or(networks.first().copied()))
}

/// All that was found, with each inverter once.
fn together(all: Vec<FoundNetwork>, remarks: &mut Vec<String>) -> FoundNetwork {
    let mut whole = FoundNetwork::default();
    let mut places: BTreeMap<numbers::PrintedSerial, usize> = BTreeMap::new();
    for found in all {
        for inverter in found.inverters {
            let place = places.get(&inverter.serial);
            let known = place.and_then(|place| whole.inverters.get_mut(*place));
            if let Some(known) = known {
                merge(known, inverter, remarks);
            } else {
                places.insert(inverter.serial, whole.inverters.len());
                whole.inverters.push(inverter);
            }
        }
        whole.is_of_pi |= found.is_of_pi;
        whole.count = whole.count.max(found.count);
        whole.place = whole.place.or(found.place);
        whole.sun_offset = whole.sun_offset.or(found.sun_offset);
        whole.port = whole.port.or(found.port);
        whole.broker = whole.broker.or(found.broker);
    }
    whole
}

/// Adds what another file says of an inverter.
fn merge(known: &mut FoundInverter, other: FoundInverter, remarks: &mut Vec<String>) {
    if let (Some(first), Some(second)) = (known.answered_as, other.answered_as) {
        let what = if first == second {
            format!("Two answers are of inverter number {first}")
        } else {
            format!(
                "The answers for the inverters number {first} and {second} have the same serial number"
            )
        };
        remarks.push(format!(
            "{what}, {}, so one may be missing. Some versions answer with another inverter than was asked for: restart the \
             old program and save all answers again, or add the missing one by hand.",
            known.label()
        ));
    }
    match (known.address, other.address) {
        (PairedAddress::At(first), PairedAddress::At(second)) if first != second => {
            remarks.push(format!(
                "{} has two addresses in these files, 0x{first:04X} and 0x{second:04X}. The first is written; if it does not \
                 answer, try the other one.",
                known.label()
            ));
        }
        (PairedAddress::At(_), _) => {}
        (_, address) => known.address = address,
    }
    known.name = known.name.take().or(other.name);
    known.idx = known.idx.take().or(other.idx);
    if known.free_inputs.is_empty() {
        known.free_inputs = other.free_inputs;
    }
}

/// Takes away what cannot be an address, and says what has to be done about it.
fn look_at_addresses(found: &mut FoundNetwork, remarks: &mut Vec<String>) {
    let own = found.ecu_id.map(NamedNetwork::own_address);
    let mut owners: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    for inverter in &mut found.inverters {
        let label = inverter.label();
        match inverter.address {
            PairedAddress::At(address)
                if own.is_some_and(|own| own == address || own.swap_bytes() == address) =>
            {
                inverter.address = PairedAddress::NotPaired;
                remarks.push(format!(
                    "The id of {label} is that of the network itself, stored by mistake; it is left out. Pair this inverter \
                     by day: press Pair, or run `wattbridge aps-zigbee pair {}`.",
                    inverter.serial
                ));
            }
            PairedAddress::At(address) => owners.entry(address).or_default().push(label),
            PairedAddress::NotPaired => remarks.push(format!(
                "{label} was not paired. Pair it by day: press Pair, or run `wattbridge aps-zigbee pair {}`.",
                inverter.serial
            )),
            PairedAddress::NotSaid => remarks.push(format!(
                "Nothing is said about the id of {label}. Write it in addresses if the old program shows one (a newer version \
                 does), or pair this inverter."
            )),
            PairedAddress::Unreadable => remarks.push(format!(
                "The id of {label} is not four hexadecimal digits, so it is left out. Write it in addresses, or pair this \
                 inverter."
            )),
        }
    }
    for (address, labels) in owners.iter().filter(|(_, labels)| labels.len() > 1) {
        remarks.push(format!(
            "{} have the same id, 0x{address:04X}, which is right for one of them at most, so it is left out. Pair them.",
            labels.join(" and ")
        ));
        for inverter in &mut found.inverters {
            if inverter.address == PairedAddress::At(*address) {
                inverter.address = PairedAddress::NotPaired;
            }
        }
    }
}

fn say_what_is_missing(found: &FoundNetwork, remarks: &mut Vec<String>) {
    if found.port.is_none() {
        let port = if found.is_of_pi {
            written::PORT_OF_PI
        } else {
            written::USUAL_PORT
        };
        remarks.push(format!(
            "The port of the module is not in these files; {port} is written. `wattbridge ports` shows what there is, best by \
             its lasting name in /dev/serial/by-id."
        ));
    }
    match found.ecu_id {
        None => remarks.push(
            "No file has the ECU id, and with another one no inverter answers. Write ecu_id as the old program shows it in \
             its settings, or run this again with --ecu-id."
                .to_owned(),
        ),
        Some(NamedNetwork::NEVER_SET) => remarks.push(
            "The ECU id is 999999999999, which RPI-ECU has before one is set. It is written all the same; is it the one that \
             the inverters are paired with?"
                .to_owned(),
        ),
        Some(_) => {}
    }
    if found.place.is_none() {
        remarks.push(
            "No file says where the inverters are. Write latitude and longitude, or run this again with --latitude and \
             --longitude: then it is known when they sleep."
                .to_owned(),
        );
    }
    if found.broker.is_none() {
        remarks.push(
            "No MQTT broker is written, so it is that of this computer. Write host in [mqtt], with username and password \
             if it wants them: the broker that Home Assistant uses."
                .to_owned(),
        );
    }
    let read = found.inverters.len();
    if let Some(count) = found.count.filter(|count| *count != read) {
        remarks.push(format!(
            "The old program has {count} inverters, and these files {read}. Save the answers of all of them; restart the old \
             program first if one comes twice."
        ));
    }
    let free = found
        .inverters
        .iter()
        .filter(|it| !it.free_inputs.is_empty());
    let free: Vec<String> = free
        .map(|it| format!("{} of {}", it.free_inputs, it.label()))
        .collect();
    if !free.is_empty() {
        remarks.push(format!(
            "Inputs without a panel: {}. Nothing has to be written: an empty input of a DS3 is hidden by itself after a day; switch others off in Home Assistant. \
             `inputs` is only for names and order.",
            free.join(", ")
        ));
    }
    if found.inverters.iter().any(|it| it.idx.is_some()) {
        remarks.push(
            "The numbers for Domoticz (idx) are kept in a comment; they are not used yet."
                .to_owned(),
        );
    }
    remarks.push(
        "Energies are not taken over: they begin anew, and the old ones stay where they are. Switch the old program off \
         before you start."
            .to_owned(),
    );
}

#[cfg(test)]
mod tests;
