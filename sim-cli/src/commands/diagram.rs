//! `kneepoint diagram`: a picture of a model.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{ModelArgs, by_ending};
use crate::diagram;
use crate::error::Failure;
use crate::files::Output;

const AFTER_HELP: &str = "\
Examples:
  kneepoint diagram shop.json -o shop.svg
  kneepoint diagram shop.json --format mermaid >> README.md
  kneepoint diagram shop.json --format dot | dot -Tpdf -o shop.pdf";

/// Draw a model's topology: SVG, Mermaid or DOT
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Diagram {
    #[command(flatten)]
    model: ModelArgs,
    /// What to draw; left out, by the ending of --output, else SVG
    #[arg(long, short, value_enum)]
    format: Option<Picture>,
    /// Write it to a file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// A way to draw.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Picture {
    /// A picture that follows the reader's light or dark mode.
    Svg,
    /// For Markdown.
    Mermaid,
    /// For Graphviz.
    Dot,
}

impl Diagram {
    pub fn execute(self) -> Result<(), Failure> {
        let (_, model) = self.model.load(&[], true)?;
        let endings = [
            ("svg", Picture::Svg),
            ("mmd", Picture::Mermaid),
            ("md", Picture::Mermaid),
            ("dot", Picture::Dot),
            ("gv", Picture::Dot),
        ];
        let picture = self.format.or_else(|| by_ending(self.output.as_ref(), &endings)).unwrap_or(Picture::Svg);
        let topology = diagram::topology(&model);
        let text = match picture {
            Picture::Svg => diagram::svg(&topology),
            Picture::Mermaid => diagram::mermaid(&topology),
            Picture::Dot => diagram::dot(&topology),
        };
        Output(self.output).write(&text)
    }
}
