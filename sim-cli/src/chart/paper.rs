//! What plotters draws on: SVG with tenths of pixels, dashes and the embedded font, which plotters' own backends don't have.
//! It knows the box of every text, so that tests can tell whether texts overlap.

use std::convert::Infallible;
use std::fmt::Write;

use plotters::element::{Drawable, PointCollection};
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind};

use super::font::{self, Weight};
use super::theme::Colour;

/// Units of the backend in a pixel: plotters counts in whole ones.
pub const FINE: f64 = 10.0;

/// A finished drawing: the inside of an SVG, and where its texts are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drawing {
    /// In pixels.
    pub width: f64,
    /// In pixels.
    pub height: f64,
    /// Elements of SVG.
    pub body: String,
    /// The boxes of all texts.
    pub texts: Vec<TextBox>,
}

/// Where a text is, in pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct TextBox {
    /// What it says.
    pub text: String,
    /// Left, top, right, bottom.
    pub edges: [f64; 4],
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dash {
    /// Without gaps.
    Solid,
    /// Long strokes.
    Long,
    /// Short strokes.
    Short,
    /// Dots.
    Dots,
    /// Strokes and dots.
    Mixed,
}

/// A mark at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// A disc.
    Disc,
    /// A square.
    Square,
    /// A diamond.
    Diamond,
    /// A triangle.
    Triangle,
    /// A cross.
    Cross,
}

/// Where a text stands beside its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// It begins there.
    Start,
    /// It is around it.
    Middle,
    /// It ends there.
    End,
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub struct Ink {
    /// In pixels.
    pub size: f64,
    /// How heavy.
    pub weight: Weight,
    /// Its colour.
    pub colour: Colour,
    /// Where it stands.
    pub anchor: Anchor,
    /// The ground that it needs around it where lines may be behind it.
    pub halo: Option<Colour>,
}

/// What is drawn at some points.
#[derive(Clone, Debug)]
pub enum Look {
    /// A line through the points.
    Line { colour: Colour, width: f64, dash: Dash, opacity: f64 },
    /// The area within the points.
    Area { colour: Colour, opacity: f64 },
    /// The rectangle between two corners.
    Rect { colour: Colour, opacity: f64, edge: Option<Colour>, radius: f64 },
    /// Slanted lines in the rectangle between two corners, so many pixels apart; falling ones if negative.
    Hatch { colour: Colour, apart: f64 },
    /// A mark at each point.
    Mark { marker: Marker, colour: Colour, size: f64, hollow: Option<Colour> },
    /// A text at the first point, so many pixels right of and below it; the point is on its base line.
    Text { text: String, ink: Ink, right: f64, below: f64 },
}

/// Something to draw, in the coordinates of what it is drawn on.
pub struct Item<C> {
    points: Vec<C>,
    look: Look,
}

impl<C> Item<C> {
    /// An item.
    pub fn new(points: Vec<C>, look: Look) -> Self {
        Self { points, look }
    }
}

impl<'a, C: 'a> PointCollection<'a, C> for &'a Item<C> {
    type Point = &'a C;
    type IntoIter = std::slice::Iter<'a, C>;

    fn point_iter(self) -> Self::IntoIter {
        self.points.iter()
    }
}

impl<C> Drawable<Paper<'_>> for Item<C> {
    fn draw<I: Iterator<Item = BackendCoord>>(
        &self,
        points: I,
        paper: &mut Paper,
        _: (u32, u32),
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        let points: Vec<(f64, f64)> = points.map(|(x, y)| (f64::from(x) / FINE, f64::from(y) / FINE)).collect();
        paper.0.add(&points, &self.look);
        Ok(())
    }
}

/// The backend: it adds to a drawing.
pub struct Paper<'d>(pub &'d mut Drawing);

impl Drawing {
    fn add(&mut self, points: &[(f64, f64)], look: &Look) {
        let Some(first) = points.first().copied() else { return };
        let last = points.last().copied().unwrap_or(first);
        match look {
            Look::Line { colour, width, dash, opacity } => self.line(points, colour, *width, *dash, *opacity),
            Look::Area { colour, opacity } => {
                self.write(format_args!(r#"<path d="{}Z" fill="{colour}"{}/>"#, path(points), opaque(*opacity)));
            }
            Look::Rect { colour, opacity, edge, radius } => {
                let (left, top, right, bottom) = corners(first, last);
                let edge = edge.map_or(String::new(), |edge| format!(r#" stroke="{edge}""#));
                let radius = if *radius > 0.0 { format!(r#" rx="{}""#, short(*radius)) } else { String::new() };
                self.write(format_args!(
                    r#"<rect x="{}" y="{}" width="{}" height="{}" fill="{colour}"{}{edge}{radius}/>"#,
                    short(left),
                    short(top),
                    short(right - left),
                    short(bottom - top),
                    opaque(*opacity)
                ));
            }
            Look::Hatch { colour, apart } => self.hatch(corners(first, last), colour, *apart),
            Look::Mark { marker, colour, size, hollow } => {
                points.iter().for_each(|point| self.mark(*point, *marker, colour, *size, *hollow));
            }
            Look::Text { text, ink, right, below } => self.text(text, ink, first.0 + right, first.1 + below),
        }
    }

    fn line(&mut self, points: &[(f64, f64)], colour: Colour, width: f64, dash: Dash, opacity: f64) {
        let dash = match dash {
            Dash::Solid => String::new(),
            dash => format!(r#" stroke-dasharray="{}""#, dash.strokes(width)),
        };
        let opacity = if opacity < 1.0 { format!(r#" stroke-opacity="{}""#, short(opacity)) } else { String::new() };
        self.write(format_args!(
            r#"<path d="{}" fill="none" stroke="{colour}" stroke-width="{}" stroke-linejoin="round"{dash}{opacity}/>"#,
            path(points),
            short(width)
        ));
    }

    /// Lines at 45° within a rectangle, as one path.
    fn hatch(&mut self, (left, top, right, bottom): (f64, f64, f64, f64), colour: Colour, apart: f64) {
        let (width, height) = (right - left, bottom - top);
        let mut data = String::new();
        let mut offset = apart.abs() / 2.0;
        while offset < width + height {
            // From the left or lower edge to the upper or right one.
            let (x1, y1) = if offset <= height { (0.0, offset) } else { (offset - height, height) };
            let (x2, y2) = if offset <= width { (offset, 0.0) } else { (width, offset - width) };
            let turned = |x: f64| if apart < 0.0 { right - x } else { left + x };
            write!(data, "M{} {}L{} {}", short(turned(x1)), short(top + y1), short(turned(x2)), short(top + y2))
                .expect("text can always grow");
            offset += apart.abs();
        }
        if !data.is_empty() {
            self.write(format_args!(r#"<path d="{data}" fill="none" stroke="{colour}" stroke-width="1"/>"#));
        }
    }

    fn mark(&mut self, (x, y): (f64, f64), marker: Marker, colour: Colour, size: f64, hollow: Option<Colour>) {
        let paint = match (hollow, marker) {
            (Some(ground), _) => format!(r#"fill="{ground}" stroke="{colour}" stroke-width="1.5""#),
            (None, Marker::Cross) => format!(r#"fill="none" stroke="{colour}" stroke-width="2""#),
            (None, _) => format!(r#"fill="{colour}""#),
        };
        let at = |dx: f64, dy: f64| format!("{} {}", short(x + dx * size), short(y + dy * size));
        let outline = |corners: &[(f64, f64)]| {
            let corners: Vec<String> = corners.iter().map(|(dx, dy)| at(*dx, *dy)).collect();
            format!("M{}Z", corners.join("L"))
        };
        let data = match marker {
            Marker::Disc => {
                self.write(format_args!(
                    r#"<circle cx="{}" cy="{}" r="{}" {paint}/>"#,
                    short(x),
                    short(y),
                    short(size)
                ));
                return;
            }
            Marker::Square => outline(&[(-0.88, -0.88), (0.88, -0.88), (0.88, 0.88), (-0.88, 0.88)]),
            Marker::Diamond => outline(&[(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)]),
            Marker::Triangle => outline(&[(0.0, -1.15), (1.1, 0.8), (-1.1, 0.8)]),
            Marker::Cross => format!("M{}L{}M{}L{}", at(-0.8, -0.8), at(0.8, 0.8), at(-0.8, 0.8), at(0.8, -0.8)),
        };
        self.write(format_args!(r#"<path d="{data}" {paint}/>"#));
    }

    fn text(&mut self, text: &str, ink: &Ink, x: f64, y: f64) {
        if text.is_empty() {
            return;
        }
        let width = font::width(text, ink.size, ink.weight);
        let (left, anchor) = match ink.anchor {
            Anchor::Start => (x, ""),
            Anchor::Middle => (x - width / 2.0, r#" text-anchor="middle""#),
            Anchor::End => (x - width, r#" text-anchor="end""#),
        };
        let weight = if ink.weight == Weight::Bold { r#" font-weight="600""# } else { "" };
        let halo = ink.halo.map_or(String::new(), |ground| {
            format!(r#" stroke="{ground}" stroke-width="3" stroke-linejoin="round" paint-order="stroke""#)
        });
        self.write(format_args!(
            r#"<text x="{}" y="{}" font-size="{}" fill="{}"{weight}{anchor}{halo}>{}</text>"#,
            short(x),
            short(y),
            short(ink.size),
            ink.colour,
            escaped(text)
        ));
        let edges = [left, y - ink.size * 0.76, left + width, y + ink.size * 0.2];
        self.texts.push(TextBox { text: text.to_owned(), edges });
    }

    fn write(&mut self, element: std::fmt::Arguments) {
        writeln!(self.body, "{element}").expect("text can always grow");
    }
}

impl Dash {
    /// In the order in which series get them.
    pub const ALL: [Dash; 5] = [Dash::Solid, Dash::Long, Dash::Short, Dash::Dots, Dash::Mixed];

    fn strokes(self, width: f64) -> String {
        let strokes: &[f64] = match self {
            Dash::Solid => &[],
            Dash::Long => &[5.0, 2.5],
            Dash::Short => &[2.5, 1.75],
            Dash::Dots => &[1.0, 1.5],
            Dash::Mixed => &[5.0, 1.75, 1.0, 1.75],
        };
        strokes.iter().map(|stroke| short(stroke * width)).collect::<Vec<_>>().join(" ")
    }
}

impl Marker {
    /// In the order in which series get them.
    pub const ALL: [Marker; 5] = [Marker::Disc, Marker::Square, Marker::Triangle, Marker::Diamond, Marker::Cross];
}

/// With as many digits as a tenth of a pixel needs.
fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn path(points: &[(f64, f64)]) -> String {
    let mut data = String::new();
    for (index, (x, y)) in points.iter().enumerate() {
        let command = if index == 0 { "M" } else { "L" };
        write!(data, "{command}{} {}", short(*x), short(*y)).expect("text can always grow");
    }
    data
}

fn corners(a: (f64, f64), b: (f64, f64)) -> (f64, f64, f64, f64) {
    (a.0.min(b.0), a.1.min(b.1), a.0.max(b.0), a.1.max(b.1))
}

fn opaque(opacity: f64) -> String {
    if opacity < 1.0 { format!(r#" fill-opacity="{}""#, short(opacity)) } else { String::new() }
}

/// A text of a user as markup's text: it can neither be markup nor steer anything.
pub fn escaped(text: &str) -> String {
    let plain = text.chars().filter(|letter| !letter.is_control() && !('\u{fffe}'..='\u{ffff}').contains(letter));
    plain.fold(String::new(), |mut escaped, letter| {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
        escaped
    })
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

/// The pictures draw by [`Item`]s alone; what plotters may ask for beside is there all the same, in its simplest form.
impl DrawingBackend for Paper<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        ((self.0.width * FINE) as u32, (self.0.height * FINE) as u32)
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, colour: BackendColor) -> Drawn {
        let (red, green, blue) = colour.rgb;
        self.0.write(format_args!(
            r##"<rect x="{}" y="{}" width="0.1" height="0.1" fill="#{red:02x}{green:02x}{blue:02x}"/>"##,
            short(f64::from(x) / FINE),
            short(f64::from(y) / FINE)
        ));
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let size = style.size();
        Ok((font::width(text, size, Weight::Regular).ceil() as u32, size.ceil() as u32))
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, points: I, style: &S) -> Drawn {
        let points: Vec<(f64, f64)> =
            points.into_iter().map(|(x, y)| (f64::from(x) / FINE, f64::from(y) / FINE)).collect();
        let (red, green, blue) = style.color().rgb;
        self.0.write(format_args!(
            r##"<path d="{}" fill="none" stroke="#{red:02x}{green:02x}{blue:02x}"/>"##,
            path(&points)
        ));
        Ok(())
    }
}
