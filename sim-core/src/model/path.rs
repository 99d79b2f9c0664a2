//! Paths in a model: `web.handlers.browse[0].cpu`.

use super::link::LinkOptions;
use super::node::{Node, shortened};
use super::spec::{Field, Shape, Spec, Structure};

/// A step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// A field, or an entry of a map.
    Key(String),
    /// An item of a list, from 0.
    Index(usize),
}

/// Takes a path apart; the error says what is expected.
pub fn parse(path: &str) -> Result<Vec<Segment>, String> {
    let wrong = || format!("expected a path, as web.handlers.browse[0].cpu; found \"{}\"", shortened(path));
    let mut segments = Vec::new();
    for part in path.trim().split('.') {
        let (key, mut rest) = part.split_at(part.find('[').unwrap_or(part.len()));
        if key.is_empty() || segments.len() > 100 {
            return Err(wrong());
        }
        segments.push(Segment::Key(key.to_string()));
        while !rest.is_empty() {
            let (digits, after) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')).ok_or_else(wrong)?;
            if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(wrong());
            }
            segments.push(Segment::Index(digits.parse().map_err(|_| wrong())?));
            rest = after;
        }
    }
    Ok(segments)
}

/// A path of segments, as text.
pub fn text(segments: &[Segment]) -> String {
    let mut path = String::new();
    for segment in segments {
        match segment {
            Segment::Key(key) => path = super::node::join(&path, key),
            Segment::Index(index) => path = format!("{path}[{index}]"),
        }
    }
    path
}

/// What is declared for the place that one step of a path leads to.
pub enum Declared {
    /// A field.
    Field(Box<Field>),
    /// An entry of a map or an item of a list: what may stand there.
    Entry(Shape),
    /// There is no such field; these there are.
    Unknown(Vec<&'static str>),
    /// The declaration says nothing about it.
    Open,
}

/// Follows one step of a path through the declarations; `node` is what stands there now, to tell alternatives apart.
pub fn follow(shape: &Shape, node: Option<&Node>, segment: &Segment) -> Declared {
    let mut names = Vec::new();
    let mut open = false;
    for alternative in alternatives(shape, node) {
        match (&alternative, segment) {
            (Shape::Struct(structure), Segment::Key(key)) => {
                let fields = structure().written_fields();
                if let Some(field) = fields.iter().find(|field| field.name == key) {
                    return Declared::Field(Box::new(field.clone()));
                }
                if let Some(field) = fields.iter().find(|field| field.beside == Some(key.as_str())) {
                    // `link` beside `to`: its entries are a link's.
                    return Declared::Entry((field.shape)());
                }
                if fields.iter().any(|field| matches!(field.name, "call" | "cached")) {
                    // A step that calls: fields of its link may stand in the step itself.
                    let link = LinkOptions::structure().written_fields();
                    if let Some(field) = link.iter().find(|field| field.name == key) {
                        return Declared::Field(Box::new(field.clone()));
                    }
                    names.extend(link.iter().map(|field| field.name));
                }
                names.extend(fields.iter().map(|field| field.name));
                names.extend(fields.iter().filter_map(|field| field.beside));
            }
            (Shape::Map(inner), Segment::Key(_)) | (Shape::List(inner), Segment::Index(_)) => {
                return Declared::Entry((**inner).clone());
            }
            (Shape::Any(_) | Shape::Named(..), _) => open = true,
            (
                Shape::Struct(_)
                | Shape::Map(_)
                | Shape::List(_)
                | Shape::Bool
                | Shape::Text
                | Shape::Quantity(_)
                | Shape::Name(_)
                | Shape::Choice(_)
                | Shape::Syntax { .. },
                _,
            ) => {}
        }
    }
    if names.is_empty() && open { Declared::Open } else { Declared::Unknown(names) }
}

/// What a shape may be, without alternatives; those that can't be meant for a component's `type` are left out.
fn alternatives(shape: &Shape, node: Option<&Node>) -> Vec<Shape> {
    match shape {
        Shape::Any(shapes) => {
            let all: Vec<Shape> = shapes.iter().flat_map(|shape| alternatives(shape, node)).collect();
            let kind = node.and_then(|node| node.get("type")).and_then(Node::text);
            let fits = |shape: &&Shape| match shape {
                Shape::Struct(structure) => structure().component.is_none_or(|component| Some(component) == kind),
                _ => true,
            };
            all.iter().filter(fits).cloned().collect()
        }
        Shape::Named(_, inner) => alternatives(&inner(), node),
        Shape::Bool
        | Shape::Text
        | Shape::Quantity(_)
        | Shape::Name(_)
        | Shape::Choice(_)
        | Shape::Syntax { .. }
        | Shape::List(_)
        | Shape::Map(_)
        | Shape::Struct(_) => vec![shape.clone()],
    }
}

/// The declared map that a bare value at a place stands for, if it does for one.
pub fn shorthand(shape: &Shape) -> Option<Structure> {
    alternatives(shape, None).iter().find_map(|alternative| match alternative {
        Shape::Struct(structure) => Some(structure()).filter(|structure| structure.short.is_some()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_apart() {
        for path in
            ["web.replicas", "web.handlers.browse[0].cpu", "a[1][2]", "web.overrides.2.speed", "web.handlers.*[0]"]
        {
            assert_eq!(text(&parse(path).expect(path)), path);
        }
        for path in ["", ".", "a.", ".a", "a[", "a[]", "a[x]", "a[0]b", "[0]", "a..b", "a[99999999999]"] {
            assert!(parse(path).is_err(), "{path}");
        }
    }
}
