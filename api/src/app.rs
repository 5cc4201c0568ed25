//! The router: all routes, and what happens around every one of them.

use std::{any::Any, time::Duration};

use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use sqlx::MySqlPool;
use tower_http::{catch_panic::CatchPanicLayer, trace::TraceLayer};

use crate::{password::Passwords, problem::Problem, routes};

/// What handlers share.
#[derive(Debug, Clone)]
pub struct App {
    pub(crate) pool: MySqlPool,
    pub(crate) passwords: Passwords,
}

impl App {
    /// An application on top of `pool`.
    #[must_use]
    pub fn new(pool: MySqlPool) -> Self {
        Self { pool, passwords: Passwords::default() }
    }
}

/// The service.
pub fn router(app: App) -> Router {
    routes::all()
        .into_iter()
        .fold(Router::new(), |router, (path, methods)| router.route(path, methods))
        .fallback(async || Problem::not_found("such path"))
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(middleware::from_fn(around))
        .layer(CatchPanicLayer::custom(panicked))
        // Logs method, path and status; headers, and with them tokens, stay out.
        .layer(TraceLayer::new_for_http())
        .with_state(app)
}

// A handler that hangs must not keep its connection for ever, and personal
// answers must not end up in a shared cache.
async fn around(request: Request, next: Next) -> Response {
    let public = request.uri().path().starts_with("/content/");
    let Ok(mut response) = tokio::time::timeout(Duration::from_secs(30), next.run(request)).await
    else {
        return Problem::unavailable("That took too long.").into_response();
    };
    if !public {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

// The panic's message went to stderr through the panic hook; clients get none of it.
fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a handler panicked");
    Problem::internal().into_response()
}
