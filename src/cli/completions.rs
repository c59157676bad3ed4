//! `wattbridge completions`: for the shell.

use clap::Args;
use clap_complete::Shell;

use crate::terminal::say;

/// Prints completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wattbridge completions bash > /etc/bash_completion.d/wattbridge
  wattbridge completions zsh > ~/.zfunc/_wattbridge
  wattbridge completions fish > ~/.config/fish/completions/wattbridge.fish")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub fn run(args: &CompletionsArgs) {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::command(), "wattbridge", &mut script);
    say(String::from_utf8_lossy(&script).trim_end());
}
