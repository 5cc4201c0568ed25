//! Movies and series, and their genres.

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use sqlx::{AssertSqlSafe, Decode, Encode, MySql, Type};

use super::{Ids, Store, Tally};
use crate::import::{
    fields::{Line, Rows},
    read::{Key, Title},
};

/// The statements that differ between movies and series.
#[derive(Debug)]
pub(super) struct Kind {
    name: &'static str,
    genres: &'static str,
    year: &'static str,
    length: &'static str,
}

pub(super) const MOVIE: Kind =
    Kind { name: "movie", genres: "movie_genre", year: "release_year", length: "runtime_minutes" };
pub(super) const SERIES: Kind =
    Kind { name: "series", genres: "series_genre", year: "start_year", length: "end_year" };

impl Store<'_> {
    pub(super) async fn titles<L>(&mut self, kind: &Kind, rows: &Rows<Title<L>>) -> Result<Ids<Key>>
    where
        L: for<'q> Encode<'q, MySql> + for<'r> Decode<'r, MySql> + Type<MySql>,
        L: Send + Unpin + Copy + PartialEq + 'static,
    {
        let Kind { name, year, length, .. } = kind;
        let select = format!("SELECT id, title, {year} FROM {name}");
        let known: Vec<(u64, String, u16)> =
            sqlx::query_as(AssertSqlSafe(select)).fetch_all(&mut *self.conn).await?;
        let mut ids: Ids<Key> =
            known.into_iter().map(|(id, title, year)| ((title, year), id)).collect();
        let values = self.values::<L>(kind, rows).await?;
        let update = format!(
            "UPDATE {name} SET {length} = ?, age_rating = ?, original_language = ?, \
             description = ? WHERE id = ?"
        );
        let insert = format!(
            "INSERT INTO {name} ({length}, age_rating, original_language, description, title, {year}) \
             VALUES (?, ?, ?, ?, ?, ?)"
        );
        let mut tally = Tally::default();
        for Line { line, row } in &rows.lines {
            let known = ids.get(&row.key).copied();
            let (length, rating) = (row.length, &row.age_rating);
            let (language, description) = (&row.original_language, &row.description);
            let same = known.and_then(|id| values.get(&id)).is_some_and(|old| {
                (old.0, &old.1, &old.2, &old.3) == (length, rating, language, description)
            });
            if same {
                continue;
            }
            let statement = if known.is_some() { &update } else { &insert };
            let query = sqlx::query(AssertSqlSafe(statement.clone()))
                .bind(length)
                .bind(rating)
                .bind(language)
                .bind(description);
            if let Some(id) = known {
                query.bind(id).execute(&mut *self.conn).await?;
                tally.updated += 1;
                continue;
            }
            let result = query.bind(&row.key.0).bind(row.key.1).execute(&mut *self.conn).await;
            if let Some(id) = self.id(result, &rows.file, *line)? {
                ids.insert(row.key.clone(), id);
                tally.inserted += 1;
            } else {
                self.faulty(kind).insert(row.key.clone());
            }
        }
        self.count(kind.name, rows.lines.len(), &tally);
        Ok(ids)
    }

    fn faulty(&mut self, kind: &Kind) -> &mut HashSet<Key> {
        match kind.name {
            "movie" => &mut self.faulty.movies,
            _ => &mut self.faulty.series,
        }
    }

    // What is stored of each title besides its key; nothing when no title is given.
    async fn values<L>(
        &mut self,
        kind: &Kind,
        rows: &Rows<Title<L>>,
    ) -> Result<HashMap<u64, (L, String, String, String)>>
    where
        L: for<'r> Decode<'r, MySql> + Type<MySql> + Send + Unpin,
    {
        if rows.lines.is_empty() {
            return Ok(HashMap::new());
        }
        let Kind { name, length, .. } = kind;
        let select =
            format!("SELECT id, {length}, age_rating, original_language, description FROM {name}");
        let known: Vec<(u64, L, String, String, String)> =
            sqlx::query_as(AssertSqlSafe(select)).fetch_all(&mut *self.conn).await?;
        Ok(known.into_iter().map(|(id, a, b, c, d)| (id, (a, b, c, d))).collect())
    }

    // A title has exactly the genres of its row: others are taken away.
    pub(super) async fn title_genres<L>(
        &mut self,
        kind: &Kind,
        rows: &Rows<Title<L>>,
        titles: &Ids<Key>,
        genres: &Ids<String>,
    ) -> Result<()> {
        let Kind { name, genres: table, .. } = kind;
        let select = format!("SELECT {name}_id, genre_id FROM {table}");
        let known: Vec<(u64, u64)> =
            sqlx::query_as(AssertSqlSafe(select)).fetch_all(&mut *self.conn).await?;
        let known: HashSet<(u64, u64)> = known.into_iter().collect();
        let mut wanted = HashSet::new();
        for Line { line, row } in &rows.lines {
            for genre in &row.genres {
                match (titles.get(&row.key), genres.get(genre)) {
                    (Some(title), Some(genre)) => {
                        wanted.insert((*title, *genre));
                    }
                    (_, None) if !self.faulty.genres.contains(genre) => {
                        self.missing(&rows.file, *line, &format!("genre {genre:?}"));
                    }
                    _ => {}
                }
            }
        }
        let ours: HashSet<u64> =
            rows.lines.iter().filter_map(|line| titles.get(&line.row.key).copied()).collect();
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
        let tally = Tally { inserted: fresh.len(), updated: 0, deleted: stale.len() };
        self.count(kind.genres, wanted.len(), &tally);
        Ok(())
    }
}
