//! The profiles of the logged-in account. Those of others do not exist for it: 404.

use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Items;
use crate::{
    app::App,
    check::Checks,
    extract::{Body, Ids, Session},
    problem::Problem,
};

const MOST: i64 = 5;

#[derive(Debug, Serialize, sqlx::FromRow)]
pub(crate) struct Profile {
    id: u64,
    name: String,
    maturity: String,
    preferences: sqlx::types::Json<Value>,
    created_at: DateTime<Utc>,
}

/// Who a profile is for.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Maturity {
    Kids,
    Teen,
    Adult,
}

impl Maturity {
    fn text(self) -> &'static str {
        match self {
            Self::Kids => "kids",
            Self::Teen => "teen",
            Self::Adult => "adult",
        }
    }
}

/// Body of `POST /profiles` and `PUT /profiles/{id}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    name: String,
    maturity: Option<Maturity>,
    /// Any object; the clients' own affair.
    #[serde(default)]
    preferences: Map<String, Value>,
}

impl Wanted {
    fn checked(self) -> Result<(String, &'static str, sqlx::types::Json<Value>), Problem> {
        let mut checks = Checks::default();
        let name = checks.text("name", &self.name, 1, 60);
        let preferences = Value::Object(self.preferences);
        let fine = preferences.to_string().len() <= 16 * 1024;
        checks.that(fine, "preferences", "must take at most 16 KiB");
        checks.done()?;
        let maturity = self.maturity.unwrap_or(Maturity::Adult).text();
        Ok((name, maturity, sqlx::types::Json(preferences)))
    }
}

// A taken name is the one mistake that only the database can see.
fn named_twice(error: sqlx::Error) -> Problem {
    match &error {
        sqlx::Error::Database(cause) if cause.is_unique_violation() => {
            Problem::conflict("This account already has a profile of that name.")
        }
        _ => error.into(),
    }
}

/// Finds a profile of the account, or answers that there is none.
pub(crate) async fn owned(app: &App, session: Session, id: u64) -> Result<Profile, Problem> {
    sqlx::query_as(
        "SELECT id, name, maturity, preferences, created_at FROM profile \
         WHERE id = ? AND account_id = ?",
    )
    .bind(id)
    .bind(session.account_id)
    .fetch_optional(&app.pool)
    .await?
    .ok_or_else(|| Problem::not_found("such profile"))
}

/// `GET /profiles`.
pub(crate) async fn list(
    State(app): State<App>,
    session: Session,
) -> Result<Json<Items<Profile>>, Problem> {
    let items = sqlx::query_as(
        "SELECT id, name, maturity, preferences, created_at FROM profile \
         WHERE account_id = ? ORDER BY id",
    )
    .bind(session.account_id)
    .fetch_all(&app.pool)
    .await?;
    Ok(Json(Items { items }))
}

/// `POST /profiles`.
pub(crate) async fn create(
    State(app): State<App>,
    session: Session,
    Body(body): Body<Wanted>,
) -> Result<(StatusCode, Json<Profile>), Problem> {
    let (name, maturity, preferences) = body.checked()?;
    let mut tx = app.pool.begin().await?;
    // Locks the account, so that two requests at once cannot both take the last place.
    sqlx::query("SELECT id FROM account WHERE id = ? FOR UPDATE")
        .bind(session.account_id)
        .execute(&mut *tx)
        .await?;
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM profile WHERE account_id = ?")
        .bind(session.account_id)
        .fetch_one(&mut *tx)
        .await?;
    if count >= MOST {
        return Err(Problem::conflict("An account has at most 5 profiles."));
    }
    let query = "INSERT INTO profile (account_id, name, maturity, preferences) VALUES (?, ?, ?, ?)";
    let id = sqlx::query(query)
        .bind(session.account_id)
        .bind(name)
        .bind(maturity)
        .bind(preferences)
        .execute(&mut *tx)
        .await
        .map_err(named_twice)?
        .last_insert_id();
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(owned(&app, session, id).await?)))
}

/// `GET /profiles/{id}`.
pub(crate) async fn one(
    State(app): State<App>,
    session: Session,
    Ids(id): Ids<u64>,
) -> Result<Json<Profile>, Problem> {
    Ok(Json(owned(&app, session, id).await?))
}

/// `PUT /profiles/{id}`.
pub(crate) async fn replace(
    State(app): State<App>,
    session: Session,
    Ids(id): Ids<u64>,
    Body(body): Body<Wanted>,
) -> Result<Json<Profile>, Problem> {
    let (name, maturity, preferences) = body.checked()?;
    let query = "UPDATE profile SET name = ?, maturity = ?, preferences = ? \
                 WHERE id = ? AND account_id = ?";
    sqlx::query(query)
        .bind(name)
        .bind(maturity)
        .bind(preferences)
        .bind(id)
        .bind(session.account_id)
        .execute(&app.pool)
        .await
        .map_err(named_twice)?;
    Ok(Json(owned(&app, session, id).await?))
}

/// `DELETE /profiles/{id}`, and with it its history and watchlist.
pub(crate) async fn remove(
    State(app): State<App>,
    session: Session,
    Ids(id): Ids<u64>,
) -> Result<StatusCode, Problem> {
    let done = sqlx::query("DELETE FROM profile WHERE id = ? AND account_id = ?")
        .bind(id)
        .bind(session.account_id)
        .execute(&app.pool)
        .await?;
    match done.rows_affected() {
        0 => Err(Problem::not_found("such profile")),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}
