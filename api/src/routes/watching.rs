//! What a profile has watched, and what it keeps for later.

use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Items, Listing, profiles::owned};
use crate::{
    app::App,
    check::Checks,
    extract::{Body, Ids, Params, Session},
    problem::Problem,
};

/// A page of a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Paging {
    limit: Option<u32>,
    offset: Option<u32>,
}

/// One viewing. For an episode, `title` is the series' title.
#[derive(Debug, Serialize, sqlx::FromRow)]
pub(crate) struct Viewing {
    id: u64,
    movie_id: Option<u64>,
    episode_id: Option<u64>,
    title: String,
    episode_title: Option<String>,
    position_seconds: u32,
    completed: bool,
    watched_at: DateTime<Utc>,
}

const SELECT_VIEWINGS: &str = "SELECT h.id, h.movie_id, h.episode_id, \
     COALESCE(m.title, s.title) AS title, e.title AS episode_title, \
     h.position_seconds, h.completed, h.watched_at \
     FROM watch_history h LEFT JOIN movie m ON m.id = h.movie_id \
     LEFT JOIN episode e ON e.id = h.episode_id LEFT JOIN season n ON n.id = e.season_id \
     LEFT JOIN series s ON s.id = n.series_id ";

/// `GET /profiles/{id}/watch-history`, newest first.
pub(crate) async fn history(
    State(app): State<App>,
    session: Session,
    Ids(id): Ids<u64>,
    Params(paging): Params<Paging>,
) -> Result<Json<Listing<Viewing>>, Problem> {
    let mut checks = Checks::default();
    let page = checks.page(paging.limit, paging.offset);
    checks.done()?;
    owned(&app, session, id).await?;
    let total = sqlx::query_scalar("SELECT COUNT(*) FROM watch_history WHERE profile_id = ?")
        .bind(id)
        .fetch_one(&app.pool)
        .await?;
    let mut query = sqlx::QueryBuilder::new(SELECT_VIEWINGS);
    query.push("WHERE h.profile_id = ").push_bind(id);
    query.push(" ORDER BY h.watched_at DESC, h.id DESC LIMIT ").push_bind(page.limit);
    query.push(" OFFSET ").push_bind(page.offset);
    let items = query.build_query_as().fetch_all(&app.pool).await?;
    Ok(Json(Listing::new(items, total, page)))
}

/// Body of `POST /profiles/{id}/watch-history`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Watched {
    movie_id: Option<u64>,
    episode_id: Option<u64>,
    position_seconds: u32,
    #[serde(default)]
    completed: bool,
}

/// `POST /profiles/{id}/watch-history`: records one viewing.
pub(crate) async fn record(
    State(app): State<App>,
    session: Session,
    Ids(id): Ids<u64>,
    Body(body): Body<Watched>,
) -> Result<(StatusCode, Json<Viewing>), Problem> {
    let mut checks = Checks::default();
    let one = body.movie_id.is_some() != body.episode_id.is_some();
    checks.that(one, "movie_id", "give either movie_id or episode_id");
    checks.that(body.position_seconds <= 86_400, "position_seconds", "must be at most 86400");
    checks.done()?;
    owned(&app, session, id).await?;
    let inserted = sqlx::query(
        "INSERT INTO watch_history (profile_id, movie_id, episode_id, position_seconds, completed) \
         VALUES (?, ?, ?, ?, ?)",
    )
    .bind(id)
    .bind(body.movie_id)
    .bind(body.episode_id)
    .bind(body.position_seconds)
    .bind(body.completed)
    .execute(&app.pool)
    .await
    .map_err(|error| no_such(error, "such movie or episode"))?;
    let mut query = sqlx::QueryBuilder::new(SELECT_VIEWINGS);
    query.push("WHERE h.id = ").push_bind(inserted.last_insert_id());
    let viewing = query.build_query_as().fetch_one(&app.pool).await?;
    Ok((StatusCode::CREATED, Json(viewing)))
}

// A foreign key that points nowhere means that the title does not exist.
fn no_such(error: sqlx::Error, what: &str) -> Problem {
    match &error {
        sqlx::Error::Database(cause) if cause.is_foreign_key_violation() => {
            Problem::not_found(what)
        }
        _ => error.into(),
    }
}

/// A title on the watchlist.
#[derive(Debug, Serialize, sqlx::FromRow)]
pub(crate) struct Kept {
    movie_id: Option<u64>,
    series_id: Option<u64>,
    title: String,
    added_at: DateTime<Utc>,
}

/// `GET /profiles/{id}/watchlist`, newest first.
pub(crate) async fn watchlist(
    State(app): State<App>,
    session: Session,
    Ids(id): Ids<u64>,
) -> Result<Json<Items<Kept>>, Problem> {
    owned(&app, session, id).await?;
    let items = sqlx::query_as(
        "SELECT w.movie_id, w.series_id, COALESCE(m.title, s.title) AS title, w.added_at \
         FROM watchlist w LEFT JOIN movie m ON m.id = w.movie_id \
         LEFT JOIN series s ON s.id = w.series_id \
         WHERE w.profile_id = ? ORDER BY w.added_at DESC, w.id DESC",
    )
    .bind(id)
    .fetch_all(&app.pool)
    .await?;
    Ok(Json(Items { items }))
}

// The update changes nothing: putting a title on the list twice is no error. (INSERT
// IGNORE would also swallow a foreign key that points nowhere.)
const KEEP_MOVIE: &str = "INSERT INTO watchlist (profile_id, movie_id) VALUES (?, ?) \
                          ON DUPLICATE KEY UPDATE profile_id = VALUES(profile_id)";
const KEEP_SERIES: &str = "INSERT INTO watchlist (profile_id, series_id) VALUES (?, ?) \
                           ON DUPLICATE KEY UPDATE profile_id = VALUES(profile_id)";
const DROP_MOVIE: &str = "DELETE FROM watchlist WHERE profile_id = ? AND movie_id = ?";
const DROP_SERIES: &str = "DELETE FROM watchlist WHERE profile_id = ? AND series_id = ?";

async fn change(
    app: &App,
    session: Session,
    (profile, title): (u64, u64),
    statement: &'static str,
) -> Result<StatusCode, Problem> {
    owned(app, session, profile).await?;
    sqlx::query(statement)
        .bind(profile)
        .bind(title)
        .execute(&app.pool)
        .await
        .map_err(|error| no_such(error, "such title"))?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /profiles/{id}/watchlist/movies/{movie}`.
pub(crate) async fn keep_movie(
    State(app): State<App>,
    session: Session,
    Ids(ids): Ids<(u64, u64)>,
) -> Result<StatusCode, Problem> {
    change(&app, session, ids, KEEP_MOVIE).await
}

/// `PUT /profiles/{id}/watchlist/series/{series}`.
pub(crate) async fn keep_series(
    State(app): State<App>,
    session: Session,
    Ids(ids): Ids<(u64, u64)>,
) -> Result<StatusCode, Problem> {
    change(&app, session, ids, KEEP_SERIES).await
}

/// `DELETE /profiles/{id}/watchlist/movies/{movie}`; also when it is not on the list.
pub(crate) async fn drop_movie(
    State(app): State<App>,
    session: Session,
    Ids(ids): Ids<(u64, u64)>,
) -> Result<StatusCode, Problem> {
    change(&app, session, ids, DROP_MOVIE).await
}

/// `DELETE /profiles/{id}/watchlist/series/{series}`; also when it is not on the list.
pub(crate) async fn drop_series(
    State(app): State<App>,
    session: Session,
    Ids(ids): Ids<(u64, u64)>,
) -> Result<StatusCode, Problem> {
    change(&app, session, ids, DROP_SERIES).await
}
