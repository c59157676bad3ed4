//! On captures of others.

use std::path::{Path, PathBuf};

use crate::{Done, tool, vectors};

/// Of the captures that were made up.
const KEY: &str = "000102030405060708090a0b0c0d0e0f";

fn pcap(name: &str) -> PathBuf {
    vectors::path(&format!("solaredge/pcap/{name}.pcap"))
}

fn report(name: &str) -> PathBuf {
    vectors::path(&format!("solaredge-reports/{name}.pcap"))
}

fn doctor(file: &Path, args: &[&str]) -> Done {
    tool("doctor", args, &[file])
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_key_that_was_read_out_is_printed_as_it_is_written_into_the_section() {
    let done = tool("key", &["--pcap"], &[&pcap("keyread_0239_023c")]);
    assert_eq!(done.code, 0, "{}", done.said);
    let section: toml::Table = done.out.parse().unwrap();
    let keys = section["keys"].as_table().unwrap();
    assert_eq!(keys.len(), 1);
    assert!(keys.values().all(|key| key.as_str() == Some(KEY)));
    assert!(!done.said.contains(KEY), "{}", done.said);
    // With what it opens, in another file.
    let files = [pcap("keyread_0239_023c"), pcap("enc_basic")];
    let done = tool("key", &["--pcap"], &[&files[0], &files[1]]);
    assert!(done.said.contains("in this capture: yes"), "{}", done.said);
    // A board that was replaced: it had zeros, and was given a key.
    let done = tool("key", &["--pcap"], &[&report("board-replaced-key-set")]);
    assert_eq!(done.code, 0, "{}", done.said);
    assert!(done.said.contains("in this capture: yes"), "{}", done.said);
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn a_damaged_file_gives_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(pcap("keyread_0239_023c")).unwrap();
    let headless = folder.path().join("headless.pcap");
    std::fs::write(&headless, &whole[30..]).unwrap();
    let done = tool("key", &["--pcap"], &[&headless]);
    assert!(done.code == 0 && done.out.contains(KEY), "{}", done.said);
    assert!(done.said.contains("without checksums"), "{}", done.said);
    let part = folder.path().join("part.pcap");
    std::fs::write(&part, &whole[..whole.len() * 6 / 10]).unwrap();
    let done = tool("key", &["--pcap"], &[&part]);
    assert_eq!((done.code, done.out.as_str()), (1, ""));
    assert!(done.said.contains("parts 1 and 2 of four"), "{}", done.said);
    // Without captures to find it in, what to do is said.
    let done = tool("key", &["--pcap"], &[&pcap("enc_basic")]);
    assert!(
        done.code == 1 && done.said.contains("--serial PORT"),
        "{}",
        done.said
    );
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn the_doctor_tells_the_states_of_encryption_apart() {
    let set = format!("key={KEY}");
    let readable = doctor(&pcap("enc_basic"), &["--set", &set]);
    assert_eq!(readable.code, 0, "{}", readable.all());
    assert!(readable.out.contains("and can be read"), "{}", readable.out);
    let missing = doctor(&pcap("enc_basic"), &[]);
    assert_eq!(missing.code, 1);
    assert!(
        missing.out.contains("there is no key for it"),
        "{}",
        missing.out
    );
    assert!(
        missing.out.contains("solaredge key --serial"),
        "{}",
        missing.out
    );
    let waiting = doctor(&pcap("enc_no_handshake"), &["--set", &set]);
    assert_eq!(waiting.code, 1);
    assert!(
        waiting.out.contains("Wait for the next session"),
        "{}",
        waiting.out
    );
    let wrong = doctor(
        &pcap("enc_wrong_key"),
        &["--set", "key=ffffffffffffffffffffffffffffffff"],
    );
    assert_eq!(wrong.code, 1);
    assert!(wrong.out.contains("the key does not fit"), "{}", wrong.out);
    let gateway = doctor(&report("gateway-envelope"), &[]);
    assert_eq!(gateway.code, 1);
    assert!(
        gateway.out.contains("there is no key for it"),
        "{}",
        gateway.out
    );
    let read_out = doctor(&pcap("keyread_0239_023c"), &[]);
    assert!(
        read_out.out.contains("Its key was read out in clear"),
        "{}",
        read_out.out
    );
    for done in [readable, missing, waiting, wrong, gateway, read_out] {
        assert!(!done.all().to_lowercase().contains(KEY), "{}", done.all());
    }
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn the_doctor_tells_what_stands_in_the_way() {
    let tls = doctor(&report("tls-unit"), &[]);
    assert_eq!(tls.code, 1);
    assert!(tls.out.contains("Modbus TCP"), "{}", tls.out);
    let evening = doctor(&report("evening-to-sleep"), &[]);
    assert_eq!(evening.code, 0, "{}", evening.all());
    assert!(
        evening.out.contains("Nothing: all can be read"),
        "{}",
        evening.out
    );
    let vlan = doctor(&pcap("plain_vlan4"), &[]);
    assert!(vlan.out.contains("In VLAN 4."), "{}", vlan.out);
    assert!(vlan.out.contains("29 paired"), "{}", vlan.out);
    // The packets are of another year than the values.
    assert!(vlan.out.contains("ahead of the packets"), "{}", vlan.out);
    let noise = doctor(&pcap("noise_arp_udp_zero"), &[]);
    assert!(noise.out.contains("What to do"), "{}", noise.out);
    let damaged = doctor(&pcap("bad_crc_bad_len"), &[]);
    assert!(damaged.out.contains("wrong checksum"), "{}", damaged.out);
    let by_pipe = std::fs::File::open(pcap("plain_vlan4")).unwrap();
    let piped = crate::command(&["solaredge", "doctor", "-"])
        .stdin(by_pipe)
        .output()
        .unwrap();
    assert_eq!(Done::of(piped).out, vlan.out);
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn since_when_it_encrypts_is_said() {
    let files = [pcap("keyread_0239_023c"), pcap("enc_basic")];
    let done = tool("encrypted", &[], &[&files[0], &files[1]]);
    assert_eq!(done.code, 0, "{}", done.said);
    let expected =
        "in clear until 2016-03-24 06:13:21 UTC, encrypted since 2016-03-26 11:00:00 UTC";
    assert!(done.out.contains(expected), "{}", done.out);
    assert_eq!(done.out.lines().count(), 1, "{}", done.out);
    let done = tool("encrypted", &[], &[&pcap("plain_le_us")]);
    assert!(done.out.contains("all in clear"), "{}", done.out);
    let done = tool("encrypted", &[], &[&report("tls-unit")]);
    assert!(done.out.contains("TLS"), "{}", done.out);
}

#[test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
fn what_is_imported_is_what_is_decoded_and_only_once() {
    let set = format!("key={KEY}");
    let (plain, sealed) = (pcap("plain_le_us"), pcap("enc_basic"));
    let one = tool("import", &[], &[&plain]);
    let same = tool("import", &["--set", &set], &[&plain, &sealed, &plain]);
    assert_eq!((one.code, same.code), (0, 0), "{}", same.said);
    // The same telegrams, sealed, and sent again.
    assert_eq!(one.out, same.out);
    assert!(same.said.contains("sent again"), "{}", same.said);
    let decoded = crate::command(&["decode", "solaredge"])
        .arg(&plain)
        .output()
        .unwrap();
    let decoded = Done::of(decoded).out;
    let first = |text: &str| {
        serde_json::from_str::<serde_json::Value>(text.lines().next().unwrap()).unwrap()
    };
    let (imported, decoded) = (first(&one.out), first(&decoded));
    for key in ["device", "model", "serial", "at"] {
        assert_eq!(imported[key], decoded[key], "{key}");
    }
    let readings = imported["readings"].as_object().unwrap();
    assert!(readings.len() > 15);
    for (key, value) in readings {
        assert_eq!(*value, decoded["readings"][key], "{key}");
    }
    let shut = tool("import", &[], &[&sealed]);
    assert_eq!(shut.code, 1);
    assert!(shut.said.contains("stay shut"), "{}", shut.said);
}
