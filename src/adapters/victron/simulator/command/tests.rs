use clap::{Args, FromArgMatches};

use super::*;
use crate::simulation::fault::fault_list;

fn args(words: &[&str]) -> Result<VictronArgs, String> {
    let command = VictronArgs::augment_args(clap::Command::new("victron"));
    let words = std::iter::once("victron").chain(words.iter().copied());
    let matches = command.try_get_matches_from(words);
    let matches = matches.map_err(|error| error.to_string())?;
    VictronArgs::from_arg_matches(&matches).map_err(|error| error.to_string())
}

fn where_(words: &[&str]) -> Vec<String> {
    let places = places(&args(words).unwrap()).unwrap();
    let words = |place: &SimPlace| match place {
        SimPlace::Terminal(path) => path.display().to_string(),
        SimPlace::Tcp(address) => address.to_string(),
    };
    places.iter().map(words).collect()
}

#[test]
fn each_device_has_a_port_of_its_own() {
    let two = ["--model", "bmv-712", "--model", "phoenix"];
    let with = |more: &[&'static str]| where_(&[&two, more].concat());
    assert_eq!(with(&[]), ["127.0.0.1:2011", "127.0.0.1:2012"]);
    assert_eq!(
        with(&["--listen", "127.0.0.1:0"]),
        ["127.0.0.1:0", "127.0.0.1:0"]
    );
    assert_eq!(
        with(&["--port", "/tmp/a", "--port", "/tmp/b"]),
        ["/tmp/a", "/tmp/b"]
    );
    assert_eq!(
        with(&["--folder", "/tmp/cables"]),
        [
            "/tmp/cables/usb-VictronEnergy_BV_VE_Direct_cable_VE000001-if00-port0",
            "/tmp/cables/usb-VictronEnergy_BV_VE_Direct_cable_VE000002-if00-port0",
        ]
    );
    let one_path = args(&[&two[..], &["--port", "/tmp/a"]].concat()).unwrap();
    let error = places(&one_path).unwrap_err().to_string();
    assert!(error.contains("2 devices and 1 paths"), "{error}");
}

#[test]
fn twins_have_serial_numbers_of_their_own() {
    let args = args(&[
        "--model", "phoenix", "--model", "phoenix", "--model", "phoenix",
    ])
    .unwrap();
    let house = args.house.house().unwrap();
    let serial = |number: usize| settings(&args, &house, args.models[number], number).serial;
    assert_eq!(serial(0), None);
    assert_eq!(serial(1).unwrap(), "HQ000001071");
    assert_eq!(serial(2).unwrap(), "HQ000002071");
}

#[test]
fn what_is_given_is_what_is_simulated() {
    let args = args(&[
        "--model",
        "mppt-75-15",
        "--serial",
        "HQ000000077",
        "--at",
        "06:30",
        "--speed",
        "60",
        "--interval",
        "100ms",
        "--set",
        "PPV=-5",
        "--set",
        "H19=",
        "--register",
        "0x034F=02",
        "--register",
        "EDF0=9600",
        "--fault",
        "silence@5s..",
        "--night",
    ]);
    let args = args.unwrap();
    let house = args.house.house().unwrap();
    let settings = settings(&args, &house, args.models[0], 0);
    assert_eq!(settings.serial.as_deref(), Some("HQ000000077"));
    let begun = settings.house.local(settings.house.now());
    assert_eq!((begun.hour(), begun.minute()), (6, 30));
    assert_eq!(settings.pace.interval, Duration::from_millis(100));
    assert_eq!(
        settings.labels,
        [
            ("PPV".to_owned(), Some("-5".to_owned())),
            ("H19".to_owned(), None)
        ]
    );
    assert_eq!(
        settings.registers,
        [(0x034f, vec![2]), (0xedf0, vec![0x96, 0])]
    );
    assert_eq!(settings.faults, ["silence@5s..".parse().unwrap()]);
    assert!(settings.night);
}

#[test]
fn mistakes_are_explained() {
    for (words, remedy) in [
        (["--model", "bmv-9000"], "there are bmv-712, mppt-75-15"),
        (["--fault", "flop"], "known are digit-lost"),
        (["--at", "noon"], "such as 11:00"),
        (["--interval", "1ms"], "from 10ms to 1h"),
        (["--speed", "-1"], "from 0 to 100000"),
        (["--set", "SOC"], "SOC=455"),
        (["--register", "0x034F=2"], "0x034F=02"),
        (["--register", "0x034F=é"], "0x034F=02"),
        (["--serial", "a b"], "HQ000000012"),
    ] {
        let [option, value] = words;
        let error = args(&[&format!("{option}={value}")]).unwrap_err();
        assert!(error.contains(remedy), "{words:?}: {error}");
    }
}

#[test]
fn the_help_names_every_model_and_every_fault() {
    let mut command = VictronArgs::augment_args(clap::Command::new("victron"));
    let help = command.render_long_help().to_string();
    for model in MODELS {
        assert!(
            help.contains(&format!("  {} ", model.name)),
            "{}",
            model.name
        );
    }
    for line in fault_list::<VictronFault>().lines() {
        let name = line.split_whitespace().next().unwrap();
        assert!(help.contains(name), "{name}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_folder_has_the_cables_until_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    let args = args(&[
        "--model", "bmv-712", "--model", "phoenix", "--folder", &path,
    ])
    .unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn(run(args, stop.clone()));
    let cables = || std::fs::read_dir(folder.path()).unwrap().count();
    while cables() < 2 {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(cables(), 0);
}
