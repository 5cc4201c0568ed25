//! The router: all routes, and what happens around each of them.

use std::{any::Any, sync::Arc};

use axum::{
    Router, middleware,
    response::{IntoResponse, Response},
};
use sqlx::MySqlPool;
use tokio::sync::Semaphore;
use tower_http::{catch_panic::CatchPanicLayer, trace::TraceLayer};

use crate::{
    around::around, backoff::Backoff, client::Proxies, password::Passwords, problem::Problem,
    routes, serve::Limits,
};

#[derive(Debug, Clone)]
pub struct App {
    pub(crate) pool: MySqlPool,
    pub(crate) passwords: Passwords,
    pub(crate) backoff: Arc<Backoff>,
    pub(crate) proxies: Arc<Proxies>,
    pub(crate) limits: Limits,
    // One permit for each request at work.
    pub(crate) requests: Arc<Semaphore>,
}

impl App {
    /// An application on top of `pool`.
    #[must_use]
    pub fn new(pool: MySqlPool) -> Self {
        Self::with(pool, Limits::default(), Proxies::default())
    }

    /// An application with limits of its own, behind `proxies`.
    #[must_use]
    pub fn with(pool: MySqlPool, limits: Limits, proxies: Proxies) -> Self {
        Self {
            pool,
            passwords: Passwords::default(),
            backoff: Arc::default(),
            proxies: Arc::new(proxies),
            limits,
            requests: Arc::new(Semaphore::new(limits.requests())),
        }
    }
}

pub fn router(app: App) -> Router {
    routes::all()
        .into_iter()
        .fold(Router::new(), |router, (path, methods)| router.route(path, methods))
        .fallback(async || Problem::not_found("such path"))
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(middleware::from_fn_with_state(app.clone(), around))
        .layer(CatchPanicLayer::custom(panicked))
        // Logs method, path and status; headers, and with them tokens, stay out.
        .layer(TraceLayer::new_for_http())
        .with_state(app)
}

// The panic's message went to stderr through the panic hook; clients get none of it.
fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a handler panicked");
    Problem::internal().into_response()
}
