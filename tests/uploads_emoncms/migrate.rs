//! `wattbridge migrate pvmonit`: what comes out is a configuration that works, and its key arrives. All is invented.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use super::stand_in::{StandIn, WRITE_KEY};

fn wattbridge(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wattbridge"))
        .args(arguments)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_out_is_a_configuration_that_works() {
    let server = StandIn::start().await;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let config = format!(
        "<?php\n$VEDIRECT_DEVICE_CORRESPONDANCE=array ('HQ15340AAAA' => 'MpttBleu');\n\
         $EMONCMS_URL_INPUT_JSON_POST='{}/input/post.json';\n$EMONCMS_API_KEY='{WRITE_KEY}';\n\
         $AMPEREMETRE_BIN = '/usr/bin/sudo /usr/bin/perl /opt/PvMonit/ampermetre.pl';\n?>\n",
        server.url
    );
    fs::write(at("config.php"), config).unwrap();
    let arguments = [
        "migrate",
        "pvmonit",
        &at("config.php"),
        "--key-file",
        &at("emoncms"),
    ];
    let done = wattbridge(&arguments);
    let (out, said) = (text(&done.stdout), text(&done.stderr));
    assert!(done.status.success(), "{said}");
    assert!(!out.contains(WRITE_KEY) && !said.contains(WRITE_KEY));
    assert!(
        said.contains("crontab") && said.contains("/dev/ttyACM0"),
        "{said}"
    );
    assert_eq!(fs::read_to_string(at("emoncms")).unwrap().trim(), WRITE_KEY);
    let mode = fs::metadata(at("emoncms")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    fs::write(at("wattbridge.toml"), &out).unwrap();
    let check = wattbridge(&["check", "--config", &at("wattbridge.toml")]);
    let said = text(&check.stdout) + &text(&check.stderr);
    assert!(check.status.success(), "{said}\n{out}");
    assert!(!said.contains(WRITE_KEY));
    // What was written belongs to somebody.
    let again = wattbridge(&arguments);
    assert_eq!(again.status.code(), Some(2));
    assert!(
        text(&again.stderr).contains("--key-file"),
        "{}",
        text(&again.stderr)
    );
    assert!(again.stdout.is_empty());
    // A file of somebody else.
    fs::write(at("config.php"), "<?php $a = 1;").unwrap();
    let other = wattbridge(&["migrate", "pvmonit", &at("config.php")]);
    assert_eq!(other.status.code(), Some(2));
    assert!(text(&other.stderr).contains("config.php or config.yaml"));
    let missing = wattbridge(&["migrate", "pvmonit", "/nowhere/config.yaml"]);
    assert!(text(&missing.stderr).contains("name the file"));
}
