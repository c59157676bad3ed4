//! A Home Assistant that lets `swordfish` in, keeps statistics as the real one does, and refuses what it refuses.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::{SinkExt as _, StreamExt as _};
use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_websockets::{Message, ServerBuilder};

/// What it has and does.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) version: String,
    /// Entities by their unique id.
    pub(crate) entities: BTreeMap<String, String>,
    /// Each statistic: its metadata and its rows by their starts.
    pub(crate) statistics: BTreeMap<String, (Json, BTreeMap<i64, Json>)>,
    /// What it says to the next commands of this name.
    pub(crate) errors: VecDeque<(&'static str, &'static str, &'static str)>,
    /// Rows are queued; so often they are looked for before they are there.
    pub(crate) slow: usize,
    /// Classes of units that it does not know.
    pub(crate) unknown_classes: Vec<&'static str>,
    /// Rows that were written.
    pub(crate) writes: usize,
    queue: Vec<(String, Json, Vec<Json>)>,
}

pub(crate) struct StandIn {
    pub(crate) url: String,
    kept: Arc<Mutex<Kept>>,
}

impl StandIn {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/api/websocket", listener.local_addr().unwrap());
        let kept = Arc::new(Mutex::new(Kept {
            version: "2026.11.0".to_owned(),
            entities: BTreeMap::new(),
            statistics: BTreeMap::new(),
            errors: VecDeque::new(),
            slow: 0,
            unknown_classes: Vec::new(),
            writes: 0,
            queue: Vec::new(),
        }));
        let shared = Arc::clone(&kept);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { url, kept }
    }

    pub(crate) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap()
    }

    /// The rows of a statistic: start, state and sum.
    pub(crate) fn sums(&self, id: &str) -> Vec<(i64, f64, f64)> {
        let kept = self.kept();
        let Some((_, rows)) = kept.statistics.get(id) else {
            return Vec::new();
        };
        let number = |row: &Json, name: &str| row[name].as_f64().unwrap();
        let rows = rows.iter();
        rows.map(|(start, row)| (*start, number(row, "state"), number(row, "sum")))
            .collect()
    }

    /// An entity with these hours: start, state and sum.
    pub(crate) fn put(&self, unique_id: &str, entity: &str, rows: &[(i64, f64, f64)]) {
        let mut kept = self.kept();
        kept.entities
            .insert(unique_id.to_owned(), entity.to_owned());
        let metadata = json!({ "statistic_id": entity, "source": "recorder", "has_sum": true,
            "unit_of_measurement": "kWh", "unit_class": "energy", "mean_type": 0, "name": null });
        let rows = rows
            .iter()
            .map(|(start, state, sum)| (*start, json!({ "state": state, "sum": sum })));
        kept.statistics
            .insert(entity.to_owned(), (metadata, rows.collect()));
    }
}

async fn serve(stream: TcpStream, kept: Arc<Mutex<Kept>>) {
    let Ok((_, mut socket)) = ServerBuilder::new().accept(stream).await else {
        return;
    };
    let say = |message: &Json| Message::text(message.to_string());
    let _ = socket.send(say(&json!({ "type": "auth_required" }))).await;
    let Some(Ok(auth)) = socket.next().await else {
        return;
    };
    let auth: Json = serde_json::from_str(auth.as_text().unwrap()).unwrap();
    if auth["access_token"] != "swordfish" {
        let _ = socket.send(say(&json!({ "type": "auth_invalid" }))).await;
        return;
    }
    let version = kept.lock().unwrap().version.clone();
    let ok = json!({ "type": "auth_ok", "ha_version": version });
    let _ = socket.send(say(&ok)).await;
    let mut last_id = 0;
    while let Some(Ok(message)) = socket.next().await {
        let Some(text) = message.as_text() else {
            return;
        };
        let message: Json = serde_json::from_str(text).unwrap();
        let id = message["id"].as_u64().unwrap();
        assert!(id > last_id, "ids count up");
        last_id = id;
        let answer = match kept.lock().unwrap().answer(&message) {
            Ok(result) => json!({ "id": id, "type": "result", "success": true, "result": result }),
            Err((code, words)) => json!({ "id": id, "type": "result", "success": false,
                "error": { "code": code, "message": words } }),
        };
        let _ = socket.send(say(&answer)).await;
    }
}

type Refusal = (String, String);

fn refusal(code: &str, words: impl Into<String>) -> Refusal {
    (code.to_owned(), words.into())
}

impl Kept {
    fn answer(&mut self, message: &Json) -> Result<Json, Refusal> {
        let name = message["type"].as_str().unwrap();
        let planned = self.errors.iter().position(|(of, _, _)| *of == name);
        if let Some((_, code, words)) = planned.and_then(|place| self.errors.remove(place)) {
            return Err(refusal(code, words));
        }
        match name {
            "auth/current_user" => Ok(json!({ "is_admin": true })),
            "recorder/info" => Ok(json!({ "recording": true })),
            "config/entity_registry/list" => {
                let all = self.entities.iter();
                let all = all.map(|(unique_id, entity)| {
                    json!({ "entity_id": entity, "platform": "mqtt", "unique_id": unique_id, "disabled_by": null })
                });
                Ok(all.collect())
            }
            "recorder/import_statistics" => self.import(message).map(|()| Json::Null),
            "recorder/get_statistics_metadata" => {
                let asked = |id: &String| {
                    message["statistic_ids"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .any(|it| it == id)
                };
                let all = self.statistics.iter().filter(|(id, _)| asked(id));
                let all = all.map(|(id, (metadata, _))| {
                    json!({ "statistic_id": id, "has_sum": metadata["has_sum"],
                        "statistics_unit_of_measurement": metadata["unit_of_measurement"] })
                });
                Ok(all.collect())
            }
            "recorder/statistics_during_period" => Ok(self.during(message)),
            _ => Err(refusal("unknown_command", "Unknown command.")),
        }
    }

    fn import(&mut self, message: &Json) -> Result<(), Refusal> {
        let metadata = &message["metadata"];
        let is_old = self.version.as_str() < "2025.11";
        let allowed: &[&str] = if is_old {
            &[
                "has_mean",
                "has_sum",
                "name",
                "source",
                "statistic_id",
                "unit_of_measurement",
            ]
        } else {
            &[
                "mean_type",
                "has_sum",
                "name",
                "source",
                "statistic_id",
                "unit_class",
                "unit_of_measurement",
            ]
        };
        for key in metadata.as_object().unwrap().keys() {
            if !allowed.contains(&key.as_str()) {
                let words = format!("extra keys not allowed @ data['metadata']['{key}']. Got 0");
                return Err(refusal("invalid_format", words));
            }
        }
        for key in allowed {
            assert!(
                metadata.get(*key).is_some(),
                "{key} is missing in {metadata}"
            );
        }
        if let Some(class) = metadata["unit_class"].as_str()
            && self.unknown_classes.contains(&class)
        {
            let words = format!("Unsupported unit_class: '{class}'");
            return Err(refusal("home_assistant_error", words));
        }
        let id = metadata["statistic_id"].as_str().unwrap();
        let (domain, object) = id.split_once([':', '.']).unwrap();
        let is_slug = |text: &str| {
            let plain = text
                .bytes()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_');
            plain && !text.contains("__") && !text.starts_with('_') && !text.ends_with('_')
        };
        if !is_slug(domain) || !is_slug(object) {
            return Err(refusal("home_assistant_error", "Invalid statistic_id"));
        }
        let source = if id.contains(':') { domain } else { "recorder" };
        assert_eq!(metadata["source"], source);
        let rows = message["stats"].as_array().unwrap().clone();
        assert!(
            !rows.is_empty() && rows.len() <= 2000,
            "{} rows",
            rows.len()
        );
        for row in &rows {
            let start: Timestamp = row["start"].as_str().unwrap().parse().unwrap();
            if start.as_second() % 3600 != 0 {
                let words = "Invalid timestamp: timestamps must be from the top of the hour (minutes and seconds = 0)";
                return Err(refusal("home_assistant_error", words));
            }
            let names: &[&str] = if metadata["has_sum"] == true {
                &["start", "state", "sum"]
            } else {
                &["max", "mean", "min", "start"]
            };
            let mut keys: Vec<&str> = row
                .as_object()
                .unwrap()
                .keys()
                .map(String::as_str)
                .collect();
            keys.sort_unstable();
            assert_eq!(keys, names, "a row replaces the old one whole");
            assert!(!row.as_object().unwrap().values().any(Json::is_null));
        }
        self.writes += rows.len();
        self.queue.push((id.to_owned(), metadata.clone(), rows));
        Ok(())
    }

    fn during(&mut self, message: &Json) -> Json {
        if self.slow > 0 {
            self.slow -= 1;
        } else {
            for (id, metadata, rows) in self.queue.drain(..) {
                let kept = self.statistics.entry(id).or_default();
                kept.0 = metadata;
                for row in rows {
                    let start: Timestamp = row["start"].as_str().unwrap().parse().unwrap();
                    kept.1.insert(start.as_second(), row);
                }
            }
        }
        let moment = |name: &str| {
            let text = message.get(name).and_then(Json::as_str);
            text.map(|text| text.parse::<Timestamp>().unwrap().as_second())
        };
        let from = moment("start_time").unwrap();
        let to = moment("end_time").unwrap_or(i64::MAX);
        let types: Vec<&str> = message["types"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it.as_str().unwrap())
            .collect();
        let mut all = Map::new();
        for id in message["statistic_ids"].as_array().unwrap() {
            let id = id.as_str().unwrap();
            let Some((_, rows)) = self.statistics.get(id) else {
                continue;
            };
            let rows = rows.range(from..to).map(|(start, row)| {
                let mut told = Map::new();
                told.insert("start".to_owned(), (start * 1000).into());
                for name in &types {
                    told.insert(
                        (*name).to_owned(),
                        row.get(*name).cloned().unwrap_or_default(),
                    );
                }
                Json::Object(told)
            });
            let mut rows: Vec<Json> = rows.collect();
            if message["period"] == "month" {
                // All of one month: the last of it counts.
                rows = rows.pop().into_iter().collect();
                for row in &mut rows {
                    row["start"] = 1_780_272_000_000_i64.into(); // 2026-06-01
                }
            }
            if !rows.is_empty() {
                all.insert(id.to_owned(), rows.into());
            }
        }
        Json::Object(all)
    }
}
