//! Plans, and the subscription of the logged-in account.
//!
//! No payment provider is attached: choosing a plan records what is owed, and
//! the payment stays pending.

use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Items;
use crate::{
    app::App,
    check::Checks,
    extract::{Body, Session},
    problem::Problem,
};

/// What can be subscribed to. Money travels as text: JSON numbers are floats.
#[derive(Debug, Serialize, sqlx::FromRow)]
pub(crate) struct Plan {
    name: String,
    price_monthly: String,
    currency: String,
    max_streams: u8,
    max_resolution: String,
}

/// `GET /plans`.
pub(crate) async fn plans(State(app): State<App>) -> Result<Json<Items<Plan>>, Problem> {
    let items = sqlx::query_as(
        "SELECT name, CAST(price_monthly AS CHAR) AS price_monthly, currency, max_streams, \
                max_resolution FROM subscription_plan p ORDER BY p.price_monthly, p.name",
    )
    .fetch_all(&app.pool)
    .await?;
    Ok(Json(Items { items }))
}

#[derive(Debug, Serialize, sqlx::FromRow)]
pub(crate) struct Subscription {
    plan: String,
    price_monthly: String,
    currency: String,
    max_streams: u8,
    max_resolution: String,
    started_at: DateTime<Utc>,
    outstanding: String,
}

async fn active(app: &App, session: Session) -> Result<Subscription, Problem> {
    sqlx::query_as(
        "SELECT plan_name AS plan, CAST(price_monthly AS CHAR) AS price_monthly, currency, \
                max_streams, max_resolution, started_at, CAST(outstanding AS CHAR) AS outstanding \
           FROM active_subscription WHERE account_id = ?",
    )
    .bind(session.account_id)
    .fetch_optional(&app.pool)
    .await?
    .ok_or_else(|| Problem::not_found("active subscription"))
}

/// `GET /subscription`.
pub(crate) async fn show(
    State(app): State<App>,
    session: Session,
) -> Result<Json<Subscription>, Problem> {
    Ok(Json(active(&app, session).await?))
}

/// Body of `PUT /subscription`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Choice {
    plan: String,
}

const END: &str = "UPDATE subscription SET status = 'ended', ended_at = CURRENT_TIMESTAMP(3) \
                   WHERE account_id = ? AND status = 'active'";

/// `PUT /subscription`: subscribes, or changes the plan. The same plan again changes nothing.
pub(crate) async fn choose(
    State(app): State<App>,
    session: Session,
    Body(choice): Body<Choice>,
) -> Result<Json<Subscription>, Problem> {
    let mut tx = app.pool.begin().await?;
    // Locks the account, so that two requests at once come one after the other.
    sqlx::query("SELECT id FROM account WHERE id = ? FOR UPDATE")
        .bind(session.account_id)
        .execute(&mut *tx)
        .await?;
    let plan: Option<u64> = sqlx::query_scalar("SELECT id FROM subscription_plan WHERE name = ?")
        .bind(choice.plan.trim())
        .fetch_optional(&mut *tx)
        .await?;
    let Some(plan) = plan else {
        let mut checks = Checks::default();
        checks.that(false, "plan", "must be the name of one of /plans");
        return Err(checks.done().expect_err("a complaint was just made"));
    };
    let current: Option<u64> = sqlx::query_scalar(
        "SELECT plan_id FROM subscription WHERE account_id = ? AND status = 'active'",
    )
    .bind(session.account_id)
    .fetch_optional(&mut *tx)
    .await?;
    if current != Some(plan) {
        sqlx::query(END).bind(session.account_id).execute(&mut *tx).await?;
        let id = sqlx::query(
            "INSERT INTO subscription (account_id, plan_id, price_monthly) \
             SELECT ?, id, price_monthly FROM subscription_plan WHERE id = ?",
        )
        .bind(session.account_id)
        .bind(plan)
        .execute(&mut *tx)
        .await?
        .last_insert_id();
        sqlx::query(
            "INSERT INTO payment (subscription_id, net_amount, currency, due_at) \
             SELECT ?, price_monthly, currency, CURRENT_TIMESTAMP(3) \
               FROM subscription_plan WHERE id = ?",
        )
        .bind(id)
        .bind(plan)
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await?;
    Ok(Json(active(&app, session).await?))
}

/// `DELETE /subscription`.
pub(crate) async fn end(State(app): State<App>, session: Session) -> Result<StatusCode, Problem> {
    let done = sqlx::query(END).bind(session.account_id).execute(&app.pool).await?;
    match done.rows_affected() {
        0 => Err(Problem::not_found("active subscription")),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}
