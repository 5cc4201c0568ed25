-- Who uses StreamFlix: accounts, their devices, bearer sessions and profiles.
--
-- Every table names its character set and collation, so that a restored copy
-- never depends on the default of the schema it lands in. utf8mb4_unicode_ci
-- exists on MySQL 8.4/9.7 and on MariaDB 10.11 alike; utf8mb4_0900_ai_ci does not.
-- All DATETIME values are UTC: every connection of the service sets time_zone.

CREATE TABLE account (
    id            BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    -- Stored in lower case by the service and compared byte by byte: the
    -- table's collation would take "josé@" and "jose@" for one person.
    email         VARCHAR(254) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    password_hash VARCHAR(255) NOT NULL,
    display_name  VARCHAR(100) NOT NULL,
    status        ENUM('active', 'suspended', 'closed') NOT NULL DEFAULT 'active',
    created_at    DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    updated_at    DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
    PRIMARY KEY (id),
    UNIQUE KEY uq_account_email (email),
    KEY ix_account_status_created (status, created_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

CREATE TABLE device (
    id           BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    account_id   BIGINT UNSIGNED NOT NULL,
    name         VARCHAR(100) NOT NULL,
    kind         ENUM('tv', 'phone', 'tablet', 'computer', 'other') NOT NULL DEFAULT 'other',
    created_at   DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    last_seen_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (id),
    UNIQUE KEY uq_device_account_name (account_id, name),
    CONSTRAINT fk_device_account FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

CREATE TABLE session (
    id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    -- SHA-256 of the bearer token. The token itself is never stored, so that
    -- neither this table nor a backup of it lets anybody log in.
    token_hash BINARY(32) NOT NULL,
    account_id BIGINT UNSIGNED NOT NULL,
    device_id  BIGINT UNSIGNED NULL,
    created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    expires_at DATETIME(3) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY uq_session_token_hash (token_hash),
    KEY ix_session_account (account_id),
    KEY ix_session_device (device_id),
    KEY ix_session_expires (expires_at),
    CONSTRAINT fk_session_account FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE,
    CONSTRAINT fk_session_device FOREIGN KEY (device_id) REFERENCES device (id) ON DELETE SET NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

CREATE TABLE profile (
    id          BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    account_id  BIGINT UNSIGNED NOT NULL,
    name        VARCHAR(60) NOT NULL,
    maturity    ENUM('kids', 'teen', 'adult') NOT NULL DEFAULT 'adult',
    -- Player settings that only the clients interpret. Always an object.
    -- (MariaDB stores JSON as LONGTEXT with a json_valid check.)
    preferences JSON NOT NULL,
    created_at  DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    updated_at  DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
    PRIMARY KEY (id),
    UNIQUE KEY uq_profile_account_name (account_id, name),
    CONSTRAINT fk_profile_account FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
