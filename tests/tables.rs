//! Results as Parquet and CSV: the same numbers, with the unit of every column.
//!
//! That other programs read them is tested by `tests/interop/run.sh`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use arrow_array::{Array, Float64Array, StringArray};
use hif_switch::parameters::Library;
use hif_switch::report::{Manifest, csv_metadata, to_parquet};
use hif_switch::simulate::Accuracy;
use hif_switch::table::{Cell, Table};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

fn table() -> Table {
    let mut table = Table::new([("arm", ""), ("burden", "mm^3"), ("note", "")]);
    table.push(vec!["vehicle".into(), 0.1.into(), "ä, \"b\"".into()]);
    table.push(vec!["x".into(), Cell::Number(None), "".into()]);
    table.push(vec!["y".into(), 1e-300.into(), "".into()]);
    table
}

#[test]
fn parquet_keeps_every_bit_the_gaps_and_the_units() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let content = to_parquet(&table(), &[("manifest", "{}".to_owned())]).unwrap();
    std::fs::write(&path, content).unwrap();
    let file = std::fs::File::open(&path).unwrap();
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let schema = builder.schema().clone();
    assert_eq!(schema.field(1).metadata()["unit"], "mm^3");
    let pairs = builder
        .metadata()
        .file_metadata()
        .key_value_metadata()
        .unwrap()
        .clone();
    let value = |key: &str| {
        let pair = pairs.iter().find(|pair| pair.key == key);
        pair.and_then(|pair| pair.value.clone())
    };
    assert_eq!(value("unit:burden").as_deref(), Some("mm^3"));
    assert_eq!(value("manifest").as_deref(), Some("{}"));
    let batch = builder.build().unwrap().next().unwrap().unwrap();
    assert_eq!((batch.num_rows(), batch.num_columns()), (3, 3));
    let numbers = batch
        .column(1)
        .as_any()
        .downcast_ref::<Float64Array>()
        .unwrap();
    assert_eq!(numbers.value(0).to_bits(), 0.1f64.to_bits());
    assert!(numbers.is_null(1));
    assert_eq!(numbers.value(2).to_bits(), 1e-300f64.to_bits());
    let texts = batch
        .column(2)
        .as_any()
        .downcast_ref::<StringArray>()
        .unwrap();
    assert_eq!(texts.value(0), "ä, \"b\"");
}

#[test]
fn the_same_table_is_the_same_bytes() {
    let once = to_parquet(&table(), &[]).unwrap();
    assert_eq!(once, to_parquet(&table(), &[]).unwrap());
}

#[test]
fn the_metadata_beside_a_csv_names_types_and_units() {
    let command = ["simulate".to_owned()];
    let manifest = Manifest::new(&Library::shipped(), &Accuracy::default(), &command);
    let json = csv_metadata(&table(), "t.csv", &manifest).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["url"], "t.csv");
    let burden = &json["tableSchema"]["columns"][1];
    assert_eq!(
        (&burden["name"], &burden["schema:unitText"]),
        (&"burden".into(), &"mm^3".into())
    );
    assert_eq!(burden["datatype"], "number");
    assert_eq!(json["tableSchema"]["columns"][0]["datatype"], "string");
    assert_eq!(json["prov:wasGeneratedBy"]["command"][0], "simulate");
}
