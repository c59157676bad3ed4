//! What the kernel lets an app do: the profile in `apparmor.txt`.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use super::{APPS, config, text};

/// The rules of a profile, without comments, and the line that names it.
fn profile(app: &str) -> (String, BTreeSet<String>) {
    let text = text(&format!("{app}/apparmor.txt"));
    let names: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("profile "))
        .collect();
    // The Supervisor puts the slug of the installed app in its place, and takes one profile in a file.
    let [name] = names[..] else {
        panic!("{app}/apparmor.txt has these profiles: {names:?}");
    };
    let lines = text.lines().map(str::trim);
    let rules = lines.filter(|line| !line.is_empty() && !line.starts_with("# "));
    let rules = rules.filter(|line| *line != name && *line != "}");
    (name.to_owned(), rules.map(str::to_owned).collect())
}

#[test]
fn a_profile_bears_the_name_of_its_app() {
    for app in APPS {
        let (name, _) = profile(app);
        let slug = config(app)["slug"].as_str().unwrap().to_owned();
        assert_eq!(
            name,
            format!("profile {slug} flags=(attach_disconnected,mediate_deleted) {{")
        );
        assert!(
            config(app).get("apparmor").is_none(),
            "its own profile is the default"
        );
    }
}

#[test]
fn a_profile_always_has_the_rules_for_the_network() {
    // Without any, Home Assistant OS lets everything through and other hosts nothing.
    for app in APPS {
        let (_, rules) = profile(app);
        for family in [
            "inet stream",
            "inet dgram",
            "inet6 stream",
            "inet6 dgram",
            "netlink raw",
        ] {
            let rule = format!("network {family},");
            assert!(rules.contains(&rule), "{app}/apparmor.txt lacks {rule}");
        }
        for needed in [
            "/usr/bin/wattbridge mrix,",
            "/sbin/docker-init mrix,",
            "/config/** rwk,",
            "/data/** rwk,",
            "/dev/shm/** rwk,",
            "/dev/tty[A-Z]* rwk,",
            "/dev/serial/** r,",
            "/sys/class/tty/** r,",
            // How old a sign of life is: without these `wattbridge health` cannot tell.
            "@{PROC}/uptime r,",
            "@{PROC}/sys/kernel/random/boot_id r,",
        ] {
            assert!(rules.contains(needed), "{app}/apparmor.txt lacks {needed}");
        }
        for too_much in ["file,", "network,", "capability,", "/** rw,", "/etc/** r,"] {
            assert!(
                !rules.contains(too_much),
                "{app}/apparmor.txt has {too_much}"
            );
        }
    }
}

#[test]
fn the_sniffer_may_read_packets_and_nothing_else_besides() {
    let [(_, one), (_, sniffer)] = APPS.map(profile);
    let more: Vec<&str> = sniffer.difference(&one).map(String::as_str).collect();
    assert_eq!(more, ["capability net_raw,", "network packet raw,"]);
    assert!(one.is_subset(&sniffer));
}

#[test]
fn the_parser_takes_the_profiles() {
    let parser = ["/usr/sbin/apparmor_parser", "/sbin/apparmor_parser"]
        .into_iter()
        .find(|it| std::path::Path::new(it).exists());
    let Some(parser) = parser else {
        eprintln!("passed over: there is no apparmor_parser (apt-get install apparmor)");
        return;
    };
    for app in APPS {
        let ended = Command::new(parser)
            .args(["--skip-kernel-load", "--skip-cache"])
            .arg(super::path(app).join("apparmor.txt"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{app}: {words}");
    }
}
