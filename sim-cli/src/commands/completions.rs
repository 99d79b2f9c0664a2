//! `kneepoint completions`: what a shell needs to complete the command line.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::error::Failure;
use crate::files::Output;

const AFTER_HELP: &str = "\
Examples:
  kneepoint completions bash > ~/.local/share/bash-completion/completions/kneepoint
  kneepoint completions zsh > ~/.zfunc/_kneepoint
  kneepoint completions fish > ~/.config/fish/completions/kneepoint.fish";

/// Print completions for a shell
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Completions {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub fn execute(self) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::Cli::command(), "kneepoint", &mut script);
        Output::default().write(&String::from_utf8_lossy(&script))
    }
}
