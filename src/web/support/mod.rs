//! A text for those who help: what there is, how it is, and nothing that tells who somebody is.

mod nameless;

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use self::nameless::Nameless;
use super::reply::{Asked, RefusalWords};
use super::site::{Entrance, Site};
use crate::model::HealthCode;

/// Lines of the log in it.
const LINES: usize = 500;

/// Words of the configuration that are looked for elsewhere are no shorter.
const TELLING: usize = 6;

/// Days that are looked back, and changes of each device.
const DAYS: u16 = 7;
const CHANGES: usize = 40;

/// The parts, each with its heading.
const PARTS: [(&str, &str); 6] = [
    ("system", "System"),
    ("config", "Configuration"),
    ("check", "What is wrong with the configuration"),
    ("states", "Devices"),
    ("health", "Changes of the last days"),
    ("log", "Log"),
];

/// What is wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SupportQuery {
    /// Parts that are left out, with commas between them: `system`, `config`, `check`, `states`, `health`,
    /// `log`.
    without: Option<String>,
}

/// A text for those who help
///
/// Secrets are not in it. Serial numbers, addresses and names of computers are `SERIAL-1`, `HOST-2` and so on, the same
/// one everywhere.
#[utoipa::path(get, path = "/api/v1/support", params(SupportQuery), responses(
    (status = 200, body = String, content_type = "text/plain"), (status = 401, body = RefusalWords),
))]
pub async fn support(State(site): State<Arc<Site>>, Asked(query): Asked<SupportQuery>) -> Response {
    let without = query.without.unwrap_or_default();
    let without: Vec<String> = without
        .split(',')
        .map(|part| part.trim().to_owned())
        .collect();
    let changes = changes(&site).await;
    let text = tokio::task::spawn_blocking(move || text(&site, &without, &changes)).await;
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"wattbridge-support.txt\"",
        ),
    ];
    (headers, text.unwrap_or_default()).into_response()
}

/// How the devices were.
async fn changes(site: &Site) -> String {
    let mut text = String::new();
    let Some(inside) = site.inside() else {
        return text;
    };
    let reader = inside.history.reader();
    for known in inside.hub.view().snapshot() {
        let id = known.device.id.clone();
        let Ok(record) = reader.health(id, DAYS, site.now()).await else {
            continue;
        };
        for change in record.changes.iter().take(CHANGES) {
            let words = change
                .code
                .map_or("wattbridge was not running", HealthCode::words);
            let _ = writeln!(
                text,
                "{} {}: {words} {}",
                change.at, known.device.name, change.detail
            );
        }
    }
    text
}

fn text(site: &Site, without: &[String], changes: &str) -> String {
    let desk = site.backstage.desk.as_ref();
    let shown = desk.and_then(|desk| desk.shown().ok());
    let mut nameless = Nameless::default();
    site.board.look(|board| {
        for row in &board.rows {
            nameless.learn_device(&row.device);
        }
    });
    if let Some(shown) = &shown {
        nameless.learn_configuration(&shown.text);
    }
    let (config, words) = match (desk, &shown) {
        (Some(desk), Some(shown)) => desk.withhold(&shown.text),
        _ => ("none\n".to_owned(), Vec::new()),
    };
    let mut whole = String::new();
    for (part, heading) in PARTS {
        let _ = write!(whole, "## {heading}\n\n");
        if without.iter().any(|it| it == part) {
            whole.push_str("left out\n\n");
            continue;
        }
        match part {
            "system" => system(&mut whole, site),
            "config" => whole.push_str(&config),
            "check" => {
                for problem in shown.iter().flat_map(|shown| &shown.problems) {
                    let _ = writeln!(
                        whole,
                        "{}:{}: {}; {}",
                        problem.line, problem.column, problem.what, problem.hint
                    );
                }
            }
            "states" => states(&mut whole, site),
            "health" => whole.push_str(changes),
            _ => log(&mut whole, site),
        }
        whole.push('\n');
    }
    // What is a secret and stands somewhere else all the same.
    let mut whole = desk.map_or_else(|| whole.clone(), |desk| desk.veil(&whole));
    for word in words.iter().filter(|word| is_telling(word)) {
        whole = whole.replace(word.as_str(), "***");
    }
    nameless.text(&whole)
}

/// Other words are parts of ordinary ones.
fn is_telling(word: &str) -> bool {
    word.len() >= TELLING && word.contains(|c: char| c.is_ascii_digit())
}

fn system(text: &mut String, site: &Site) {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let release = read("/etc/os-release");
    let name = release
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let status = read("/proc/self/status");
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let started = site.inside().map(|inside| inside.started.to_string());
    let how = match site.entrance {
        Entrance::Ingress => "app of Home Assistant",
        Entrance::Direct if std::env::var_os("INVOCATION_ID").is_some() => "service",
        Entrance::Direct => "program",
    };
    for (what, is) in [
        ("wattbridge", env!("CARGO_PKG_VERSION")),
        ("runs as", how),
        ("at", std::env::consts::ARCH),
        ("system", name.unwrap_or("unknown").trim_matches('"')),
        ("kernel", read("/proc/sys/kernel/osrelease").trim()),
        ("memory", memory.unwrap_or("unknown").trim()),
        ("now", &site.now().to_string()),
        ("begun", started.as_deref().unwrap_or("nothing runs")),
    ] {
        let _ = writeln!(text, "{what}: {is}");
    }
}

fn states(text: &mut String, site: &Site) {
    site.board.look(|board| {
        for row in &board.rows {
            let (device, state) = (&row.device, &row.state);
            let model = device.model.as_deref().unwrap_or("unknown model");
            let at = state
                .at
                .map_or_else(|| "never".to_owned(), |at| at.to_string());
            let _ = writeln!(
                text,
                "{} ({}, {model}, serial number {}), values of {at}: {}",
                device.name,
                device.id,
                device.serial,
                state.health.sentence()
            );
            for (key, value) in &state.values {
                let _ = writeln!(text, "  {key} = {}", value.to_json());
            }
        }
    });
}

fn log(text: &mut String, site: &Site) {
    let lines = site.backstage.log.as_ref().map(|log| log.latest(LINES));
    for line in lines.unwrap_or_default() {
        let at = jiff::Timestamp::from_second(line.at_second()).unwrap_or_default();
        let device = line.device.as_deref().unwrap_or("-");
        let level = format!("{:?}", line.level).to_lowercase();
        let _ = write!(text, "{at} {level} {device}: {}", line.text);
        if line.count > 1 {
            let _ = write!(text, " (x{})", line.count);
        }
        text.push('\n');
    }
}
