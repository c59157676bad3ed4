//! `wattbridge check`: is the configuration right, and do broker and devices answer?

use clap::Args;

use anyhow::anyhow;

use super::remarks::remarks;
use super::setup::{ConfigArgs, Configured};
use super::{CliError, runtime, stop};
use crate::links::Links;
use crate::terminal::{remark, say};

/// Says whether the configuration is right, and what is wrong with it
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wattbridge check             the file only
  wattbridge check --connect   broker and devices too, each failure explained

Exit code 0: all is right. 1: the broker or a device does not answer. 2: the file is wrong.")]
pub(super) struct CheckArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Tries the broker and every device too. Stop a running wattbridge first: most devices talk
    /// to one program at a time
    #[arg(long)]
    connect: bool,
}

pub(super) fn run(args: &CheckArgs) -> Result<(), CliError> {
    let configured = args.config.read()?;
    for words in remarks(&configured) {
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
        say(&format!(
            "The file is right: {count} device section{}{sums}.",
            several(count)
        ));
    }
    // As `run` does: what is wrong with one section says nothing of the others.
    let connected = if args.connect {
        connect(&configured, &args.config.links())
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

fn connect(configured: &Configured, links: &Links) -> Result<(), CliError> {
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
    let mut failures = 0;
    let mut tell = |name: String, result: Result<String, String>| {
        failures += usize::from(result.is_err());
        say(&match result {
            Ok(words) => format!("  ok      {name}: {words}"),
            Err(words) => format!("  failed  {name}: {words}"),
        });
    };
    for (name, result) in configured.outputs.probe().await {
        tell(name, result);
    }
    for source in &configured.sources {
        let result = std::sync::Arc::clone(source).probe(links.clone()).await;
        tell(format!("{} {}", source.adapter(), source.label()), result);
    }
    match failures {
        0 => Ok(()),
        1 => Err(anyhow!("one of them does not answer").into()),
        n => Err(anyhow!("{n} of them do not answer").into()),
    }
}
