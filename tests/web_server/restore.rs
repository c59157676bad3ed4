//! A backup that is put back by the page, while the program runs.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value as Json, json};
use tokio::io::AsyncWriteExt as _;
use tokio::time::{Instant, sleep};

use crate::DEADLINE;
use crate::http::{Answer, Ask};
use crate::program::{Program, address, power};

const PASSWORD: &str = "correct-horse";

/// A pump that says 42 under this key.
fn text(web: &str, key: &str) -> String {
    format!(
        "[home_assistant]\nenabled = false\n[mqtt]\nhost = \"192.0.2.77\"\nusername = \"u\"\npassword = \"planted-4711\"\n\
         [web]\nlisten = \"127.0.0.1:0\"\n{web}\n[[text]]\nid = \"pump\"\ncommand = [\"echo\", \"42\"]\ninterval = \"1s\"\n\
         values = [{{ id = \"{key}\", quantity = \"power\" }}]\n"
    )
}

async fn page_of(program: &mut Program) -> SocketAddr {
    address(&program.until_said("The page is at").await)
}

async fn sent(to: SocketAddr, backup: &[u8]) -> Answer {
    Ask::file(to, "/api/v1/restore", backup.to_vec())
        .send()
        .await
}

async fn put_back(to: SocketAddr, token: &Json) -> Answer {
    let body = json!({ "token": token });
    Ask::change(to, "PUT", "/api/v1/restore", &body)
        .send()
        .await
}

async fn backup(to: SocketAddr) -> Vec<u8> {
    let made = Ask::change(to, "POST", "/api/v1/backup", &json!({}))
        .send()
        .await;
    assert_eq!(made.status, 200, "{}", made.text());
    made.body
}

/// Waits until the pump has a value of this key.
async fn until_value(to: SocketAddr, key: &str) {
    let begun = Instant::now();
    loop {
        let state = Ask::get(to, "/api/v1/state").send().await.json();
        let devices = state["devices"].as_array().unwrap();
        if devices.iter().any(|device| device["values"][key] == 42) {
            return;
        }
        assert!(begun.elapsed() < DEADLINE, "{key}: {state}");
        sleep(std::time::Duration::from_millis(20)).await;
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn hidden(folder: &Path) -> Vec<String> {
    let names = names(folder).into_iter();
    names.filter(|name| name.starts_with('.')).collect()
}

fn on_disk(folder: &Path) -> String {
    fs::read_to_string(folder.join("wattbridge.toml")).unwrap()
}

/// The identity of the bridge, which is in its store.
fn identity(program: &Program) -> String {
    let said = program.said();
    let (_, rest) = said.rsplit_once(", bridge ").unwrap();
    rest.split(',').next().unwrap().to_owned()
}

#[tokio::test]
async fn what_was_saved_comes_back_while_the_page_stays() {
    let folder = tempfile::tempdir().unwrap();
    let old = text("", "power");
    let mut program = Program::with(folder.path(), &old, &[]);
    let to = page_of(&mut program).await;
    power(to, "").await;
    let about = Ask::get(to, "/api/v1").send().await.json();
    assert!(
        about["features"]
            .as_array()
            .unwrap()
            .contains(&json!("restore"))
    );
    let first = identity(&program);
    let made = backup(to).await;
    program.end().await;

    // Another house, on another computer.
    let folder = tempfile::tempdir().unwrap();
    let other = text("title = \"Other\"\ntrusted_editor = true", "pump_power");
    let mut program = Program::with(folder.path(), &other, &[]);
    let to = page_of(&mut program).await;
    until_value(to, "pump_power").await;
    let second = identity(&program);
    assert_ne!(first, second);
    let found = sent(to, &made).await;
    assert_eq!(found.status, 200, "{}", found.text());
    assert!(!found.text().contains("planted"));
    let found = found.json();
    assert_eq!(found["brings"]["sections"], 4, "{found}");
    for what in ["devices", "counters", "days"] {
        assert!(
            found["brings"][what].is_u64() && found["replaces"][what].is_u64(),
            "{found}"
        );
    }
    assert_eq!(
        (&found["held_back"], &found["problems"]),
        (&json!([]), &json!([]))
    );
    assert!(found["made"].is_i64() && found["version"].is_string());
    // So far nothing has changed.
    assert_eq!(on_disk(folder.path()), other);
    assert_eq!(put_back(to, &json!("another")).await.status, 409);

    let done = put_back(to, &found["token"]).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let kept: Vec<String> = serde_json::from_value(done.json()["kept"].clone()).unwrap();
    assert_eq!(kept.len(), 3, "{kept:?}");
    until_value(to, "power").await;
    assert_eq!(on_disk(folder.path()), old);
    assert_eq!(identity(&program), first, "{}", program.said());
    for name in &kept {
        assert!(name.contains(".before-restore-"), "{name}");
        assert!(folder.path().join(name).is_file(), "{name}");
    }
    let config = kept
        .iter()
        .find(|name| name.starts_with("wattbridge.toml"))
        .unwrap();
    assert_eq!(
        fs::read_to_string(folder.path().join(config)).unwrap(),
        other
    );
    assert_eq!(hidden(folder.path()), [""; 0]);
    assert_eq!(put_back(to, &found["token"]).await.status, 409, "only once");
    program.end().await;
    assert!(!program.said().contains("planted"));
    // And all of it is whole.
    let mut again = Program::with(folder.path(), &old, &[]);
    let to = page_of(&mut again).await;
    until_value(to, "power").await;
    assert_eq!(identity(&again), first);
    assert!(!again.said().contains("damaged"), "{}", again.said());
    again.end().await;
}

#[tokio::test]
async fn a_configuration_that_the_page_may_not_change_stays_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::with(folder.path(), &text("", "power"), &[]);
    let to = page_of(&mut program).await;
    power(to, "").await;
    let first = identity(&program);
    let made = backup(to).await;
    program.end().await;

    let folder = tempfile::tempdir().unwrap();
    let other = text("title = \"Other\"", "pump_power")
        .replace("\"echo\", \"42\"", "\"printf\", \"42\\n\"");
    let mut program = Program::with(folder.path(), &other, &[]);
    let to = page_of(&mut program).await;
    until_value(to, "pump_power").await;
    let found = sent(to, &made).await;
    assert_eq!(found.status, 200, "{}", found.text());
    let found = found.json();
    let held: Vec<&str> = found["held_back"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["what"].as_str().unwrap())
        .collect();
    assert!(held.iter().any(|it| it.contains("command")), "{found}");
    assert!(held.iter().any(|it| it.contains("[web]")), "{found}");
    assert!(
        found["brings"]["sections"].is_null() && found["brings"]["devices"].is_u64(),
        "{found}"
    );
    assert!(
        !hidden(folder.path())
            .iter()
            .any(|name| name.contains("toml"))
    );
    let done = put_back(to, &found["token"]).await;
    assert_eq!(done.status, 200, "{}", done.text());
    until_value(to, "pump_power").await;
    assert_eq!(identity(&program), first, "the store came back");
    assert_eq!(
        on_disk(folder.path()),
        other,
        "and the configuration did not"
    );
    program.end().await;
}

#[tokio::test]
async fn what_is_no_backup_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let old = text("", "power");
    let mut program = Program::with(folder.path(), &old, &[]);
    let to = page_of(&mut program).await;
    power(to, "").await;
    let made = backup(to).await;
    let mut turned = made.clone();
    let middle = turned.len() / 2;
    turned[middle] ^= 1;
    let store = fs::read(folder.path().join("wattbridge.db")).unwrap();
    for (what, body) in [
        ("empty", Vec::new()),
        ("text", b"no backup at all, but some words of text".to_vec()),
        ("half", made[..middle].to_vec()),
        ("turned", turned),
        ("store", store),
    ] {
        let refused = sent(to, &body).await;
        assert_eq!(refused.status, 422, "{what}: {}", refused.text());
        let words = refused.json()["error"].as_str().unwrap().to_owned();
        assert!(words.contains("this file"), "{what}: {words}");
        assert!(!words.contains(".wattbridge"), "{what}: {words}");
        assert_eq!(hidden(folder.path()), [""; 0], "{what}");
    }
    // What is too large is refused before it comes.
    let ask = Ask::file(to, "/api/v1/restore", b"x".to_vec());
    let large = ask
        .clone()
        .header("Content-Length", "1073741825")
        .send()
        .await;
    assert_eq!(large.status, 413, "{}", large.text());
    // JSON is no file, and a file is no JSON.
    let json = ask
        .clone()
        .header("Content-Type", "application/json")
        .send()
        .await;
    assert_eq!(json.status, 415);
    // Other pages.
    for (name, value) in [("Origin", "http://evil.example"), ("X-Wattbridge", "0")] {
        assert_eq!(
            ask.clone().header(name, value).send().await.status,
            403,
            "{name}"
        );
    }
    // Who goes in the middle of it leaves nothing, and keeps nobody else away.
    let mut stream = ask
        .header("Content-Length", "100000")
        .open()
        .await
        .into_stream();
    stream.write_all(&made[..10_000]).await.unwrap();
    let begun = Instant::now();
    while hidden(folder.path()).is_empty() {
        assert!(begun.elapsed() < DEADLINE);
        sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(sent(to, &made).await.status, 409, "one at a time");
    drop(stream);
    let begun = Instant::now();
    let found = loop {
        let answer = sent(to, &made).await;
        if answer.status == 200 {
            break answer.json();
        }
        assert_eq!(answer.status, 409);
        assert!(begun.elapsed() < DEADLINE);
        sleep(std::time::Duration::from_millis(20)).await;
    };
    // Somebody changes their mind, or the file.
    assert!(
        hidden(folder.path()).len() >= 3,
        "{:?}",
        hidden(folder.path())
    );
    let body = json!({ "token": found["token"] });
    let thrown = Ask::change(to, "DELETE", "/api/v1/restore", &body)
        .send()
        .await;
    assert_eq!(thrown.status, 200);
    assert_eq!(hidden(folder.path()), [""; 0]);
    assert_eq!(put_back(to, &found["token"]).await.status, 409);
    let found = sent(to, &made).await.json();
    let by_hand = format!("# by hand\n{old}");
    fs::write(folder.path().join("wattbridge.toml"), &by_hand).unwrap();
    assert_eq!(put_back(to, &found["token"]).await.status, 409);
    assert_eq!(on_disk(folder.path()), by_hand);
    assert_eq!(hidden(folder.path()), [""; 0]);
    power(to, "").await;
    program.end().await;
}

#[tokio::test]
async fn only_who_is_logged_in_puts_something_back() {
    let folder = tempfile::tempdir().unwrap();
    let web = format!("password = \"{PASSWORD}\"\nguest = true");
    let mut program = Program::with(folder.path(), &text(&web, "power"), &[]);
    let to = page_of(&mut program).await;
    power(to, "").await;
    let before = names(folder.path());
    let made = vec![0; 5000];
    assert_eq!(sent(to, &made).await.status, 401);
    let strange = Ask::file(to, "/api/v1/restore", made).header("Cookie", "wattbridge=1.2.3");
    assert_eq!(strange.send().await.status, 401);
    assert_eq!(put_back(to, &json!("x")).await.status, 401);
    let thrown = Ask::change(to, "DELETE", "/api/v1/restore", &json!({ "token": "x" }));
    assert_eq!(thrown.send().await.status, 401);
    assert_eq!(names(folder.path()), before);
    program.end().await;
}

#[tokio::test]
async fn a_configuration_that_cannot_be_used_is_put_right_by_a_backup() {
    let folder = tempfile::tempdir().unwrap();
    let old = text("", "power");
    let mut program = Program::with(folder.path(), &old, &[]);
    let to = page_of(&mut program).await;
    power(to, "").await;
    let made = backup(to).await;
    program.end().await;
    let wrong = old.replace("[mqtt]", "[mqtt]\nport = \"x\"");
    let mut program = Program::with(folder.path(), &wrong, &[]);
    let to = page_of(&mut program).await;
    let found = sent(to, &made).await.json();
    let done = put_back(to, &found["token"]).await;
    assert_eq!(done.status, 200, "{found}: {}", done.text());
    power(to, "").await;
    assert_eq!(on_disk(folder.path()), old);
    program.end().await;
}

#[tokio::test]
async fn who_is_killed_meanwhile_starts_with_the_old_or_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let old = text("", "power");
    let mut program = Program::with(folder.path(), &old, &[]);
    let to = page_of(&mut program).await;
    power(to, "").await;
    let made = backup(to).await;
    program.end().await;
    let other = text("", "pump_power");
    // It was unpacked, and nobody has said yes.
    let mut program = Program::with(folder.path(), &other, &[]);
    let to = page_of(&mut program).await;
    until_value(to, "pump_power").await;
    assert_eq!(sent(to, &made).await.status, 200);
    assert_ne!(hidden(folder.path()), [""; 0]);
    drop(program);
    let mut program = Program::with(folder.path(), &other, &[]);
    let to = page_of(&mut program).await;
    until_value(to, "pump_power").await;
    assert_eq!(hidden(folder.path()), [""; 0], "what was left is gone");

    // It was wanted, and written down: whoever starts next does it.
    let found = sent(to, &made).await.json();
    assert!(found["token"].is_string(), "{found}");
    let place = folder.path().canonicalize().unwrap();
    let moves: Vec<Json> = [
        ("store", "wattbridge.db"),
        ("history", "wattbridge-history.db"),
        ("config", "wattbridge.toml"),
    ]
    .iter()
    .map(|(part, name)| {
        json!({ "part": part, "new": place.join(format!(".{name}.restored")), "place": place.join(name),
                "kept": place.join(format!("{name}.before-restore-x")) })
    })
    .collect();
    let list = json!({ "store": place.join("wattbridge.db"), "moves": moves });
    fs::write(place.join(".wattbridge.toml.restoring"), list.to_string()).unwrap();
    drop(program);
    // The first one was moved already.
    fs::rename(
        place.join("wattbridge.db"),
        place.join("wattbridge.db.before-restore-x"),
    )
    .unwrap();
    let mut program = Program::with_file_as_it_is(folder.path());
    let to = page_of(&mut program).await;
    until_value(to, "power").await;
    assert_eq!(on_disk(folder.path()), old);
    assert_eq!(hidden(folder.path()), [""; 0]);
    let said = program.said();
    assert!(
        said.contains("was brought to its end") && !said.contains("damaged"),
        "{said}"
    );
    assert_eq!(
        fs::read_to_string(place.join("wattbridge.toml.before-restore-x")).unwrap(),
        other
    );
    program.end().await;
}
