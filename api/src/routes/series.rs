//! The public catalogue: series with their seasons and episodes.

use axum::{Json, extract::State};
use serde::Serialize;
use sqlx::QueryBuilder;

use super::{
    Genres, Listing,
    content::{Credit, Filter},
};
use crate::{
    app::App,
    extract::{Ids, Params},
    problem::Problem,
};

/// A series in a list.
#[derive(Debug, Serialize, sqlx::FromRow)]
pub(crate) struct Series {
    id: u64,
    title: String,
    start_year: u16,
    end_year: Option<u16>,
    age_rating: String,
    #[sqlx(try_from = "Option<String>")]
    genres: Genres,
    season_count: i64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Episode {
    id: u64,
    episode_number: u16,
    title: String,
    runtime_minutes: u16,
}

#[derive(Debug, Serialize)]
pub(crate) struct Season {
    season_number: u16,
    episodes: Vec<Episode>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Detail {
    #[serde(flatten)]
    series: Series,
    original_language: String,
    description: String,
    seasons: Vec<Season>,
    credits: Vec<Credit>,
}

const SELECT_SERIES: &str = "SELECT t.id, t.title, t.start_year, t.end_year, t.age_rating, \
     (SELECT GROUP_CONCAT(g.name ORDER BY g.name SEPARATOR '|') FROM series_genre x \
        JOIN genre g ON g.id = x.genre_id WHERE x.series_id = t.id) AS genres, \
     (SELECT COUNT(*) FROM season s WHERE s.series_id = t.id) AS season_count FROM series t";

/// `GET /content/series`.
pub(crate) async fn list(
    State(app): State<App>,
    Params(filter): Params<Filter>,
) -> Result<Json<Listing<Series>>, Problem> {
    let page = filter.page(false)?;
    let mut count = QueryBuilder::new("SELECT COUNT(*) FROM series t");
    filter.push(&mut count, "series");
    let total: i64 = count.build_query_scalar().fetch_one(&app.pool).await?;
    let mut query = QueryBuilder::new(SELECT_SERIES);
    filter.push(&mut query, "series");
    query.push(" ORDER BY t.title, t.id LIMIT ").push_bind(page.limit);
    query.push(" OFFSET ").push_bind(page.offset);
    let items = query.build_query_as().fetch_all(&app.pool).await?;
    Ok(Json(Listing::new(items, total, page)))
}

/// `GET /content/series/{id}`.
pub(crate) async fn one(
    State(app): State<App>,
    Ids(id): Ids<u64>,
) -> Result<Json<Detail>, Problem> {
    let mut query = QueryBuilder::new(SELECT_SERIES);
    query.push(" WHERE t.id = ").push_bind(id);
    let series: Option<Series> = query.build_query_as().fetch_optional(&app.pool).await?;
    let series = series.ok_or_else(|| Problem::not_found("such series"))?;
    let episodes: Vec<(u16, u64, u16, String, u16)> = sqlx::query_as(
        "SELECT s.season_number, e.id, e.episode_number, e.title, e.runtime_minutes \
         FROM season s JOIN episode e ON e.season_id = s.id WHERE s.series_id = ? \
         ORDER BY s.season_number, e.episode_number",
    )
    .bind(id)
    .fetch_all(&app.pool)
    .await?;
    let mut seasons: Vec<Season> = vec![];
    for (season_number, id, episode_number, title, runtime_minutes) in episodes {
        if seasons.last().is_none_or(|season| season.season_number != season_number) {
            seasons.push(Season { season_number, episodes: vec![] });
        }
        let season = seasons.last_mut().expect("one was pushed above");
        season.episodes.push(Episode { id, episode_number, title, runtime_minutes });
    }
    let credits = sqlx::query_as(
        "SELECT p.name AS person, c.role, c.character_name FROM credit c \
         JOIN person p ON p.id = c.person_id WHERE c.series_id = ? \
         ORDER BY c.role, p.name, c.character_name",
    )
    .bind(id)
    .fetch_all(&app.pool)
    .await?;
    let (original_language, description): (String, String) =
        sqlx::query_as("SELECT original_language, description FROM series WHERE id = ?")
            .bind(id)
            .fetch_one(&app.pool)
            .await?;
    Ok(Json(Detail { series, original_language, description, seasons, credits }))
}
