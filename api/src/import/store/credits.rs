//! Who made a title.

use std::collections::HashSet;

use anyhow::Result;

use super::{Ids, Store, Tally};
use crate::import::{
    fields::{Line, Rows},
    read::{Credit, Key},
};

impl Store<'_> {
    pub(super) async fn credits(
        &mut self,
        rows: &Rows<Credit>,
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
        let mut tally = Tally::default();
        for Line { line, row } in &rows.lines {
            let titles = if row.of_movie { movies } else { series };
            let (person, title) = (people.get(&row.person), titles.get(&row.title));
            self.references(&rows.file, *line, row, person.is_some(), title.is_some());
            let (Some(person), Some(title)) = (person, title) else { continue };
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
            tally.inserted += usize::from(self.id(result, &rows.file, *line)?.is_some());
        }
        self.count("credit", rows.lines.len(), &tally);
        Ok(())
    }

    fn references(&mut self, file: &str, line: u64, row: &Credit, person: bool, title: bool) {
        if !person && !self.faulty.people.contains(&row.person) {
            self.missing(file, line, &format!("person {:?}", row.person));
        }
        let faulty = if row.of_movie { &self.faulty.movies } else { &self.faulty.series };
        if !title && !faulty.contains(&row.title) {
            let kind = if row.of_movie { "movie" } else { "series" };
            let (name, year) = &row.title;
            self.missing(file, line, &format!("{kind} {name:?} of {year}"));
        }
    }
}
