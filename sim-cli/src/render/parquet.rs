//! A sheet as Parquet: columns of real types (whole numbers, numbers, true or false, texts), for data frames.

use std::sync::Arc;

use ::parquet::basic::{LogicalType, Repetition, Type as Physical};
use ::parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use ::parquet::schema::types::Type;
use serde::Serialize;
use serde_json::Value;

use super::page::Sheet;
use super::text::Align;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Whole,
    Number,
    Bool,
    Text,
}

impl Kind {
    /// The narrowest that holds all values; texts hold anything. Where none is known, quantities are numbers.
    fn of<'v>(values: impl Iterator<Item = &'v Value> + Clone, align: Align) -> Self {
        let mut known = values.filter(|value| !value.is_null()).peekable();
        match () {
            () if known.peek().is_none() && align == Align::Left => Self::Text,
            () if known.peek().is_none() => Self::Number,
            () if known.clone().all(Value::is_i64) => Self::Whole,
            () if known.clone().all(Value::is_number) => Self::Number,
            () if known.clone().all(Value::is_boolean) => Self::Bool,
            () => Self::Text,
        }
    }
}

/// The bytes of a file; single facts of the answer are in its metadata.
pub fn parquet(sheet: &Sheet, answer: &impl Serialize) -> Vec<u8> {
    write(sheet, facts(answer)).expect("columns of one length that fit their types can be written to memory")
}

fn write(sheet: &Sheet, facts: Vec<KeyValue>) -> Result<Vec<u8>, ParquetError> {
    let column = |number: usize| sheet.rows.iter().map(move |row| &row[number].value);
    let kinds: Vec<Kind> =
        sheet.columns.iter().enumerate().map(|(number, of)| Kind::of(column(number), of.align)).collect();
    let fields = sheet.columns.iter().zip(&kinds).map(|(column, kind)| field(&column.name, *kind));
    let fields = fields.collect::<Result<Vec<_>, _>>()?;
    let schema = Arc::new(Type::group_type_builder("kneepoint").with_fields(fields).build()?);
    let properties = WriterProperties::builder().set_key_value_metadata(Some(facts)).build();
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
    let mut rows = writer.next_row_group()?;
    for (number, kind) in kinds.into_iter().enumerate() {
        let out = rows.next_column()?.expect("there are as many columns as fields");
        let values = column(number);
        match kind {
            Kind::Whole => fill::<Int64Type>(out, values, Value::as_i64)?,
            Kind::Number => fill::<DoubleType>(out, values, Value::as_f64)?,
            Kind::Bool => fill::<BoolType>(out, values, Value::as_bool)?,
            Kind::Text => fill::<ByteArrayType>(out, values, text)?,
        }
    }
    rows.close()?;
    writer.into_inner()
}

fn field(name: &str, kind: Kind) -> Result<Arc<Type>, ParquetError> {
    let physical = match kind {
        Kind::Whole => Physical::INT64,
        Kind::Number => Physical::DOUBLE,
        Kind::Bool => Physical::BOOLEAN,
        Kind::Text => Physical::BYTE_ARRAY,
    };
    let logical = (kind == Kind::Text).then_some(LogicalType::String);
    let field = Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
    field.with_logical_type(logical).build().map(Arc::new)
}

/// Writes a column; what is unknown is null.
fn fill<'v, T: DataType>(
    mut out: SerializedColumnWriter<'_>,
    values: impl Iterator<Item = &'v Value>,
    read: impl Fn(&Value) -> Option<T::T>,
) -> Result<(), ParquetError> {
    let values: Vec<Option<T::T>> = values.map(read).collect();
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let known: Vec<T::T> = values.into_iter().flatten().collect();
    out.typed::<T>().write_batch(&known, Some(&levels), None)?;
    out.close()
}

fn text(value: &Value) -> Option<ByteArray> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(ByteArray::from(text.as_str())),
        other => Some(ByteArray::from(other.to_string().as_str())),
    }
}

/// `kneepoint.seed`, `kneepoint.digest`, … of an answer.
fn facts(answer: &impl Serialize) -> Vec<KeyValue> {
    let answer = serde_json::to_value(answer).expect("an answer is serialisable");
    let single = |(name, value): (&String, &Value)| match value {
        Value::String(text) => Some((name.clone(), text.clone())),
        Value::Number(_) | Value::Bool(_) => Some((name.clone(), value.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    let facts = answer.as_object().into_iter().flatten().filter_map(single);
    facts.map(|(name, value)| KeyValue::new(format!("kneepoint.{name}"), value)).collect()
}

#[cfg(test)]
mod tests {
    use ::parquet::file::reader::{FileReader, SerializedFileReader};
    use ::parquet::record::RowAccessor;
    use serde_json::json;

    use super::*;
    use crate::render::page::{Cell, Column};

    #[test]
    fn columns_have_their_types_and_read_back() {
        let names = ["web.replicas", "p99_s", "met_p99", "policy", "mixed", "unknown", "stopped"];
        let mut columns = names.map(|name| Column::unit(name, name)).to_vec();
        columns[6] = Column::left("stopped", "stopped");
        let mut sheet = Sheet::new("", columns);
        let rows = [
            [json!(2), json!(0.1 + 0.2), json!(true), json!("lru"), json!(1), json!(null), json!(null)],
            [json!(4), json!(null), json!(false), json!("größer"), json!("many"), json!(null), json!(null)],
        ];
        for row in rows {
            sheet.rows.push(row.map(|value| Cell { text: String::new(), value }).to_vec());
        }
        let bytes = parquet(&sheet, &json!({ "kind": "sweep", "seed": 42, "points": [] }));
        let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).expect("it is Parquet");
        let meta = reader.metadata().file_metadata();
        let facts: Vec<(&str, Option<&str>)> = meta
            .key_value_metadata()
            .expect("it has facts")
            .iter()
            .map(|fact| (fact.key.as_str(), fact.value.as_deref()))
            .collect();
        assert_eq!(facts, [("kneepoint.kind", Some("sweep")), ("kneepoint.seed", Some("42"))]);
        let types: Vec<Physical> = meta.schema().get_fields().iter().map(|field| field.get_physical_type()).collect();
        let (whole, number, text) = (Physical::INT64, Physical::DOUBLE, Physical::BYTE_ARRAY);
        assert_eq!(types, [whole, number, Physical::BOOLEAN, text, text, number, text]);
        let rows: Vec<_> = reader.get_row_iter(None).expect("it has rows").map(|row| row.expect("readable")).collect();
        assert_eq!((rows[0].get_long(0).ok(), rows[1].get_long(0).ok()), (Some(2), Some(4)));
        assert_eq!(rows[0].get_double(1).ok(), Some(0.1 + 0.2));
        assert!(rows[1].get_double(1).is_err(), "what is unknown is null");
        assert_eq!(rows[1].get_bool(2).ok(), Some(false));
        assert_eq!(rows[1].get_string(3).ok().map(String::as_str), Some("größer"));
        assert_eq!(rows[0].get_string(4).ok().map(String::as_str), Some("1"));
    }
}
