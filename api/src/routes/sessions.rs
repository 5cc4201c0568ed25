//! Bearer sessions: opened by a login, ended one by one or all at once.

use axum::{extract::State, http::StatusCode};
use chrono::{DateTime, Utc};

use super::auth::Known;
use crate::{
    app::App,
    extract::{Session, token_hash},
    hex,
    problem::Problem,
};

const SESSION_DAYS: u32 = 30;

fn token() -> Result<String, Problem> {
    let mut random = [0_u8; 32];
    getrandom::fill(&mut random).map_err(|error| {
        tracing::error!(%error, "no random bytes");
        Problem::internal()
    })?;
    Ok(hex(&random))
}

/// Opens a session; gives its token and when it ends.
pub(super) async fn open(
    app: &App,
    known: &Known,
    device: Option<String>,
) -> Result<(String, DateTime<Utc>), Problem> {
    let account_id = known.id;
    let token = token()?;
    let mut tx = app.pool.begin().await?;
    // Locks the account: a change of password that came between ends this login, too.
    let query = "SELECT password_hash FROM account WHERE id = ? AND status = 'active' FOR UPDATE";
    let now: Option<String> =
        sqlx::query_scalar(query).bind(account_id).fetch_optional(&mut *tx).await?;
    if now.as_ref() != Some(&known.password_hash) {
        return Err(Problem::unauthorized("The account was changed meanwhile."));
    }
    let device_id = match device {
        None => None,
        Some(name) => {
            sqlx::query(
                "INSERT INTO device (account_id, name) VALUES (?, ?) \
                 ON DUPLICATE KEY UPDATE last_seen_at = CURRENT_TIMESTAMP(3)",
            )
            .bind(account_id)
            .bind(&name)
            .execute(&mut *tx)
            .await?;
            let query = "SELECT id FROM device WHERE account_id = ? AND name = ?";
            let id: u64 =
                sqlx::query_scalar(query).bind(account_id).bind(&name).fetch_one(&mut *tx).await?;
            Some(id)
        }
    };
    // The database's clock decides, here and when the session is checked.
    let id = sqlx::query(
        "INSERT INTO session (token_hash, account_id, device_id, expires_at) \
         VALUES (?, ?, ?, UTC_TIMESTAMP(3) + INTERVAL ? DAY)",
    )
    .bind(&token_hash(&token)[..])
    .bind(account_id)
    .bind(device_id)
    .bind(SESSION_DAYS)
    .execute(&mut *tx)
    .await?
    .last_insert_id();
    let query = "SELECT expires_at FROM session WHERE id = ?";
    let expires_at = sqlx::query_scalar(query).bind(id).fetch_one(&mut *tx).await?;
    tx.commit().await?;
    Ok((token, expires_at))
}

/// `POST /auth/logout`: ends the session that asks.
pub(crate) async fn logout(
    State(app): State<App>,
    session: Session,
) -> Result<StatusCode, Problem> {
    sqlx::query("DELETE FROM session WHERE id = ?")
        .bind(session.session_id)
        .execute(&app.pool)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /auth/sessions`: ends all sessions of the account, also the one that asks.
pub(crate) async fn end_all(
    State(app): State<App>,
    session: Session,
) -> Result<StatusCode, Problem> {
    sqlx::query("DELETE FROM session WHERE account_id = ?")
        .bind(session.account_id)
        .execute(&app.pool)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
