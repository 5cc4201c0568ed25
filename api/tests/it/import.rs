//! The import: complete, repeatable, and all or nothing.

use std::path::PathBuf;

use api::import::{self, Count, Refused};
use sqlx::query_as;

use crate::{
    scratch::Copy,
    support::{Schema, seed, with_schema},
};

async fn rows(schema: &Schema) -> Vec<i64> {
    let mut counts = vec![];
    for query in [
        "SELECT COUNT(*) FROM subscription_plan",
        "SELECT COUNT(*) FROM genre",
        "SELECT COUNT(*) FROM person",
        "SELECT COUNT(*) FROM movie",
        "SELECT COUNT(*) FROM movie_genre",
        "SELECT COUNT(*) FROM series",
        "SELECT COUNT(*) FROM series_genre",
        "SELECT COUNT(*) FROM season",
        "SELECT COUNT(*) FROM episode",
        "SELECT COUNT(*) FROM credit",
    ] {
        counts.push(schema.number(query).await);
    }
    counts
}

#[tokio::test]
async fn twice_is_once() {
    with_schema(async |schema| {
        schema.migrate().await;
        let first = schema.import_folder(&seed()).await.unwrap();
        assert!(first.tables.iter().all(|count| count.rows == count.inserted), "{first:?}");
        let once = rows(&schema).await;
        assert_eq!(once, [3, 3, 3, 4, 6, 2, 3, 3, 4, 5]);
        let checksum = "SELECT CAST(SUM(CRC32(CONCAT_WS('|', id, title, updated_at, description))) AS SIGNED) FROM movie";
        let before = schema.number(checksum).await;
        let second = schema.import_folder(&seed()).await.unwrap();
        let nothing = |count: &Count| (count.inserted, count.updated, count.deleted) == (0, 0, 0);
        assert!(second.tables.iter().all(nothing), "{second:?}");
        assert_eq!(rows(&schema).await, once);
        assert_eq!(schema.number(checksum).await, before, "not even updated_at moves");
        let text: (String, String) =
            query_as("SELECT title, description FROM movie WHERE release_year = 2003")
                .fetch_one(&schema.pool)
                .await
                .unwrap();
        assert_eq!(text.0, "Łódź nocą");
        assert_eq!(text.1, "Sieben Nächte 🌃 in einer Stadt.");
    })
    .await;
}

#[tokio::test]
async fn a_changed_row_is_brought_up_to_date() {
    with_schema(async |schema| {
        schema.migrate().await;
        schema.import_folder(&seed()).await.unwrap();
        schema.run("UPDATE subscription_plan SET price_monthly = 1.00 WHERE name = 'Basic'").await;
        let copy = Copy::new();
        copy.replace("movies.csv", "2021,95,PG,en", "2021,97,PG,en");
        copy.replace("movies.csv", "Comedy|Science Fiction", "Drama");
        copy.replace("people.csv", "Ivo Karel,", "Ivo Karel,1960");
        copy.replace("episodes.csv", "Static,48", "Static,49");
        let report = schema.import_folder(&copy.0).await.unwrap();
        let changed: Vec<&Count> = report
            .tables
            .iter()
            .filter(|count| (count.inserted, count.updated, count.deleted) != (0, 0, 0))
            .collect();
        let count = |table, rows, [inserted, updated, deleted]: [usize; 3]| Count {
            table,
            rows,
            inserted,
            updated,
            deleted,
        };
        let wanted = [
            count("person", 3, [0, 1, 0]),
            count("movie", 4, [0, 1, 0]),
            count("movie_genre", 5, [1, 0, 2]),
            count("episode", 4, [0, 1, 0]),
        ];
        assert_eq!(changed, wanted.iter().collect::<Vec<_>>());
        let movie: (u16, String) = query_as(
            "SELECT runtime_minutes, genres FROM movie_overview WHERE release_year = 2021",
        )
        .fetch_one(&schema.pool)
        .await
        .unwrap();
        assert_eq!(movie, (97, "Drama".to_owned()));
        let kept = "SELECT COUNT(*) FROM subscription_plan WHERE price_monthly = 1.00";
        assert_eq!(schema.number(kept).await, 1, "a price changed by hand stays");
    })
    .await;
}

async fn faults(schema: &Schema, paths: &[PathBuf]) -> Vec<String> {
    let error = schema.import(paths).await.unwrap_err();
    error.downcast_ref::<Refused>().expect("bad rows").0.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn bad_rows_are_all_reported_and_nothing_is_stored() {
    with_schema(async |schema| {
        schema.migrate().await;
        let copy = Copy::new();
        copy.append("credits.csv", "Ivo Karel,film,100% Pluto,2021,hero,\nIvo Karel,movie,Too,2001,writer,Me\n");
        // What only the database sees, and references, are found in the same run.
        copy.append("credits.csv", "Nobody,movie,100% Pluto,1999,actor,X\n");
        copy.append("episodes.csv", "No Such,2018,1,1,Lost,40\n");
        copy.append("genres.csv", "Drama\ndrama\n");
        copy.append("movies.csv", ",20x9,0,12,en,no title,Drama\nToo,2001,short\nToo,2002,1,12,en,,None|drama\n");
        copy.append("people.csv", "Zoe Angstrom,1970\n");
        assert_eq!(
            faults(&schema, &import::folder(&copy.0).unwrap()).await,
            [
                "credits.csv:7: kind is \"film\", not one of movie, series",
                "credits.csv:7: role is \"hero\", not one of director, actor, writer, creator",
                "credits.csv:8: character_name is for actors, not for a writer",
                "credits.csv:9: there is no person \"Nobody\" in these files or in the database",
                "credits.csv:9: there is no movie \"100% Pluto\" of 1999 in these files or in the database",
                "episodes.csv:6: there is no series \"No Such\" of 2018 in these files or in the database",
                "genres.csv:5: duplicates line 2",
                "genres.csv:6: differs only in case or accents from another row",
                "movies.csv:6: title is empty",
                "movies.csv:6: release_year is \"20x9\", not a number from 1870 to 2100",
                "movies.csv:6: runtime_minutes is \"0\", not a number from 1 to 1000",
                "movies.csv:7: has 3 fields, not 7",
                "movies.csv:8: there is no genre \"None\" in these files or in the database",
                "people.csv:5: differs only in case or accents from another row",
            ]
        );
        assert_eq!(rows(&schema).await, [0; 10]);
    })
    .await;
}

#[tokio::test]
async fn a_reference_to_a_bad_row_is_no_second_fault() {
    with_schema(async |schema| {
        schema.migrate().await;
        let copy = Copy::new();
        copy.replace("movies.csv", "2021,95,PG,en", "2021,9500,PG,en");
        assert_eq!(
            faults(&schema, &import::folder(&copy.0).unwrap()).await,
            ["movies.csv:3: runtime_minutes is \"9500\", not a number from 1 to 1000"]
        );
    })
    .await;
}

#[tokio::test]
async fn a_part_may_refer_to_what_is_there() {
    with_schema(async |schema| {
        schema.ready().await;
        let copy = Copy::new();
        let people = copy.write("people-new.csv", "name,birth_year\nNew Face,1999\n");
        let credits = copy.write(
            "credits-2026.json",
            r#"[{"person": "New Face", "kind": "movie", "title": "100% Pluto", "year": 2021,
                 "role": "actor", "character_name": "Charon"},
                {"person": "Ivo Karel", "kind": "movie", "title": "100% Pluto", "year": "2021",
                 "role": "writer"}]"#,
        );
        let report = schema.import(&[people.clone(), credits.clone()]).await.unwrap();
        let inserted = |table: &str| {
            report.tables.iter().find(|count| count.table == table).unwrap().inserted
        };
        assert_eq!((inserted("person"), inserted("credit"), inserted("movie")), (1, 2, 0));
        assert_eq!(schema.number("SELECT COUNT(*) FROM movie").await, 4, "nothing went away");
        schema.run("DELETE FROM credit; DELETE FROM person WHERE name = 'New Face'").await;
        assert_eq!(
            faults(&schema, &[credits]).await,
            ["credits-2026.json:1: element 1: there is no person \"New Face\" in these files or in the database"]
        );
    })
    .await;
}

#[tokio::test]
async fn the_list_for_people_ends_after_fifty() {
    let copy = Copy::new();
    copy.append("genres.csv", &"Drama\n".repeat(61));
    let refused = import::read(&[copy.0.join("genres.csv")]).unwrap().check().unwrap_err();
    assert_eq!(refused.0.len(), 61);
    let said = refused.to_string();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 52);
    assert_eq!(lines[50], "… and 11 more");
    assert_eq!(lines[51], "61 row(s) cannot be imported; nothing was changed");
}

#[tokio::test]
async fn the_shipped_catalogue_imports() {
    with_schema(async |schema| {
        schema.migrate().await;
        let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("seed");
        schema.import_folder(&dir).await.unwrap();
        let first = rows(&schema).await;
        assert!(first.iter().all(|count| *count > 0), "{first:?}");
        schema.import_folder(&dir).await.unwrap();
        assert_eq!(rows(&schema).await, first);
    })
    .await;
}
