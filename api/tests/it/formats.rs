//! The files of an import: JSON says the same as CSV, and every mistake is told.

use std::path::PathBuf;

use api::import::{self, Count, Usage};
use serde_json::{Map, Value, json};

use crate::{
    scratch::Copy,
    support::{seed, with_schema},
};

// The rows of a CSV file as objects: numbers as numbers, genres as a list.
fn objects(file: &str) -> Value {
    let mut reader = csv::Reader::from_path(seed().join(file)).unwrap();
    let columns = reader.headers().unwrap().clone();
    let rows = reader.records().map(|record| {
        let record = record.unwrap();
        let mut object = Map::new();
        for (column, text) in columns.iter().zip(&record) {
            let value = match text.parse::<u64>() {
                _ if column == "genres" => text.split('|').filter(|g| !g.is_empty()).collect(),
                _ if text.is_empty() => Value::Null,
                Ok(number) if column != "title" => number.into(),
                _ => text.into(),
            };
            object.insert(column.to_owned(), value);
        }
        Value::Object(object)
    });
    rows.collect()
}

#[tokio::test]
async fn json_says_the_same_as_csv() {
    with_schema(async |schema| {
        schema.migrate().await;
        let copy = Copy::new();
        for name in ["credits", "episodes", "genres", "movies", "people", "series"] {
            let text = objects(&format!("{name}.csv")).to_string();
            // A mark that some editors put in front.
            let text = if name == "movies" { format!("\u{feff}{text}") } else { text };
            copy.remove(&format!("{name}.csv"));
            copy.write(&format!("{name}.json"), &text);
        }
        let first = schema.import_folder(&copy.0).await.unwrap();
        assert!(first.tables.iter().all(|count| count.rows == count.inserted), "{first:?}");
        let second = schema.import_folder(&seed()).await.unwrap();
        let nothing = |count: &Count| (count.inserted, count.updated, count.deleted) == (0, 0, 0);
        assert!(second.tables.iter().all(nothing), "{second:?}");
    })
    .await;
}

fn faults(path: PathBuf) -> Vec<String> {
    let refused = import::read(&[path]).unwrap().check().unwrap_err();
    refused.0.iter().map(ToString::to_string).collect()
}

#[test]
fn every_fault_of_a_json_file_is_told() {
    let copy = Copy::new();
    let fine = json!({"title": "A", "release_year": "2001", "runtime_minutes": 90, "age_rating": "6",
                      "original_language": "en", "genres": "Drama|Comedy"});
    let with = |column: &str, value: Value| {
        let mut row = fine.clone();
        row["title"] = format!("with {column} {value}").into();
        row[column] = value;
        row
    };
    let rows = json!([
        fine,
        with("title", Value::Null),
        with("release_year", json!(true)),
        with("runtime_minutes", json!(90.5)),
        with("genres", json!(["A|B"])),
        with("genres", json!([1])),
        with("director", json!("X")),
        with("description", json!({"en": "text"})),
        "text",
        fine,
    ]);
    let path = copy.write("movies-bad.json", &rows.to_string());
    let wanted = [
        "2: element 2: title is empty",
        "3: element 3: release_year is neither text nor a number",
        "4: element 4: runtime_minutes is \"90.5\", not a number from 1 to 1000",
        "5: element 5: genres has a name that contains |",
        "6: element 6: genres has something that is not text",
        "7: element 7: there is no column \"director\"",
        "8: element 8: description is neither text nor a number",
        "9: element 9: is not an object",
        "10: element 10: duplicates element 1",
    ];
    let wanted: Vec<String> = wanted.iter().map(|text| format!("movies-bad.json:{text}")).collect();
    assert_eq!(faults(path), wanted);
    for (text, wanted) in [
        ("{}", "genres.json: invalid type: map, expected an array of objects at line 1 column 0"),
        ("[] more", "genres.json: trailing characters at line 1 column 4"),
        ("", "genres.json: EOF while parsing a value at line 1 column 0"),
        (
            "[{\"name\": \"A\"},\n{\"name\": \"B\"",
            "genres.json:2: element 2: EOF while parsing an object at line 2 column 12",
        ),
    ] {
        assert_eq!(faults(copy.write("genres.json", text)), [wanted]);
    }
}

#[test]
fn every_fault_of_a_csv_file_is_told() {
    let copy = Copy::new();
    for (text, wanted) in [
        ("", "genres-x.csv:1: the first line must be \"name\""),
        ("names\nA\n", "genres-x.csv:1: the first line must be \"name\""),
        ("name\nA,B\n", "genres-x.csv:2: has 2 fields, not 1"),
    ] {
        assert_eq!(faults(copy.write("genres-x.csv", text)), [wanted]);
    }
}

#[test]
fn what_a_check_cannot_see_is_counted() {
    let copy = Copy::new();
    let all = import::folder(&copy.0).unwrap();
    assert_eq!(all.len(), 6);
    let checked = import::read(&all).unwrap().check().unwrap();
    assert_eq!(checked.outside, 0);
    let rows: Vec<usize> = checked.files.iter().map(|file| file.rows).collect();
    assert_eq!(rows, [5, 4, 3, 4, 3, 2]);
    let part = import::read(&[copy.0.join("credits.csv"), copy.0.join("movies.csv")]).unwrap();
    let checked = part.check().unwrap();
    assert_eq!(checked.files[1].file, "movies.csv");
    assert_eq!(checked.outside, 13, "6 genres, 5 people, 2 series");
}

#[test]
fn files_must_be_known_and_different() {
    let copy = Copy::new();
    let usage = |paths: &[PathBuf]| {
        import::read(paths).unwrap_err().downcast::<Usage>().unwrap().to_string()
    };
    let unknown = usage(&[copy.write("films.csv", "")]);
    assert!(
        unknown.ends_with(
            "films.csv is not one of the known files (credits, episodes, genres, movies, people, \
             series; .csv or .json)"
        ),
        "{unknown}"
    );
    let twice = usage(&[copy.0.join("movies.csv"), copy.write("movies-2.json", "[]")]);
    assert_eq!(twice, "movies.csv and movies-2.json both contain movies; give one of them");
    let missing = import::read(&[copy.0.join("movies-3.csv")]).unwrap_err();
    assert!(missing.to_string().starts_with("cannot read "), "{missing}");
    for file in [
        "credits.csv",
        "episodes.csv",
        "genres.csv",
        "movies.csv",
        "movies-2.json",
        "people.csv",
        "series.csv",
    ] {
        copy.remove(file);
    }
    let empty = import::folder(&copy.0).unwrap_err().downcast::<Usage>().unwrap().to_string();
    assert!(empty.contains("contains no known files"), "{empty}");
    assert!(import::folder(&copy.0.join("nowhere")).is_err());
}
