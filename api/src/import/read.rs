//! The rows of a catalogue, and whether they agree with each other.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
};

use super::{
    Rejected,
    fields::{Fields, Line, Rows, read},
    files::{self, Format, Input, Kind},
};

/// A movie's or series' natural key: title and (first) year.
pub(crate) type Key = (String, u16);

#[derive(Debug)]
pub(crate) struct Person {
    pub name: String,
    pub birth_year: Option<u16>,
}

/// A movie or a series; `length` is its runtime or its last year.
#[derive(Debug)]
pub(crate) struct Title<L> {
    pub key: Key,
    pub length: L,
    pub age_rating: String,
    pub original_language: String,
    pub description: String,
    pub genres: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Episode {
    pub series: Key,
    pub season: u16,
    pub number: u16,
    pub title: String,
    pub runtime_minutes: u16,
}

#[derive(Debug)]
pub(crate) struct Credit {
    pub person: String,
    pub of_movie: bool,
    pub title: Key,
    pub role: &'static str,
    pub character_name: String,
}

/// A catalogue or a part of one; references may lead to rows outside of it.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    pub genres: Rows<String>,
    pub people: Rows<Person>,
    pub movies: Rows<Title<u16>>,
    pub series: Rows<Title<Option<u16>>>,
    pub episodes: Rows<Episode>,
    pub credits: Rows<Credit>,
}

/// Reads and checks the files. What is wrong with rows goes to `bad`.
pub(crate) fn catalogue(inputs: &[Input], bad: &mut Vec<Rejected>) -> Catalogue {
    let mut all = Catalogue::default();
    for input in inputs {
        match input.kind {
            Kind::Genres => all.genres = read(input, bad, |f| f.text(1, 60)),
            Kind::People => all.people = read(input, bad, person),
            Kind::Movies => {
                all.movies = read(input, bad, |f| title(f, |f, _| f.number(1..=1000)));
            }
            Kind::Series => {
                let last = |f: &mut Fields, start| f.optional(start..=2100);
                all.series = read(input, bad, |f| title(f, last));
            }
            Kind::Episodes => all.episodes = read(input, bad, episode),
            Kind::Credits => all.credits = read(input, bad, credit),
        }
    }
    unique(&all.genres, bad, Clone::clone);
    unique(&all.people, bad, |person| person.name.clone());
    unique(&all.movies, bad, |movie| movie.key.clone());
    unique(&all.series, bad, |series| series.key.clone());
    unique(&all.episodes, bad, |e| (e.series.clone(), e.season, e.number));
    unique(&all.credits, bad, |c| {
        (c.person.clone(), c.of_movie, c.title.clone(), c.role, c.character_name.clone())
    });
    all
}

fn person(f: &mut Fields) -> Person {
    Person { name: f.text(1, 120), birth_year: f.optional(1800..=2100) }
}

fn title<L>(f: &mut Fields, length: impl FnOnce(&mut Fields, u16) -> L) -> Title<L> {
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

fn episode(f: &mut Fields) -> Episode {
    Episode {
        series: (f.text(1, 200), f.number(1870..=2100)),
        season: f.number(1..=1000),
        number: f.number(1..=10_000),
        title: f.text(1, 200),
        runtime_minutes: f.number(1..=1000),
    }
}

fn credit(f: &mut Fields) -> Credit {
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

fn unique<T, K: Hash + Eq>(rows: &Rows<T>, bad: &mut Vec<Rejected>, key: impl Fn(&T) -> K) {
    let mut first: HashMap<K, u64> = HashMap::new();
    for Line { line, row } in &rows.lines {
        if let Some(earlier) = first.insert(key(row), *line) {
            let what = match files::format(&rows.file) {
                Some(Format::Json) => "element",
                _ => "line",
            };
            let reason = format!("duplicates {what} {earlier}");
            bad.push(Rejected::new(&rows.file, *line, reason));
        }
    }
}

impl<T> Rows<T> {
    /// The keys of all rows, faulty ones included.
    pub(crate) fn keys<K: Hash + Eq>(&self, key: impl Fn(&T) -> K) -> HashSet<K> {
        self.lines.iter().map(|line| &line.row).chain(&self.faulty).map(key).collect()
    }
}

impl Catalogue {
    /// How many references lead to rows outside of these files.
    pub(crate) fn outside(&self) -> usize {
        let genres = self.genres.keys(Clone::clone);
        let people = self.people.keys(|person| person.name.clone());
        let movies = self.movies.keys(|movie| movie.key.clone());
        let series = self.series.keys(|series| series.key.clone());
        let of_movies = self.movies.lines.iter().flat_map(|line| &line.row.genres);
        let of_series = self.series.lines.iter().flat_map(|line| &line.row.genres);
        let to_genres = of_movies.chain(of_series).filter(|genre| !genres.contains(*genre));
        let episodes = &self.episodes.lines;
        let to_series = episodes.iter().filter(|line| !series.contains(&line.row.series));
        let credits = self.credits.lines.iter().map(|Line { row, .. }| {
            let titles = if row.of_movie { &movies } else { &series };
            usize::from(!people.contains(&row.person)) + usize::from(!titles.contains(&row.title))
        });
        to_genres.count() + to_series.count() + credits.sum::<usize>()
    }
}
