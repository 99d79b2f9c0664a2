//! The JSON Schema of models, from the declarations: editors complete and check by it.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::ModelSpec;
use super::link::LinkOptions;
use super::node::Value;
use super::spec::{Choice, Field, Presence, Quantity, Read, Shape, Spec, Structure};

/// The JSON Schema (2020-12) of a model file.
pub fn schema() -> Json {
    let mut definitions = Definitions::default();
    let model = ModelSpec::structure();
    let mut root = Map::new();
    root.insert("$schema".to_string(), json!("https://json-schema.org/draft/2020-12/schema"));
    root.insert("title".to_string(), json!("Kneepoint model"));
    root.extend(definitions.object(&model));
    definitions.quantities();
    root.insert("$defs".to_string(), Json::Object(definitions.finished.into_iter().collect()));
    Json::Object(root)
}

/// What is defined once and referred to by name.
#[derive(Default)]
struct Definitions {
    finished: BTreeMap<String, Json>,
}

impl Definitions {
    /// A reference to a definition; it is made first where it isn't there.
    fn refer(&mut self, name: &str, make: impl FnOnce(&mut Self) -> Json) -> Json {
        if !self.finished.contains_key(name) {
            // It stands there before it is made: what holds itself refers to it.
            self.finished.insert(name.to_string(), Json::Null);
            let made = make(self);
            self.finished.insert(name.to_string(), made);
        }
        json!({ "$ref": format!("#/$defs/{name}") })
    }

    fn shape(&mut self, shape: &Shape) -> Json {
        match shape {
            Shape::Bool => json!({ "type": "boolean" }),
            Shape::Text => json!({ "type": "string", "maxLength": 1000 }),
            Shape::Quantity(quantity) => json!({ "$ref": format!("#/$defs/{}", quantity_name(*quantity)) }),
            Shape::Name(what) => {
                json!({ "type": "string", "minLength": 1, "description": format!("the name of {what}") })
            }
            Shape::Choice(choices) => {
                let word = |choice: &Choice| match choice.word.parse::<u64>() {
                    // A status code is a number too.
                    Ok(number) => json!({ "enum": [choice.word, number], "description": choice.doc }),
                    Err(_) => json!({ "const": choice.word, "description": choice.doc }),
                };
                json!({ "oneOf": choices.iter().map(word).collect::<Vec<Json>>() })
            }
            Shape::Syntax { doc, pattern } => json!({ "type": "string", "pattern": pattern, "description": doc }),
            Shape::List(inner) => json!({ "type": "array", "items": self.shape(inner) }),
            Shape::Map(inner) => {
                // Notes may stand among the entries.
                json!({ "type": "object", "patternProperties": { "^x-": true }, "properties": { "description": true }, "additionalProperties": self.shape(inner) })
            }
            Shape::Any(shapes) if shapes.is_empty() => json!(true),
            Shape::Any(shapes) => {
                let alternatives: Vec<Json> = shapes.iter().map(|shape| self.shape(shape)).collect();
                json!({ "anyOf": alternatives })
            }
            Shape::Struct(structure) => {
                let structure = structure();
                self.refer(structure.name, |all| all.structure(&structure))
            }
            Shape::Named("Component", inner) => self.refer("Component", |all| all.component(&inner())),
            Shape::Named(name, inner) => self.refer(name, |all| all.shape(&inner())),
        }
    }

    /// A declared map, with its shorthand.
    fn structure(&mut self, structure: &Structure) -> Json {
        let object = Json::Object(self.object(structure));
        let fields = structure.written_fields();
        match structure.short.and_then(|short| fields.into_iter().find(|field| field.name == short)) {
            Some(short) => json!({ "anyOf": [self.field(&short), object] }),
            None => object,
        }
    }

    fn object(&mut self, structure: &Structure) -> Map<String, Json> {
        let mut properties = Map::new();
        let mut required = Vec::new();
        if let Some(component) = structure.component {
            properties.insert("type".to_string(), json!({ "const": component }));
            properties.insert("like".to_string(), like());
            properties.insert("preset".to_string(), preset());
            required.push("type");
        }
        if structure.component.is_some() || structure.name == "ModelSpec" {
            properties.insert("layout".to_string(), json!({ "description": "Positions in the editor." }));
        }
        properties.insert("$schema".to_string(), json!({ "type": "string" }));
        properties.insert("description".to_string(), json!({ "description": "A note for readers." }));
        for field in structure.written_fields() {
            properties.insert(field.name.to_string(), self.field(&field));
            if let Some(sibling) = field.beside {
                properties.insert(sibling.to_string(), self.shape(&LinkOptions::shape()));
            }
            if field.presence == Presence::Required {
                required.push(field.name);
            }
        }
        if structure.name == "LinkOptions" || structure.name == "Link" {
            properties.insert("preset".to_string(), preset());
        }
        if matches!(structure.name, "CallStep" | "PublishStep" | "CachedStep") {
            // The fields of the link may stand in the step itself.
            properties.insert("link".to_string(), self.shape(&LinkOptions::shape()));
            for field in LinkOptions::structure().written_fields() {
                properties.insert(field.name.to_string(), self.field(&field));
            }
        }
        for (tag, inner) in [("HoldStep", "hold"), ("CachedStep", "cached"), ("FailStep", "fail")] {
            if structure.name == tag {
                // All of the step may stand inside of its word.
                let own = properties.get(inner).cloned().unwrap_or(json!(true));
                properties.insert(inner.to_string(), json!({ "anyOf": [own, { "type": "object" }] }));
                required.retain(|name| *name == inner);
            }
        }
        let mut object = Map::new();
        object.insert("type".to_string(), json!("object"));
        object.insert("description".to_string(), json!(structure.doc));
        object.insert("properties".to_string(), Json::Object(properties));
        object.insert("patternProperties".to_string(), json!({ "^x-": true }));
        object.insert("additionalProperties".to_string(), json!(false));
        if structure.component.is_some() {
            // What a component takes from another need not be said.
            let own = json!({ "required": required });
            object.insert("anyOf".to_string(), json!([{ "required": ["type", "like"] }, own]));
        } else if !required.is_empty() {
            object.insert("required".to_string(), json!(required));
        }
        object
    }

    /// A component is one of the types, or like another one.
    fn component(&mut self, shape: &Shape) -> Json {
        let Json::Object(mut any) = self.shape(shape) else { return json!(true) };
        if let Some(Json::Array(alternatives)) = any.get_mut("anyOf") {
            let like =
                json!({ "type": "object", "properties": { "like": like(), "type": false }, "required": ["like"] });
            alternatives.push(like);
        }
        Json::Object(any)
    }

    fn field(&mut self, field: &Field) -> Json {
        let Json::Object(mut schema) = self.shape(&(field.shape)()) else { return json!(true) };
        let is_bare_number = matches!((field.shape)(), Shape::Quantity(Quantity::Count | Quantity::Factor));
        let mut doc = field.doc.clone();
        for (bound, keyword, words) in [(&field.least, "minimum", "At least"), (&field.most, "maximum", "At most")] {
            match bound {
                Some(Value::Number(number)) if is_bare_number => {
                    schema.insert(keyword.to_string(), plain(&Value::Number(number.clone())));
                }
                Some(bound) => doc = format!("{doc} {words} {}.", bare(bound)),
                None => {}
            }
        }
        schema.insert("description".to_string(), json!(doc));
        if let Presence::Default(value) = &field.presence {
            schema.insert("default".to_string(), plain(value));
        }
        if field.live {
            schema.insert("x-live".to_string(), json!(true));
        }
        Json::Object(schema)
    }

    fn quantities(&mut self) {
        for quantity in [
            Quantity::Time,
            Quantity::Rate,
            Quantity::Size,
            Quantity::Bandwidth,
            Quantity::Cores,
            Quantity::Share,
            Quantity::Count,
            Quantity::Factor,
            Quantity::TimeDistribution,
            Quantity::SizeDistribution,
        ] {
            self.finished.insert(quantity_name(quantity).to_string(), quantity_schema(quantity));
        }
    }
}

fn preset() -> Json {
    json!({ "type": "string", "description": "A product whose defaults are filled in, own fields win: pgbouncer, hikaricp, sqlalchemy, redis, cloudfront, nginx, alb, envoy, kubernetes; at links resilience4j, envoy." })
}

fn like() -> Json {
    json!({ "type": "string", "description": "Another component: it is copied, own fields win." })
}

fn quantity_name(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::Time => "time",
        Quantity::Rate => "rate",
        Quantity::Size => "size",
        Quantity::Bandwidth => "bandwidth",
        Quantity::Cores => "cores",
        Quantity::Share => "share",
        Quantity::Count => "count",
        Quantity::Factor => "factor",
        Quantity::TimeDistribution => "time-distribution",
        Quantity::SizeDistribution => "size-distribution",
    }
}

fn quantity_schema(quantity: Quantity) -> Json {
    const DISTRIBUTIONS: &str =
        "exp|lognormal|gamma|erlang|weibull|pareto|uniform|normal|hyperexp|mix|empirical|quantiles";
    let text = |description: &str, pattern: &str, examples: Json| json!({ "type": "string", "description": description, "pattern": pattern, "examples": examples });
    let time = r"[0-9.]+([eE][+-]?[0-9]+)?\s*(ns|us|µs|μs|ms|s|m|h|d)";
    let size = r"[0-9.]+([eE][+-]?[0-9]+)?\s*([kKMGT]i?)?B";
    match quantity {
        Quantity::Time => json!({ "description": "A time with its unit.", "anyOf": [
            text("A time with its unit.", &format!(r"^\s*({time}\s*)+$"), json!(["20ms", "1m30s"])),
            { "const": 0 },
        ] }),
        Quantity::Rate => {
            text("A number per time.", r"^\s*[0-9.]+.*(/|per).+$", json!(["800/s", "5/m", "100 per 15m"]))
        }
        Quantity::Size => text("A size with its unit.", &format!(r"^\s*{size}\s*$"), json!(["4KiB", "2GB"])),
        Quantity::Bandwidth => {
            text("A bandwidth with its unit.", r"^\s*[0-9.]+\s*[kKMGT]?i?(bps|B/s)\s*$", json!(["1Gbps", "100MB/s"]))
        }
        Quantity::Cores => json!({ "description": "Processor cores.", "anyOf": [
            { "type": "number", "exclusiveMinimum": 0 },
            text("Thousandths of a core.", r"^\s*[0-9.]+\s*m?\s*$", json!(["500m"])),
        ] }),
        Quantity::Share => json!({ "description": "A share of the whole.", "anyOf": [
            { "type": "number", "minimum": 0, "maximum": 1 },
            text("A percentage.", r"^\s*[0-9.]+([eE][+-]?[0-9]+)?\s*%?\s*$", json!(["5%"])),
        ] }),
        Quantity::Count => json!({ "description": "A whole number.", "type": "integer", "minimum": 0 }),
        Quantity::Factor => json!({ "description": "A number.", "type": "number", "minimum": 0 }),
        Quantity::TimeDistribution => json!({ "description": "A time or a distribution of times.", "anyOf": [
            text(
                "A time with its unit, or a distribution of times.",
                &format!(r"^\s*(({time}\s*)+|({DISTRIBUTIONS})\s*\(.*\)\s*)$"),
                json!(["4ms", "exp(4ms)", "lognormal(4ms, cv=0.8)", "mix(90% exp(2ms), 10% exp(50ms))"]),
            ),
            { "const": 0 },
        ] }),
        Quantity::SizeDistribution => text(
            "A size with its unit, or a distribution of sizes.",
            &format!(r"^\s*({size}|({DISTRIBUTIONS})\s*\(.*\))\s*$"),
            json!(["4KiB", "exp(4KiB)"]),
        ),
    }
}

fn bare(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Map(_) => plain(value).to_string(),
    }
}

/// A value of the tree as JSON.
pub fn plain(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => json!(value),
        Value::Number(number) => serde_json::from_str(&number.text).unwrap_or_else(|_| json!(number.value)),
        Value::String(text) => json!(text),
        Value::List(items) => Json::Array(items.iter().map(|item| plain(&item.value)).collect()),
        Value::Map(entries) => {
            Json::Object(entries.iter().map(|(key, node)| (key.clone(), plain(&node.value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::node::Node;
    use crate::model::spec::Reader;
    use crate::model::{Document, NoFiles};

    /// As much of JSON Schema as ours uses; patterns and formats apart.
    fn fits(value: &Json, schema: &Json, root: &Json) -> bool {
        let Json::Object(schema) = schema else { return schema == &json!(true) };
        schema.iter().all(|(keyword, rule)| match keyword.as_str() {
            "$ref" => {
                let name =
                    rule.as_str().and_then(|path| path.strip_prefix("#/$defs/")).expect("refers to a definition");
                fits(value, root["$defs"].get(name).expect("is defined"), root)
            }
            "type" => match rule.as_str() {
                Some("object") => value.is_object(),
                Some("array") => value.is_array(),
                Some("string") => value.is_string(),
                Some("boolean") => value.is_boolean(),
                Some("number") => value.is_number(),
                Some("integer") => value.as_f64().is_some_and(|number| number.fract() == 0.0),
                other => panic!("{other:?} is another type"),
            },
            "const" => value == rule,
            "enum" => rule.as_array().is_some_and(|values| values.contains(value)),
            "anyOf" => rule.as_array().is_some_and(|any| any.iter().any(|one| fits(value, one, root))),
            "oneOf" => rule.as_array().is_some_and(|any| any.iter().filter(|one| fits(value, one, root)).count() == 1),
            "items" => value.as_array().is_none_or(|items| items.iter().all(|item| fits(item, rule, root))),
            "required" => value.as_object().is_none_or(|object| {
                rule.as_array()
                    .is_some_and(|names| names.iter().all(|name| object.contains_key(name.as_str().unwrap_or(""))))
            }),
            "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap_or(f64::MAX)),
            "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap_or(f64::MIN)),
            "exclusiveMinimum" => value.as_f64().is_none_or(|number| number > rule.as_f64().unwrap_or(f64::MAX)),
            "properties" => value.as_object().is_none_or(|object| {
                object.iter().all(|(key, value)| rule.get(key).is_none_or(|rule| fits(value, rule, root)))
            }),
            "additionalProperties" => value.as_object().is_none_or(|object| {
                let declared = |key: &str| schema.get("properties").is_some_and(|all| all.get(key).is_some());
                object.iter().all(|(key, value)| declared(key) || key.starts_with("x-") || fits(value, rule, root))
            }),
            "$schema" | "$defs" | "title" | "description" | "default" | "examples" | "pattern"
            | "patternProperties" | "x-live" | "maxLength" | "minLength" => true,
            other => panic!("{other} is another keyword"),
        })
    }

    fn json_of(text: &str) -> Json {
        plain(&Document::parse(text, "").expect("is a document").root.value)
    }

    #[test]
    fn right_models_fit() {
        let schema = schema();
        let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../models");
        let mut texts = vec![include_str!("tests/web_shop.json").to_string(), crate::model::tests::SMALL.to_string()];
        for entry in std::fs::read_dir(models).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name != "schema.json" && (name.ends_with(".json") || name.ends_with(".yaml")) {
                texts.push(std::fs::read_to_string(entry.path()).expect("can be read"));
            }
        }
        for text in texts {
            assert!(fits(&json_of(&text), &schema, &schema), "{text}");
        }
    }

    #[test]
    fn wrong_models_do_not() {
        let (schema, small) = (schema(), crate::model::tests::SMALL);
        for (at, by) in [
            ("replicas: 2", "replcas: 2"),
            ("replicas: 2", "replicas: -1"),
            ("replicas: 2", "replicas: two"),
            ("format: 1", "fromat: 1"),
            ("to: edge", "too: edge"),
            ("type: cache", "type: cash"),
            ("cpu: 2ms", "cup: 2ms"),
            ("to: [web]", "to: [web], policy: best"),
        ] {
            let wrong = small.replacen(at, by, 1);
            assert!(!fits(&json_of(&wrong), &schema, &schema), "{by}");
        }
        let shorthands = small.replacen("replicas: 2", "queue: 5\n    x-note: 1", 1).replacen(
            "{ call: redis }",
            "{ call: redis, timeout: 1s, retry: 2 }, { hold: { pool: pool, do: [] } }",
            1,
        ) + "  other: { like: web, cores: 500m }\n";
        assert!(fits(&json_of(&shorthands), &schema, &schema), "{shorthands}");
    }

    /// Every default and every bound can be read, and every field says what it is.
    #[test]
    fn declarations_are_right() {
        let mut waiting = vec![ModelSpec::shape(), LinkOptions::shape()];
        let mut seen = std::collections::BTreeSet::new();
        while let Some(shape) = waiting.pop() {
            match shape {
                Shape::List(inner) | Shape::Map(inner) => waiting.push(*inner),
                Shape::Any(shapes) => waiting.extend(shapes),
                Shape::Named(name, inner) if seen.insert(name) => waiting.push(inner()),
                Shape::Struct(structure) if seen.insert(structure().name) => {
                    for field in structure().fields {
                        let mut values: Vec<Value> = field.least.iter().chain(&field.most).cloned().collect();
                        if let Presence::Default(value) = &field.presence {
                            values.push(value.clone());
                        }
                        for value in values {
                            let mut reader = Reader::new(&NoFiles);
                            let right = (field.check)(&Node::new(value, field.name), &mut reader);
                            assert!(right, "{}.{}: {}", structure().name, field.name, reader.diagnostics);
                        }
                        assert!(field.presence == Presence::Flatten || field.doc.ends_with('.'), "{}", field.name);
                        waiting.push((field.shape)());
                    }
                }
                _ => {}
            }
        }
        assert!(seen.len() > 50, "{seen:?}");
    }
}
