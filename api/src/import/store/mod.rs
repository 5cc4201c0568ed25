//! Stores a checked catalogue in the open transaction: new rows are inserted, known
//! ones brought up to date, and nothing else is touched.
//!
//! Rows are matched by natural key before anything is written, instead of with
//! `ON DUPLICATE KEY UPDATE`: that would use up ids on every run, and would quietly
//! overwrite "Amélie" with "Amelie", which are equal under the tables' collation. Known
//! rows are compared here, because the server reports a matched row as an affected one.

mod credits;
mod series;
mod titles;

use std::collections::{HashMap, HashSet};

use anyhow::{Context, Result};
use sqlx::{MySqlConnection, mysql::MySqlQueryResult};

use super::{
    Count, Rejected,
    fields::{Line, Rows},
    read::{Catalogue, Key, Person},
};
use titles::{MOVIE, SERIES};

type Ids<K> = HashMap<K, u64>;

/// What the plans are, until someone changes them in the database.
const PLANS: [(&str, &str, u8, &str); 3] = [
    ("Basic", "7.99", 1, "720p"),
    ("Standard", "11.99", 2, "1080p"),
    ("Premium", "15.99", 4, "2160p"),
];

/// Stores everything, and adds to `bad` what is in the way.
pub(crate) async fn catalogue(
    all: &Catalogue,
    conn: &mut MySqlConnection,
    bad: Vec<Rejected>,
) -> Result<(Vec<Count>, Vec<Rejected>)> {
    let faulty = Faulty {
        genres: all.genres.faulty.iter().cloned().collect(),
        people: all.people.faulty.iter().map(|person| person.name.clone()).collect(),
        movies: all.movies.faulty.iter().map(|movie| movie.key.clone()).collect(),
        series: all.series.faulty.iter().map(|series| series.key.clone()).collect(),
    };
    let mut to = Store { conn, bad, counts: vec![], faulty };
    to.plans().await.context("storing the plans")?;
    let genres = to.genres(&all.genres).await.context("storing genres")?;
    let people = to.people(&all.people).await.context("storing people")?;
    let movies = to.titles(&MOVIE, &all.movies).await.context("storing movies")?;
    to.title_genres(&MOVIE, &all.movies, &movies, &genres).await.context("storing genres")?;
    let series = to.titles(&SERIES, &all.series).await.context("storing series")?;
    to.title_genres(&SERIES, &all.series, &series, &genres).await.context("storing genres")?;
    let seasons = to.seasons(&all.episodes, &series).await.context("storing seasons")?;
    to.episodes(&all.episodes, &series, &seasons).await.context("storing episodes")?;
    to.credits(&all.credits, &people, &movies, &series).await.context("storing credits")?;
    Ok((to.counts, to.bad))
}

/// Keys of rows that are told to be bad already; a reference to one is not another fault.
#[derive(Debug)]
struct Faulty {
    genres: HashSet<String>,
    people: HashSet<String>,
    movies: HashSet<Key>,
    series: HashSet<Key>,
}

#[derive(Debug)]
struct Store<'c> {
    conn: &'c mut MySqlConnection,
    bad: Vec<Rejected>,
    counts: Vec<Count>,
    faulty: Faulty,
}

/// What happens to the rows of one table.
#[derive(Debug, Default)]
struct Tally {
    inserted: usize,
    updated: usize,
    deleted: usize,
}

impl Store<'_> {
    fn count(&mut self, table: &'static str, rows: usize, tally: &Tally) {
        let Tally { inserted, updated, deleted } = *tally;
        self.counts.push(Count { table, rows, inserted, updated, deleted });
    }

    fn missing(&mut self, file: &str, line: u64, what: &str) {
        let reason = format!("there is no {what} in these files or in the database");
        self.bad.push(Rejected::new(file, line, reason));
    }

    // The id of an inserted row. A refused key makes the row a bad one: the others
    // still get their turn, so that one run finds all of them.
    fn id(
        &mut self,
        result: sqlx::Result<MySqlQueryResult>,
        file: &str,
        line: u64,
    ) -> Result<Option<u64>> {
        match result {
            Ok(done) => Ok(Some(done.last_insert_id())),
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                let reason = "differs only in case or accents from another row".to_owned();
                self.bad.push(Rejected::new(file, line, reason));
                Ok(None)
            }
            Err(error) => Err(error).with_context(|| format!("{file}:{line}")),
        }
    }

    async fn plans(&mut self) -> Result<()> {
        let known: Vec<String> = sqlx::query_scalar("SELECT name FROM subscription_plan")
            .fetch_all(&mut *self.conn)
            .await?;
        let mut tally = Tally::default();
        for (name, price, streams, resolution) in PLANS {
            if known.iter().any(|known| known == name) {
                continue;
            }
            sqlx::query(
                "INSERT INTO subscription_plan (name, price_monthly, max_streams, max_resolution) \
                 VALUES (?, ?, ?, ?)",
            )
            .bind(name)
            .bind(price)
            .bind(streams)
            .bind(resolution)
            .execute(&mut *self.conn)
            .await?;
            tally.inserted += 1;
        }
        self.count("subscription_plan", PLANS.len(), &tally);
        Ok(())
    }

    async fn genres(&mut self, rows: &Rows<String>) -> Result<Ids<String>> {
        let known: Vec<(String, u64)> =
            sqlx::query_as("SELECT name, id FROM genre").fetch_all(&mut *self.conn).await?;
        let mut ids: Ids<String> = known.into_iter().collect();
        let mut tally = Tally::default();
        for Line { line, row } in &rows.lines {
            if ids.contains_key(row) {
                continue;
            }
            let result = sqlx::query("INSERT INTO genre (name) VALUES (?)")
                .bind(row)
                .execute(&mut *self.conn)
                .await;
            if let Some(id) = self.id(result, &rows.file, *line)? {
                ids.insert(row.clone(), id);
                tally.inserted += 1;
            } else {
                self.faulty.genres.insert(row.clone());
            }
        }
        self.count("genre", rows.lines.len(), &tally);
        Ok(ids)
    }

    async fn people(&mut self, rows: &Rows<Person>) -> Result<Ids<String>> {
        let known: Vec<(String, u64, Option<u16>)> =
            sqlx::query_as("SELECT name, id, birth_year FROM person")
                .fetch_all(&mut *self.conn)
                .await?;
        let years: HashMap<u64, Option<u16>> = known.iter().map(|one| (one.1, one.2)).collect();
        let mut ids: Ids<String> = known.into_iter().map(|(name, id, _)| (name, id)).collect();
        let mut tally = Tally::default();
        for Line { line, row } in &rows.lines {
            if let Some(id) = ids.get(&row.name) {
                if years.get(id) == Some(&row.birth_year) {
                    continue;
                }
                sqlx::query("UPDATE person SET birth_year = ? WHERE id = ?")
                    .bind(row.birth_year)
                    .bind(id)
                    .execute(&mut *self.conn)
                    .await?;
                tally.updated += 1;
                continue;
            }
            let result = sqlx::query("INSERT INTO person (name, birth_year) VALUES (?, ?)")
                .bind(&row.name)
                .bind(row.birth_year)
                .execute(&mut *self.conn)
                .await;
            if let Some(id) = self.id(result, &rows.file, *line)? {
                ids.insert(row.name.clone(), id);
                tally.inserted += 1;
            } else {
                self.faulty.people.insert(row.name.clone());
            }
        }
        self.count("person", rows.lines.len(), &tally);
        Ok(ids)
    }
}
