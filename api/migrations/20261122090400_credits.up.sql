-- Who made a title. A credit belongs to exactly one movie or one series; the
-- check says so, and one unique key for each side keeps a role from being listed
-- twice (rows whose side is NULL never collide). character_name is empty, not
-- NULL, for everybody but actors, because NULLs would defeat those keys.

CREATE TABLE person (
    id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    name       VARCHAR(120) NOT NULL,
    birth_year SMALLINT UNSIGNED NULL,
    PRIMARY KEY (id),
    UNIQUE KEY uq_person_name (name)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

CREATE TABLE credit (
    id             BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    person_id      BIGINT UNSIGNED NOT NULL,
    movie_id       BIGINT UNSIGNED NULL,
    series_id      BIGINT UNSIGNED NULL,
    role           ENUM('director', 'actor', 'writer', 'creator') NOT NULL,
    character_name VARCHAR(120) NOT NULL DEFAULT '',
    PRIMARY KEY (id),
    UNIQUE KEY uq_credit_movie (movie_id, person_id, role, character_name),
    UNIQUE KEY uq_credit_series (series_id, person_id, role, character_name),
    KEY ix_credit_person (person_id),
    CONSTRAINT fk_credit_person FOREIGN KEY (person_id) REFERENCES person (id),
    CONSTRAINT fk_credit_movie FOREIGN KEY (movie_id) REFERENCES movie (id) ON DELETE CASCADE,
    CONSTRAINT fk_credit_series FOREIGN KEY (series_id) REFERENCES series (id) ON DELETE CASCADE,
    CONSTRAINT ck_credit_one_title CHECK ((movie_id IS NULL) <> (series_id IS NULL))
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
