//! Stores a checked catalogue in the open transaction: new rows are inserted, known
//! ones brought up to date, and nothing else is touched.
//!
//! Rows are matched by natural key before anything is written, instead of with
//! `ON DUPLICATE KEY UPDATE`: that would use up ids on every run, and would quietly
//! overwrite "Amélie" with "Amelie", which are equal under the tables' collation.

use std::collections::{HashMap, HashSet};

use anyhow::{Context, Result};
use sqlx::{AssertSqlSafe, Encode, MySql, MySqlConnection, Type};

use super::{
    Count, Refused, Rejected,
    fields::Line,
    read::{self, Catalogue, Key, Title},
};

type Ids<K> = HashMap<K, u64>;

/// What the plans are, until somebody changes them in the database.
const PLANS: [(&str, &str, u8, &str); 3] = [
    ("Basic", "7.99", 1, "720p"),
    ("Standard", "11.99", 2, "1080p"),
    ("Premium", "15.99", 4, "2160p"),
];

/// Stores everything, or returns what is in the way.
pub async fn catalogue(all: &Catalogue, conn: &mut MySqlConnection) -> Result<Vec<Count>> {
    let mut to = Store { conn, bad: vec![], counts: vec![] };
    to.plans().await.context("storing the plans")?;
    let genres = to.genres(&all.genres).await.context("storing genres")?;
    let people = to.people(&all.people).await.context("storing people")?;
    let movies = to.titles(&MOVIE, &all.movies).await.context("storing movies")?;
    to.title_genres(&MOVIE, &all.movies, &movies, &genres).await.context("storing genres")?;
    let series = to.titles(&SERIES, &all.series).await.context("storing series")?;
    to.title_genres(&SERIES, &all.series, &series, &genres).await.context("storing genres")?;
    let seasons = to.seasons(all, &series).await.context("storing seasons")?;
    to.episodes(all, &series, &seasons).await.context("storing episodes")?;
    to.credits(all, &people, &movies, &series).await.context("storing credits")?;
    if to.bad.is_empty() { Ok(to.counts) } else { Err(Refused(to.bad).into()) }
}

/// The statements that differ between movies and series.
struct Kind {
    name: &'static str,
    file: &'static str,
    genres: &'static str,
    year: &'static str,
    length: &'static str,
}

const MOVIE: Kind = Kind {
    name: "movie",
    file: read::MOVIES,
    genres: "movie_genre",
    year: "release_year",
    length: "runtime_minutes",
};
const SERIES: Kind = Kind {
    name: "series",
    file: read::SERIES,
    genres: "series_genre",
    year: "start_year",
    length: "end_year",
};

struct Store<'c> {
    conn: &'c mut MySqlConnection,
    bad: Vec<Rejected>,
    counts: Vec<Count>,
}

impl Store<'_> {
    fn count(&mut self, table: &'static str, rows: usize, inserted: usize) {
        self.counts.push(Count { table, rows, inserted });
    }

    // The id of an inserted row. A refused key makes the row a bad one: the others
    // still get their turn, so that one run finds all of them.
    fn id(
        &mut self,
        result: sqlx::Result<sqlx::mysql::MySqlQueryResult>,
        file: &'static str,
        line: u64,
    ) -> Result<Option<u64>> {
        match result {
            Ok(done) => Ok(Some(done.last_insert_id())),
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                let reason = "differs only in case or accents from another row".to_owned();
                self.bad.push(Rejected { file, line, reason });
                Ok(None)
            }
            Err(error) => Err(error).with_context(|| format!("{file}:{line}")),
        }
    }

    async fn plans(&mut self) -> Result<()> {
        let known: Vec<String> = sqlx::query_scalar("SELECT name FROM subscription_plan")
            .fetch_all(&mut *self.conn)
            .await?;
        let mut inserted = 0;
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
            inserted += 1;
        }
        self.count("subscription_plan", PLANS.len(), inserted);
        Ok(())
    }

    async fn genres(&mut self, lines: &[Line<String>]) -> Result<Ids<String>> {
        let known: Vec<(String, u64)> =
            sqlx::query_as("SELECT name, id FROM genre").fetch_all(&mut *self.conn).await?;
        let mut ids: Ids<String> = known.into_iter().collect();
        let mut inserted = 0;
        for Line { line, row } in lines.iter() {
            if !ids.contains_key(row) {
                let result = sqlx::query("INSERT INTO genre (name) VALUES (?)")
                    .bind(row)
                    .execute(&mut *self.conn)
                    .await;
                if let Some(id) = self.id(result, read::GENRES, *line)? {
                    ids.insert(row.clone(), id);
                    inserted += 1;
                }
            }
        }
        self.count("genre", lines.len(), inserted);
        Ok(ids)
    }

    async fn people(&mut self, lines: &[Line<read::Person>]) -> Result<Ids<String>> {
        let known: Vec<(String, u64)> =
            sqlx::query_as("SELECT name, id FROM person").fetch_all(&mut *self.conn).await?;
        let mut ids: Ids<String> = known.into_iter().collect();
        let mut inserted = 0;
        for Line { line, row } in lines {
            if let Some(id) = ids.get(&row.name) {
                sqlx::query("UPDATE person SET birth_year = ? WHERE id = ?")
                    .bind(row.birth_year)
                    .bind(id)
                    .execute(&mut *self.conn)
                    .await?;
                continue;
            }
            let result = sqlx::query("INSERT INTO person (name, birth_year) VALUES (?, ?)")
                .bind(&row.name)
                .bind(row.birth_year)
                .execute(&mut *self.conn)
                .await;
            if let Some(id) = self.id(result, read::PEOPLE, *line)? {
                ids.insert(row.name.clone(), id);
                inserted += 1;
            }
        }
        self.count("person", lines.len(), inserted);
        Ok(ids)
    }

    async fn titles<L>(&mut self, kind: &Kind, lines: &[Line<Title<L>>]) -> Result<Ids<Key>>
    where
        L: for<'q> Encode<'q, MySql> + Type<MySql> + Send + Copy + 'static,
    {
        let Kind { name, year, length, .. } = kind;
        let select = format!("SELECT id, title, {year} FROM {name}");
        let known: Vec<(u64, String, u16)> =
            sqlx::query_as(AssertSqlSafe(select)).fetch_all(&mut *self.conn).await?;
        let mut ids: Ids<Key> =
            known.into_iter().map(|(id, title, year)| ((title, year), id)).collect();
        let update = format!(
            "UPDATE {name} SET {length} = ?, age_rating = ?, original_language = ?, \
             description = ? WHERE id = ?"
        );
        let insert = format!(
            "INSERT INTO {name} ({length}, age_rating, original_language, description, title, {year}) \
             VALUES (?, ?, ?, ?, ?, ?)"
        );
        let mut inserted = 0;
        for Line { line, row } in lines {
            let known = ids.get(&row.key).copied();
            let statement = if known.is_some() { &update } else { &insert };
            let query = sqlx::query(AssertSqlSafe(statement.clone()))
                .bind(row.length)
                .bind(&row.age_rating)
                .bind(&row.original_language)
                .bind(&row.description);
            if let Some(id) = known {
                query.bind(id).execute(&mut *self.conn).await?;
                continue;
            }
            let result = query.bind(&row.key.0).bind(row.key.1).execute(&mut *self.conn).await;
            if let Some(id) = self.id(result, kind.file, *line)? {
                ids.insert(row.key.clone(), id);
                inserted += 1;
            }
        }
        self.count(kind.name, lines.len(), inserted);
        Ok(ids)
    }

    // A title has exactly the genres of its row: others are taken away.
    async fn title_genres<L>(
        &mut self,
        kind: &Kind,
        lines: &[Line<Title<L>>],
        titles: &Ids<Key>,
        genres: &Ids<String>,
    ) -> Result<()> {
        let Kind { name, genres: table, .. } = kind;
        let select = format!("SELECT {name}_id, genre_id FROM {table}");
        let known: Vec<(u64, u64)> =
            sqlx::query_as(AssertSqlSafe(select)).fetch_all(&mut *self.conn).await?;
        let known: HashSet<(u64, u64)> = known.into_iter().collect();
        let mut wanted = HashSet::new();
        for Line { row, .. } in lines {
            if let Some(title) = titles.get(&row.key) {
                let named = row.genres.iter().filter_map(|genre| genres.get(genre));
                wanted.extend(named.map(|genre| (*title, *genre)));
            }
        }
        let ours: HashSet<u64> =
            lines.iter().filter_map(|line| titles.get(&line.row.key).copied()).collect();
        let insert = format!("INSERT INTO {table} ({name}_id, genre_id) VALUES (?, ?)");
        let delete = format!("DELETE FROM {table} WHERE {name}_id = ? AND genre_id = ?");
        let fresh: Vec<_> = wanted.difference(&known).collect();
        let stale: Vec<_> =
            known.difference(&wanted).filter(|(title, _)| ours.contains(title)).collect();
        for (statement, pairs) in [(delete, &stale), (insert, &fresh)] {
            for (title, genre) in pairs {
                sqlx::query(AssertSqlSafe(statement.clone()))
                    .bind(title)
                    .bind(genre)
                    .execute(&mut *self.conn)
                    .await?;
            }
        }
        self.count(kind.genres, wanted.len(), fresh.len());
        Ok(())
    }

    async fn seasons(&mut self, all: &Catalogue, series: &Ids<Key>) -> Result<Ids<(u64, u16)>> {
        let known: Vec<(u64, u16, u64)> =
            sqlx::query_as("SELECT series_id, season_number, id FROM season")
                .fetch_all(&mut *self.conn)
                .await?;
        let mut ids: Ids<(u64, u16)> =
            known.into_iter().map(|(series, number, id)| ((series, number), id)).collect();
        let mut wanted = HashSet::new();
        let mut inserted = 0;
        for Line { row, .. } in &all.episodes {
            let Some(series) = series.get(&row.series) else { continue };
            wanted.insert((*series, row.season));
            if ids.contains_key(&(*series, row.season)) {
                continue;
            }
            let done = sqlx::query("INSERT INTO season (series_id, season_number) VALUES (?, ?)")
                .bind(series)
                .bind(row.season)
                .execute(&mut *self.conn)
                .await?;
            ids.insert((*series, row.season), done.last_insert_id());
            inserted += 1;
        }
        self.count("season", wanted.len(), inserted);
        Ok(ids)
    }

    async fn episodes(
        &mut self,
        all: &Catalogue,
        series: &Ids<Key>,
        seasons: &Ids<(u64, u16)>,
    ) -> Result<()> {
        let known: Vec<(u64, u16, u64)> =
            sqlx::query_as("SELECT season_id, episode_number, id FROM episode")
                .fetch_all(&mut *self.conn)
                .await?;
        let known: Ids<(u64, u16)> =
            known.into_iter().map(|(season, number, id)| ((season, number), id)).collect();
        let mut inserted = 0;
        for Line { line, row } in &all.episodes {
            let season = series.get(&row.series).and_then(|id| seasons.get(&(*id, row.season)));
            let Some(season) = season else { continue };
            if let Some(id) = known.get(&(*season, row.number)) {
                sqlx::query("UPDATE episode SET title = ?, runtime_minutes = ? WHERE id = ?")
                    .bind(&row.title)
                    .bind(row.runtime_minutes)
                    .bind(id)
                    .execute(&mut *self.conn)
                    .await?;
                continue;
            }
            let result = sqlx::query(
                "INSERT INTO episode (season_id, episode_number, title, runtime_minutes) \
                 VALUES (?, ?, ?, ?)",
            )
            .bind(season)
            .bind(row.number)
            .bind(&row.title)
            .bind(row.runtime_minutes)
            .execute(&mut *self.conn)
            .await;
            inserted += usize::from(self.id(result, read::EPISODES, *line)?.is_some());
        }
        self.count("episode", all.episodes.len(), inserted);
        Ok(())
    }

    async fn credits(
        &mut self,
        all: &Catalogue,
        people: &Ids<String>,
        movies: &Ids<Key>,
        series: &Ids<Key>,
    ) -> Result<()> {
        type Known = (u64, Option<u64>, Option<u64>, String, String);
        let known: Vec<Known> = sqlx::query_as(
            "SELECT person_id, movie_id, series_id, role, character_name FROM credit",
        )
        .fetch_all(&mut *self.conn)
        .await?;
        let known: HashSet<Known> = known.into_iter().collect();
        let mut inserted = 0;
        for Line { line, row } in &all.credits {
            let titles = if row.of_movie { movies } else { series };
            let (Some(person), Some(title)) = (people.get(&row.person), titles.get(&row.title))
            else {
                continue;
            };
            let movie = row.of_movie.then_some(*title);
            let series = (!row.of_movie).then_some(*title);
            let (role, character) = (row.role.to_owned(), row.character_name.clone());
            if known.contains(&(*person, movie, series, role, character)) {
                continue;
            }
            let result = sqlx::query(
                "INSERT INTO credit (person_id, movie_id, series_id, role, character_name) \
                 VALUES (?, ?, ?, ?, ?)",
            )
            .bind(person)
            .bind(movie)
            .bind(series)
            .bind(row.role)
            .bind(&row.character_name)
            .execute(&mut *self.conn)
            .await;
            inserted += usize::from(self.id(result, read::CREDITS, *line)?.is_some());
        }
        self.count("credit", all.credits.len(), inserted);
        Ok(())
    }
}
