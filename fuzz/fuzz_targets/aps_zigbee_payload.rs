//! Any application data of APsystems inverters: read without a panic, and what is written of it reads the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wattbridge::adapters::aps_zigbee::wire::ids::{EcuId, InverterSerial, ShortAddress};
use wattbridge::adapters::aps_zigbee::wire::payload::{
    AnswerContent, InverterAnswer, InverterCommand, PairingHeard, PairingRequest, l2, pairing_heard,
};

fn serial() -> InverterSerial {
    InverterSerial::of_wire([0x70, 0x30, 0, 0x99, 0, 1]).expect("digits")
}

fn answer(data: &[u8]) {
    let Ok(answer) = InverterAnswer::decode(data) else {
        return;
    };
    let again = InverterAnswer::decode(&answer.data()).expect("its own words");
    match (&answer.content, &again.content) {
        (AnswerContent::Telemetry(one), AnswerContent::Telemetry(two)) => {
            for input in &one.inputs {
                assert!(input.voltage <= 80_u32.into() && input.current <= 30_u32.into());
                assert!(input.counter >> one.counter_scale().bits() == 0);
            }
            // Of an unknown serial number the clock tells the layout, and some bytes are nobody's.
            if one.layout == two.layout {
                assert_eq!(one, two);
            }
            let _ = (one.dc_power(), one.status.unnamed(), one.producing());
        }
        (AnswerContent::Settings(page), _) => {
            let _ = (page.limit().map(|limit| limit.watts()), page.thresholds());
            assert_eq!(again, answer);
        }
        (AnswerContent::Sealed(sealed), _) => {
            let _ = sealed.open(Some(answer.serial));
            assert_eq!(again, answer);
        }
        _ => assert_eq!(again, answer),
    }
}

fuzz_target!(|data: &[u8]| {
    answer(data);
    if let Ok((_, command)) = InverterCommand::read(data) {
        assert!(InverterCommand::of_envelope(&command.envelope()).is_ok());
    }
    // The first bytes choose what is said, so that sums and lengths need not be found by chance.
    let [first, second, body @ ..] = data else {
        return;
    };
    let body = &body[..body.len().min(200)];
    const COMMANDS: [u8; 8] = [0xb1, 0xbb, 0xdc, 0xdd, 0xde, 0xdf, 0xdb, 0xaa];
    let command = COMMANDS[usize::from(*first) % COMMANDS.len()];
    let mut body = body.to_vec();
    match command {
        0xb1 => body.resize(80, 0),
        0xbb => body.resize(91, 0),
        _ => {}
    }
    answer(&[&serial().wire()[..], &l2(command, &body)].concat());

    const CLUSTERS: [u16; 4] = [0x020d, 0x020c, 0x010f, 0x0101];
    let cluster = CLUSTERS[usize::from(*first) % CLUSTERS.len()];
    let gateway: EcuId = "D8A3011B9780".parse().expect("an id");
    let source = ShortAddress((*second).into());
    if let PairingHeard::Answered(address) =
        pairing_heard(serial(), gateway, source, cluster, &body)
    {
        assert!(address == source && source != ShortAddress::GATEWAY);
    }
    if let Some(request) = PairingRequest::read(cluster, &body) {
        assert_eq!(request.data(), body);
    }
});
