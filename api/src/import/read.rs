//! The six files of a catalogue, and whether they agree with each other.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    path::Path,
};

use super::{
    Rejected,
    fields::{Fields, Line, read},
};

/// A movie's or series' natural key: title and (first) year.
pub type Key = (String, u16);

#[derive(Debug)]
pub struct Person {
    pub name: String,
    pub birth_year: Option<u16>,
}

/// A movie or a series; `length` is its runtime or its last year.
#[derive(Debug)]
pub struct Title<L> {
    pub key: Key,
    pub length: L,
    pub age_rating: String,
    pub original_language: String,
    pub description: String,
    pub genres: Vec<String>,
}

#[derive(Debug)]
pub struct Episode {
    pub series: Key,
    pub season: u16,
    pub number: u16,
    pub title: String,
    pub runtime_minutes: u16,
}

#[derive(Debug)]
pub struct Credit {
    pub person: String,
    /// Otherwise of a series.
    pub of_movie: bool,
    pub title: Key,
    pub role: &'static str,
    pub character_name: String,
}

/// A whole catalogue; every reference in it is to a row in it.
#[derive(Debug)]
pub struct Catalogue {
    pub genres: Vec<Line<String>>,
    pub people: Vec<Line<Person>>,
    pub movies: Vec<Line<Title<u16>>>,
    pub series: Vec<Line<Title<Option<u16>>>>,
    pub episodes: Vec<Line<Episode>>,
    pub credits: Vec<Line<Credit>>,
}

pub const GENRES: &str = "genres.csv";
pub const PEOPLE: &str = "people.csv";
pub const MOVIES: &str = "movies.csv";
pub const SERIES: &str = "series.csv";
pub const EPISODES: &str = "episodes.csv";
pub const CREDITS: &str = "credits.csv";

/// Reads and checks the files of `dir`.
pub fn catalogue(dir: &Path) -> Result<Catalogue, Vec<Rejected>> {
    let mut bad = vec![];
    let catalogue = Catalogue {
        genres: read(dir, GENRES, &["name"], &mut bad, |f| f.text(1, 60)),
        people: read(dir, PEOPLE, &["name", "birth_year"], &mut bad, |f| Person {
            name: f.text(1, 120),
            birth_year: f.optional(1800..=2100),
        }),
        movies: read(dir, MOVIES, MOVIE_COLUMNS, &mut bad, |f| title(f, |f, _| f.number(1..=1000))),
        series: read(dir, SERIES, SERIES_COLUMNS, &mut bad, |f| {
            title(f, |f, start| f.optional(start..=2100))
        }),
        episodes: read(dir, EPISODES, EPISODE_COLUMNS, &mut bad, |f| Episode {
            series: (f.text(1, 200), f.number(1870..=2100)),
            season: f.number(1..=1000),
            number: f.number(1..=10_000),
            title: f.text(1, 200),
            runtime_minutes: f.number(1..=1000),
        }),
        credits: read(dir, CREDITS, CREDIT_COLUMNS, &mut bad, credit),
    };
    // Rows that were turned down above would make every reference to them look wrong.
    if bad.is_empty() {
        check(&catalogue, &mut bad);
    }
    if bad.is_empty() { Ok(catalogue) } else { Err(bad) }
}

const MOVIE_COLUMNS: &[&str] = &[
    "title",
    "release_year",
    "runtime_minutes",
    "age_rating",
    "original_language",
    "description",
    "genres",
];
const SERIES_COLUMNS: &[&str] = &[
    "title",
    "start_year",
    "end_year",
    "age_rating",
    "original_language",
    "description",
    "genres",
];
const EPISODE_COLUMNS: &[&str] = &[
    "series_title",
    "series_start_year",
    "season_number",
    "episode_number",
    "title",
    "runtime_minutes",
];
const CREDIT_COLUMNS: &[&str] = &["person", "kind", "title", "year", "role", "character_name"];

fn title<L>(f: &mut Fields<'_>, length: impl FnOnce(&mut Fields<'_>, u16) -> L) -> Title<L> {
    let key = (f.text(1, 200), f.number(1870..=2100));
    Title {
        length: length(f, key.1),
        key,
        age_rating: f.text(1, 10),
        original_language: f.text(2, 12),
        // TEXT holds 65,535 bytes; this fits whatever the characters.
        description: f.text(0, 16_000),
        genres: f
            .text(0, 1000)
            .split('|')
            .map(|genre| genre.trim().to_owned())
            .filter(|genre| !genre.is_empty())
            .collect(),
    }
}

fn credit(f: &mut Fields<'_>) -> Credit {
    let person = f.text(1, 120);
    let of_movie = f.word(&["movie", "series"]) == "movie";
    let title = (f.text(1, 200), f.number(1870..=2100));
    let role = f.word(&["director", "actor", "writer", "creator"]);
    let character_name = f.text(0, 120);
    if role != "actor" && !character_name.is_empty() {
        f.reject(format!("character_name is for actors, not for a {role}"));
    }
    Credit { person, of_movie, title, role, character_name }
}

// Duplicates within a file, and references that lead nowhere.
fn check(all: &Catalogue, bad: &mut Vec<Rejected>) {
    let genres = unique(GENRES, &all.genres, bad, Clone::clone);
    let people = unique(PEOPLE, &all.people, bad, |person| person.name.clone());
    let movies = unique(MOVIES, &all.movies, bad, |movie| movie.key.clone());
    let series = unique(SERIES, &all.series, bad, |series| series.key.clone());
    unique(EPISODES, &all.episodes, bad, |e| (e.series.clone(), e.season, e.number));
    unique(CREDITS, &all.credits, bad, |c| {
        (c.person.clone(), c.of_movie, c.title.clone(), c.role, c.character_name.clone())
    });
    let mut missing = |file, line, fine: bool, what: &str| {
        if !fine {
            bad.push(Rejected { file, line, reason: format!("there is no {what}") });
        }
    };
    let titles = all.movies.iter().map(|m| (MOVIES, m.line, &m.row.genres));
    for (file, line, named) in
        titles.chain(all.series.iter().map(|s| (SERIES, s.line, &s.row.genres)))
    {
        for genre in named {
            let fine = genres.contains(genre);
            missing(file, line, fine, &format!("genre {genre:?} in {GENRES}"));
        }
    }
    for Line { line, row } in &all.episodes {
        let (title, year) = &row.series;
        let fine = series.contains(&row.series);
        missing(EPISODES, *line, fine, &format!("series {title:?} of {year} in {SERIES}"));
    }
    for Line { line, row } in &all.credits {
        let fine = people.contains(&row.person);
        missing(CREDITS, *line, fine, &format!("person {:?} in {PEOPLE}", row.person));
        let (known, file) = if row.of_movie { (&movies, MOVIES) } else { (&series, SERIES) };
        let (title, year) = &row.title;
        let fine = known.contains(&row.title);
        missing(CREDITS, *line, fine, &format!("{title:?} of {year} in {file}"));
    }
}

fn unique<T, K: Hash + Eq + Clone>(
    file: &'static str,
    lines: &[Line<T>],
    bad: &mut Vec<Rejected>,
    key: impl Fn(&T) -> K,
) -> HashSet<K> {
    let mut first: HashMap<K, u64> = HashMap::new();
    for Line { line, row } in lines {
        if let Some(earlier) = first.insert(key(row), *line) {
            let reason = format!("says the same as line {earlier}");
            bad.push(Rejected { file, line: *line, reason });
        }
    }
    first.into_keys().collect()
}
