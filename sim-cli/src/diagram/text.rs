//! The topology as text for other tools: Mermaid and Graphviz.

use super::Topology;

/// A Mermaid flowchart, as Markdown renderers draw it.
pub fn mermaid(topology: &Topology) -> String {
    let mut lines = vec!["flowchart LR".to_owned()];
    for (index, node) in topology.nodes.iter().enumerate() {
        let (open, close) = match node.kind.as_str() {
            "client" => ("([", "])"),
            "load-balancer" => ("{{", "}}"),
            "cache" | "database" => ("[(", ")]"),
            _ => ("[", "]"),
        };
        let facts: String = node.facts.iter().map(|fact| format!("<br/>{}", entities(fact))).collect();
        lines.push(format!(
            "  n{index}{open}\"<b>{}</b><br/>{}{facts}\"{close}",
            entities(&node.name),
            entities(&node.kind)
        ));
    }
    for edge in &topology.edges {
        let arrow = if edge.steers { "-.->" } else { "-->" };
        let label = if edge.label.is_empty() { String::new() } else { format!("|\"{}\"|", entities(&edge.label)) };
        lines.push(format!("  n{} {arrow}{label} n{}", edge.from, edge.to));
    }
    lines.join("\n") + "\n"
}

/// A Graphviz digraph.
pub fn dot(topology: &Topology) -> String {
    let mut lines = vec![
        format!("digraph {} {{", quoted(&[&topology.title])),
        "  rankdir=LR; node [shape=box, style=rounded, fontname=\"Helvetica\"]; edge [fontname=\"Helvetica\", fontsize=10];"
            .to_owned(),
    ];
    for node in &topology.nodes {
        let label: Vec<&str> =
            [node.name.as_str(), node.kind.as_str()].into_iter().chain(node.facts.iter().map(String::as_str)).collect();
        lines.push(format!("  {} [label={}];", quoted(&[&node.name]), quoted(&label)));
    }
    for edge in &topology.edges {
        let [from, to] = [edge.from, edge.to].map(|index| quoted(&[&topology.nodes[index].name]));
        let style = if edge.steers { ", style=dashed" } else { "" };
        lines.push(format!("  {from} -> {to} [label={}{style}];", quoted(&[&edge.label])));
    }
    lines.push("}".to_owned());
    lines.join("\n") + "\n"
}

/// Mermaid reads HTML entities without their ampersand.
fn entities(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '"' | '<' | '>' | '&' | '#' | '|' | '`' => format!("#{};", u32::from(letter)),
            letter if letter.is_control() => " ".to_owned(),
            letter => letter.to_string(),
        })
        .collect()
}

fn quoted(lines: &[&str]) -> String {
    let escape = |line: &&str| line.replace('\\', "\\\\").replace('"', "\\\"").replace(['\n', '\r'], " ");
    format!("\"{}\"", lines.iter().map(escape).collect::<Vec<_>>().join("\\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagram::fixture;

    #[test]
    fn as_mermaid() {
        insta::assert_snapshot!(mermaid(&fixture::web_shop()) + &mermaid(&fixture::awkward()));
    }

    #[test]
    fn as_dot() {
        insta::assert_snapshot!(dot(&fixture::web_shop()) + &dot(&fixture::awkward()));
    }
}
