//! Every example of PVOutput beside the project: what is sent, and what comes of each answer.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use wattbridge::model::HealthCode;
use wattbridge::uploads::{Courier, Errand, Parcel, UploadVerdict};

use crate::captures;
use crate::house::{House, Told, at};
use crate::stand_in::{Came, Demand, KEY};

/// What is tested in a way of its own, each in a test below.
const BY_THEMSELVES: &[&str] = &[
    "pvoutput-09",
    "pvoutput-13",
    "pvoutput-14",
    "pvoutput-15",
    "pvoutput-16",
    "pvoutput-17",
    "pvoutput-19",
    "pvoutput-20",
    "pvoutput-21",
    "pvoutput-22",
    "pvoutput-23",
    "pvoutput-24",
    "pvoutput-25",
    "pvoutput-27",
    "pvoutput-28",
    "pvoutput-29",
    "pvoutput-30",
    "pvoutput-31",
];

fn examples() -> Vec<Value> {
    let all = captures::read("exports.json");
    let all = all["examples"].as_array().unwrap().clone();
    all.into_iter()
        .filter(|one| one["target"] == "pvoutput")
        .collect()
}

fn example(id: &str) -> Value {
    examples().into_iter().find(|one| one["id"] == id).unwrap()
}

fn settings(config: &Value) -> Value {
    let mut settings = Map::new();
    for key in [
        "generation",
        "consumption",
        "temperature",
        "voltage",
        "extended",
    ] {
        if let Some(value) = config.get(key).filter(|value| !value.is_null()) {
            settings.insert(key.to_owned(), value.clone());
        }
    }
    if settings.is_empty() {
        settings.insert("generation".to_owned(), json!(crate::house::ECU));
    }
    Value::Object(settings)
}

fn told(slot: &Value) -> Told {
    let text = |key: &str| {
        let value = slot.get(key).filter(|value| !value.is_null())?;
        Some(value.to_string())
    };
    Told {
        generated: slot["day_energy_wh"].as_i64(),
        power: slot["power_w"].as_i64(),
        consumed: slot["consumed_wh"].as_i64(),
        consumption: slot["consumption_w"].as_i64(),
        temperature: text("temperature"),
        voltage: text("voltage"),
        charge: None,
    }
}

/// The house of an example, with its slots; where nothing else is said one that has donated nothing.
async fn house(one: &Value) -> House {
    let zone = one["zone"].as_str().unwrap_or("Europe/Vienna");
    let mut house = House::new(zone, settings(&one["config"])).await;
    for slot in one["slots"].as_array().into_iter().flatten() {
        house.tell(at(slot["end"].as_str().unwrap()), &told(slot));
    }
    let first = house.slots.keys().next().copied();
    let first = first.unwrap_or_else(|| at("2026-06-15T10:05:00Z"));
    house.done = first - 300;
    house.now = one["now"].as_str().map_or(first + 3600, at);
    house
        .stand_in
        .with(|books| books.now = Timestamp::from_second(house.now).unwrap());
    let mut memory =
        json!({ "interval": one["config"]["interval_min"].as_i64().unwrap_or(5), "donor": false });
    let day = Timestamp::from_second(first).unwrap();
    let day = day.in_tz(zone).unwrap().date();
    if let Some(sent) = one.get("sent_before") {
        memory["last"] = json!({ "date": day, "minute": 0, "end": first - 300,
            "generated": sent["day_energy_wh"], "power": sent["power_w"] });
    }
    if one.get("sent_through_local").is_some() {
        memory["last"] = json!({ "date": day, "minute": 175, "end": at("2026-10-25T00:55:00Z") });
    }
    house.remember(&memory);
    house
}

/// Sends the next request; what came, and what is made of the answer.
async fn one_request(house: &mut House) -> (Came, UploadVerdict, Parcel) {
    let closed = *house.slots.keys().next_back().unwrap();
    let (parcel, _) = house.prepare(closed).unwrap();
    let errand = parcel.errand.clone().unwrap();
    let now = Timestamp::from_second(house.now).unwrap();
    house.stand_in.with(|books| books.now = now);
    let answer = Courier::default().carry(&errand).await;
    let verdict = house.target.judge(&parcel, &answer, now);
    let came = house
        .stand_in
        .with(|books| books.came.last().unwrap().clone());
    (came, verdict, parcel)
}

fn assert_request(came: &Came, request: &Value, id: &str) {
    assert_eq!(came.method, request["method"].as_str().unwrap(), "{id}");
    let url = request["url"].as_str().unwrap();
    let path = url.strip_prefix("https://pvoutput.org").unwrap();
    assert_eq!(came.path, path, "{id}");
    for (name, value) in request["headers"].as_object().unwrap() {
        let value = value.as_str().unwrap().replace("<key>", KEY);
        let header = came.headers.get(&name.to_ascii_lowercase());
        assert_eq!(header, Some(&value), "{id}: {name}");
    }
    if let Some(body) = request["body"].as_str() {
        assert_eq!(came.body, body, "{id}");
        assert_eq!(came.rows.join(";"), request["form"]["data"], "{id}");
    }
}

fn seconds(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[tokio::test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
async fn what_is_sent_is_what_the_examples_say() {
    let mut count = 0;
    for one in examples() {
        let id = one["id"].as_str().unwrap().to_owned();
        if BY_THEMSELVES.contains(&id.as_str()) {
            continue;
        }
        count += 1;
        let mut house = house(&one).await;
        let closed = *house.slots.keys().next_back().unwrap();
        let through;
        if one["request"].is_null() {
            let (parcel, _) = house.prepare(closed).unwrap();
            assert_eq!(parcel.errand, None, "{id}");
            through = parcel.through;
        } else {
            let (came, verdict, parcel) = one_request(&mut house).await;
            assert_request(&came, &one["request"], &id);
            assert_eq!(verdict, UploadVerdict::done(), "{id}");
            through = parcel.through;
            let skipped = parcel.skipped.iter().map(|given| {
                let end = Timestamp::from_second(given.slot).unwrap();
                json!([end.to_string(), given.reason])
            });
            let expected = one.get("skipped").cloned().unwrap_or(json!([]));
            assert_eq!(Value::from(skipped.collect::<Vec<_>>()), expected, "{id}");
        }
        let action = one.get("action").or_else(|| one.get("action_after_200"));
        if let Some(end) = action.and_then(|action| action["through"].as_str()) {
            assert_eq!(through, at(end), "{id}");
        }
    }
    assert_eq!(count + BY_THEMSELVES.len(), examples().len());
}

#[tokio::test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
async fn example_09_two_dates_are_two_requests() {
    let one = example("pvoutput-09");
    let mut house = house(&one).await;
    let began = house.now;
    let closed = *house.slots.keys().next_back().unwrap();
    house.send_all(closed).await;
    let came = house.stand_in.with(|books| books.came.clone());
    let came: Vec<_> = came.iter().filter(|came| came.method == "POST").collect();
    let requests = one["requests"].as_array().unwrap();
    assert_eq!(came.len(), requests.len());
    for (came, request) in came.iter().zip(requests) {
        assert_request(came, request, "pvoutput-09");
    }
    let between = one["between_requests_s"].as_i64().unwrap();
    assert_eq!(house.now - began, 2 * between);
}

#[tokio::test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
async fn example_13_so_many_rows_are_one_request() {
    let one = example("pvoutput-13");
    let rule = &one["slots_rule"];
    for donations in [0, 1] {
        let mut house = house(&one).await;
        house.stand_in.with(|books| books.donations = donations);
        let first = at(rule["first_end"].as_str().unwrap());
        for i in 0..rule["count"].as_i64().unwrap() {
            let told = Told {
                generated: Some(100 + 10 * i),
                power: Some(120),
                ..Told::default()
            };
            house.tell(first + 300 * i, &told);
        }
        house.dirty.clear();
        house.done = first - 300;
        let closed = *house.slots.keys().next_back().unwrap();
        house.send_all(closed).await;
        let batches = house.stand_in.batches();
        let sizes: Vec<usize> = batches.iter().map(|(_, rows)| rows.len()).collect();
        if donations > 0 {
            assert_eq!(json!(sizes), one["with_donation"]["requests_rows"]);
            continue;
        }
        assert_eq!(json!(sizes), one["requests_rows"]);
        assert_eq!(batches[0].1[0], one["first_row"]);
        assert_eq!(batches[0].1[29], one["last_row_of_first"]);
        assert_eq!(batches[1].1[0], one["row_of_second"]);
    }
}

/// The rows of an example's batch, and its answers one after the other.
async fn with_batch(one: &Value, answers: &[Value]) -> House {
    let zone = one["zone"].as_str().unwrap_or("UTC");
    let mut house = House::new(zone, json!({ "generation": crate::house::ECU })).await;
    let batch = one.get("batch").cloned();
    let batch = batch.unwrap_or(json!([
        "20260615,12:05,1204,582",
        "20260615,12:10,1252,579",
        "20260615,12:15,1300,575",
        "20260615,12:20,1340,575",
        "20260615,12:25,1380,575",
        "20260615,12:30,1420,575",
    ]));
    for row in batch.as_array().unwrap() {
        let fields: Vec<&str> = row.as_str().unwrap().split(',').collect();
        let label = format!("{},{}", fields[0], fields[1]);
        let label = jiff::civil::DateTime::strptime("%Y%m%d,%H:%M", label).unwrap();
        let end = label.in_tz(zone).unwrap().timestamp().as_second();
        let told = Told {
            generated: fields[2].parse().ok(),
            power: fields[3].parse().ok(),
            ..Told::default()
        };
        house.tell(end, &told);
    }
    let first = *house.slots.keys().next().unwrap();
    house.done = first - 300;
    house.dirty.clear();
    house.now = one["now"].as_str().map_or(first + 7200, at);
    // The first row of an example is one that is sent.
    let day = Timestamp::from_second(first).unwrap();
    let day = day.in_tz("UTC").unwrap().date();
    house.remember(&json!({ "last": { "date": day, "minute": 0, "end": first - 300, "generated": 0, "power": 5 } }));
    house.stand_in.with(|books| {
        for answer in answers {
            let text = answer["body"].as_str().unwrap_or_default().to_owned();
            let status = u16::try_from(answer["status"].as_u64().unwrap()).unwrap();
            let headers = answer["headers"].as_object().into_iter().flatten();
            let headers =
                headers.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
            books
                .demands
                .push_back(Demand::Say(status, headers.collect(), text));
        }
    });
    house
}

#[tokio::test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
async fn examples_14_and_15_the_limit_is_kept() {
    let one = example("pvoutput-14");
    let mut house = with_batch(&one, &[one["answer"].clone()]).await;
    let (_, verdict, _) = one_request(&mut house).await;
    let UploadVerdict::Until { moment, .. } = verdict else {
        panic!("{verdict:?}")
    };
    assert_eq!(moment, seconds(one["action"]["at"].as_str().unwrap()));

    // Other words, and no head: the next full hour.
    for body in [
        "Forbidden 403: Exceeded number requests per hour",
        "Forbidden 403: Exceeded 300 requests per hour",
    ] {
        let answer = json!({ "status": 403, "body": body });
        let mut house = with_batch(&one, &[answer]).await;
        let (_, verdict, _) = one_request(&mut house).await;
        let UploadVerdict::Until { moment, .. } = verdict else {
            panic!("{verdict:?}")
        };
        assert_eq!(moment, seconds("2026-06-15T11:00:00Z"));
    }

    // Few are left: the past waits, what is new goes on.
    let one = example("pvoutput-15");
    let batch = json!({ "now": one["now"], "zone": "Europe/Vienna",
        "batch": ["20260615,12:05,1204,582", "20260615,12:10,1210,582"] });
    let mut house = with_batch(&batch, &[one["answer"].clone()]).await;
    let old = house.slots.remove(&at("2026-06-15T10:10:00Z")).unwrap();
    let (_, verdict, parcel) = one_request(&mut house).await;
    assert_eq!(verdict, UploadVerdict::done());
    assert_eq!(
        parcel.through,
        at(one["action"]["through"].as_str().unwrap())
    );
    house.done = parcel.through;
    // What is new.
    house.slots.insert(old.end, old.clone());
    let (parcel, _) = house.prepare(old.end).unwrap();
    assert!(parcel.errand.is_some() && parcel.not_before.is_none());
    // What is not.
    house.now += 2400;
    let (parcel, _) = house.prepare(old.end).unwrap();
    let (moment, _) = parcel.not_before.unwrap();
    assert_eq!(moment, seconds("2026-06-15T11:00:00Z"));
    assert_eq!(parcel.errand, None);
    house.now = moment.as_second();
    let (parcel, _) = house.prepare(old.end).unwrap();
    assert!(parcel.errand.is_some());
}

#[tokio::test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
async fn examples_16_17_19_and_30_somebody_has_to_act() {
    for id in ["pvoutput-16", "pvoutput-17", "pvoutput-19", "pvoutput-30"] {
        let one = example(id);
        let mut house = with_batch(&json!({}), &[one["answer"].clone()]).await;
        let (_, verdict, _) = one_request(&mut house).await;
        let UploadVerdict::Hold { health, every } = verdict else {
            panic!("{id}: {verdict:?}")
        };
        let action = &one["action"];
        let after = action
            .get("retry_after_s")
            .or_else(|| action.get("after_s"));
        assert_eq!(every.as_secs(), after.unwrap().as_u64().unwrap(), "{id}");
        assert_eq!(
            health.code.code(),
            action["health"].as_str().unwrap(),
            "{id}"
        );
        if let Some(about) = action["advice_about"].as_str() {
            let advice = health.advice.to_string();
            assert!(
                advice.contains(&format!("{about} of this section")),
                "{advice}"
            );
        }
        assert!(house.given_up.is_empty());
    }
}

#[tokio::test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
async fn example_20_it_goes_on_without_what_is_for_donors() {
    let one = example("pvoutput-20");
    let mut house = House::new("UTC", settings(&one["config"])).await;
    let told = Told {
        generated: Some(1204),
        power: Some(582),
        charge: Some("87.5".to_owned()),
        ..Told::default()
    };
    let end = at("2026-06-15T10:05:00Z");
    house.tell(end, &told);
    house.done = end - 300;
    house.dirty.clear();
    house.now = end + 80;
    // Nobody knows yet that nothing was donated.
    let (came, verdict, _) = one_request(&mut house).await;
    assert_eq!(came.rows, ["20260615,10:05,1204,582,,,,,87.5"]);
    assert_eq!(
        came.status,
        one["answer"]["status"].as_u64().unwrap() as u16
    );
    assert_eq!(verdict, UploadVerdict::Skip { slots: Vec::new() });
    assert_eq!(house.target.pause().as_secs(), 10);
    let (came, verdict, _) = one_request(&mut house).await;
    assert_eq!(came.rows, ["20260615,10:05,1204,582"]);
    let UploadVerdict::Done { trouble } = verdict else {
        panic!("{verdict:?}")
    };
    assert_eq!(trouble.unwrap().code.code(), one["action"]["health"]);
}

#[tokio::test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
async fn example_21_the_row_is_found_by_halves() {
    let one = example("pvoutput-21");
    let answers = one["answers"].as_array().unwrap();
    let scripted: Vec<Value> = answers
        .iter()
        .map(|answer| json!({ "status": answer[1], "body": answer[2] }))
        .collect();
    let mut house = with_batch(&one, &scripted).await;
    let closed = *house.slots.keys().next_back().unwrap();
    house.send_all(closed).await;
    let batch: Vec<&str> = one["batch"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row.as_str().unwrap())
        .collect();
    let expected: Vec<(u16, Vec<String>)> = answers
        .iter()
        .map(|answer| {
            let digits = answer[0]
                .as_str()
                .unwrap()
                .split(|c: char| !c.is_ascii_digit());
            let places: Vec<usize> = digits.filter_map(|it| it.parse().ok()).collect();
            let rows = &batch[places[0] - 1..*places.last().unwrap()];
            let rows = rows.iter().map(|row| (*row).to_owned()).collect();
            (answer[1].as_u64().unwrap() as u16, rows)
        })
        .collect();
    assert_eq!(house.stand_in.batches(), expected);
    let reasons: Vec<_> = house.given_up.values().collect();
    assert_eq!(reasons, ["Moon Powered"]);
    assert!(house.given_up.contains_key(&at("2026-06-15T23:30:00Z")));
    assert_eq!((house.done, house.health), (closed, HealthCode::Online));
}

#[tokio::test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
async fn examples_22_to_24_the_words_name_the_row() {
    for id in ["pvoutput-22", "pvoutput-23", "pvoutput-24"] {
        // Statuses of ours are on whole five minutes.
        let text = example(id).to_string();
        let text = text
            .replace(":42", ":45")
            .replace(":47", ":50")
            .replace(":52", ":55");
        let one: Value = serde_json::from_str(&text).unwrap();
        let mut house = with_batch(&one, &[one["answer"].clone()]).await;
        let closed = *house.slots.keys().next_back().unwrap();
        house.send_all(closed).await;
        let culprit = one["action"]["rows"][0].as_str().unwrap();
        let reason = one["action"]["reason"].as_str().unwrap();
        let given_up: Vec<_> = house.given_up.iter().collect();
        assert_eq!(given_up.len(), 1, "{id}");
        let (end, why) = given_up[0];
        let time = Timestamp::from_second(*end).unwrap().to_string();
        assert!(time.contains(&culprit[9..14]), "{id}: {time}");
        assert_eq!(why, reason);
        let batches = house.stand_in.batches();
        assert_eq!(batches.len(), 2, "{id}");
        let rest: Vec<_> = one["batch"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|row| **row != culprit)
            .collect();
        assert_eq!(json!(batches[1].1), json!(rest), "{id}");
        assert_eq!((house.done, house.health), (closed, HealthCode::Online));
    }
}

#[tokio::test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
async fn examples_25_to_29_the_rest() {
    let one = example("pvoutput-25");
    let mut house = with_batch(&one, &[one["answer"].clone()]).await;
    let (_, verdict, parcel) = one_request(&mut house).await;
    assert_eq!(verdict, UploadVerdict::done());
    assert_eq!(json!(parcel.slots.len()), one["action"]["rows"]);

    let mut house = with_batch(&example("pvoutput-27"), &[]).await;
    house
        .stand_in
        .with(|books| books.demands.push_back(Demand::HangUp));
    let (first, verdict, _) = one_request(&mut house).await;
    assert!(matches!(verdict, UploadVerdict::Again { after: None, .. }));
    let (second, verdict, _) = one_request(&mut house).await;
    assert_eq!((first.rows, verdict), (second.rows, UploadVerdict::done()));

    let one = example("pvoutput-28");
    let mut house = with_batch(&json!({}), &[one["answer"].clone()]).await;
    let (_, verdict, _) = one_request(&mut house).await;
    assert!(matches!(verdict, UploadVerdict::Again { after: None, .. }));

    let one = example("pvoutput-29");
    let mut house = with_batch(&json!({}), &vec![one["answer"].clone(); 20]).await;
    let closed = *house.slots.keys().next_back().unwrap();
    house.send_all(closed).await;
    let sizes: Vec<usize> = house
        .stand_in
        .batches()
        .iter()
        .map(|(_, rows)| rows.len())
        .collect();
    assert_eq!(sizes, [6, 3, 1, 1, 1]);
    assert_eq!(house.health.code(), one["action"]["health"]);
    assert_eq!(house.given_up.len(), 2);
}

#[tokio::test]
#[cfg_attr(no_vectors, ignore = "needs captures beside the project")]
async fn example_31_what_is_known_of_the_system() {
    let one = example("pvoutput-31");
    let mut house = house(&one).await;
    let errand = house
        .target
        .ask_first(Timestamp::from_second(house.now).unwrap())
        .unwrap();
    let Errand::Http(request) = &errand else {
        panic!()
    };
    let url = one["request"]["url"].as_str().unwrap();
    assert!(url.ends_with(&request.path) && request.body.is_empty());
    assert!(!errand.to_string().contains(KEY), "{errand}");
    house.stand_in.with(|books| {
        books.donations = 2;
        books.size = 3200;
        books.interval = 10;
    });
    let answer = Courier::default().carry(&errand).await;
    let said = house.target.judge_trial(&answer).unwrap();
    let words = "PVOutput knows the system: 3200 W, a status every 10 minutes, Europe/Vienna, donation mode";
    assert_eq!(said, words);
    let now = Timestamp::from_second(house.now).unwrap();
    assert_eq!(house.target.take_first(&answer, now), UploadVerdict::done());
    let came = house.stand_in.with(|books| books.came[0].clone());
    let mut request = one["request"].clone();
    request["body"] = Value::Null;
    assert_request(&came, &request, "pvoutput-31");
    let memory: Value = serde_json::from_str(&house.target.memory()).unwrap();
    assert_eq!(memory["donor"], one["result"]["donation"]);
    assert_eq!(memory["zone"], one["result"]["zone"]);
    assert_eq!(memory["interval"], 10);
    // Not again for six hours.
    let hours = |hours: i64| Timestamp::from_second(house.now + hours * 3600).unwrap();
    let (soon, later) = (hours(5), hours(6));
    assert_eq!(house.target.ask_first(soon), None);
    assert!(house.target.ask_first(later).is_some());
}
