//! Where panels lie, and which are weak.

use std::collections::BTreeMap;

use jiff::civil::date;
use serde_json::{Value as Json, json};
use wattbridge::roof::RoofLayout;

use crate::served::Served;

fn ids(roof: &Json) -> Vec<String> {
    let planes = roof["planes"].as_array().unwrap().iter();
    let panels = planes.flat_map(|plane| plane["panels"].as_array().unwrap());
    let tray = roof["tray"].as_array().unwrap();
    let id = |panel: &Json| panel["id"].as_str().unwrap().to_owned();
    panels.chain(tray).map(id).collect()
}

#[tokio::test]
async fn panels_are_arranged_by_admins() {
    let served = Served::new().await;
    let all_there = |roof: &Json| ids(roof).len() == 16;
    let first = served.until("roof", all_there).await;
    assert_eq!((&first["rev"], &first["tray"]), (&json!(0), &json!([])));
    let planes = first["planes"].as_array().unwrap();
    assert_eq!(planes.len(), 6);
    assert_eq!(planes[0]["panels"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&first["width"], &first["height"]),
        (&json!(105), &json!(170))
    );
    let ids = ids(&first);
    let sent = json!({ "rev": 0, "planes": [
        { "name": " South roof ", "direction": "south", "steep": 35, "panels": [
            { "id": ids[0], "name": "South 1", "rated": 400, "x": 0, "y": 2.4, "turned": true },
            { "id": ids[1], "x": 107.6, "y": -3, "unknown": [] },
        ] },
        { "id": "west", "name": "", "panels": [] },
    ] });
    assert_eq!(served.put_as_guest("roof", &sent).await.status, 401);
    let saved = served.put("roof", &sent).await;
    assert_eq!(
        (saved.status, saved.json()),
        (200, json!({ "rev": 1 })),
        "{}",
        saved.text()
    );
    let roof = served.json("roof").await;
    let plane = &roof["planes"][0];
    assert_eq!(
        (&plane["id"], &plane["name"]),
        (&json!("p1"), &json!("South roof"))
    );
    assert_eq!(
        (&plane["steep"], &plane["direction"]),
        (&json!(35), &json!("south"))
    );
    let panel = |index: usize| {
        let panel = &plane["panels"][index];
        ["name", "x", "y", "turned", "rated"].map(|key| panel[key].clone())
    };
    assert_eq!(
        panel(0),
        [
            json!("South 1"),
            json!(0),
            json!(0),
            json!(true),
            json!(400)
        ]
    );
    let own = planes[0]["panels"][1]["name"].clone();
    assert_eq!(
        panel(1),
        [own, json!(110), json!(0), json!(false), Json::Null]
    );
    assert_eq!(roof["tray"].as_array().unwrap().len(), 14);
    // It is in the store, by the ids of devices, and so in backups.
    let kept: RoofLayout = served.memory.get("roof").unwrap();
    assert_eq!(kept.planes[0].panels[0].device, served.devices[1].id);
    // Somebody else has it open as it was.
    let late = served.put("roof", &sent).await;
    assert_eq!(late.status, 409);
    assert!(
        late.json()["hint"]
            .as_str()
            .unwrap()
            .contains("load the page again")
    );
    assert_eq!(served.json("roof").await, roof);
    // What the page got can be sent back.
    let again = served
        .put("roof", &json!({ "rev": 1, "planes": roof["planes"] }))
        .await;
    assert_eq!(again.json(), json!({ "rev": 2 }));
    assert_eq!(served.json("roof").await["planes"], roof["planes"]);
}

#[tokio::test]
async fn what_is_no_roof_is_refused_in_words() {
    let served = Served::new().await;
    let roof = served.until("roof", |roof| ids(roof).len() == 16).await;
    let id = ids(&roof).remove(0);
    let with = |panel: Json| json!({ "rev": 0, "planes": [{ "panels": [panel] }] });
    let many: Vec<Json> = (0..51).map(|_| json!({})).collect();
    for (sent, words) in [
        (
            with(json!({ "id": "0123456789/power", "x": 0, "y": 0 })),
            "not there any more",
        ),
        (with(json!({ "id": id, "x": 1e300, "y": 0 })), "200 m"),
        (
            with(json!({ "id": id, "x": 0, "y": 0, "rated": 0 })),
            "watts",
        ),
        (
            with(json!({ "id": id, "x": 0, "y": 0, "rated": 1e12 })),
            "watts",
        ),
        (
            with(json!({ "id": id, "x": 0, "y": 0, "name": "a\u{7}" })),
            "letters",
        ),
        (json!({ "rev": 0, "planes": [{ "steep": 91 }] }), "degrees"),
        (json!({ "rev": 0, "planes": [{ "steep": -1 }] }), "degrees"),
        (json!({ "rev": 0, "planes": [{ "id": "<b>" }] }), "letters"),
        (
            json!({ "rev": 0, "planes": [{ "id": "a" }, { "id": "a" }] }),
            "the same id",
        ),
        (json!({ "rev": 0, "planes": many }), "50 planes"),
        (
            json!({ "rev": 0, "planes": [{ "panels": [{ "id": id, "x": 0, "y": 0 }] }, { "panels": [{ "id": id, "x": 0, "y": 0 }] }] }),
            "two places",
        ),
        (json!({ "rev": 0 }), "not as expected"),
        (json!([]), "not as expected"),
    ] {
        let answer = served.put("roof", &sent).await;
        assert_eq!(answer.status, 400, "{sent}: {}", answer.text());
        assert!(answer.text().contains(words), "{sent}: {}", answer.text());
    }
    assert_eq!(served.json("roof").await["rev"], 0);
    assert_eq!(served.memory.get::<Json>("roof"), None);
}

#[tokio::test]
async fn weak_panels_of_a_fortnight_are_found() {
    let served = Served::days(date(2026, 6, 1), 14, "").await;
    served.until("roof", |roof| ids(roof).len() == 16).await;
    // By the planes of the simulation, with a name for each panel.
    let year = served.year.as_ref().unwrap();
    let plant = year.plant();
    let mut planes: BTreeMap<usize, Vec<Json>> = BTreeMap::new();
    for panel in &plant.panels {
        let id = format!("{}/{}", served.reference(&panel.device), panel.key);
        let name = match () {
            () if panel.is_shaded => "shaded",
            () if panel.share < 0.9 => "dirty",
            () => "good",
        };
        let (column, row) = panel.place;
        let laid = json!({ "id": id, "name": name, "x": 110 * column, "y": 175 * row });
        planes.entry(panel.plane).or_default().push(laid);
    }
    let planes: Vec<Json> = planes
        .values()
        .map(|panels| json!({ "panels": panels }))
        .collect();
    let saved = served
        .put("roof", &json!({ "rev": 0, "planes": planes }))
        .await;
    assert_eq!(saved.status, 200, "{}", saved.text());
    let weak = served.until("roof/weak", |weak| {
        weak["findings"].as_array().is_some_and(|it| it.len() == 2)
    });
    let weak = weak.await;
    let findings = weak["findings"].as_array().unwrap();
    let find = |name: &str| findings.iter().find(|it| it["name"] == name).unwrap();
    let dirty = find("dirty");
    assert_eq!(dirty["kind"], "dirt", "{dirty}");
    assert!(
        (13..=17).contains(&dirty["percent_less"].as_i64().unwrap()),
        "{dirty}"
    );
    let shaded = find("shaded");
    assert_eq!(
        (&shaded["kind"], &shaded["from_hour"], &shaded["to_hour"]),
        (&json!("shadow"), &json!(12), &json!(15)),
        "{shaded}"
    );
    let hours = shaded["hours"].as_array().unwrap();
    let share = |hour: i64| {
        hours.iter().find(|it| it["hour"] == hour).unwrap()["share"]
            .as_f64()
            .unwrap()
    };
    assert!(share(13) < 0.85 && share(10) > 0.93, "{shaded}");
    assert!(weak["at"].as_i64().is_some());
}
