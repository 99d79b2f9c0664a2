//! The mean of several reports as trees: the same place in each, whatever is there.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

/// The mean of the same place in several reports. A missing whole number counts as 0 (an outcome that one run did not
/// have), a missing fraction does not count (a latency without requests).
pub(super) fn mean_of(values: &[Option<&Value>]) -> Value {
    let present: Vec<&Value> = values.iter().flatten().copied().filter(|value| !value.is_null()).collect();
    match present.first() {
        None => Value::Null,
        Some(Value::Object(_)) => Value::Object(mean_of_objects(&present, values.len())),
        Some(Value::Array(_)) => mean_of_arrays(&present),
        Some(Value::Number(number)) if number.is_u64() => mean_of_counts(&present, values.len()),
        Some(Value::Number(_)) => {
            let sum: f64 = present.iter().filter_map(|value| value.as_f64()).sum();
            Number::from_f64(sum / present.len() as f64).map_or(Value::Null, Value::Number)
        }
        Some(Value::String(_) | Value::Bool(_) | Value::Null) => present[0].clone(),
    }
}

fn mean_of_counts(present: &[&Value], runs: usize) -> Value {
    let sum: u128 = present.iter().filter_map(|value| value.as_u64()).map(u128::from).sum();
    let mean = (sum + runs as u128 / 2) / runs as u128;
    Value::from(u64::try_from(mean).expect("a mean is not above its largest value"))
}

fn mean_of_objects(objects: &[&Value], runs: usize) -> Map<String, Value> {
    let mut keys: Vec<&String> = Vec::new();
    for key in objects.iter().filter_map(|object| object.as_object()).flat_map(Map::keys) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let mut mean = Map::new();
    for key in keys {
        let mut fields: Vec<Option<&Value>> = objects.iter().map(|object| object.get(key)).collect();
        // An object that a run lacks has none of its counts either.
        fields.resize(runs, None);
        let value = match key.as_str() {
            "histogram" => sum_of_histograms(&fields),
            // Rows, not figures: they are merged by what they name.
            "breakdown" | "objectives" | "audit" | "assumptions" => fields[0].cloned().unwrap_or(Value::Null),
            key if unknown_percentile(key, objects) => Value::Null,
            key if key.ends_with("_needs") => {
                fields.iter().flatten().next().map_or(Value::Null, |needs| (*needs).clone())
            }
            key => match key.strip_suffix("_at_least_s") {
                // A mean over some of the runs is no bound of the mean over all.
                Some(percentile) if refused(percentile, objects) => continue,
                Some(percentile) => mean_bound(percentile, key, objects),
                None => mean_of(&fields),
            },
        };
        mean.insert(key.clone(), value);
    }
    mean
}

/// Whether a run has too few samples for this percentile, or only knows a bound of it; then the mean is not known either.
fn unknown_percentile(key: &str, objects: &[&Value]) -> bool {
    key.strip_suffix("_s").is_some_and(|stem| {
        let bound = format!("{stem}_at_least_s");
        refused(stem, objects) || objects.iter().any(|object| object.get(&bound).is_some_and(Value::is_number))
    })
}

fn refused(percentile: &str, objects: &[&Value]) -> bool {
    let needs = format!("{percentile}_needs");
    objects.iter().any(|object| object.get(&needs).is_some_and(Value::is_number))
}

/// The mean of values and, where they are unknown, of their bounds: a bound of the mean.
fn mean_bound(percentile: &str, bound: &str, objects: &[&Value]) -> Value {
    let value = format!("{percentile}_s");
    let known: Vec<f64> = objects
        .iter()
        .filter_map(|object| {
            object.get(&value).and_then(Value::as_f64).or_else(|| object.get(bound).and_then(Value::as_f64))
        })
        .collect();
    Number::from_f64(known.iter().sum::<f64>() / known.len() as f64).map_or(Value::Null, Value::Number)
}

/// Element by element; a run that was stopped early may have fewer.
fn mean_of_arrays(arrays: &[&Value]) -> Value {
    let longest = arrays.iter().filter_map(|array| array.as_array()).map(Vec::len).max().unwrap_or(0);
    (0..longest).map(|index| mean_of(&arrays.iter().map(|array| array.get(index)).collect::<Vec<_>>())).collect()
}

/// The sums, bucket by bucket; they become means when the count that they must add up to is known.
fn sum_of_histograms(histograms: &[Option<&Value>]) -> Value {
    // Upper bounds are positive, so their bits are ordered as they are.
    let mut buckets: BTreeMap<u64, u64> = BTreeMap::new();
    for bucket in histograms.iter().flatten().filter_map(|value| value.as_array()).flatten() {
        let upper_s = bucket.get(0).and_then(Value::as_f64).unwrap_or(0.0);
        *buckets.entry(upper_s.to_bits()).or_default() += bucket.get(1).and_then(Value::as_u64).unwrap_or(0);
    }
    buckets
        .into_iter()
        .map(|(upper, count)| Value::from(vec![Value::from(f64::from_bits(upper)), count.into()]))
        .collect()
}
