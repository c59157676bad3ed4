//! `wattbridge record`: the raw exchange with a device, in a file.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use tokio_util::sync::CancellationToken;

use super::adapter::section;
use super::decode::pair;
use super::trouble::why;
use super::{CliError, adapter, logging, runtime, stop};
use crate::bridge::{Bridge, News, Setup};
use crate::clock::Clock;
use crate::device::Adapter;
use crate::history::History;
use crate::links::{Links, Recorder};
use crate::model::{Device, Update};
use crate::store::Store;
use crate::terminal::say;

/// Records the exchange with a device in a file
#[derive(Debug, Args)]
#[command(after_help = "\
The file is text: each line a time, and the bytes in hexadecimal. `wattbridge replay` feeds it through \
the same adapter again, `wattbridge decode` shows what is in it. Stop other programs that talk to the \
device first, a running wattbridge too.

Examples:
  wattbridge record aps-ecu 192.168.1.50 --out ecu.recording --for 20m
  wattbridge record aps-ecu 192.168.1.50 --out ecu.recording --mask
  wattbridge record smart-meter /dev/ttyUSB0 --out m.recording --set key=8F3A...")]
pub struct RecordArgs {
    /// The adapter, as in the configuration
    #[arg(value_parser = adapter::by_name())]
    adapter: &'static dyn Adapter,
    /// Address of the device
    address: String,
    /// The file to write; must not exist yet
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    /// How long to record
    #[arg(long = "for", value_name = "PERIOD", default_value = "10m", value_parser = humantime::parse_duration)]
    period: Duration,
    /// Replaces serial numbers by others
    #[arg(long)]
    mask: bool,
    /// Sets a key of the adapter's section
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    pairs: Vec<(String, String)>,
}

pub fn run(args: &RecordArgs) -> Result<(), CliError> {
    logging::start(&logging::LogSettings::default());
    let section = section(args.adapter, &args.address, &args.pairs)?;
    let source = args.adapter.configure(&section)?;
    let mask = args.mask.then(|| args.adapter.mask(&section)).transpose()?;
    let file = private(&args.out)
        .map_err(|error| anyhow!("{} cannot be made: {}", args.out.display(), why(&error)))?;
    let clock = Clock::system();
    let recorder = Recorder::new(Box::new(file), args.adapter.kind(), clock.now(), mask)
        .map_err(anyhow::Error::from)?;
    if args.mask {
        recorder.set(&args.adapter.mask_settings(&section));
    }
    runtime()?.block_on(async {
        let stop = stop::on_signal();
        let (store, saved) = Store::in_memory();
        let (bridge, hub) = Bridge::new(Setup {
            sources: vec![source],
            sums: Vec::new(),
            incomplete: Vec::new(),
            refused: 0,
            instance: "record".to_owned(),
            clock,
            links: Links::recorded(recorder.clone()),
            store,
            saved,
            save_every: Duration::from_secs(60),
            history: History::off(),
        });
        say(&format!(
            "Recording to {} for {}; Ctrl-C ends it earlier.",
            args.out.display(),
            humantime::format_duration(args.period)
        ));
        let mut feed = hub.feed();
        let ended = end_after(args.period, stop.clone());
        let show = async {
            while let Some(news) = feed.next().await {
                if let News::Update(Update::Device(device)) = news
                    && device.adapter != "wattbridge"
                {
                    say(&format!("  heard of {}", heard(&device, args.mask)));
                }
            }
        };
        tokio::select! {
            () = bridge.run(stop.clone()) => {}
            () = ended => {}
            () = show => {}
        }
        stop.cancel();
    });
    recorder.finish().map_err(|error| anyhow!(error))?;
    if !recorder.has_received() {
        return Err(anyhow!(
            "nothing came from {}; {} only has our own side. `wattbridge check --connect` says why \
             nothing may come",
            args.address,
            args.out.display()
        )
        .into());
    }
    say(&format!("Done: {}", args.out.display()));
    let note = args.mask.then(|| args.adapter.mask_note(&section));
    if let Some(note) = note.flatten() {
        say(&note);
    }
    Ok(())
}

/// A new file that nobody else can read: masks leave something of a household in it.
fn private(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A name holds the number of the device as a rule, and what is on the screen is shown to others as
/// well as the file.
fn heard(device: &Device, mask: bool) -> String {
    if !mask {
        return device.name.clone();
    }
    let model = device.model.as_deref().unwrap_or("device");
    format!("{} {model}", device.manufacturer).trim().to_owned()
}

async fn end_after(period: Duration, stop: CancellationToken) {
    tokio::select! {
        () = tokio::time::sleep(period) => {}
        () = stop.cancelled() => {}
    }
}
