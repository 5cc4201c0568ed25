//! The rows of the catalogue: titles, their genres, and who made them.

use std::fmt::Write as _;

use super::random::Random;
use super::rows::{LANGUAGES, Source, put, when};
use super::text::{FAMILY, FIRST, GIVEN, PERIOD_MS, SECOND, description, string};

const GENRES: [&str; 24] = [
    "Drama",
    "Comedy",
    "Thriller",
    "Horror",
    "Romance",
    "Science Fiction",
    "Fantasy",
    "Crime",
    "Mystery",
    "Western",
    "War",
    "History",
    "Music",
    "Family",
    "Animation",
    "Documentary",
    "Sport",
    "Biography",
    "Adventure",
    "Action",
    "Noir",
    "Film d’auteur",
    "Kurzfilm",
    "アニメ",
];
const AGES: [&str; 5] = ["0", "6", "12", "16", "18"];

/// A row of `genre`.
pub(crate) fn genre(out: &mut String, of: &Source<'_>, row: u64, _: &mut Random) {
    put!(out, "({},'{} (s{})')", of.sizes.id("genre", row), GENRES[row as usize], of.seed);
}

fn title(random: &mut Random, seed: u64, row: u64) -> String {
    format!("The {} {} s{seed}-{row}", random.pick(&FIRST), random.pick(&SECOND))
}

/// A row of `movie`.
pub(crate) fn movie(out: &mut String, of: &Source<'_>, row: u64, random: &mut Random) {
    put!(out, "({},", of.sizes.id("movie", row));
    string(out, &title(random, of.seed, row));
    let (year, minutes) = (1950 + random.below(77), 62 + random.below(120));
    put!(out, ",{year},{minutes},'{}','{}',", random.pick(&AGES), random.pick(&LANGUAGES));
    string(out, &description(random));
    out.push(',');
    let at = random.below(PERIOD_MS);
    when(out, at, ",");
    when(out, at, ")");
}

/// A row of `series`.
pub(crate) fn series(out: &mut String, of: &Source<'_>, row: u64, random: &mut Random) {
    put!(out, "({},", of.sizes.id("series", row));
    string(out, &title(random, of.seed, row));
    let year = 1960 + random.below(60);
    put!(out, ",{year},");
    if random.chance(30) {
        out.push_str("NULL");
    } else {
        put!(out, "{}", year + random.below(7));
    }
    put!(out, ",'{}','{}',", random.pick(&AGES), random.pick(&LANGUAGES));
    string(out, &description(random));
    out.push(',');
    let at = random.below(PERIOD_MS);
    when(out, at, ",");
    when(out, at, ")");
}

/// A row of `season`.
pub(crate) fn season(out: &mut String, of: &Source<'_>, row: u64, _: &mut Random) {
    let (id, series) = (of.sizes.id("season", row), of.sizes.id("series", row / 3));
    put!(out, "({id},{series},{})", row % 3 + 1);
}

/// A row of `episode`.
pub(crate) fn episode(out: &mut String, of: &Source<'_>, row: u64, random: &mut Random) {
    let (id, season) = (of.sizes.id("episode", row), of.sizes.id("season", row / 10));
    put!(out, "({id},{season},{},", row % 10 + 1);
    string(out, &format!("{} {}", random.pick(&FIRST), random.pick(&SECOND)));
    put!(out, ",{})", 20 + random.below(45));
}

/// Two different genres a title: the second follows the first at some distance.
fn genre_of(of: &Source<'_>, table: u64, row: u64) -> u64 {
    let genres = of.sizes.rows("genre");
    let mut random = Random::of(of.seed, table, row / 2);
    let first = random.below(genres);
    let distance = if row.is_multiple_of(2) { 0 } else { 1 + random.below(genres - 1) };
    of.sizes.id("genre", (first + distance) % genres)
}

/// A row of `movie_genre`.
pub(crate) fn movie_genre(out: &mut String, of: &Source<'_>, row: u64, _: &mut Random) {
    put!(out, "({},{})", of.sizes.id("movie", row / 2), genre_of(of, 101, row));
}

/// A row of `series_genre`.
pub(crate) fn series_genre(out: &mut String, of: &Source<'_>, row: u64, _: &mut Random) {
    put!(out, "({},{})", of.sizes.id("series", row / 2), genre_of(of, 102, row));
}

/// A row of `person`.
pub(crate) fn person(out: &mut String, of: &Source<'_>, row: u64, random: &mut Random) {
    put!(out, "({},", of.sizes.id("person", row));
    let (given, family) = (random.pick(&GIVEN), random.pick(&FAMILY));
    string(out, &format!("{given} {family} s{}-{row}", of.seed));
    if random.chance(20) {
        out.push_str(",NULL)");
    } else {
        put!(out, ",{})", 1920 + random.below(90));
    }
}

/// Four a movie: three of its own, and one that goes to a series instead.
/// A row of `credit`.
pub(crate) fn credit(out: &mut String, of: &Source<'_>, row: u64, random: &mut Random) {
    let sizes = of.sizes;
    let (movie, place) = (row / 4, row % 4);
    let people = sizes.rows("person");
    if place == 3 {
        // Rows of one series differ in `movie / all`, and so in the person.
        let all = sizes.rows("series");
        let person = (movie % all * 7 + movie / all) % people;
        let series = sizes.id("series", movie % all);
        put!(
            out,
            "({},{},NULL,{series},'creator','')",
            sizes.id("credit", row),
            sizes.id("person", person)
        );
        return;
    }
    let first = Random::of(of.seed, 103, movie).below(people);
    let (id, person) = (sizes.id("credit", row), sizes.id("person", (first + place) % people));
    put!(out, "({id},{person},{},NULL,", sizes.id("movie", movie));
    if place == 0 {
        out.push_str("'director','')");
    } else {
        out.push_str("'actor',");
        string(out, random.pick(&GIVEN));
        out.push(')');
    }
}
