//! Expectations: what a model is there to show, over itself and its variants: `p99@sieve < 0.9 * p99`.

use super::node::Node;
use super::objective::{Comparison, Dimension, Measure, compared, value_of};
use super::spec::{Place, Read, Reader, Shape};

/// Two expressions over figures of the model and its variants, compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// What is compared.
    pub left: Expression,
    /// How.
    pub comparison: Comparison,
    /// With what.
    pub right: Expression,
    /// As written.
    pub text: String,
    /// Where it was written.
    pub at: Place,
}

/// An expression over figures.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// A number, in the base unit (seconds, 0 to 1, per second).
    Number(f64),
    /// A figure of the model (`None`) or of one of its variants.
    Figure {
        /// Which figure.
        measure: Measure,
        /// Of which variant.
        variant: Option<String>,
    },
    /// Two expressions put together.
    Pair(Box<Expression>, Operator, Box<Expression>),
}

/// How two expressions are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `*`
    Times,
    /// `/`
    Over,
}

impl Expectation {
    /// Reads an expectation; the error says what is wrong and what to write.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (left, comparison, right) = compared(text)?;
        let (left, right) = (tokens(left)?, tokens(right)?);
        let dimension = dimension_of(&left)
            .or_else(|| dimension_of(&right))
            .ok_or_else(|| "expected a metric on one side, as \"p99@sieve < 0.9 * p99\"".to_string())?;
        for side in [&left, &right] {
            if let [Token::Number(alone)] = side.as_slice() {
                // What stands alone is a figure, which has its unit, and no factor.
                value_of(alone, dimension)?;
            }
        }
        let left = Parser { tokens: &left, at: 0, dimension, depth: 0 }.all()?;
        let right = Parser { tokens: &right, at: 0, dimension, depth: 0 }.all()?;
        Ok(Self { left, comparison, right, text: text.trim().to_string(), at: Place::default() })
    }

    /// Whether it holds, over a function that knows the figures; `None` where one of them is not known.
    pub fn holds(&self, figure: &dyn Fn(&Measure, Option<&str>) -> Option<f64>) -> Option<bool> {
        Some(self.comparison.holds(self.left.value(figure)?, self.right.value(figure)?))
    }

    /// The variants that it asks for.
    pub fn variants(&self) -> Vec<&str> {
        let mut variants = Vec::new();
        self.left.each_figure(&mut |_, variant| variants.extend(variant));
        self.right.each_figure(&mut |_, variant| variants.extend(variant));
        variants
    }
}

impl Expression {
    /// Its value, over a function that knows the figures.
    pub fn value(&self, figure: &dyn Fn(&Measure, Option<&str>) -> Option<f64>) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Figure { measure, variant } => figure(measure, variant.as_deref()),
            Self::Pair(left, operator, right) => {
                let (left, right) = (left.value(figure)?, right.value(figure)?);
                Some(match operator {
                    Operator::Plus => left + right,
                    Operator::Minus => left - right,
                    Operator::Times => left * right,
                    Operator::Over => left / right,
                })
            }
        }
    }

    /// What its value is measured in; `None` for what is made of numbers alone.
    pub fn dimension(&self) -> Option<Dimension> {
        match self {
            Self::Number(_) => None,
            Self::Figure { measure, .. } => Some(measure.dimension()),
            Self::Pair(left, operator, right) => match (left.dimension(), operator, right.dimension()) {
                (Some(_), Operator::Over, Some(_)) => Some(Dimension::Number),
                (left, _, right) => left.or(right),
            },
        }
    }

    /// Every figure in it.
    pub fn each_figure<'e>(&'e self, visit: &mut dyn FnMut(&'e Measure, Option<&'e str>)) {
        match self {
            Self::Number(_) => {}
            Self::Figure { measure, variant } => visit(measure, variant.as_deref()),
            Self::Pair(left, _, right) => {
                left.each_figure(visit);
                right.each_figure(visit);
            }
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Operator(Operator),
    Open,
    Close,
    /// A number with or without unit.
    Number(String),
    Figure {
        measure: Measure,
        variant: Option<String>,
    },
}

/// Operators stand between blanks, except `*`, `/`, `+` after a number without unit: names may hold `-` and `/`.
fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '+' => (Token::Operator(Operator::Plus), 1),
            '-' => (Token::Operator(Operator::Minus), 1),
            '*' => (Token::Operator(Operator::Times), 1),
            '/' => (Token::Operator(Operator::Over), 1),
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            digit if digit.is_ascii_digit() || digit == '.' => {
                let length = number_length(rest);
                (Token::Number(rest[..length].to_string()), length)
            }
            letter if letter.is_alphabetic() => figure(rest)?,
            other => return Err(format!("found '{}', which stands for nothing here", other.escape_default())),
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
        if tokens.len() > 200 {
            return Err("the expression is too long".to_string());
        }
    }
    Ok(tokens)
}

/// Digits with their unit: `250ms`, `1m30s`, `800/s`, `5%`.
fn number_length(text: &str) -> usize {
    let plain =
        text.find(|letter: char| !(letter.is_alphanumeric() || letter == '.' || letter == '%')).unwrap_or(text.len());
    for unit in ["/s", "/m", "/h", "/d", "/ms"] {
        let end = plain + unit.len();
        let follows = text.get(end..).is_some_and(|after| !after.starts_with(|letter: char| letter.is_alphanumeric()));
        if text.get(plain..end) == Some(unit) && follows {
            return end;
        }
    }
    plain
}

fn figure(text: &str) -> Result<(Token, usize), String> {
    let name = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '.';
    let mut end = text.find(|letter: char| !name(letter)).unwrap_or(text.len());
    if text[end..].starts_with('(') {
        end += text[end..].find(')').ok_or("expected a closing bracket")? + 1;
    }
    let measure = Measure::parse(&text[..end])?;
    let Some(after) = text[end..].strip_prefix('@') else { return Ok((Token::Figure { measure, variant: None }, end)) };
    let part_of_name = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '-';
    let length = after.find(|letter: char| !part_of_name(letter)).unwrap_or(after.len());
    if length == 0 {
        return Err("expected the name of a variant after @".to_string());
    }
    let variant = Some(after[..length].to_string());
    Ok((Token::Figure { measure, variant }, end + 1 + length))
}

fn dimension_of(tokens: &[Token]) -> Option<Dimension> {
    tokens.iter().find_map(|token| match token {
        Token::Figure { measure, .. } => Some(measure.dimension()),
        Token::Operator(_) | Token::Open | Token::Close | Token::Number(_) => None,
    })
}

struct Parser<'t> {
    tokens: &'t [Token],
    at: usize,
    dimension: Dimension,
    depth: u32,
}

impl Parser<'_> {
    fn all(mut self) -> Result<Expression, String> {
        let expression = self.sum()?;
        if self.at < self.tokens.len() { Err("expected an operator: + - * /".to_string()) } else { Ok(expression) }
    }

    fn sum(&mut self) -> Result<Expression, String> {
        let mut left = self.product()?;
        while let Some(operator) = self.operator(&[Operator::Plus, Operator::Minus]) {
            left = Expression::Pair(Box::new(left), operator, Box::new(self.product()?));
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Expression, String> {
        let mut left = self.one()?;
        while let Some(operator) = self.operator(&[Operator::Times, Operator::Over]) {
            left = Expression::Pair(Box::new(left), operator, Box::new(self.one()?));
        }
        Ok(left)
    }

    fn operator(&mut self, which: &[Operator]) -> Option<Operator> {
        match self.tokens.get(self.at) {
            Some(Token::Operator(operator)) if which.contains(operator) => {
                self.at += 1;
                Some(*operator)
            }
            Some(_) | None => None,
        }
    }

    fn one(&mut self) -> Result<Expression, String> {
        let token = self.tokens.get(self.at).ok_or("expected a number or a metric")?;
        self.at += 1;
        match token {
            Token::Number(text) => number(text, self.dimension).map(Expression::Number),
            Token::Figure { measure, variant } => {
                Ok(Expression::Figure { measure: measure.clone(), variant: variant.clone() })
            }
            Token::Open => {
                self.depth += 1;
                if self.depth > 20 {
                    return Err("the brackets are too deep".to_string());
                }
                let inside = self.sum()?;
                match self.tokens.get(self.at) {
                    Some(Token::Close) => self.at += 1,
                    Some(_) | None => return Err("expected a closing bracket".to_string()),
                }
                self.depth -= 1;
                Ok(inside)
            }
            Token::Operator(_) | Token::Close => Err("expected a number or a metric".to_string()),
        }
    }
}

/// A bare number is a factor, or a plain figure; otherwise the unit says what it is.
fn number(text: &str, dimension: Dimension) -> Result<f64, String> {
    if let Ok(number) = text.parse::<f64>()
        && number.is_finite()
    {
        return Ok(number);
    }
    value_of(text, dimension)
}

impl Read for Expectation {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Some(text) = node.text() else {
            return reader.unexpected(node, "an expectation, as \"p99@sieve < 0.9 * p99\"");
        };
        match Self::parse(text) {
            Ok(expectation) => Some(Self { at: Place::of(node), ..expectation }),
            Err(wrong) => reader.error_help(node, format!("found {}", node.describe()), wrong),
        }
    }

    fn shape() -> Shape {
        Shape::Syntax {
            doc: "what the model shows, over itself and its variants: p99@sieve < 0.9 * p99",
            pattern: r"^.+(<|<=|>|>=|==).+$",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expectations_are_read_and_evaluated() {
        let figure = |measure: &Measure, variant: Option<&str>| match (measure.metric.as_str(), variant) {
            ("p99", None) => Some(0.2),
            ("p99", Some("sieve")) => Some(0.15),
            ("hit_ratio", None) => Some(0.8),
            ("hit_ratio", Some("sieve-2")) => Some(0.9),
            ("throughput", None) => Some(900.0),
            _ => None,
        };
        for (text, holds) in [
            ("p99 < 250ms", Some(true)),
            ("p99@sieve < 0.9 * p99", Some(true)),
            ("p99@sieve<0.7*p99", Some(false)),
            ("hit_ratio(redis)@sieve-2 > hit_ratio(redis)", Some(true)),
            ("hit_ratio(redis)@sieve-2 - hit_ratio(redis) < 5%", Some(false)),
            ("throughput > 800/s", Some(true)),
            ("(p99 + p99) / 2 >= 200ms", Some(true)),
            ("p99 == p99", Some(true)),
            ("p50 < 1s", None),
        ] {
            let expectation = Expectation::parse(text).expect(text);
            assert_eq!(expectation.holds(&figure), holds, "{text}");
        }
    }

    #[test]
    fn mistakes_are_told() {
        for text in [
            "",
            "p99",
            "1 < 2",
            "p99 < ",
            "p99@ < 1s",
            "p99 < (1s",
            "p99 < 1x",
            "p99 < 2 2",
            "p99 < 100",
            "p99 < § p99",
            "bad < 1s",
            "p99 < ((((((((((((((((((((((1s))))))))))))))))))))))",
        ] {
            assert!(Expectation::parse(text).is_err(), "{text}");
        }
    }
}
