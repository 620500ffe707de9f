//! Tables as Parquet, the unit of each column in its metadata.
//!
//! Text columns are strings, columns with a number are 64-bit floats with nulls. The unit stands
//! as `unit` in the metadata of the Arrow field (pyarrow, R's arrow) and as `unit:NAME` among the
//! key-value pairs of the file (DuckDB, nanoparquet), which also carry what the caller adds.

use super::manifest::Manifest;
use crate::error::{Error, Result};
use crate::table::{Cell, Table};
use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use std::collections::HashMap;
use std::sync::Arc;

/// A table as the content of a Parquet file; `metadata` are further key-value pairs of the file.
///
/// # Errors
/// Only if the writer fails.
pub fn to_parquet(table: &Table, metadata: &[(&str, String)]) -> Result<Vec<u8>> {
    let failed = |error: &dyn std::fmt::Display| Error::output("table.parquet", error);
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = (0..table.columns.len())
        .map(|index| column(table, index))
        .unzip();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema.clone(), arrays).map_err(|error| failed(&error))?;
    let units = table
        .columns
        .iter()
        .filter(|column| !column.unit.is_empty())
        .map(|column| KeyValue::new(format!("unit:{}", column.name), column.unit.clone()));
    let further = metadata
        .iter()
        .map(|(key, value)| KeyValue::new((*key).to_owned(), value.clone()));
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(format!("hif-switch {}", env!("CARGO_PKG_VERSION")))
        .set_key_value_metadata(Some(units.chain(further).collect()))
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties))
        .map_err(|error| failed(&error))?;
    writer.write(&batch).map_err(|error| failed(&error))?;
    writer.into_inner().map_err(|error| failed(&error))
}

fn column(table: &Table, index: usize) -> (Field, ArrayRef) {
    let column = &table.columns[index];
    let cells = table.rows.iter().map(|row| &row[index]);
    let numeric = cells.clone().any(|cell| cell.is_number());
    let (kind, array): (DataType, ArrayRef) = if numeric {
        let numbers = cells.map(|cell| match cell {
            Cell::Number(number) => *number,
            Cell::Unknown => None,
            Cell::Text(text) => text.parse().ok(),
        });
        let array: Float64Array = numbers.collect();
        (DataType::Float64, Arc::new(array))
    } else {
        let texts = cells.map(|cell| match cell {
            Cell::Text(text) => Some(text.as_str()),
            Cell::Number(_) | Cell::Unknown => None,
        });
        let array: StringArray = texts.collect();
        (DataType::Utf8, Arc::new(array))
    };
    let unit = HashMap::from([("unit".to_owned(), column.unit.clone())]);
    let field = Field::new(&column.name, kind, true).with_metadata(unit);
    (field, array)
}

/// Metadata of a CSV file after the W3C's "CSV on the Web": names, data types and units of its columns
/// (`schema:unitText`), and what made it (`prov:wasGeneratedBy`, a manifest).
///
/// # Errors
/// Only if the writer fails.
pub fn csv_metadata(table: &Table, file: &str, manifest: &Manifest) -> Result<Vec<u8>> {
    let columns: Vec<serde_json::Value> = table
        .columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let numeric = table.rows.iter().any(|row| row[index].is_number());
            serde_json::json!({
                "name": column.name,
                "titles": column.name,
                "datatype": if numeric { "number" } else { "string" },
                "schema:unitText": column.unit,
            })
        })
        .collect();
    let metadata = serde_json::json!({
        "@context": "http://www.w3.org/ns/csvw",
        "url": file,
        "tableSchema": { "columns": columns },
        "prov:wasGeneratedBy": manifest,
    });
    let mut json =
        serde_json::to_vec_pretty(&metadata).map_err(|error| Error::output(file, error))?;
    json.push(b'\n');
    Ok(json)
}
