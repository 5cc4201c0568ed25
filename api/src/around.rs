//! What happens around every request: its body is read, its place is counted, its time is
//! limited.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::{app::App, problem::Problem, serve::Seat};

// Preferences are the largest thing that is sent: 16 KiB, more with everything escaped.
const BODY_MOST: usize = 256 * 1024;
// A handler that hangs must not keep its connection for ever.
const HANDLER: Duration = Duration::from_secs(30);

pub(crate) async fn around(State(app): State<App>, request: Request, next: Next) -> Response {
    // Personal answers must not end up in a shared cache.
    let public = request.uri().path().starts_with("/content/");
    let mut response =
        answer(&app, request, next).await.unwrap_or_else(IntoResponse::into_response);
    if !public {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

async fn answer(app: &App, request: Request, next: Next) -> Result<Response, Problem> {
    // Says only that the process runs: must not wait for anything.
    let health = request.uri().path() == "/healthz";
    let seat = request.extensions().get::<Seat>().cloned();
    let (parts, body) = request.into_parts();
    // Read first: until a request is whole, its connection waits for its client, and may
    // be closed for another one.
    let body = whole(body, app.limits.patience).await?;
    let _at_work = seat.as_ref().map(Seat::work);
    let _place = match health {
        true => None,
        false => Some(
            app.requests
                .try_acquire()
                .map_err(|_| Problem::busy("The server is busy with too many requests.", 1))?,
        ),
    };
    let handled = next.run(Request::from_parts(parts, Body::from(body)));
    tokio::time::timeout(HANDLER, handled)
        .await
        .map_err(|_| Problem::unavailable("That took too long."))
}

async fn whole(body: Body, patience: Duration) -> Result<Bytes, Problem> {
    let unreadable = |status, detail: String| Err(Problem::unreadable(status, detail));
    match tokio::time::timeout(patience, Limited::new(body, BODY_MOST).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let detail = format!("A body may be at most {} KiB.", BODY_MOST / 1024);
            unreadable(StatusCode::PAYLOAD_TOO_LARGE, detail)
        }
        Ok(Err(_)) => unreadable(StatusCode::BAD_REQUEST, "The body could not be read.".to_owned()),
        Err(_) => {
            let detail = "The body did not arrive in time.".to_owned();
            unreadable(StatusCode::REQUEST_TIMEOUT, detail)
        }
    }
}
