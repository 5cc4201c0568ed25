-- Undoes 20261122090300_catalogue.up.sql, children before parents.
DROP TABLE series_genre;
DROP TABLE movie_genre;
DROP TABLE episode;
DROP TABLE season;
DROP TABLE series;
DROP TABLE movie;
DROP TABLE genre;
