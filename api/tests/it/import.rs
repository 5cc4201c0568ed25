//! The import: complete, repeatable, and all or nothing.

use std::{fs, path::PathBuf};

use api::import::{Refused, import};
use sqlx::query_as;

use crate::support::{Schema, seed, with_schema};

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

/// A copy of the small catalogue that a test may spoil; removed when dropped.
struct Copy(PathBuf);

#[expect(clippy::disallowed_methods, reason = "scratch files of a test need no durability")]
impl Copy {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("apitest-{}-{name}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        for entry in fs::read_dir(seed()).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, dir.join(path.file_name().unwrap())).unwrap();
        }
        Self(dir)
    }

    fn append(&self, file: &str, text: &str) {
        let path = self.0.join(file);
        let old = fs::read(&path).unwrap();
        fs::write(path, [old.as_slice(), text.as_bytes()].concat()).unwrap();
    }

    fn replace(&self, file: &str, old: &str, new: &str) {
        let path = self.0.join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(old));
        fs::write(path, text.replace(old, new)).unwrap();
    }
}

impl Drop for Copy {
    #[expect(clippy::disallowed_methods, reason = "scratch files of a test")]
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn twice_is_once() {
    with_schema(async |schema| {
        schema.migrate().await;
        let mut conn = schema.connect().await;
        let first = import(&seed(), &mut conn).await.unwrap();
        assert!(first.tables.iter().all(|count| count.rows == count.inserted), "{first:?}");
        let once = rows(&schema).await;
        assert_eq!(once, [3, 3, 3, 4, 6, 2, 3, 3, 4, 5]);
        let checksum = "SELECT CAST(SUM(CRC32(CONCAT_WS('|', id, title, updated_at, description))) AS SIGNED) FROM movie";
        let before = schema.number(checksum).await;
        let second = import(&seed(), &mut conn).await.unwrap();
        assert!(second.tables.iter().all(|count| count.inserted == 0), "{second:?}");
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
        let mut conn = schema.connect().await;
        import(&seed(), &mut conn).await.unwrap();
        schema.run("UPDATE subscription_plan SET price_monthly = 1.00 WHERE name = 'Basic'").await;
        let copy = Copy::new("changed");
        copy.replace("movies.csv", "2021,95,PG,en", "2021,97,PG,en");
        copy.replace("movies.csv", "Comedy|Science Fiction", "Drama");
        let report = import(&copy.0, &mut conn).await.unwrap();
        let inserted: usize = report.tables.iter().map(|count| count.inserted).sum();
        assert_eq!(inserted, 1, "one new movie_genre row: {report:?}");
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

#[tokio::test]
async fn bad_rows_are_all_reported_and_nothing_is_stored() {
    with_schema(async |schema| {
        schema.migrate().await;
        let mut conn = schema.connect().await;
        let copy = Copy::new("bad");
        copy.append("movies.csv", ",20x9,0,12,en,no title,Drama\nToo,2001,short\n");
        copy.append("credits.csv", "Ivo Karel,film,100% Pluto,2021,hero,\n");
        let error = import(&copy.0, &mut conn).await.unwrap_err();
        let lines: Vec<String> =
            error.downcast_ref::<Refused>().unwrap().0.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "movies.csv:6: title is empty",
                "movies.csv:6: release_year is \"20x9\", not a number from 1870 to 2100",
                "movies.csv:6: runtime_minutes is \"0\", not a number from 1 to 1000",
                "movies.csv:7: has 3 fields, not 7",
                "credits.csv:7: kind is \"film\", not one of movie, series",
                "credits.csv:7: role is \"hero\", not one of director, actor, writer, creator",
            ]
        );
        let copy = Copy::new("references");
        copy.append("genres.csv", "Drama\n");
        copy.append("episodes.csv", "No Such,2018,1,1,Lost,40\n");
        copy.append("credits.csv", "Nobody,movie,100% Pluto,1999,actor,X\n");
        let error = import(&copy.0, &mut conn).await.unwrap_err().to_string();
        for line in [
            "genres.csv:5: says the same as line 2",
            "episodes.csv:6: there is no series \"No Such\" of 2018 in series.csv",
            "credits.csv:7: there is no person \"Nobody\" in people.csv",
            "credits.csv:7: there is no \"100% Pluto\" of 1999 in movies.csv",
            "4 row(s) cannot be imported; nothing was changed",
        ] {
            assert!(error.contains(line), "{error}");
        }
        let error = import(&seed().join("nowhere"), &mut conn).await.unwrap_err().to_string();
        assert!(error.contains("genres.csv: ") && error.contains("credits.csv: "), "{error}");
        assert_eq!(rows(&schema).await, [0; 10]);
    })
    .await;
}

#[tokio::test]
async fn what_only_the_database_sees_rolls_everything_back() {
    with_schema(async |schema| {
        schema.migrate().await;
        let copy = Copy::new("collation");
        copy.append("genres.csv", "drama\n");
        copy.append("people.csv", "Zoe Angstrom,1970\n");
        let error = import(&copy.0, &mut schema.connect().await).await.unwrap_err().to_string();
        for line in [
            "genres.csv:5: differs only in case or accents from another row",
            "people.csv:5: differs only in case or accents from another row",
        ] {
            assert!(error.contains(line), "{error}");
        }
        assert_eq!(rows(&schema).await, [0; 10]);
    })
    .await;
}

#[tokio::test]
async fn the_shipped_catalogue_imports() {
    with_schema(async |schema| {
        schema.migrate().await;
        let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("seed");
        import(&dir, &mut schema.connect().await).await.unwrap();
        let first = rows(&schema).await;
        assert!(first.iter().all(|count| *count > 0), "{first:?}");
        import(&dir, &mut schema.connect().await).await.unwrap();
        assert_eq!(rows(&schema).await, first);
    })
    .await;
}
