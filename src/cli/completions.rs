//! `wattbridge completions`: for the shell.

use clap::Args;
use clap_complete::Shell;

/// Prints completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wattbridge completions bash > ~/.local/share/bash-completion/completions/wattbridge
  wattbridge completions zsh > ~/.zfunc/_wattbridge
  wattbridge completions fish > ~/.config/fish/completions/wattbridge.fish")]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(args: &CompletionsArgs) {
    clap_complete::generate(
        args.shell,
        &mut super::command(),
        "wattbridge",
        &mut std::io::stdout(),
    );
}
