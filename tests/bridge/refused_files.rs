//! Files that cannot be used: exit code 2, and words that help.

use std::fs;

use crate::gateway::section;
use crate::home::Home;
use crate::process::Done;

/// Runs and checks with a file of this content.
async fn refused(content: &[u8]) -> Done {
    let home = Home::new(1883, &[]);
    fs::write(home.file(), content).unwrap();
    let run = home.done(&["run"]).await;
    let check = home.done(&["check"]).await;
    for done in [&run, &check] {
        assert_eq!(done.code, Some(2), "{done:?}");
        assert_eq!(done.out, "", "{done:?}");
        assert!(done.err.contains("wattbridge.toml"), "{done:?}");
    }
    assert!(!home.files().contains(&"wattbridge.db".to_owned()));
    run
}

#[tokio::test]
async fn files_that_are_no_configuration() {
    let good = section(8899);
    let with = |more: &str| format!("{more}\n{good}").into_bytes();
    let cases: [(&[u8], &str); 12] = [
        (b"\xff\xfe\x00\x01\x80garbage\x00", "UTF-8"),
        (b"\x7fELF\x02\x01\x01\x00", ""),
        (b"host = ", ""),
        (b"[[aps_ecu]\nhost = \"127.0.0.1\"", ""),
        (&with("[mqtt]\nport = \"many\""), "port"),
        (&with("[mqtt]\nport = 70000"), "port"),
        (&with("[mqtt]\nhots = \"x\""), "host"),
        (&with("[mqtt]\nhost = \"a\"\n[mqtt]\nhost = \"b\""), "mqtt"),
        (&with("mqtt = 5"), "mqtt"),
        (
            &with("[mqtt]\nusername = \"a\"\npassword = { file = \"/etc/no/such/file\" }"),
            "/etc/no/such/file",
        ),
        (&with("[store]\nsave_every = \"often\""), "save_every"),
        (&with("[log]\nlevel = \"loud\""), "trace"),
    ];
    for (content, needle) in cases {
        let done = refused(content).await;
        let shown = String::from_utf8_lossy(content);
        assert!(done.err.contains(needle), "{shown}\n{done:?}");
        assert!(done.err.trim().len() > 30, "{done:?}");
    }
}

#[tokio::test]
async fn files_without_a_device_that_can_be_used() {
    let home = Home::new(1883, &[]);
    let run = home.done(&["run"]).await;
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.err.contains("no device is configured") && run.err.contains("[[aps_ecu]]"));
    let check = home.done(&["check"]).await;
    assert_eq!(check.code, Some(2), "{check:?}");
    assert!(check.err.contains("no device is configured") && check.err.contains("wattbridge init"));

    for wrong in [
        "[[aps_ecu]]\n",
        "[aps_ecu]\nhost = 5\n",
        "[[aps_ecu]]\nhost = \"a b\"\n",
    ] {
        let done = refused(wrong.as_bytes()).await;
        assert!(
            done.err.contains("no device section can be used"),
            "{done:?}"
        );
        assert!(done.err.contains("host"), "{done:?}");
    }
}

#[tokio::test]
async fn files_that_are_not_there() {
    let home = Home::new(1883, &[]);
    for (path, needle) in [
        ("missing.toml", "missing.toml"),
        (".", "directory"),
        ("", ""),
    ] {
        for command in ["run", "check", "discovery"] {
            let done = home.done(&[command, "--config", path]).await;
            assert_eq!(done.code, Some(2), "{done:?}");
            assert!(done.err.contains(needle), "{done:?}");
        }
    }
}

/// Every command line that is wrong is told so by the parser, with the same exit code.
#[tokio::test]
async fn command_lines_that_are_wrong() {
    let home = Home::new(1883, &[]);
    for args in [
        &["rum"][..],
        &["run", "--confg", "x"],
        &["decode", "toaster", "-"],
        &["scan", "ecu", "not-a-network"],
        &["scan", "ecu", "8.8.8.8"],
        &["scan", "ecu", "10.0.0.0/8"],
        &["record", "aps-ecu"],
        &[
            "record",
            "aps-ecu",
            "127.0.0.1",
            "--out",
            "x",
            "--set",
            "nothing",
        ],
        &[
            "record",
            "aps-ecu",
            "127.0.0.1",
            "--out",
            "x",
            "--set",
            "hots=1",
        ],
        &["simulate", "aps-ecu", "--fault", "hung"],
        &["simulate", "aps-ecu", "--inverters", "2xDS4"],
        &["demo", "--port", "99999"],
    ] {
        let done = home.done(args).await;
        assert_eq!(done.code, Some(2), "{args:?} {done:?}");
        assert!(done.err.len() > 30, "{args:?} {done:?}");
    }
    assert_eq!(home.files(), ["wattbridge.toml"]);
}

#[tokio::test]
async fn a_file_to_begin_with_is_made_once_and_readable_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new(1883, &[]);
    let made = home.done(&["init", "new.toml"]).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    assert!(made.out.contains("wattbridge check"), "{made:?}");
    let file = home.path().join("new.toml");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.contains("#[[smart_meter]]") && text.contains("#[mqtt]"),
        "{text}"
    );
    let shown = home.done(&["init", "-"]).await;
    assert_eq!(shown.out.trim_end(), text.trim_end());
    std::fs::write(&file, "mine").unwrap();
    let again = home.done(&["init", "new.toml"]).await;
    assert_eq!(again.code, Some(2), "{again:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
}

#[tokio::test]
async fn what_is_surely_not_meant_is_said() {
    let home = Home::new(1883, &[]);
    let check = async |content: &str| {
        std::fs::write(home.file(), content).unwrap();
        home.done(&["check"]).await
    };
    let ecu = "[[aps_ecu]]\nhost = \"192.0.2.1\"\n";
    let done = check(&format!(
        "[home_assistant]\nexclude = [\"enery_today\", \"energy_today\", \"aps_ecu_216000000001_power\"]\n\
         pace = {{ volage_l1 = {{ every = \"5m\" }}, \"*\" = {{ every = \"5s\" }} }}\n{ecu}"
    ))
    .await;
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(
        done.err.contains(
            "exclude: no device here has \"enery_today\"; did you mean \"energy_today\"?"
        )
    );
    assert!(
        done.err
            .contains("pace: no device here has \"volage_l1\"; did you mean \"voltage_l1\"?")
    );
    assert_eq!(done.err.lines().count(), 2, "{done:?}");

    let done = check(&format!("[home_assistant]\nenabled = false\n{ecu}")).await;
    assert!(
        done.err.contains("Nothing is passed on to anybody"),
        "{done:?}"
    );
    let done = check(&format!("[mqtt]\nhost = \"127.0.0.1:18831\"\n{ecu}")).await;
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.err.contains("port = 18831"), "{done:?}");
    let done = check("[[smart_meter]]\nport = \"COM3\"\n").await;
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.err.contains("wattbridge ports"), "{done:?}");
}

#[tokio::test]
async fn a_section_that_is_wrong_does_not_keep_the_others_from_being_tried() {
    let home = Home::new(1, &[]);
    let port = crate::support::ports::free_port();
    let wrong = "[[aps_ecu]]\nhsot = \"192.0.2.1\"\n";
    let other = format!("[[aps_ecu]]\nhost = \"127.0.0.1\"\nport = {port}\n");
    home.write(&[wrong.to_owned(), other]);
    let done = home.done(&["check", "--connect"]).await;
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.err.contains("hsot"), "{done:?}");
    assert!(done.out.contains("failed  aps_ecu 127.0.0.1"), "{done:?}");
}

#[tokio::test]
async fn a_recording_of_nobody_is_no_success() {
    let home = Home::new(1, &[]);
    let nobody = format!("127.0.0.1:{}", crate::support::ports::free_port());
    let done = home
        .done(&[
            "record",
            "aps-ecu",
            &nobody,
            "--out",
            "nobody.recording",
            "--for",
            "300ms",
        ])
        .await;
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.err.contains("nothing came from 127.0.0.1"), "{done:?}");
    assert!(!done.out.contains("Done"), "{done:?}");
}

#[tokio::test]
async fn a_file_that_is_no_store_is_not_moved_out_of_the_way() {
    let home = Home::new(1, &[]);
    std::fs::write(home.path().join("notes.txt"), "what I have to remember").unwrap();
    for (path, words) in [
        ("wattbridge.toml", "something else than a database"),
        ("notes.txt", "something else than a database"),
        ("/dev/null", "no ordinary file"),
        (".", "no ordinary file"),
    ] {
        let text = format!("[store]\npath = \"{path}\"\n[[aps_ecu]]\nhost = \"192.0.2.1\"\n");
        std::fs::write(home.file(), &text).unwrap();
        for command in ["check", "run"] {
            let done = home.done(&[command]).await;
            assert_eq!(done.code, Some(2), "{path}: {done:?}");
            assert!(done.err.contains(words), "{path}: {done:?}");
        }
        assert_eq!(std::fs::read_to_string(home.file()).unwrap(), text);
    }
}
