//! Is the process alive, can it work, and what can it do.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::{app::App, db, migrate, problem::Problem};

// Probes are impatient: an answer has to come before they give up.
const PATIENCE: Duration = Duration::from_secs(2);

/// The description of all routes.
pub(crate) const OPENAPI: &str = include_str!("../../openapi.json");

/// `GET /healthz`: the process runs. Says nothing about the database, so that a
/// database restart does not get the service killed.
pub(crate) async fn alive() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// `GET /readyz`: the database answers and has every migration of this binary.
pub(crate) async fn ready(State(app): State<App>) -> Result<Json<Value>, Problem> {
    let unreachable = |error: sqlx::Error| {
        tracing::warn!(%error, cause = db::cause(&error), "not ready");
        Problem::unavailable("The database cannot be reached at the moment.")
    };
    let look = async {
        let mut conn = app.pool.acquire().await?;
        migrate::status(&mut conn, &migrate::MIGRATOR).await
    };
    let looked = tokio::time::timeout(PATIENCE, look).await;
    let status = looked.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(unreachable)?;
    if status.complete() {
        return Ok(Json(json!({ "status": "ready", "migrations": status.applied.len() })));
    }
    let reason = match (status.dirty, status.pending.len()) {
        (Some(_), _) => "A migration failed half-way.".to_owned(),
        (None, 0) => "An applied migration differs from this release's.".to_owned(),
        (None, count) => format!("Migrations are missing: {count}."),
    };
    Err(Problem::unavailable(reason))
}

/// `GET /openapi.json`.
pub(crate) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}
