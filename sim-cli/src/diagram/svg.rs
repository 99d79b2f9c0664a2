//! The topology as SVG: light or dark as the reader's system is, no scripts, no fonts to load.

use std::fmt::Write;

use super::layout::{Size, layout};
use super::{Node, Topology};
use crate::chart::escaped;

/// Space around everything.
const MARGIN: f64 = 24.0;
/// The height of the title's line.
const TITLE: f64 = 36.0;
/// The height of a fact's line.
const LINE: f64 = 16.0;
/// Least space between layers.
const GAP: f64 = 64.0;

/// Plain colours, and others for the dark: variables would be shorter, but viewers other than browsers don't know them.
const STYLE: &str = "\
  text { font-family: system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif }
  .title { font-size: 18px; font-weight: 600 } .name { font-size: 14px; font-weight: 600 }
  .kind, .fact, .label { font-size: 11.5px }
  .label { paint-order: stroke; stroke-width: 5px; stroke-linejoin: round; text-anchor: middle }
  .link { fill: none; stroke-width: 1.5 } .steers { stroke-dasharray: 5 4 }
  .paper { fill: #ffffff } .box { fill: #f8fafc; stroke: #cbd5e1 } .title, .name { fill: #0f172a }
  .kind, .fact, .label { fill: #526077 } .label { stroke: #ffffff } .link { stroke: #64748b } .tip { fill: #64748b }
  .client { fill: #2563eb } .load-balancer { fill: #7c3aed } .server-pool { fill: #059669 } .cache { fill: #d97706 }
  .connection-pool { fill: #0891b2 } .database { fill: #be185d } .other { fill: #64748b }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #0b1220 } .box { fill: #151f32; stroke: #33415c } .title, .name { fill: #e8eef8 }
    .kind, .fact, .label { fill: #9fb0c8 } .label { stroke: #0b1220 } .link { stroke: #8899b4 } .tip { fill: #8899b4 }
    .client { fill: #60a5fa } .load-balancer { fill: #a78bfa } .server-pool { fill: #34d399 } .cache { fill: #fbbf24 }
    .connection-pool { fill: #22d3ee } .database { fill: #f472b6 } .other { fill: #94a3b8 }
  }
";

/// Draws a topology.
pub fn svg(topology: &Topology) -> String {
    let sizes: Vec<Size> = topology.nodes.iter().map(size).collect();
    let room = |label: &str| if label.is_empty() { GAP } else { GAP.max(text_width(label, 11.5) + 36.0) };
    let gaps: Vec<f64> = topology.edges.iter().map(|edge| room(&edge.label)).collect();
    let layout = layout(topology, &sizes, &gaps);
    let width = (layout.size.width + 2.0 * MARGIN).max(text_width(&topology.title, 18.0) * 1.1 + 2.0 * MARGIN);
    let height = layout.size.height + 2.0 * MARGIN + TITLE;
    let title = escaped(&topology.title);
    let mut svg = String::new();
    let out = &mut svg;
    line(
        out,
        format_args!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}" role="img" aria-label="Topology of {title}">"#
        ),
    );
    line(out, format_args!("<title>{title}</title>\n<style>\n{STYLE}</style>"));
    line(
        out,
        format_args!(
            r#"<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto-start-reverse"><path class="tip" d="M0 1 L10 5 L0 9 z"/></marker></defs>"#
        ),
    );
    line(out, format_args!(r#"<rect class="paper" width="100%" height="100%"/>"#));
    line(out, format_args!(r#"<text class="title" x="{MARGIN}" y="{:.0}">{title}</text>"#, MARGIN + 14.0));
    line(out, format_args!(r#"<g transform="translate({MARGIN} {:.0})">"#, MARGIN + TITLE));
    for (edge, route) in topology.edges.iter().zip(&layout.routes) {
        let steers = if edge.steers { " steers" } else { "" };
        let path = if edge.from == edge.to { own_loop(route) } else { curve(route) };
        line(out, format_args!(r#"<path class="link{steers}" d="{path}" marker-end="url(#tip)"/>"#));
    }
    for (node, (corner, size)) in topology.nodes.iter().zip(layout.corners.iter().zip(&sizes)) {
        draw(out, node, *corner, *size);
    }
    for (edge, route) in topology.edges.iter().zip(&layout.routes).filter(|(edge, _)| !edge.label.is_empty()) {
        let (x, y) = match edge.from == edge.to {
            true => (route[0].0 + 12.0, route[0].1 + 34.0),
            false => ((route[0].0 + route[1].0) / 2.0, (route[0].1 + route[1].1) / 2.0 - 6.0),
        };
        line(out, format_args!(r#"<text class="label" x="{x:.1}" y="{y:.1}">{}</text>"#, escaped(&edge.label)));
    }
    line(out, format_args!("</g>\n</svg>"));
    svg
}

fn line(out: &mut String, text: std::fmt::Arguments) {
    writeln!(out, "{text}").expect("text can always grow");
}

fn draw(out: &mut String, node: &Node, (x, y): (f64, f64), size: Size) {
    let (width, height) = (size.width, size.height);
    line(out, format_args!(r#"<g transform="translate({x:.1} {y:.1})">"#));
    line(out, format_args!(r#"<rect class="box" width="{width:.1}" height="{height:.1}" rx="8"/>"#));
    line(
        out,
        format_args!(
            r#"<rect x="10" y="12" width="4" height="{:.1}" rx="2" class="{}"/>"#,
            height - 24.0,
            colour(&node.kind)
        ),
    );
    line(out, format_args!(r#"<text class="name" x="24" y="25">{}</text>"#, escaped(&node.name)));
    line(out, format_args!(r#"<text class="kind" x="24" y="42">{}</text>"#, escaped(&node.kind.replace('-', " "))));
    for (index, fact) in node.facts.iter().enumerate() {
        line(
            out,
            format_args!(
                r#"<text class="fact" x="24" y="{:.1}">{}</text>"#,
                42.0 + LINE * (index + 1) as f64,
                escaped(fact)
            ),
        );
    }
    line(out, format_args!("</g>"));
}

/// The class of a type's colour.
fn colour(kind: &str) -> &str {
    match kind {
        "client" | "load-balancer" | "server-pool" | "cache" | "connection-pool" | "database" => kind,
        _ => "other",
    }
}

fn size(node: &Node) -> Size {
    let facts = node.facts.iter().map(|fact| text_width(fact, 11.5));
    let kind = text_width(&node.kind, 11.5);
    let widest = facts.fold(kind, f64::max).max(text_width(&node.name, 14.0) * 1.08);
    Size { width: (24.0 + widest + 16.0).max(110.0), height: 54.0 + LINE * node.facts.len() as f64 }
}

/// How wide a text is at most in common sans-serif fonts (DejaVu Sans, the widest of them, was measured).
fn text_width(text: &str, font_size: f64) -> f64 {
    let ems = text.chars().map(|letter| match letter {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | ' ' => 0.36,
        'f' | 'r' | 't' | '(' | ')' | '[' | ']' | '-' | '/' => 0.42,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 1.0,
        letter if letter.is_ascii_uppercase() => 0.74,
        letter if letter.is_ascii() => 0.65,
        _ => 1.05,
    });
    ems.sum::<f64>() * font_size
}

/// A smooth line that leaves and arrives level.
fn curve(route: &[(f64, f64)]) -> String {
    let mut path = format!("M{:.1} {:.1}", route[0].0, route[0].1);
    for pair in route.windows(2) {
        let [(x, y), (next_x, next_y)] = pair else { continue };
        let bend = (next_x - x) / 2.0;
        match (y - next_y).abs() < 0.5 {
            true => write!(path, " L{next_x:.1} {next_y:.1}"),
            false => write!(path, " C{:.1} {y:.1} {:.1} {next_y:.1} {next_x:.1} {next_y:.1}", x + bend, next_x - bend),
        }
        .expect("text can always grow");
    }
    path
}

/// From the right edge around the corner to the lower edge.
fn own_loop(route: &[(f64, f64)]) -> String {
    let [(x, y), (end_x, end_y)] = route else { return String::new() };
    format!("M{x:.1} {y:.1} C{:.1} {y:.1} {end_x:.1} {:.1} {end_x:.1} {end_y:.1}", x + 30.0, end_y + 26.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagram::fixture;

    #[test]
    fn web_shop() {
        insta::assert_snapshot!(svg(&fixture::web_shop()));
    }

    #[test]
    fn names_can_not_become_markup() {
        let svg = svg(&fixture::awkward());
        assert!(!svg.contains("<script"));
        assert!(svg.contains("a&lt;b&gt;"));
        if let Ok(path) = std::env::var("KNEEPOINT_KEEP_SVG") {
            std::fs::write(path, svg).expect("writable");
        }
    }
}
