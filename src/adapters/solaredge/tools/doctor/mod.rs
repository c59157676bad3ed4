//! `wattbridge solaredge doctor`: listens or reads, and says in plain words what is there and what to do.

mod chart;
mod examination;
mod findings;
mod patient;
mod traffic;

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, FromArgMatches};
use tokio_util::sync::CancellationToken;

use self::examination::Examination;
use self::findings::Findings;
use super::files::{CaptureFiles, FilePiece, beside};
use crate::adapters::solaredge::config::SolarEdgeConfig;
use crate::adapters::solaredge::keys::UnitKeys;
use crate::adapters::solaredge::{KIND, keys_of, listener};
use crate::clock::Moment;
use crate::config::Section;
use crate::device::line::converse;
use crate::device::protocol::{Input, Output, Protocol};
use crate::device::{BoxFuture, Tool, ToolError};
use crate::links::{
    Address, CaptureAddress, CaptureFilter, LinkError, Links, Parity, SerialSettings,
};
use crate::terminal::{remark, say};

/// See the [module](self).
pub struct DoctorTool;

/// How long is listened to an interface if nothing else is said: once all that comes regularly.
const LISTEN: Duration = Duration::from_secs(5 * 60 + 20);

const EXAMPLES: &str = "\
Examples:
  wattbridge solaredge doctor --interface eth0
  wattbridge solaredge doctor --interface eth0 --for 20m --set host=192.168.1.40
  wattbridge solaredge doctor monday.pcap.gz --set key=0011...EEFF
  ssh router tcpdump -U -w - tcp | wattbridge solaredge doctor - --for 10m

Exit code 0 means that measured values could be read.";

#[derive(Debug, Args)]
struct DoctorArgs {
    /// Captures, in the order of their time; - is the standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Listens at this network interface instead
    #[arg(long, value_name = "INTERFACE", conflicts_with = "files")]
    interface: Option<String>,
    /// How long to listen
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    length: Option<Duration>,
    /// Sets a key of the section, such as key or host
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = super::settings::pair)]
    pairs: Vec<(String, String)>,
}

impl Tool for DoctorTool {
    fn command(&self) -> clap::Command {
        let command = clap::Command::new("doctor")
            .about("Says what can be seen of an inverter here, and what to do")
            .after_help(EXAMPLES);
        let place = ArgGroup::new("place").required(true);
        DoctorArgs::augment_args(command).group(place.args(["files", "interface"]))
    }

    fn run(
        &self,
        matches: &clap::ArgMatches,
        stop: CancellationToken,
    ) -> BoxFuture<Result<(), ToolError>> {
        let args = DoctorArgs::from_arg_matches(matches);
        Box::pin(async move { examine(&args?, &stop).await })
    }
}

async fn examine(args: &DoctorArgs, stop: &CancellationToken) -> Result<(), ToolError> {
    let mut pairs = args.pairs.clone();
    let capture = |text: &str| ("capture".to_owned(), text.to_owned());
    match &args.interface {
        Some(name) => pairs.push(("interface".to_owned(), name.clone())),
        None => pairs.push(capture("-")),
    }
    let section = Section::from_pairs(KIND, &pairs)?;
    let config: SolarEdgeConfig = section.read_without(&["interface"])?;
    let keys = keys_of(&section, &config)?;
    let is_stdin = args.files.iter().any(|file| file.as_os_str() == "-");
    let findings = if args.interface.is_some() || (is_stdin && args.files.len() == 1) {
        let address = config.address().ok_or("there is nowhere to listen")?;
        listen(&address, &keys, args, stop).await?
    } else {
        read(args.files.clone(), keys, stop).await?
    };
    let Some(findings) = findings else {
        return Ok(());
    };
    say(findings.text().trim_end());
    if findings.is_readable() {
        Ok(())
    } else {
        Err("no measured values could be read; what to do about it stands above".into())
    }
}

async fn read(
    paths: Vec<PathBuf>,
    keys: UnitKeys,
    stop: &CancellationToken,
) -> Result<Option<Findings>, ToolError> {
    let files = CaptureFiles::look(&paths)?;
    let read = beside(stop, move |stop| {
        let mut examination = Examination::new(&keys, None);
        let done = files.read(stop, |piece| match piece {
            FilePiece::Begin(path) => examination.begin_file(&path.display().to_string()),
            FilePiece::Bytes(bytes) => examination.push(bytes),
        });
        done.map(|()| examination.finish())
    });
    Ok(read.await.transpose()?)
}

async fn listen(
    address: &Address,
    keys: &UnitKeys,
    args: &DoctorArgs,
    stop: &CancellationToken,
) -> Result<Option<Findings>, ToolError> {
    let is_live = matches!(address, Address::Capture(CaptureAddress::Interface { .. }));
    let length = args.length.or(is_live.then_some(LISTEN));
    let greeting = length.map(|length| {
        format!(
            "Listening at {} for {}; Ctrl-C ends it earlier.",
            address.place(),
            super::times::how_long(length)
        )
    });
    let links = Links::new().with_filter(CaptureFilter {
        mac_prefixes: listener::MAC_PREFIXES,
        ports: listener::PORTS,
    });
    let mut ear = Ear {
        examination: Examination::new(keys, args.interface.as_deref()),
        greeting,
    };
    let mut length_seen = Duration::ZERO;
    let conversed = converse(&mut ear, address, &links, |_, _, listened| {
        length_seen = listened;
        let is_over = length.is_some_and(|length| listened >= length);
        (is_over || stop.is_cancelled()).then_some(())
    });
    match conversed.await {
        // What there is to be heard has been heard.
        Ok(()) | Err(LinkError::CaptureEnded(_)) => {}
        // What was heard before counts.
        Err(error) if ear.examination.has_packets() => {
            remark(&format!("{error}. {}", error.advice()));
        }
        Err(error) => return Err(format!("{error}. {}", error.advice()).into()),
    }
    ear.examination.listened = is_live.then_some(length_seen);
    Ok(Some(ear.examination.finish()))
}

/// Hears what comes over a link.
#[derive(Debug)]
struct Ear {
    examination: Examination,
    /// What is said as soon as there is something to listen at.
    greeting: Option<String>,
}

impl Protocol for Ear {
    fn settings(&self) -> SerialSettings {
        // A capture is no serial port.
        SerialSettings::new(115_200, Parity::None)
    }

    fn handle(&mut self, input: Input<'_>, _now: Moment) {
        match input {
            Input::Opened => {
                if let Some(greeting) = self.greeting.take() {
                    remark(&greeting);
                }
            }
            Input::Bytes(bytes) => self.examination.push(bytes),
            _ => {}
        }
    }

    fn poll(&mut self) -> Output {
        Output::Wait(Duration::MAX)
    }
}
