//! `kneepoint schema`: the JSON Schema of the model language.

use std::path::PathBuf;

use clap::Args;

use crate::error::Failure;
use crate::files::Output;
use crate::render::json::pretty;

const AFTER_HELP: &str = "\
Examples:
  kneepoint schema -o kneepoint.schema.json
  # then, in the first line of a model, for completion and checks in the editor:
  #   \"$schema\": \"./kneepoint.schema.json\"";

/// Print the JSON Schema of models, for completion and checks in editors
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Schema {
    /// Write it to a file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Schema {
    pub fn execute(self) -> Result<(), Failure> {
        Output(self.output).write(&pretty(&crate::engine::schema()))
    }
}
