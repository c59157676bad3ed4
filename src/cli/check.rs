//! `wattbridge check`: is the configuration right, and do broker and devices answer?

use std::collections::BTreeMap;

use anyhow::anyhow;
use clap::Args;

use super::remarks::{remarks, unknown_names};
use super::setup::{ConfigArgs, Configured};
use super::{CliError, runtime, stop};
use crate::device::{ConfiguredSource, Probed};
use crate::history::Cursors;
use crate::links::Links;
use crate::model::DeviceId;
use crate::store::{Lock, SavedDevice, Store};
use crate::terminal::{remark, say};
use crate::uploads::try_login;

/// Says whether the configuration is right, and what is wrong with it
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wattbridge check             the file only
  wattbridge check --connect   broker and devices too, each failure explained

Exit code 0: all is right. 1: the broker or a device does not answer, or has two sections. 2: the file is wrong.")]
pub struct CheckArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Tries the broker and every device too. Stop a running wattbridge first: most devices talk
    /// to one program at a time
    #[arg(long)]
    connect: bool,
}

pub fn run(args: &CheckArgs) -> Result<(), CliError> {
    let configured = args.config.read()?;
    let mut words = remarks(&configured);
    if configured
        .sources
        .iter()
        .any(|it| !it.keys.names.is_empty())
    {
        let seen = seen(&configured, &args.config);
        words.extend(unknown_names(&configured.sources, &seen));
    }
    words.extend(left_targets(&configured, &args.config)?);
    for words in words {
        remark(&words);
    }
    if configured.sources.is_empty() {
        return Err(configured.no_devices(&args.config).into());
    }
    if configured.problems.is_empty() {
        let several = |count: usize| if count == 1 { "" } else { "s" };
        let count = configured.sources.len();
        let sums = match configured.sums.len() {
            0 => String::new(),
            sums => format!(", {sums} sum{}", several(sums)),
        };
        let uploads = match configured.uploads.all().count() {
            0 => String::new(),
            uploads => format!(", {uploads} upload{}", several(uploads)),
        };
        say(&format!(
            "The file is right: {count} device section{}{sums}{uploads}.",
            several(count)
        ));
    }
    // As `run` does: what is wrong with one section says nothing of the others.
    let connected = if args.connect {
        connect(&configured, &args.config)
    } else {
        Ok(())
    };
    if configured.problems.is_empty() {
        connected
    } else {
        if let Err(error) = connected {
            remark(&error.to_string());
        }
        Err(configured.problems.into())
    }
}

/// What waits for targets that no section names any more, and that none goes on with by itself.
fn left_targets(configured: &Configured, args: &ConfigArgs) -> Result<Vec<String>, CliError> {
    let path = args.history_path(&configured.history, &configured.store);
    if !configured.history.enabled || configured.uploads.all().next().is_none() {
        return Ok(Vec::new());
    }
    // What is the matter with the history is not said by the configuration.
    let Ok(cursors) = Cursors::to_look_at(&path) else {
        return Ok(Vec::new());
    };
    let left = runtime()?.block_on(configured.uploads.succession().left(&cursors));
    let left = left.unwrap_or_default().into_iter();
    let left = left.filter(|it| it.heir.is_none());
    Ok(left
        .map(|it| format!("Upload {}: {}.", it.name(), it.advice()))
        .collect())
}

/// The devices that were seen so far.
fn seen(configured: &Configured, args: &ConfigArgs) -> Vec<SavedDevice> {
    let path = args.store_path(&configured.store);
    if path.exists() {
        Store::look_at(&path).1.devices
    } else {
        Vec::new()
    }
}

fn connect(configured: &Configured, args: &ConfigArgs) -> Result<(), CliError> {
    // Two would fight for serial ports, and each would find the devices busy.
    let store = args.store_path(&configured.store);
    let _lock = Lock::take(&store, &args.config).map_err(anyhow::Error::from)?;
    let links = &args.links();
    runtime()?.block_on(async {
        let stop = stop::on_signal();
        tokio::select! {
            result = probe(configured, links) => result,
            // Whatever is under way is dropped, so that programs end and ports are closed.
            () = stop.cancelled() => Err(anyhow!("stopped before all of them were tried").into()),
        }
    })
}

async fn probe(configured: &Configured, links: &Links) -> Result<(), CliError> {
    let (mut silent, mut reached) = (0, Reached::default());
    let tell = |name: &str, result: &Result<String, String>| {
        say(&match result {
            Ok(words) => format!("  ok      {name}: {words}"),
            Err(words) => format!("  failed  {name}: {words}"),
        });
    };
    for (name, result) in configured.outputs.probe().await {
        silent += usize::from(result.is_err());
        tell(&name, &result);
    }
    for ConfiguredSource { source, .. } in &configured.sources {
        let name = format!("{} {}", source.adapter(), source.label());
        let result = std::sync::Arc::clone(source).probe(links.clone()).await;
        silent += usize::from(result.is_err());
        tell(&name, &result.and_then(|probed| reached.by(&name, probed)));
    }
    for target in configured.uploads.all() {
        let result = try_login(target.plan.as_ref()).await;
        silent += usize::from(result.is_err());
        tell(&target.id, &result);
    }
    let mut failures = Vec::new();
    match silent {
        0 => {}
        1 => failures.push("one of them does not answer".to_owned()),
        n => failures.push(format!("{n} of them do not answer")),
    }
    match reached.again {
        0 => {}
        1 => failures.push("one device is in two sections".to_owned()),
        n => failures.push(format!("{n} sections have the device of another one")),
    }
    if failures.is_empty() {
        Ok(())
    } else {
        Err(anyhow!(failures.join(", and ")).into())
    }
}

/// Which section reaches which device.
#[derive(Debug, Default)]
struct Reached {
    by: BTreeMap<DeviceId, String>,
    /// Sections that reach the device of another one.
    again: usize,
}

impl Reached {
    /// The words of a section that answered; an error if it is another way to a device that is
    /// reached already. The bridge would take its values from the first one only.
    fn by(&mut self, section: &str, probed: Probed) -> Result<String, String> {
        if let Some(other) = probed.devices.iter().find_map(|id| self.by.get(id)) {
            self.again += 1;
            return Err(format!(
                "{}: the same device as {other}; remove one of the two sections",
                probed.words
            ));
        }
        let devices = probed.devices.into_iter();
        self.by.extend(devices.map(|id| (id, section.to_owned())));
        Ok(probed.words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_second_section_of_a_device_fails() {
        let probed = |words: &str, serials: &[&str]| Probed {
            words: words.to_owned(),
            devices: serials
                .iter()
                .map(|it| DeviceId::new("smart_meter", it))
                .collect(),
        };
        let mut reached = Reached::default();
        assert_eq!(reached.by("a", probed("one", &["1"])), Ok("one".to_owned()));
        assert_eq!(reached.by("b", probed("two", &["2"])), Ok("two".to_owned()));
        let told = reached.by("c", probed("both", &["3", "1"])).unwrap_err();
        assert_eq!(
            told,
            "both: the same device as a; remove one of the two sections"
        );
        // What does not say who it is is nobody's double.
        for _ in 0..2 {
            assert!(reached.by("d", probed("somebody", &[])).is_ok());
        }
        assert_eq!(reached.again, 1);
    }
}
