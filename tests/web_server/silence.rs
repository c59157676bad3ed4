//! What nobody may read is in no answer: words are planted, and all answers searched for them.

use serde_json::json;
use wattbridge::history::GivenUp;
use wattbridge::web::table;

use crate::http::{Ask, log_in};
use crate::program::awaited;
use crate::site::{METER, PASSWORD, ROOF, TOKEN, TestSite, upload, uploads, with_password};

/// Every answer to somebody, with all that comes in the first moments of a stream.
async fn answers(site: &TestSite, cookie: &str) -> String {
    let to = site.web.address();
    let devices = Ask::get(to, "/api/v1/devices")
        .header("Cookie", cookie)
        .send()
        .await
        .json();
    let mut references = vec!["0000000000".to_owned()];
    for device in devices["devices"].as_array().into_iter().flatten() {
        references.push(device["ref"].as_str().unwrap().to_owned());
    }
    let mut all = String::new();
    for route in table() {
        for reference in &references {
            let path = route
                .path
                .replace("{ref}", reference)
                .replace("{key}", "output");
            let path = path.replace("{hash}", wattbridge::web::build());
            let path = path.replace("{*path}", "app.js");
            // As each of those wants to be asked that need more.
            let path = match path.as_str() {
                "/api/v1/history/power" => {
                    format!("{path}?series={reference}/power&from=2026-06-20&to=2026-06-22")
                }
                "/api/v1/history/usual" => format!("{path}?key=sun&day=2026-06-21"),
                "/api/v1/history/energy" => {
                    format!("{path}?by=day&of=device&from=2026-06-01&to=2026-06-30")
                }
                "/api/v1/history/statistics" => format!("{path}?from=2026-06-01&to=2026-06-30"),
                "/api/v1/history.csv" => format!("{path}?from=2026-06-01&to=2026-06-30&of=days"),
                "/api/v1/roof/power" => format!("{path}?day=2026-06-21"),
                _ => path,
            };
            let ask = match route.method.as_str() {
                "GET" => Ask::get(to, &path),
                method => Ask::change(to, method, &path, &json!({ "value": 5, "password": ["x"] })),
            };
            // Whoever logs out has no session for the rest.
            let shown = if route.method == "DELETE" { "" } else { cookie };
            let ask = ask.header("Cookie", shown);
            let answer = if path.ends_with("/events") {
                let mut stream = ask.open().await;
                let answer = stream.answer().await;
                if answer.status == 200 {
                    for watts in [11, 12] {
                        site.power(crate::site::watts(watts));
                        stream.until(&format!("\"power\":{watts}")).await;
                    }
                    stream.until("event: state").await
                } else {
                    answer.text()
                }
            } else {
                let answer = ask.send().await;
                format!("{}\n\n{}", answer.head, answer.text())
            };
            all += &format!("--- {path}\n{answer}\n");
        }
    }
    all
}

#[tokio::test]
async fn neither_passwords_nor_serial_numbers_are_told() {
    let site = TestSite::start(with_password("127.0.0.1:0", true)).await;
    let cookie = log_in(site.web.address(), PASSWORD).await;
    // Why a service refuses something, in its own words.
    let target = uploads().remove(0);
    let given = GivenUp {
        slot: 300,
        reason: "not for guests".to_owned(),
    };
    let cursors = site.history().cursors();
    cursors.give_up(&target.id, vec![given]).await.unwrap();
    site.put(&upload(), &[]);
    awaited("the upload", async || {
        let ask = Ask::get(site.web.address(), "/api/v1/devices").header("Cookie", &cookie);
        let devices = ask.send().await.text();
        devices.contains(upload().id.as_str()).then_some(())
    })
    .await;
    let (guest, admin) = (answers(&site, "").await, answers(&site, &cookie).await);
    for said in [&guest, &admin] {
        assert!(!said.contains(PASSWORD), "{said}");
        assert!(!said.contains(TOKEN), "{said}");
    }
    let session = cookie.split_once('=').unwrap().1;
    for secret in [
        ROOF,
        METER,
        "1kfm_planted_0815",
        "Planted",
        session,
        "not for guests",
    ] {
        let found = guest.lines().find(|line| line.contains(secret));
        assert_eq!(found, None, "{secret}");
    }
    // The search finds what there is to find.
    for known in [ROOF, METER, "1kfm_planted_0815", "not for guests"] {
        assert!(admin.contains(known), "{known}");
    }
    assert!(guest.contains("…4711") && guest.contains("3210"), "{guest}");
}
