//! The password.

use std::time::Duration;

use serde_json::json;
use wattbridge::config::Secret;

use crate::http::{Answer, Ask, Open, log_in};
use crate::site::{PASSWORD, TestSite, with_password};

struct Door(std::net::SocketAddr);

impl Door {
    async fn try_password(&self, password: &str) -> Answer {
        let body = json!({ "password": password });
        Ask::change(self.0, "POST", "/api/v1/session", &body)
            .send()
            .await
    }

    async fn role(&self, cookie: &str) -> String {
        let about = Ask::get(self.0, "/api/v1")
            .header("Cookie", cookie)
            .send()
            .await;
        about.json()["role"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_session_is_a_cookie_that_scripts_and_other_pages_do_not_see() {
    let site = TestSite::start(with_password("127.0.0.1:0", true)).await;
    let door = Door(site.web.address());
    let about = Ask::get(door.0, "/api/v1").send().await.json();
    assert_eq!(
        (&about["login"], &about["role"]),
        (&json!(true), &json!("guest"))
    );
    let answer = door.try_password(PASSWORD).await;
    assert_eq!(answer.json(), json!({ "role": "admin" }));
    let set = answer.header("set-cookie").unwrap();
    for word in ["; httponly", "; samesite=strict", "; max-age=2592000"] {
        assert!(set.contains(word), "{set}");
    }
    assert!(
        !set.contains("; path="),
        "a proxy may have put the page anywhere: {set}"
    );
    let session = answer.cookie();
    assert_eq!(door.role(&session).await, "admin");
    assert_eq!(
        door.role(&format!("other=1; {session}; third=x")).await,
        "admin"
    );
    assert_eq!(door.role("wattbridge=").await, "guest");
    let out = Ask::change(door.0, "DELETE", "/api/v1/session", &json!({}));
    let out = out.header("Cookie", &session).send().await;
    assert_eq!(out.json(), json!({ "role": "guest" }));
    let forgotten = out.header("set-cookie").unwrap();
    assert!(
        forgotten.starts_with("wattbridge=;") && forgotten.ends_with("max-age=0"),
        "{forgotten}"
    );
}

#[tokio::test]
async fn a_new_password_ends_all_sessions() {
    let site = TestSite::start(with_password("127.0.0.1:0", false)).await;
    let door = Door(site.web.address());
    let session = log_in(door.0, PASSWORD).await;
    let mut settings = with_password("127.0.0.1:0", false);
    site.web.set_settings(settings.clone());
    assert_eq!(door.role(&session).await, "admin");
    settings.password = Some(Secret::new("another"));
    site.web.set_settings(settings);
    assert_eq!(door.role(&session).await, "none");
}

#[tokio::test]
async fn who_logs_out_has_no_session_any_more_wherever_its_cookie_is() {
    let site = TestSite::start(with_password("127.0.0.1:0", true)).await;
    let door = Door(site.web.address());
    let session = log_in(door.0, PASSWORD).await;
    let other = log_in(door.0, PASSWORD).await;
    let out = Ask::change(door.0, "DELETE", "/api/v1/session", &json!({}));
    out.header("Cookie", &session).send().await;
    assert_eq!(door.role(&session).await, "guest");
    assert_eq!(door.role(&other).await, "admin");
    // Also not after a restart with the same store.
    let inside = site.inside.borrow().clone();
    let again = TestSite::with_inside(with_password("127.0.0.1:0", true), inside).await;
    let door = Door(again.web.address());
    assert_eq!(door.role(&session).await, "guest");
    assert_eq!(door.role(&other).await, "admin");
}

/// A stream of the log and of the devices.
async fn stream(door: &Door, cookie: &str) -> Open {
    let ask = Ask::get(door.0, "/api/v1/events?log=info").header("Cookie", cookie);
    let mut stream = ask.open().await;
    stream.until("event: hello").await;
    stream
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    let site = TestSite::start(with_password("127.0.0.1:0", true)).await;
    let door = Door(site.web.address());
    let session = log_in(door.0, PASSWORD).await;
    let other = log_in(door.0, PASSWORD).await;
    let mut mine = stream(&door, &session).await;
    let mut theirs = stream(&door, &other).await;
    let mut guest = stream(&door, "").await;
    let out = Ask::change(door.0, "DELETE", "/api/v1/session", &json!({}));
    out.header("Cookie", &session).send().await;
    mine.ended().await;
    // Those of others go on.
    for (stream, watts) in [(&mut theirs, 7), (&mut guest, 8)] {
        site.power(crate::site::watts(watts));
        stream.until(&format!("\"power\":{watts}")).await;
    }
    let mut settings = with_password("127.0.0.1:0", true);
    settings.password = Some(Secret::new("another"));
    site.web.set_settings(settings.clone());
    theirs.ended().await;
    site.power(crate::site::watts(9));
    guest.until("\"power\":9").await;
    settings.guest = false;
    site.web.set_settings(settings);
    guest.ended().await;
}

#[tokio::test]
async fn five_wrong_passwords_in_a_minute_are_enough() {
    let site = TestSite::start(with_password("127.0.0.1:0", false)).await;
    let door = Door(site.web.address());
    for word in [
        "battery", "staple", "", "", "", "", "horse", "correct", "4711",
    ] {
        let answer = door.try_password(word).await;
        assert_eq!(answer.status, 401, "{word}");
        assert!(answer.header("set-cookie").is_none());
        assert!(word.is_empty() || !answer.text().contains(word));
        // Who says the same again, as a program does, guesses nothing; nor does who says nothing.
        assert_eq!(
            door.try_password("battery").await.status,
            401 + 28 * u16::from(word == "4711")
        );
    }
    // Not even the right one now.
    let answer = door.try_password(PASSWORD).await;
    assert_eq!(answer.status, 429);
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=61).contains(&wait), "{wait}");
}

#[tokio::test]
async fn others_that_guess_keep_nobody_out() {
    let site = TestSite::start(with_password("127.0.0.1:0", false)).await;
    let to = site.web.address();
    let try_from = async |address: &str, word: &str| {
        let body = json!({ "password": word });
        let ask = Ask::change(to, "POST", "/api/v1/session", &body);
        ask.from(address).send().await.status
    };
    let known = "127.0.2.1";
    assert_eq!(try_from(known, PASSWORD).await, 200);
    for number in 0..30 {
        let address = format!("127.0.3.{}", 1 + number / 5);
        assert_eq!(try_from(&address, &format!("guess {number}")).await, 401);
    }
    assert_eq!(try_from("127.0.3.1", "guess again").await, 429);
    // At once where it was right before; anywhere else after a turn.
    let begun = tokio::time::Instant::now();
    assert_eq!(try_from(known, PASSWORD).await, 200);
    assert!(begun.elapsed() < Duration::from_secs(2));
    let begun = tokio::time::Instant::now();
    assert_eq!(try_from("127.0.2.2", PASSWORD).await, 200);
    assert!(begun.elapsed() >= Duration::from_secs(2));
}

#[tokio::test]
async fn a_backup_without_the_password_is_no_guess() {
    let site = TestSite::start(with_password("127.0.0.1:0", false)).await;
    let door = Door(site.web.address());
    let session = log_in(door.0, PASSWORD).await;
    for _ in 0..6 {
        let ask = Ask::change(door.0, "POST", "/api/v1/backup", &json!({}));
        let answer = ask.header("Cookie", &session).send().await;
        assert_eq!(answer.status, 401);
    }
    assert_eq!(door.try_password(PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_password_that_cannot_be_read_lets_nobody_in() {
    let mut settings = with_password("127.0.0.1:0", false);
    let missing = json!({ "env": "WATTBRIDGE_NO_SUCH_WORD" });
    settings.password = Some(serde_json::from_value(missing).unwrap());
    let site = TestSite::start(settings.clone()).await;
    let door = Door(site.web.address());
    assert_eq!(door.role("").await, "none");
    for password in ["", "WATTBRIDGE_NO_SUCH_WORD"] {
        assert_eq!(door.try_password(password).await.status, 503);
    }
    settings.password = Some(Secret::new(""));
    let site = TestSite::start(settings).await;
    let door = Door(site.web.address());
    assert_eq!(door.role("").await, "none");
    assert_eq!(door.try_password("").await.status, 503);
}
