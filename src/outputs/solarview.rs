//! The file through which SolarView reads a smart meter, as the program kaifareader writes it.
//!
//! Rewritten with each telegram that says something new; lines end with LF. A total has six digits,
//! or more if it needs them, a point and three digits:
//!
//! ```text
//! /?!
//! /KAIFA
//! 1.8.0(012345.678*kWh)
//! 2.8.0(000987.654*kWh)
//! !
//! ```

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::file_troubles::FileTroubles;
use super::meter::{Meter, Totals};
use super::{Context, Outlet, Output, Running};
use crate::bridge::{Feed, News};
use crate::config::{Complaint, File, Problems, SectionDoc, Settings};
use crate::model::{Decimal, Update};
use crate::whole_file::{self, Rights};

/// The totals of a smart meter in a file that SolarView reads.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SolarViewSettings {
    /// Whether it is written.
    pub enabled: bool,
    /// The file: `export_file_abspath` of kaifareader. Its folder has to be there.
    pub path: Option<PathBuf>,
    /// Device id or serial number of the meter, if there are several. Left out: the first by its id.
    pub device: Option<String>,
}

impl Settings for SolarViewSettings {
    fn check(&self) -> Vec<Complaint> {
        let has_name = |path: &PathBuf| path.file_name().is_some();
        let what = match &self.path {
            None if self.enabled => "it is missing".to_owned(),
            Some(path) if !has_name(path) => format!("\"{}\" names no file", path.display()),
            _ => return Vec::new(),
        };
        vec![Complaint::new(
            "path",
            what,
            "write the file that SolarView reads, such as path = \"/var/lib/wattbridge/kaifa.txt\"",
        )]
    }
}

/// This output.
#[derive(Debug)]
pub struct SolarView;

/// The one there is.
pub static OUTPUT: SolarView = SolarView;

impl Output for SolarView {
    fn name(&self) -> &'static str {
        "solarview"
    }

    fn page(&self) -> SectionDoc<'static> {
        SectionDoc {
            heading: "[solarview]",
            about: "The totals of a smart meter in a file that SolarView reads, as the program kaifareader writes it. The file is replaced as a whole with each telegram that says something new; a reader never sees half of it.",
            schema: schemars::schema_for!(SolarViewSettings),
            defaults: serde_json::to_value(SolarViewSettings::default()).unwrap_or_default(),
            example: "[solarview]\nenabled = true\npath = \"/var/lib/wattbridge/kaifa.txt\"\n",
        }
    }

    fn configure(&self, file: &File) -> Result<Arc<dyn Outlet>, Problems> {
        let settings: SolarViewSettings = file.settings(self.name())?;
        Ok(Arc::new(settings))
    }
}

impl Outlet for SolarViewSettings {
    fn is_enabled(&self) -> bool {
        self.enabled
    }

    fn run(self: Arc<Self>, context: Context) -> Running {
        Box::pin(async move {
            let Some(path) = self.path.clone() else {
                return Ok(());
            };
            let file = SolarViewFile {
                meter: Meter::new(OUTPUT.name(), self.device.clone()),
                troubles: FileTroubles::new(
                    OUTPUT.name(),
                    path.clone(),
                    "It is tried again with each telegram.",
                ),
                path,
            };
            tokio::select! {
                biased;
                () = context.stop.cancelled() => {}
                () = file.work(context.feed) => {}
            }
            Ok(())
        })
    }
}

/// Writes the file.
#[derive(Debug)]
struct SolarViewFile {
    path: PathBuf,
    meter: Meter,
    troubles: FileTroubles,
}

impl SolarViewFile {
    async fn work(mut self, mut feed: Feed) {
        while let Some(news) = feed.next().await {
            // The next telegram makes up for those that were missed.
            let News::Update(Update::State(state)) = news else {
                continue;
            };
            let totals = self.meter.take(&state, &feed);
            // Half a file would say that the other total has gone.
            if let Some(totals) = totals.filter(|totals| totals.is_complete) {
                self.put(content(&totals)).await;
            }
        }
    }

    async fn put(&mut self, content: String) {
        let path = self.path.clone();
        let written = spawn_blocking(move || write(&path, content.as_bytes())).await;
        self.troubles
            .tell(written.unwrap_or_else(|crash| Err(io::Error::other(crash))));
    }
}

/// What stands in the file.
fn content(totals: &Totals) -> String {
    let line = |code, total: Option<Decimal>| {
        let total = total.map(padded);
        total.map_or_else(String::new, |total| format!("{code}({total}*kWh)\n"))
    };
    let (import, export) = (line("1.8.0", totals.import), line("2.8.0", totals.export));
    format!("/?!\n/KAIFA\n{import}{export}!\n")
}

/// At least ten characters, zeros behind the sign.
fn padded(total: Decimal) -> String {
    let text = total.with_scale(3).to_string();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.as_str()),
    };
    let width = 10 - sign.len();
    format!("{sign}{digits:0>width$}")
}

/// Replaces the file as a whole, unless it says so already. It is not forced to the disk: another
/// one follows in seconds, and memory cards wear out.
fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let there = fs::metadata(path).ok();
    if there.as_ref().is_some_and(fs::Metadata::is_dir) {
        return Err(ErrorKind::IsADirectory.into());
    }
    // A file of another length says something else, and a pipe would keep us waiting.
    let may_be_same = |there: fs::Metadata| there.is_file() && there.len() == content.len() as u64;
    if there.is_some_and(may_be_same) && fs::read(path).is_ok_and(|kept| kept == content) {
        return Ok(());
    }
    whole_file::replace(path, content, Rights::Everybody)
}

#[cfg(test)]
mod tests;
