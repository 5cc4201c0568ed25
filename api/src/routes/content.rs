//! The public catalogue: genres and movies.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use sqlx::{MySql, QueryBuilder};

use super::{Genres, Items, Listing};
use crate::{
    app::App,
    check::{Checks, Page},
    extract::{Ids, Params},
    problem::Problem,
};

/// A genre, with how much there is of it.
#[derive(Debug, Serialize, sqlx::FromRow)]
pub(crate) struct Genre {
    id: u64,
    name: String,
    movies: i64,
    series: i64,
}

/// `GET /content/genres`.
pub(crate) async fn genres(State(app): State<App>) -> Result<Json<Items<Genre>>, Problem> {
    let items = sqlx::query_as(
        "SELECT g.id, g.name, \
                (SELECT COUNT(*) FROM movie_genre m WHERE m.genre_id = g.id) AS movies, \
                (SELECT COUNT(*) FROM series_genre s WHERE s.genre_id = g.id) AS series \
           FROM genre g ORDER BY g.name",
    )
    .fetch_all(&app.pool)
    .await?;
    Ok(Json(Items { items }))
}

/// What a list of titles can be narrowed by.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    limit: Option<u32>,
    offset: Option<u32>,
    genre: Option<String>,
    title: Option<String>,
    /// Full-text search; movies only.
    q: Option<String>,
}

impl Filter {
    /// Checks the filter and returns the page asked for.
    pub(crate) fn page(&self, full_text: bool) -> Result<Page, Problem> {
        let mut checks = Checks::default();
        let page = checks.page(self.limit, self.offset);
        let limits = [("genre", &self.genre, 60), ("title", &self.title, 200), ("q", &self.q, 200)];
        for (field, value, max) in limits {
            if let Some(value) = value {
                checks.text(field, value, 1, max);
            }
        }
        checks.that(full_text || self.q.is_none(), "q", "full-text search covers movies only");
        checks.done()?;
        Ok(page)
    }

    /// Appends the conditions on `movie` or `series`, known as `t` in the query.
    pub(crate) fn push(&self, query: &mut QueryBuilder<MySql>, table: &'static str) {
        query.push(" WHERE TRUE");
        if let Some(title) = &self.title {
            // A part of the title, whatever signs it has; an escape sign of our own
            // does not depend on the server's sql_mode.
            let literal = title.trim().replace('!', "!!").replace('%', "!%").replace('_', "!_");
            query.push(" AND t.title LIKE ").push_bind(format!("%{literal}%")).push(" ESCAPE '!'");
        }
        if let Some(genre) = &self.genre {
            query
                .push(format!(
                    " AND EXISTS (SELECT 1 FROM {table}_genre x JOIN genre g ON g.id = x.genre_id \
                     WHERE x.{table}_id = t.id AND g.name = "
                ))
                .push_bind(genre.trim().to_owned())
                .push(")");
        }
        if let Some(words) = &self.q {
            query
                .push(" AND t.id IN (SELECT f.id FROM movie f WHERE MATCH (f.title, f.description) AGAINST (")
                .push_bind(plain(words))
                .push(" IN NATURAL LANGUAGE MODE))");
        }
    }
}

// The words of a search. InnoDB takes `*` and `(` for operators where nobody asked for
// any, and refuses what they do not make sense in.
fn plain(words: &str) -> String {
    let operator = |c: char| c.is_ascii_punctuation() && !matches!(c, '\'' | '_');
    words.replace(operator, " ").trim().to_owned()
}

/// A movie in a list.
#[derive(Debug, Serialize, sqlx::FromRow)]
pub(crate) struct Movie {
    id: u64,
    title: String,
    release_year: u16,
    runtime_minutes: u16,
    age_rating: String,
    #[sqlx(try_from = "Option<String>")]
    genres: Genres,
    rating_count: i64,
    rating_average: Option<f64>,
}

const SELECT_MOVIES: &str = "SELECT t.id, t.title, t.release_year, t.runtime_minutes, t.age_rating, \
     t.genres, t.rating_count, CAST(t.rating_average AS DOUBLE) AS rating_average \
     FROM movie_overview t";

/// `GET /content/movies`.
pub(crate) async fn movies(
    State(app): State<App>,
    Params(filter): Params<Filter>,
) -> Result<Json<Listing<Movie>>, Problem> {
    let page = filter.page(true)?;
    let mut count = QueryBuilder::new("SELECT COUNT(*) FROM movie t");
    filter.push(&mut count, "movie");
    let total: i64 = count.build_query_scalar().fetch_one(&app.pool).await?;
    let mut query = QueryBuilder::new(SELECT_MOVIES);
    filter.push(&mut query, "movie");
    query.push(" ORDER BY t.title, t.id LIMIT ").push_bind(page.limit);
    query.push(" OFFSET ").push_bind(page.offset);
    let items = query.build_query_as().fetch_all(&app.pool).await?;
    Ok(Json(Listing::new(items, total, page)))
}

/// Someone's part in a title.
#[derive(Debug, Serialize, sqlx::FromRow)]
pub(crate) struct Credit {
    person: String,
    role: String,
    /// Empty for everybody but actors.
    #[serde(skip_serializing_if = "String::is_empty")]
    character_name: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct MovieDetail {
    #[serde(flatten)]
    movie: Movie,
    original_language: String,
    description: String,
    credits: Vec<Credit>,
}

/// `GET /content/movies/{id}`.
pub(crate) async fn movie(
    State(app): State<App>,
    Ids(id): Ids<u64>,
) -> Result<Json<MovieDetail>, Problem> {
    let mut query = QueryBuilder::new(SELECT_MOVIES);
    query.push(" WHERE t.id = ").push_bind(id);
    let movie: Option<Movie> = query.build_query_as().fetch_optional(&app.pool).await?;
    let movie = movie.ok_or_else(|| Problem::not_found("such movie"))?;
    let (original_language, description): (String, String) =
        sqlx::query_as("SELECT original_language, description FROM movie WHERE id = ?")
            .bind(id)
            .fetch_one(&app.pool)
            .await?;
    let credits = sqlx::query_as(
        "SELECT p.name AS person, c.role, c.character_name FROM credit c \
         JOIN person p ON p.id = c.person_id WHERE c.movie_id = ? \
         ORDER BY c.role, p.name, c.character_name",
    )
    .bind(id)
    .fetch_all(&app.pool)
    .await?;
    Ok(Json(MovieDetail { movie, original_language, description, credits }))
}
