//! Any data of SolarEdge telemetry: it is read to its end, and what is written of it reads the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wattbridge::adapters::solaredge::wire::{Frame, Record, Records, address, annotate, function};

fn checked(record: &Record<'_>) {
    let mut bytes = Vec::new();
    record.encode(&mut bytes);
    let mut again = Records::new(&bytes);
    let read = again.next().expect("one").expect("whole");
    assert_eq!(again.next(), None);
    assert_eq!(read.kind(), record.kind());
    assert_eq!(read.id(), record.id());
    assert_eq!(read.at(), record.at());
    // Packed steps have no word for "not there".
    let is_packed = matches!(record, Record::Optimizer(it) if it.kind != 0);
    if !is_packed {
        assert_eq!(&read, record);
    }
    if let Record::Inverter(inverter) = record {
        assert!(inverter.energy_total.is_none_or(|total| total > 0 && total < 1_000_000_000));
        for phase in &inverter.phases {
            assert!(phase.active_power.is_none_or(|power| power.abs() <= 1e6));
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let mut errors = 0;
    for record in Records::new(data) {
        match record {
            Ok(record) => checked(&record),
            Err(_) => errors += 1,
        }
    }
    assert!(errors <= 1);
    // The first byte chooses a type, so that lengths need not be found by chance.
    if let Some((first, body)) = data.split_first() {
        const KINDS: [u16; 10] = [
            0, 0x10, 0x11, 0x22, 0x30, 0x42, 0x43, 0x80, 0x82, 0x300,
        ];
        let kind = KINDS[usize::from(*first) % KINDS.len()];
        let body = &body[..body.len().min(60_000)];
        checked(&Record::of_body(kind, 0x7f92_3456, body));
    }
    let frame = Frame {
        sequence: 1,
        source: 0x7f12_3456,
        destination: address::SERVER,
        function: function::TELEMETRY,
        data: &data[..data.len().min(65_535)],
    };
    let mut bytes = Vec::new();
    frame.encode(&mut bytes);
    assert!(annotate(&bytes).contains("telemetry"));
});
