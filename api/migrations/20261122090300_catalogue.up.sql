-- What can be watched. The unique keys on names and titles are the natural keys
-- that the import matches rows by.

CREATE TABLE genre (
    id   BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    name VARCHAR(60) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY uq_genre_name (name)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

CREATE TABLE movie (
    id                BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    title             VARCHAR(200) NOT NULL,
    release_year      SMALLINT UNSIGNED NOT NULL,
    runtime_minutes   SMALLINT UNSIGNED NOT NULL,
    age_rating        VARCHAR(10) NOT NULL,
    original_language VARCHAR(12) NOT NULL,
    description       TEXT NOT NULL,
    created_at        DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    updated_at        DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
    PRIMARY KEY (id),
    UNIQUE KEY uq_movie_title_year (title, release_year),
    KEY ix_movie_release_year (release_year),
    FULLTEXT KEY ft_movie_title_description (title, description)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

CREATE TABLE series (
    id                BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    title             VARCHAR(200) NOT NULL,
    start_year        SMALLINT UNSIGNED NOT NULL,
    -- NULL while the series is still running.
    end_year          SMALLINT UNSIGNED NULL,
    age_rating        VARCHAR(10) NOT NULL,
    original_language VARCHAR(12) NOT NULL,
    description       TEXT NOT NULL,
    created_at        DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    updated_at        DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
    PRIMARY KEY (id),
    UNIQUE KEY uq_series_title_year (title, start_year),
    KEY ix_series_start_year (start_year),
    CONSTRAINT ck_series_years CHECK (end_year IS NULL OR end_year >= start_year)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

CREATE TABLE season (
    id            BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    series_id     BIGINT UNSIGNED NOT NULL,
    season_number SMALLINT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY uq_season_series_number (series_id, season_number),
    CONSTRAINT fk_season_series FOREIGN KEY (series_id) REFERENCES series (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

CREATE TABLE episode (
    id              BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    season_id       BIGINT UNSIGNED NOT NULL,
    episode_number  SMALLINT UNSIGNED NOT NULL,
    title           VARCHAR(200) NOT NULL,
    runtime_minutes SMALLINT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY uq_episode_season_number (season_id, episode_number),
    CONSTRAINT fk_episode_season FOREIGN KEY (season_id) REFERENCES season (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

CREATE TABLE movie_genre (
    movie_id BIGINT UNSIGNED NOT NULL,
    genre_id BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (movie_id, genre_id),
    KEY ix_movie_genre_genre (genre_id),
    CONSTRAINT fk_movie_genre_movie FOREIGN KEY (movie_id) REFERENCES movie (id) ON DELETE CASCADE,
    CONSTRAINT fk_movie_genre_genre FOREIGN KEY (genre_id) REFERENCES genre (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

CREATE TABLE series_genre (
    series_id BIGINT UNSIGNED NOT NULL,
    genre_id  BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (series_id, genre_id),
    KEY ix_series_genre_genre (genre_id),
    CONSTRAINT fk_series_genre_series FOREIGN KEY (series_id) REFERENCES series (id) ON DELETE CASCADE,
    CONSTRAINT fk_series_genre_genre FOREIGN KEY (genre_id) REFERENCES genre (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
