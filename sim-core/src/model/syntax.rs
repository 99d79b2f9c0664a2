//! The little syntax that texts of a model share: `name(first, second, key=value)`.

/// `name(a, b, key=c)` in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call<'t> {
    /// What stands before the bracket.
    pub name: &'t str,
    /// What stands in it without a key.
    pub positional: Vec<&'t str>,
    /// What stands in it with one.
    pub named: Vec<(&'t str, &'t str)>,
}

impl<'t> Call<'t> {
    /// The parts of a text; `None` where it has not this form.
    pub fn parse(text: &'t str) -> Option<Self> {
        let text = text.trim();
        let (name, rest) = text.split_once('(')?;
        let inside = rest.strip_suffix(')')?;
        let name = name.trim();
        if name.is_empty()
            || !name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_')
        {
            return None;
        }
        let mut call = Self { name, positional: Vec::new(), named: Vec::new() };
        for part in split(inside)? {
            match part.split_once('=') {
                Some((key, value)) => call.named.push((key.trim(), value.trim())),
                None => call.positional.push(part),
            }
        }
        Some(call)
    }

    /// The value of a key.
    pub fn named(&self, key: &str) -> Option<&'t str> {
        self.named.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
    }

    /// The first key that is none of these.
    pub fn other_than(&self, keys: &[&str]) -> Option<&'t str> {
        self.named.iter().map(|(name, _)| *name).find(|name| !keys.contains(name))
    }
}

/// Splits at commas outside brackets, trimmed; `None` where brackets don't match or a part is empty.
fn split(inside: &str) -> Option<Vec<&str>> {
    if inside.trim().is_empty() {
        return Some(Vec::new());
    }
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_i32, 0);
    for (index, letter) in inside.char_indices() {
        match letter {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(inside[start..index].trim());
                start = index + 1;
            }
            _ => {}
        }
        if depth < 0 {
            return None;
        }
    }
    parts.push(inside[start..].trim());
    (depth == 0 && parts.iter().all(|part| !part.is_empty())).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_taken_apart() {
        let call = Call::parse(" exponential( 100ms , factor=2, max = 1s)").expect("has the form");
        assert_eq!((call.name, call.positional.as_slice()), ("exponential", &["100ms"][..]));
        assert_eq!((call.named("factor"), call.named("max"), call.named("min")), (Some("2"), Some("1s"), None));
        assert_eq!(call.other_than(&["factor"]), Some("max"));
        for wrong in ["", "exp", "exp(", "exp)", "(1)", "e(1))", "e(1,,2)", "e x(1)", "e((1)", "e(1,)"] {
            assert_eq!(Call::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Call::parse("mix(a(1, 2), b(3))").map(|call| call.positional), Some(vec!["a(1, 2)", "b(3)"]));
    }
}
