//! The program while its page changes and explains it.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value as Json, json};
use tokio::time::{Instant, sleep};

use crate::DEADLINE;
use crate::http::{Answer, Ask};
use crate::program::{Program, address, power};

/// In no answer, wherever they stand in the file.
const PLANTED: [&str; 4] = [
    "planted-password-4711",
    "planted-older-0815",
    "00112233445566778899AABBCCDDEEFF",
    "planted in a remark",
];

/// A pump that says 42, and secrets that nobody needs to run it.
fn text(more: &str) -> String {
    let [password, older, key, remark] = PLANTED;
    format!(
        "# my house\n[home_assistant]\nenabled = false\n[mqtt]\nhost = \"192.0.2.77\"\nusername = \"marianne\"\n\
         password = \"{password}\" # {remark}\n#password = \"{older}\"\n[web]\nlisten = \"127.0.0.1:0\"\n\n[[text]]\nid = \"pump\"\n\
         command = [\"echo\", \"42\"]\ninterval = \"1s\"\nvalues = [{{ id = \"power\", quantity = \"power\" }}]\n{more}\n\
         [[smart_meter]]\nport = \"/dev/nothing-here\"\nkey = \"{key}\"\nkeys = {{ \"cellar\" = \"{key}\" }}\n"
    )
}

/// The page of a program, as its administrator has it.
struct Page(SocketAddr);

impl Page {
    async fn of(program: &mut Program) -> Self {
        Self(address(&program.until_said("The page is at").await))
    }

    async fn get(&self, path: &str) -> Answer {
        let answer = Ask::get(self.0, &format!("/api/v1/{path}")).send().await;
        Self::look_through(path, &answer);
        answer
    }

    async fn change(&self, method: &str, path: &str, body: &Json) -> Answer {
        let path = format!("/api/v1/{path}");
        let answer = Ask::change(self.0, method, &path, body).send().await;
        Self::look_through(&path, &answer);
        answer
    }

    fn look_through(path: &str, answer: &Answer) {
        let text = answer.text();
        for planted in PLANTED {
            assert!(!text.contains(planted), "{path}: {text}");
            assert!(
                !text.to_lowercase().contains(&planted.to_lowercase()),
                "{path}: {text}"
            );
        }
    }

    /// Saves the text as it is shown, after a change.
    async fn save(&self, edit: impl Fn(&str) -> String) -> Answer {
        let shown = self.get("config").await.json();
        let text = edit(shown["text"].as_str().unwrap());
        self.change(
            "PUT",
            "config",
            &json!({ "text": text, "rev": shown["rev"] }),
        )
        .await
    }

    /// Waits until something is so.
    async fn until(&self, path: &str, is_so: impl Fn(&Json) -> bool) -> Json {
        let begun = Instant::now();
        loop {
            let answer = self.get(path).await.json();
            if is_so(&answer) {
                return answer;
            }
            assert!(begun.elapsed() < DEADLINE, "{path}: {answer}");
            sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

fn on_disk(folder: &Path) -> String {
    fs::read_to_string(folder.join("wattbridge.toml")).unwrap()
}

fn hints(answer: &Answer) -> Vec<String> {
    let problems = answer.json()["problems"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    problems
        .iter()
        .map(|it| it["hint"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn what_is_saved_is_used_while_the_page_stays() {
    let folder = tempfile::tempdir().unwrap();
    let old = text("");
    let mut program = Program::with(folder.path(), &old, &[]);
    let page = Page::of(&mut program).await;
    power(page.0, "").await;
    let about = page.get("").await.json();
    for feature in ["settings", "log", "energy_dashboard", "support"] {
        assert!(
            about["features"]
                .as_array()
                .unwrap()
                .contains(&json!(feature)),
            "{about}"
        );
    }
    let shown = page.get("config").await.json();
    assert_eq!(shown["problems"], json!([]));
    assert_eq!(shown["writable"], true);
    let kept = shown["text"].as_str().unwrap();
    assert!(
        kept.contains("password = \"kept-1\"") && kept.contains("# my house"),
        "{kept}"
    );

    // A mistake is told with what mends it, and not saved.
    let wrong = kept.replace("interval = \"1s\"", "intervall = \"1s\"");
    let told = page
        .change("POST", "config/check", &json!({ "text": wrong }))
        .await
        .json();
    assert_eq!(
        told["problems"][0]["fix"],
        json!({ "text": "interval", "length": 9 })
    );
    assert_eq!(told["problems"][0]["kind"], "device");
    assert_eq!(told["problems"][0]["section"], "[[text]]");
    assert_eq!(page.save(|_| wrong.clone()).await.status, 422);

    // What would lead further than the file, and secrets that would move.
    for (from, to, hint) in [
        ("\"echo\", \"42\"", "\"id\"", "change it in the file itself"),
        (
            "listen = \"127.0.0.1:0\"",
            "listen = \"127.0.0.1:0\"\ntrusted_editor = true",
            "change it in the file itself",
        ),
        (
            "# my house",
            "[store]\npath = \"/tmp/elsewhere.db\"",
            "change it in the file itself",
        ),
        (
            "key = \"kept-4\"",
            "key = { file = \"/etc/shadow\" }",
            "change it in the file itself",
        ),
        ("\"192.0.2.77\"", "\"192.0.2.78\"", "write it anew"),
        ("\"marianne\"", "\"kept-1\"", "write here what belongs"),
        (
            "id = \"pump\"",
            "id = \"pump\"\nname = \"kept-1\"",
            "write here what belongs",
        ),
    ] {
        let edited = kept.replacen(from, to, 1);
        assert_ne!(edited, kept);
        let refused = page.save(|_| edited.clone()).await;
        assert_eq!(refused.status, 422, "{to}");
        assert!(
            hints(&refused).iter().any(|it| it.contains(hint)),
            "{to}: {}",
            refused.text()
        );
    }
    assert_eq!(on_disk(folder.path()), old);

    // What is right is used; the page goes on with another bridge behind it.
    let started = about["started"].as_i64().unwrap();
    let saved = page
        .save(|text| text.replace("id = \"power\"", "id = \"pump_power\""))
        .await;
    assert_eq!(saved.status, 200, "{}", saved.text());
    let copy = saved.json()["copy"].as_str().unwrap().to_owned();
    let has = |key: &'static str| {
        move |state: &Json| {
            let devices = state["devices"].as_array().unwrap();
            devices.iter().any(|device| device["values"][key] == 42)
        }
    };
    page.until("state", has("pump_power")).await;
    assert_eq!(
        on_disk(folder.path()),
        old.replace("id = \"power\"", "id = \"pump_power\"")
    );
    let about = page.get("").await.json();
    assert!(about["started"].as_i64().unwrap() >= started && about["safe_mode"].is_null());

    // And back.
    let copies = page.get("config/copies").await.json();
    assert_eq!(copies["copies"][0]["name"], copy.as_str());
    let text = page.get(&format!("config/copies/{copy}")).await.json()["text"].clone();
    let rev = page.get("config").await.json()["rev"].clone();
    let undo = json!({ "text": text, "rev": rev, "from": copy });
    let undone = page.change("PUT", "config", &undo).await.json();
    assert!(
        undone["restarted"]
            .as_array()
            .unwrap()
            .contains(&json!("[[text]]"))
    );
    assert_eq!(undone["kept"], json!([]));
    page.until("state", has("power")).await;
    assert_eq!(on_disk(folder.path()), old);
    // A remark begins nothing anew.
    let begun = page.get("").await.json()["started"].clone();
    let saved = page
        .save(|text| format!("# new remark\n{text}"))
        .await
        .json();
    assert_eq!(saved["restarted"], json!([]), "{saved}");
    assert!(
        saved["kept"]
            .as_array()
            .unwrap()
            .contains(&json!("[[text]]"))
    );
    assert_eq!(page.get("").await.json()["started"], begun);
    let saved = page.save(|text| text.replace("# new remark\n", "")).await;
    assert_eq!(saved.status, 200);
    assert_eq!(on_disk(folder.path()), old);
    let late = page.change("PUT", "config", &undo).await;
    assert_eq!(late.status, 409);
    assert!(
        late.json()["present"]["text"]
            .as_str()
            .unwrap()
            .contains("kept-1")
    );

    // By hand, and what cannot be used is not.
    let by_hand = old.replace("[mqtt]", "[mqtt]\nport = \"x\"");
    fs::write(folder.path().join("wattbridge.toml"), &by_hand).unwrap();
    assert_eq!(
        page.change("POST", "config/reload", &json!({}))
            .await
            .status,
        422
    );
    power(page.0, "").await;
    let by_hand = old.replace("id = \"power\"", "id = \"by_hand\"");
    fs::write(folder.path().join("wattbridge.toml"), &by_hand).unwrap();
    assert_eq!(
        page.change("POST", "config/reload", &json!({}))
            .await
            .status,
        200
    );
    page.until("state", has("by_hand")).await;
    // All of it, for those who know the password again; here is none.
    let made = Ask::change(page.0, "POST", "/api/v1/backup", &json!({}))
        .send()
        .await;
    assert_eq!(made.status, 200);
    let file = folder.path().join("made.backup");
    fs::write(&file, &made.body).unwrap();
    let backup = wattbridge::backup::Backup::open(&file).unwrap();
    backup.check().unwrap();
    assert!(
        backup.files.len() >= 4,
        "store, history, configuration and copies"
    );
    let left = fs::read_dir(folder.path())
        .unwrap()
        .flatten()
        .map(|it| it.file_name());
    assert!(
        !left
            .into_iter()
            .any(|name| name.to_string_lossy().starts_with(".wattbridge"))
    );
    program.end().await;
    for planted in PLANTED {
        assert!(!program.said().contains(planted), "{}", program.said());
    }
}

#[tokio::test]
async fn a_section_can_be_left_out_by_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::with(folder.path(), &text(""), &[]);
    let page = Page::of(&mut program).await;
    power(page.0, "").await;
    let shown = page.get("config").await.json();
    let wrong = shown["text"]
        .as_str()
        .unwrap()
        .replace("/dev/nothing-here", "COM1");
    let saved = json!({ "text": wrong, "rev": shown["rev"], "leave_out": true });
    let saved = page.change("PUT", "config", &saved).await;
    assert_eq!(
        saved.json()["left_out"],
        json!(["[[smart_meter]]"]),
        "{}",
        saved.text()
    );
    assert!(on_disk(folder.path()).contains("#port = \"COM1\""));
    power(page.0, "").await;
    program.end().await;
}

#[tokio::test]
async fn a_configuration_that_cannot_be_used_is_mended_on_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = text("").replace("[mqtt]", "[mqtt]\nport = \"1883\"");
    let mut program = Program::with(folder.path(), &wrong, &[]);
    let page = Page::of(&mut program).await;
    let about = page.until("", |about| !about["safe_mode"].is_null()).await;
    assert!(
        about["safe_mode"].as_str().unwrap().contains("Settings"),
        "{about}"
    );
    assert_eq!(page.get("state").await.json()["devices"], json!([]));
    assert_eq!(page.get("energy-dashboard").await.status, 503);
    let shown = page.get("config").await.json();
    assert_eq!(shown["problems"][0]["line"], 5, "{shown}");
    assert_eq!(
        shown["problems"][0]["fix"],
        json!({ "text": "1883", "length": 6 })
    );
    // Also while it is no TOML at all.
    let saved = page
        .save(|text| text.replace("port = \"1883\"", "port = 1883"))
        .await;
    assert_eq!(saved.status, 200, "{}", saved.text());
    power(page.0, "").await;
    assert!(page.get("").await.json()["safe_mode"].is_null());
    program.end().await;
    assert!(
        program
            .said()
            .contains("waits until its configuration can be used")
    );
}

#[tokio::test]
async fn without_a_device_the_page_is_a_welcome() {
    let folder = tempfile::tempdir().unwrap();
    let none = "[home_assistant]\nenabled = false\n[web]\nlisten = \"127.0.0.1:0\"\n";
    for options in [&[][..], &["--await-config"][..]] {
        let mut program = Program::with(folder.path(), none, options);
        let page = Page::of(&mut program).await;
        let about = page.until("", |about| !about["safe_mode"].is_null()).await;
        assert!(
            about["safe_mode"].as_str().unwrap().contains("No device"),
            "{about}"
        );
        program.end().await;
    }
}

#[tokio::test]
async fn without_a_page_the_program_ends_as_it_is_documented() {
    let folder = tempfile::tempdir().unwrap();
    let off = "[web]\nenabled = false\n";
    for wrong in [
        format!("{off}[mqtt]\nport = \"x\"\n"),
        off.to_owned(),
        "[web]\nlisten = 5\n".to_owned(),
        "[web]\npassword = \"unfinished\n".to_owned(),
        "[web]\npassword = { env = \"WATTBRIDGE_NO_SUCH_WORD\" }\n[mqtt\n".to_owned(),
    ] {
        let mut program = Program::with(folder.path(), &wrong, &[]);
        assert_eq!(
            program.ended().await,
            Some(2),
            "{wrong}: {}",
            program.said()
        );
        assert!(!program.said().contains("unfinished"));
    }
    fs::remove_file(folder.path().join("wattbridge.toml")).unwrap();
    let mut program = Program::with(folder.path(), "", &["--config", "elsewhere.toml"]);
    assert_eq!(program.ended().await, Some(2), "{}", program.said());
}

#[tokio::test]
async fn the_log_tells_of_a_device_and_more_of_it_for_a_while() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::with(folder.path(), &text(""), &[]);
    let page = Page::of(&mut program).await;
    power(page.0, "").await;
    let about = |answer: &Json, device: &str| {
        let lines = answer["lines"].as_array().unwrap();
        lines.iter().any(|line| {
            line["device"]
                .as_str()
                .is_some_and(|it| it.contains(device))
        })
    };
    // The meter has no port, and says so.
    let log = page
        .until("log?level=warn", |log| about(log, "nothing-here"))
        .await;
    let device = log["devices"][0].as_str().unwrap().to_owned();
    assert!(
        log["lines"]
            .as_array()
            .unwrap()
            .iter()
            .all(|line| line["level"] != "info")
    );
    assert!(log["detail"].is_null());
    let debug = |log: &Json| {
        log["lines"]
            .as_array()
            .unwrap()
            .iter()
            .any(|line| line["level"] == "debug")
    };
    assert!(!debug(&page.get("log").await.json()));
    assert_eq!(
        page.change("POST", "log/detail", &json!({ "minutes": 31 }))
            .await
            .status,
        400
    );
    let detail = json!({ "minutes": 10, "device": device });
    let answer = page.change("POST", "log/detail", &detail).await.json();
    assert_eq!(answer["device"], device.as_str());
    let ended = page
        .change("POST", "log/detail", &json!({ "minutes": 0 }))
        .await;
    assert_eq!(ended.json(), Json::Null);
    page.change("POST", "log/detail", &json!({ "minutes": 10 }))
        .await;
    page.until("log", debug).await;
    // Not in the file, where nobody has asked for it.
    assert!(!program.said().contains("DEBUG"), "{}", program.said());
    program.end().await;
}

#[tokio::test]
async fn the_text_for_those_who_help_names_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let more = "[[aps_ecu]]\nhost = \"ecu-of-marianne.fritz.box\"\n";
    let mut program = Program::with(folder.path(), &text(more), &[]);
    let page = Page::of(&mut program).await;
    power(page.0, "").await;
    let whole = page.get("support").await.text();
    for heading in [
        "## System",
        "## Configuration",
        "## Devices",
        "## Log",
        // Arguments and user names are nobody's business.
        "command = [\"echo\", \"***\"]",
        "username = \"***\"",
        "power = 42",
    ] {
        assert!(whole.contains(heading), "{heading}: {whole}");
    }
    for name in ["marianne", "192.0.2.77", "fritz.box"] {
        assert!(!whole.to_lowercase().contains(name), "{name}: {whole}");
    }
    let part = page.get("support?without=log,config").await.text();
    assert!(
        !part.contains("echo") && part.contains("power = 42"),
        "{part}"
    );
    assert_eq!(part.matches("left out").count(), 2);
    program.end().await;
}
