//! A finished picture: as a file of its own (SVG with the font in it, PNG), or inside of a page.

use resvg::{tiny_skia, usvg};

use super::font;
use super::paper::{Drawing, escaped};

/// A finished picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// By what name it is asked for: `percentiles`.
    pub kind: &'static str,
    /// What is seen.
    pub title: String,
    /// What is seen, for those who don't see it.
    pub description: String,
    /// How it is drawn.
    pub drawing: Drawing,
}

/// Pixels of a PNG for each of the picture's.
const SHARPNESS: f32 = 2.0;

impl Picture {
    /// An SVG file that looks the same everywhere.
    pub fn svg(&self) -> String {
        format!("{}\n", self.markup(&format!("<style>{}</style>\n", font::style())))
    }

    /// An SVG for a page that has the font, among other pictures.
    pub fn inline(&self) -> String {
        self.markup("")
    }

    fn markup(&self, style: &str) -> String {
        let Drawing { width, height, body, .. } = &self.drawing;
        let (title, description) = (escaped(&self.title), escaped(&self.description));
        let kind = self.kind;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-labelledby=\"{kind}-title {kind}-description\" font-family=\"'{}', sans-serif\">\n\
             <title id=\"{kind}-title\">{title}</title>\n<desc id=\"{kind}-description\">{description}</desc>\n{style}{body}</svg>",
            font::FAMILY
        )
    }

    /// A PNG file, with two pixels for each of the picture's.
    pub fn png(&self) -> Vec<u8> {
        let options = usvg::Options {
            font_family: font::FAMILY.to_owned(),
            fontdb: font::database(),
            ..usvg::Options::default()
        };
        let tree = usvg::Tree::from_str(&self.inline(), &options).expect("our own SVG is well-formed");
        let size = tree.size();
        let mut pixels = tiny_skia::Pixmap::new((size.width() * SHARPNESS) as u32, (size.height() * SHARPNESS) as u32)
            .expect("a picture has a size");
        resvg::render(&tree, tiny_skia::Transform::from_scale(SHARPNESS, SHARPNESS), &mut pixels.as_mut());
        pixels.encode_png().expect("pixels can be written to memory")
    }
}
