//! What of an upload has not arrived, and that it is tried at once.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};
use wattbridge::history::{Cursor, Cursors, GivenUp};
use wattbridge::model::DeviceId;
use wattbridge::uploads::NamedTarget;

use crate::http::Ask;
use crate::site::{TestSite, roof, upload, uploads, watts};

const PATIENCE: Duration = Duration::from_secs(30);

struct UploadSite {
    site: TestSite,
    target: NamedTarget,
    cursors: Cursors,
    reference: String,
}

impl UploadSite {
    async fn start() -> Self {
        let site = TestSite::open().await;
        let devices = async || {
            let all = Ask::get(site.web.address(), "/api/v1/devices").send().await;
            all.json()["devices"].as_array().unwrap().clone()
        };
        let device = upload();
        site.put(&device, &[]);
        let is_it = |one: &Json| one["id"] == device.id.as_str();
        let reference = crate::program::awaited("the upload", async || {
            let found = devices().await.into_iter().find(is_it)?;
            assert_eq!(found["icon"], "upload");
            assert_eq!(found["glance"]["main"], "pending");
            Some(found["ref"].as_str().unwrap().to_owned())
        });
        let reference = reference.await;
        let cursors = site.history().cursors();
        Self {
            target: uploads().remove(0),
            cursors,
            reference,
            site,
        }
    }

    async fn told(&self) -> Json {
        let path = format!("/api/v1/devices/{}/upload", self.reference);
        let answer = Ask::get(self.site.web.address(), &path).send().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    async fn retry(&self) -> (u16, Json) {
        let path = format!("/api/v1/devices/{}/upload/retry", self.reference);
        let ask = Ask::change(self.site.web.address(), "POST", &path, &json!({}));
        let answer = ask.send().await;
        (answer.status, answer.json())
    }

    /// Half an hour of the roof, of which the last slot ends at this moment.
    fn measure(&self, until: Timestamp) {
        let history = self.site.history();
        let roof = std::sync::Arc::new(roof());
        history.describe(&roof);
        for slot in 0..6 {
            let at = until - SignedDuration::from_secs(slot * 300 + 60);
            history.record(&roof.id, at, None, [("power", watts(slot))]);
        }
        history.tick(until + SignedDuration::from_mins(30));
        history.flush(PATIENCE);
    }
}

#[tokio::test]
async fn what_waits_and_what_was_given_up_is_told_and_tried_again() {
    let upload = UploadSite::start().await;
    let key = &upload.target.id;
    let told = upload.told().await;
    assert_eq!(
        told,
        json!({ "target": upload.target.id, "done": null, "waiting": 0, "since": null, "given_up": [], "older": 0 })
    );
    let (status, said) = upload.retry().await;
    assert_eq!(status, 409, "{said}");

    let until: Timestamp = "2026-06-21T11:00:00Z".parse().unwrap();
    upload.measure(until);
    let until = until.as_second();
    let done = until - 4 * 300;
    let cursor = Cursor {
        done,
        again: true,
        ..Cursor::default()
    };
    upload.cursors.save(key, cursor, Vec::new()).await.unwrap();
    let told = upload.told().await;
    assert_eq!(
        (&told["waiting"], &told["since"]),
        (&json!(4), &json!(done + 300))
    );

    let reasons = [(done - 300, "<b>too old</b>"), (done, "refused")];
    let slots = reasons.map(|(slot, reason)| GivenUp {
        slot,
        reason: reason.to_owned(),
    });
    upload.cursors.give_up(key, slots.to_vec()).await.unwrap();
    let told = upload.told().await;
    assert_eq!(
        told["given_up"],
        json!([{ "at": done, "reason": "refused" }, { "at": done - 300, "reason": "<b>too old</b>" }])
    );

    assert_eq!(upload.retry().await, (200, json!({ "again": 2 })));
    let cursor = upload.cursors.load(key).await.unwrap().unwrap();
    assert!(cursor.hurry);
    let told = upload.told().await;
    assert_eq!(told["given_up"], json!([]));
    assert_eq!(
        (&told["waiting"], &told["since"]),
        (&json!(6), &json!(done - 300)),
        "what was given up waits again"
    );
    assert_eq!(upload.retry().await, (200, json!({ "again": 0 })));
}

#[tokio::test]
async fn of_many_that_were_given_up_the_newest_are_told() {
    let upload = UploadSite::start().await;
    let slots = (1..=130).map(|slot| GivenUp {
        slot: slot * 300,
        reason: "no".to_owned(),
    });
    let key = &upload.target.id;
    upload.cursors.give_up(key, slots.collect()).await.unwrap();
    let told = upload.told().await;
    assert_eq!(told["given_up"].as_array().unwrap().len(), 100);
    assert_eq!(told["given_up"][0]["at"], 130 * 300);
    assert_eq!(told["older"], 30);
}

#[tokio::test]
async fn a_device_that_is_no_upload_has_none() {
    let upload = UploadSite::start().await;
    assert_eq!(uploads().len(), 1);
    let to = upload.site.web.address();
    let other = DeviceId::new("aps_ecu", &roof().serial);
    let roof = upload.site.roof_ref(|path| Ask::get(to, path)).await;
    for reference in [roof.as_str(), other.as_str(), "0000000000"] {
        let path = format!("/api/v1/devices/{reference}/upload");
        assert_eq!(Ask::get(to, &path).send().await.status, 404);
        let retry = Ask::change(to, "POST", &format!("{path}/retry"), &json!({}));
        assert_eq!(retry.send().await.status, 404);
    }
}
