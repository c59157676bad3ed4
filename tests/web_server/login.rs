//! The password.

use serde_json::json;
use wattbridge::config::Secret;

use crate::http::{Answer, Ask};
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

fn cookie(answer: &Answer) -> String {
    let set = answer.header("set-cookie").unwrap();
    set.split(';').next().unwrap().to_owned()
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
    let session = cookie(&answer);
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
    let session = cookie(&door.try_password(PASSWORD).await);
    let mut settings = with_password("127.0.0.1:0", false);
    site.web.set_settings(settings.clone());
    assert_eq!(door.role(&session).await, "admin");
    settings.password = Some(Secret::new("another"));
    site.web.set_settings(settings);
    assert_eq!(door.role(&session).await, "none");
}

#[tokio::test]
async fn five_wrong_passwords_in_a_minute_are_enough() {
    let site = TestSite::start(with_password("127.0.0.1:0", false)).await;
    let door = Door(site.web.address());
    for _ in 0..5 {
        let answer = door.try_password("battery-staple").await;
        assert_eq!(answer.status, 401);
        assert!(answer.header("set-cookie").is_none());
        assert!(!answer.text().contains("battery-staple"));
    }
    // Not even the right one now.
    let answer = door.try_password(PASSWORD).await;
    assert_eq!(answer.status, 429);
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=61).contains(&wait), "{wait}");
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
