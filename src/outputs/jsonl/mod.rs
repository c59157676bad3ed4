//! Every update as one line of JSON, on standard output or in a file: for pipes and scripts.
//!
//! A line is whole in itself: it has all values of a device, not only those that changed, so that
//! whoever reads needs no memory. How a device is comes in lines of its own, when it changes:
//!
//! ```text
//! {"device":"smart_meter_1kfm0000001","model":"MA309M","serial":"1KFM0000001","at":"2026-03-01T12:00:00+00:00","readings":{"power_import":230,...}}
//! {"device":"smart_meter_1kfm0000001","at":"2026-03-01T12:05:00+00:00","status":"silent","reason":"No answer"}
//! ```
//!
//! * `telling`: which lines the news make; what they say is in [`json_line`](super::json_line)
//! * `writer`: writing them in the background; `destination`: standard output, or a file
//!
//! Whoever does not read holds up nobody: only this output waits, and its [`Feed`] leaves out what is
//! too much meanwhile.

mod destination;
mod telling;
mod writer;

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use self::destination::is_cut;
use self::telling::Telling;
use self::writer::JsonlWriter;
use super::file_troubles::Unwritable;
use super::{Context, Outlet, Output, Running, Tried, Waiting};
use crate::bridge::{Feed, Known, News};
use crate::clock::Clock;
use crate::config::{Complaint, File, Problems, SectionDoc, Settings};
use crate::model::Update;

/// How long the last lines may wait for their reader at the end.
const GRACE: Duration = Duration::from_secs(1);

/// Every update as one line of JSON.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JsonlSettings {
    /// Whether lines are written.
    pub enabled: bool,
    /// The file to whose end they are written; its folder has to be there. Left out: the standard
    /// output. A file that was moved away is made anew.
    pub path: Option<PathBuf>,
}

impl Settings for JsonlSettings {
    fn check(&self) -> Vec<Complaint> {
        let no_file = |path: &&PathBuf| path.file_name().is_none();
        let complain = |path: &PathBuf| {
            Complaint::new(
                "path",
                format!("\"{}\" names no file", path.display()),
                "write a file, such as path = \"/var/log/wattbridge.jsonl\", or leave it out for the standard output",
            )
        };
        self.path.iter().filter(no_file).map(complain).collect()
    }
}

/// This output.
#[derive(Debug)]
pub struct Jsonl;

/// The one there is.
pub static OUTPUT: Jsonl = Jsonl;

impl Output for Jsonl {
    fn name(&self) -> &'static str {
        "jsonl"
    }

    fn page(&self) -> SectionDoc<'static> {
        SectionDoc {
            heading: "[jsonl]",
            about: "Every update as one line of JSON, on the standard output or in a file: see [For pipes and scripts](pipes-and-scripts.md). It needs no MQTT broker.",
            schema: schemars::schema_for!(JsonlSettings),
            defaults: serde_json::to_value(JsonlSettings::default()).unwrap_or_default(),
            example: "[jsonl]\nenabled = true\npath = \"/var/log/wattbridge.jsonl\"\n",
        }
    }

    fn configure(&self, file: &File) -> Result<Arc<dyn Outlet>, Problems> {
        let settings: JsonlSettings = file.settings(self.name())?;
        Ok(Arc::new(settings))
    }
}

impl Outlet for JsonlSettings {
    fn is_enabled(&self) -> bool {
        self.enabled
    }

    fn probe(&self) -> Waiting<Vec<Tried>> {
        // Whether somebody reads the standard output is seen then.
        let tried = self.path.as_ref().map(|path| {
            let result = match may_write(path).and_then(|()| is_cut(path)) {
                Ok(_) => Ok("it can be written".to_owned()),
                Err(error) => Err(Unwritable::new(OUTPUT.name(), path, error).to_string()),
            };
            (path.display().to_string(), result)
        });
        Box::pin(async { tried.into_iter().collect() })
    }

    fn run(self: Arc<Self>, context: Context) -> Running {
        Box::pin(async move {
            let Context {
                feed, clock, stop, ..
            } = context;
            let writer = JsonlWriter::new(self.path.clone());
            let patience = async {
                stop.cancelled().await;
                sleep(GRACE).await;
            };
            tokio::select! {
                () = work(feed, writer, &clock, &stop) => {}
                () = patience => {}
            }
            Ok(())
        })
    }
}

/// Writes what is news until told to stop; what waits then is written if that is a matter of moments.
async fn work(mut feed: Feed, mut writer: JsonlWriter, clock: &Clock, stop: &CancellationToken) {
    let mut telling = Telling::default();
    let mut changed = feed.catch_up();
    loop {
        let mut lines = String::new();
        for line in changed
            .iter()
            .flat_map(|known| telling.lines(known, clock.now()))
        {
            lines.push_str(&line);
            lines.push('\n');
        }
        if !lines.is_empty() && !writer.write(lines).await {
            return;
        }
        if !feed.has_more() {
            writer.keeps_up();
        }
        let news = tokio::select! {
            biased;
            news = feed.next() => news,
            () = stop.cancelled() => return,
        };
        changed = match news {
            None => return,
            Some(News::Missed) => {
                writer.falls_behind();
                feed.catch_up()
            }
            Some(News::Update(Update::State(state))) => {
                // Each state as it was, and not as it is by now.
                let known = feed.get(&state.device);
                known
                    .map(|known| Known { state, ..known })
                    .into_iter()
                    .collect()
            }
            Some(News::Update(Update::Removed(device))) => {
                telling.forget(&device);
                Vec::new()
            }
            Some(News::Update(Update::Device(_))) => Vec::new(),
        };
    }
}

/// Whether the file, or a new one in its folder, can be written. None is made: it would belong to
/// whoever asks.
fn may_write(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    let there = match fs::metadata(path) {
        Ok(there) if there.is_dir() => return Err(ErrorKind::IsADirectory.into()),
        Ok(_) => path,
        Err(_) => folder.unwrap_or(Path::new(".")),
    };
    Ok(rustix::fs::access(there, rustix::fs::Access::WRITE_OK)?)
}

#[cfg(test)]
mod tests;
