//! The meters with a P1 port that can be simulated: data, not code.

use super::super::super::wire::SystemTitle;
use super::super::p1::{BehindMeter, Checksum, P1Profile, Season};
use super::{Framing, Layout, Model};
use crate::simulation::year::Supply;

const FIVE_MINUTES: i64 = 300;
const HOUR: i64 = 3_600;
/// Of a meter that does not send it.
const NO_TITLE: SystemTitle = SystemTitle([0; 8]);

/// What most have in common.
const USUAL: P1Profile = P1Profile {
    text: "",
    port: "115200 8N1",
    pace: 10,
    checksum: Checksum::Arc,
    season: Season::Letter,
    no_time: "632525252525W",
    day_tariff: 2,
    shares_authentication: false,
    hides_title: false,
    behind: &[],
};

/// Meters of the Netherlands from before there were checksums.
const OLD: P1Profile = P1Profile {
    port: "9600 7E1",
    checksum: Checksum::None,
    ..USUAL
};

/// Meters that tell every second.
const FAST: P1Profile = P1Profile { pace: 1, ..USUAL };

/// Meters of Belgium: tariff 1 is the day.
const BELGIAN: P1Profile = P1Profile {
    day_tariff: 1,
    ..FAST
};

/// Meters of the north.
const NORTHERN: P1Profile = P1Profile {
    season: Season::Standard,
    ..USUAL
};

const GAS: BehindMeter = BehindMeter {
    channel: 1,
    supply: Supply::Gas,
    number: "G0054000654321",
    every: FIVE_MINUTES,
    late: 0,
    season: Season::Letter,
    begin: 4_321_987,
};

const HOURLY_GAS: BehindMeter = BehindMeter { every: HOUR, ..GAS };

const WATER: BehindMeter = BehindMeter {
    channel: 2,
    supply: Supply::Water,
    number: "8SAG1234540003",
    every: FIVE_MINUTES,
    late: 92,
    begin: 872_234,
    ..GAS
};

const HEAT: BehindMeter = BehindMeter {
    supply: Supply::Heat,
    number: "H0054000654325",
    begin: 240_860,
    ..GAS
};

const CHARGER: BehindMeter = BehindMeter {
    supply: Supply::Electricity,
    number: "S0054000654327",
    begin: 123_456,
    ..GAS
};

static DSMR22: P1Profile = P1Profile {
    text: include_str!("../p1/telegrams/dsmr22.txt"),
    behind: &[BehindMeter {
        channel: 2,
        number: "2801100540654322",
        ..HOURLY_GAS
    }],
    ..OLD
};

static DSMR22_ZEROS: P1Profile = P1Profile {
    text: include_str!("../p1/telegrams/dsmr22-zeros.txt"),
    behind: &[BehindMeter {
        number: "",
        ..HOURLY_GAS
    }],
    ..OLD
};

static DSMR3: P1Profile = P1Profile {
    text: include_str!("../p1/telegrams/dsmr3.txt"),
    behind: &[BehindMeter {
        number: "2222ABCD123654323",
        ..HOURLY_GAS
    }],
    ..OLD
};

static DSMR42: P1Profile = P1Profile {
    text: include_str!("../p1/telegrams/dsmr42.txt"),
    behind: &[HOURLY_GAS],
    ..USUAL
};

static DSMR5: P1Profile = P1Profile {
    text: include_str!("../p1/telegrams/dsmr5.txt"),
    behind: &[GAS],
    ..FAST
};

static DSMR5_EMPTY: P1Profile = P1Profile {
    text: include_str!("../p1/telegrams/dsmr5-empty.txt"),
    no_time: "700101010000W",
    behind: &[BehindMeter {
        channel: 2,
        late: 1,
        ..GAS
    }],
    ..FAST
};

static DSMR5_FOUR: P1Profile = P1Profile {
    text: include_str!("../p1/telegrams/dsmr5-four.txt"),
    behind: &[
        BehindMeter {
            channel: 3,
            season: Season::Standard,
            ..HEAT
        },
        BehindMeter {
            channel: 1,
            number: "W0054000654326",
            late: 0,
            ..WATER
        },
        BehindMeter { channel: 4, ..GAS },
        BehindMeter {
            channel: 2,
            ..CHARGER
        },
    ],
    ..FAST
};

static ESMR5: P1Profile = P1Profile {
    text: include_str!("../p1/telegrams/esmr5.txt"),
    behind: &[GAS],
    ..FAST
};

static WARMTELINK: P1Profile = P1Profile {
    text: include_str!("../p1/telegrams/warmtelink.txt"),
    checksum: Checksum::Short,
    behind: &[BehindMeter {
        number: "621848542D2C0B0C",
        ..HEAT
    }],
    ..USUAL
};

static WARMTELINK_VI: P1Profile = P1Profile {
    text: include_str!("../p1/telegrams/warmtelink-vi.txt"),
    season: Season::Standard,
    behind: &[BehindMeter {
        number: "619005400000000C",
        season: Season::Standard,
        ..HEAT
    }],
    ..USUAL
};

static FLUVIUS: P1Profile = P1Profile {
    text: include_str!("../p1/telegrams/fluvius.txt"),
    behind: &[
        BehindMeter {
            number: "7FLO2154000002",
            late: 2,
            ..GAS
        },
        WATER,
    ],
    ..BELGIAN
};

static FLUVIUS_WATER: P1Profile = P1Profile {
    text: include_str!("../p1/telegrams/fluvius-water.txt"),
    behind: &[BehindMeter {
        channel: 1,
        ..WATER
    }],
    ..BELGIAN
};

static IE5: P1Profile = P1Profile {
    text: include_str!("../p1/telegrams/ie5.txt"),
    season: Season::Silent,
    ..BELGIAN
};

static SMARTY: P1Profile = P1Profile {
    text: include_str!("../p1/telegrams/smarty.txt"),
    shares_authentication: true,
    behind: &[
        BehindMeter {
            number: "FLO18954990002",
            late: 100,
            ..GAS
        },
        BehindMeter {
            channel: 4,
            number: "ELS53354990003",
            every: HOUR,
            late: 1_740,
            begin: 28_103,
            ..GAS
        },
    ],
    ..USUAL
};

static ELLEVIO: P1Profile = P1Profile {
    text: include_str!("../p1/telegrams/ellevio.txt"),
    ..NORTHERN
};

static AM550_SE: P1Profile = P1Profile {
    text: include_str!("../p1/telegrams/am550-se.txt"),
    ..NORTHERN
};

static AIDON: P1Profile = P1Profile {
    text: include_str!("../p1/telegrams/aidon.txt"),
    ..NORTHERN
};

static EON: P1Profile = P1Profile {
    text: include_str!("../p1/telegrams/eon.txt"),
    ..USUAL
};

static WASION: P1Profile = P1Profile {
    text: include_str!("../p1/telegrams/wasion.txt"),
    ..USUAL
};

static HOLLEY: P1Profile = P1Profile {
    text: include_str!("../p1/telegrams/holley.txt"),
    checksum: Checksum::X25,
    ..USUAL
};

static ESO: P1Profile = P1Profile {
    text: include_str!("../p1/telegrams/eso.txt"),
    ..USUAL
};

static AM550_SI: P1Profile = P1Profile {
    text: include_str!("../p1/telegrams/am550-si.txt"),
    port: "115200 7N1",
    checksum: Checksum::Zeros,
    ..USUAL
};

static ZMF100: P1Profile = P1Profile {
    text: include_str!("../p1/telegrams/zmf100.txt"),
    ..USUAL
};

static STEIERMARK: P1Profile = P1Profile {
    text: include_str!("../p1/telegrams/steiermark.txt"),
    ..USUAL
};

static STOEN: P1Profile = P1Profile {
    text: include_str!("../p1/telegrams/stoen.txt"),
    hides_title: true,
    ..USUAL
};

static Q3D: P1Profile = P1Profile {
    text: include_str!("../p1/telegrams/q3d.txt"),
    pace: 2,
    ..OLD
};

/// Every model with a P1 port.
#[rustfmt::skip]
pub static P1_MODELS: &[Model] = &[
    p1("dsmr22", "DSMR 2.2 of the Netherlands: no checksum, no clock, gas once an hour", "E0054000654322", false, &DSMR22),
    p1("dsmr22-zeros", "the same with numbers of nothing but zeros", "", false, &DSMR22_ZEROS),
    p1("dsmr3", "DSMR 3.0 of the Netherlands, with a message over two lines", "K8EG004054654323", false, &DSMR3),
    p1("dsmr42", "DSMR 4.2 of the Netherlands (Kaifa), gas once an hour", "E0054000654324", true, &DSMR42),
    p1("dsmr5", "DSMR 5.0 of the Netherlands (Iskraemeco), gas every five minutes", "E0054000654325", true, &DSMR5),
    p1("dsmr5-empty", "the same with one phase, a place for gas on channel 1 and gas on channel 2", "E0054000654326", false, &DSMR5_EMPTY),
    p1("dsmr5-four", "the same with heat, water, gas and a charger behind it", "E0054000654327", true, &DSMR5_FOUR),
    p1("esmr5", "ESMR 5 of the Netherlands (Sagemcom T210-D)", "E0054000654328", true, &ESMR5),
    p1("warmtelink", "heat meter of the Netherlands, without electricity", "ADC3100000054007", true, &WARMTELINK),
    p1("warmtelink-vi", "another one, which keeps standard time all year", "740000000005400000000000540004AB", true, &WARMTELINK_VI),
    p1("fluvius", "e-MUCS of Flanders, with peaks of power, gas and water", "1SAG3100540001", true, &FLUVIUS),
    p1("fluvius-water", "the same with one phase and only water behind it", "1SAG3100540002", false, &FLUVIUS_WATER),
    p1("ie5", "Iskraemeco IE.5 of Wallonia, whose times have no letter", "91305401", false, &IE5),
    encrypted(SystemTitle(*b"SAGgp\x54\0\x01"), p1("smarty", "Smarty of Luxembourg, encrypted, with two gas meters", "SAG1030790540001", true, &SMARTY)),
    p1("smarty-plain", "the same in clear", "SAG1030790540002", true, &SMARTY),
    p1("ellevio", "H1 port of Sweden, without a number and with standard time all year", "", true, &ELLEVIO),
    p1("am550-se", "Iskraemeco AM550 of Sweden, whose clock is in two lines", "77515401", true, &AM550_SE),
    p1("aidon", "Aidon of Finland, without a number", "", false, &AIDON),
    p1("eon", "Sagemcom of E.ON in Hungary, with sums of both directions", "890082200540001", true, &EON),
    p1("wasion", "Wasion of Hungary, with words where others have numbers", "9903540001", false, &WASION),
    p1("holley", "Holley of Hungary, with another checksum and without a number", "", false, &HOLLEY),
    p1("eso", "ESO in Lithuania: kilovolts, kiloamperes, and powers of phases only", "", true, &ESO),
    p1("am550-si", "Iskraemeco AM550 of Slovenia, whose checksum is always 0000", "96815401", false, &AM550_SI),
    p1("zmf100", "Landis+Gyr of Switzerland, with its energies on channel 1", "LGZ1030054000001", false, &ZMF100),
    encrypted(SystemTitle(*b"SAG\x35\0\x54\0\x01"), p1("steiermark", "Sagemcom of Energienetze Steiermark, encrypted, with two keys", "5341473500540001", false, &STEIERMARK)),
    encrypted(SystemTitle(*b"EGM\0\0\x54\0\x01"), p1("stoen", "Elgama of Stoen in Poland, which hides what its key needs", "45474D0000540001", false, &STOEN)),
    p1("q3d", "EasyMeter Q3D of Germany, by its infrared port", "1ESY1313540001", true, &Q3D),
];

/// A model that sends in clear.
const fn p1(
    name: &'static str,
    about: &'static str,
    number: &'static str,
    is_three_phase: bool,
    profile: &'static P1Profile,
) -> Model {
    Model {
        name,
        about,
        title: NO_TITLE,
        number,
        is_three_phase,
        layout: Layout::P1(profile),
        framing: Framing::None,
        security: 0,
        is_signed: false,
    }
}

/// The same, encrypted and with a tag.
const fn encrypted(title: SystemTitle, model: Model) -> Model {
    Model {
        title,
        security: 0x30,
        ..model
    }
}
