//! The logged-in account itself.

use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::auth::password;
use crate::{
    Secret,
    app::App,
    backoff::Kind,
    check::Checks,
    client::Client,
    extract::{Body, Session},
    problem::Problem,
};

/// An account as its owner sees it.
#[derive(Debug, Serialize, sqlx::FromRow)]
pub(crate) struct Account {
    id: u64,
    email: String,
    display_name: String,
    created_at: DateTime<Utc>,
}

/// The account with this id.
pub(crate) async fn find(app: &App, id: u64) -> Result<Account, Problem> {
    let query = "SELECT id, email, display_name, created_at FROM account WHERE id = ?";
    Ok(sqlx::query_as(query).bind(id).fetch_one(&app.pool).await?)
}

/// `GET /account`.
pub(crate) async fn show(
    State(app): State<App>,
    session: Session,
) -> Result<Json<Account>, Problem> {
    Ok(Json(find(&app, session.account_id).await?))
}

/// Body of `PUT /account/password`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    current_password: Secret,
    new_password: Secret,
}

/// `PUT /account/password`: needs the current one, and ends all other sessions. Who has
/// a stolen token guesses no faster here than at the login.
pub(crate) async fn change_password(
    State(app): State<App>,
    session: Session,
    Client(address): Client,
    Body(body): Body<Change>,
) -> Result<StatusCode, Problem> {
    let mut checks = Checks::default();
    let length = body.current_password.expose().chars().count();
    checks.that(length <= 200, "current_password", "must have at most 200 characters");
    password(&mut checks, "new_password", &body.new_password);
    checks.done()?;

    let query = "SELECT email, password_hash FROM account WHERE id = ?";
    let (email, stored): (String, String) =
        sqlx::query_as(query).bind(session.account_id).fetch_one(&app.pool).await?;
    let admitted = app.backoff.admit(Kind::Password, &email, address, Instant::now());
    let attempt = admitted.map_err(Problem::too_many)?;
    let right = app.passwords.verify(body.current_password, Some(stored.clone())).await;
    if !right.inspect_err(|_| app.backoff.untried(attempt))? {
        app.backoff.failed(attempt, Instant::now());
        let mut checks = Checks::default();
        checks.that(false, "current_password", "is not the account's password");
        return checks.done().map(|()| StatusCode::NO_CONTENT);
    }
    app.backoff.succeeded(attempt);

    let password_hash = app.passwords.hash(body.new_password).await?;
    let mut tx = app.pool.begin().await?;
    // Of two changes at once, the second finds that its current password is none any more.
    let query = "UPDATE account SET password_hash = ? WHERE id = ? AND password_hash = ?";
    let changed = sqlx::query(query)
        .bind(password_hash)
        .bind(session.account_id)
        .bind(stored)
        .execute(&mut *tx)
        .await?;
    if changed.rows_affected() == 0 {
        return Err(Problem::conflict("The password was changed meanwhile."));
    }
    sqlx::query("DELETE FROM session WHERE account_id = ? AND id <> ?")
        .bind(session.account_id)
        .bind(session.session_id)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
