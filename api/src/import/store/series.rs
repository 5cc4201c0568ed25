//! The seasons and episodes of series.

use std::collections::{HashMap, HashSet};

use anyhow::Result;

use super::{Ids, Store, Tally};
use crate::import::{
    fields::{Line, Rows},
    read::{Episode, Key},
};

impl Store<'_> {
    pub(super) async fn seasons(
        &mut self,
        rows: &Rows<Episode>,
        series: &Ids<Key>,
    ) -> Result<Ids<(u64, u16)>> {
        let known: Vec<(u64, u16, u64)> =
            sqlx::query_as("SELECT series_id, season_number, id FROM season")
                .fetch_all(&mut *self.conn)
                .await?;
        let mut ids: Ids<(u64, u16)> =
            known.into_iter().map(|(series, number, id)| ((series, number), id)).collect();
        let mut wanted = HashSet::new();
        let mut tally = Tally::default();
        for Line { line, row } in &rows.lines {
            let Some(series) = series.get(&row.series) else {
                if !self.faulty.series.contains(&row.series) {
                    let (title, year) = &row.series;
                    self.missing(&rows.file, *line, &format!("series {title:?} of {year}"));
                }
                continue;
            };
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
            tally.inserted += 1;
        }
        self.count("season", wanted.len(), &tally);
        Ok(ids)
    }

    pub(super) async fn episodes(
        &mut self,
        rows: &Rows<Episode>,
        series: &Ids<Key>,
        seasons: &Ids<(u64, u16)>,
    ) -> Result<()> {
        type Known = HashMap<(u64, u16), (u64, String, u16)>;
        let known: Vec<(u64, u16, u64, String, u16)> = sqlx::query_as(
            "SELECT season_id, episode_number, id, title, runtime_minutes FROM episode",
        )
        .fetch_all(&mut *self.conn)
        .await?;
        let known: Known = known
            .into_iter()
            .map(|(season, number, id, title, minutes)| ((season, number), (id, title, minutes)))
            .collect();
        let mut tally = Tally::default();
        for Line { line, row } in &rows.lines {
            let season = series.get(&row.series).and_then(|id| seasons.get(&(*id, row.season)));
            let Some(season) = season else { continue };
            if let Some((id, title, minutes)) = known.get(&(*season, row.number)) {
                if (title, *minutes) == (&row.title, row.runtime_minutes) {
                    continue;
                }
                sqlx::query("UPDATE episode SET title = ?, runtime_minutes = ? WHERE id = ?")
                    .bind(&row.title)
                    .bind(row.runtime_minutes)
                    .bind(id)
                    .execute(&mut *self.conn)
                    .await?;
                tally.updated += 1;
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
            tally.inserted += usize::from(self.id(result, &rows.file, *line)?.is_some());
        }
        self.count("episode", rows.lines.len(), &tally);
        Ok(())
    }
}
