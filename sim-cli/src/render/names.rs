//! Figures as the names of columns, fit for data frames: `p99_s`, `utilization_web`, `throughput_per_s`.

use std::collections::BTreeSet;

use sim_core::experiment::Figure;
use sim_core::model::objective::Dimension;

/// The name of a figure's column, with its unit: seconds and per second; shares and plain numbers have none.
pub fn of_figure(figure: &Figure) -> String {
    let unit = match figure.dimension() {
        Dimension::Time => "_s",
        Dimension::Rate => "_per_s",
        Dimension::Share | Dimension::Number => "",
    };
    format!("{}{unit}", plain(&figure.name))
}

/// Letters, digits and single underscores: `orders/shard[1]` is `orders_shard_1`, and `p99.9` is `p999`.
pub fn plain(text: &str) -> String {
    let mut name = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let is_decimal = letter == '.'
            && name.ends_with(|last: char| last.is_ascii_digit())
            && letters.peek().is_some_and(char::is_ascii_digit);
        if letter.is_alphanumeric() {
            name.push(letter);
        } else if !is_decimal && !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
    }
    name.trim_end_matches('_').to_owned()
}

/// Makes names differ by numbers behind those that came before.
pub fn different(names: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let one = |name: String| {
        let other = (2..).map(|number| format!("{name}_{number}"));
        let free = std::iter::once(name.clone()).chain(other).find(|name| !seen.contains(name));
        let free = free.expect("there are more numbers than names");
        seen.insert(free.clone());
        free
    };
    names.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_columns() {
        let cases = [
            ("p99", "p99_s"),
            ("p99.9", "p999_s"),
            ("p99(web)", "p99_web_s"),
            ("throughput", "throughput_per_s"),
            ("error_rate", "error_rate"),
            ("utilization(orders/shard[1])", "utilization_orders_shard_1"),
            ("within(250ms)", "within_250ms"),
            ("wait(orders-pool.connections)", "wait_orders_pool_connections_s"),
        ];
        for (figure, expected) in cases {
            assert_eq!(of_figure(&Figure::parse(figure).expect(figure)), expected, "{figure}");
        }
        let names = ["a", "b", "a", "a", "a_2"].map(str::to_owned).to_vec();
        assert_eq!(different(names), ["a", "b", "a_2", "a_3", "a_2_2"]);
    }
}
