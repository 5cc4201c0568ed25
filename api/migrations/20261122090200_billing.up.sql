-- What is sold, to whom, and what is owed. Money is DECIMAL, never a float.
-- Nothing here cascades: billing rows outlive a wish to delete an account, and
-- somebody has to decide about them.

CREATE TABLE subscription_plan (
    id             BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    name           VARCHAR(50) NOT NULL,
    price_monthly  DECIMAL(8, 2) NOT NULL,
    currency       CHAR(3) NOT NULL DEFAULT 'EUR',
    max_streams    TINYINT UNSIGNED NOT NULL,
    max_resolution ENUM('720p', '1080p', '2160p') NOT NULL,
    created_at     DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (id),
    UNIQUE KEY uq_subscription_plan_name (name),
    CONSTRAINT ck_subscription_plan_price CHECK (price_monthly >= 0)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

CREATE TABLE subscription (
    id                BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    account_id        BIGINT UNSIGNED NOT NULL,
    plan_id           BIGINT UNSIGNED NOT NULL,
    status            ENUM('active', 'ended') NOT NULL DEFAULT 'active',
    -- What was agreed; the plan's price may change later.
    price_monthly     DECIMAL(8, 2) NOT NULL,
    started_at        DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    ended_at          DATETIME(3) NULL,
    -- Equal to account_id while active, NULL afterwards: its unique key is the
    -- rule "one active subscription an account, any number of ended ones".
    active_account_id BIGINT UNSIGNED GENERATED ALWAYS AS (IF(status = 'active', account_id, NULL)) VIRTUAL,
    PRIMARY KEY (id),
    UNIQUE KEY uq_subscription_active_account (active_account_id),
    KEY ix_subscription_account_started (account_id, started_at),
    KEY ix_subscription_plan (plan_id),
    CONSTRAINT fk_subscription_account FOREIGN KEY (account_id) REFERENCES account (id),
    CONSTRAINT fk_subscription_plan FOREIGN KEY (plan_id) REFERENCES subscription_plan (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

CREATE TABLE payment (
    id              BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    subscription_id BIGINT UNSIGNED NOT NULL,
    net_amount      DECIMAL(10, 2) NOT NULL,
    tax_amount      DECIMAL(10, 2) NOT NULL DEFAULT 0.00,
    -- Stored, so that a dump which writes generated columns as data fails to load.
    total_amount    DECIMAL(11, 2) GENERATED ALWAYS AS (net_amount + tax_amount) STORED,
    currency        CHAR(3) NOT NULL DEFAULT 'EUR',
    status          ENUM('pending', 'paid', 'failed', 'refunded') NOT NULL DEFAULT 'pending',
    -- The payment provider's own number, once there is one.
    reference       VARCHAR(64) NULL,
    due_at          DATETIME(3) NOT NULL,
    paid_at         DATETIME(3) NULL,
    PRIMARY KEY (id),
    UNIQUE KEY uq_payment_reference (reference),
    KEY ix_payment_subscription_due (subscription_id, due_at),
    KEY ix_payment_status_due (status, due_at),
    CONSTRAINT fk_payment_subscription FOREIGN KEY (subscription_id) REFERENCES subscription (id),
    CONSTRAINT ck_payment_amounts CHECK (net_amount >= 0 AND tax_amount >= 0)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

-- Who subscribed to what and when; only a trigger of a later migration writes here.
CREATE TABLE subscription_event (
    id              BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
    subscription_id BIGINT UNSIGNED NOT NULL,
    kind            ENUM('started', 'changed') NOT NULL,
    plan_name       VARCHAR(50) NOT NULL,
    occurred_at     DATETIME(3) NOT NULL,
    PRIMARY KEY (id),
    KEY ix_subscription_event_subscription (subscription_id, occurred_at),
    CONSTRAINT fk_subscription_event_subscription FOREIGN KEY (subscription_id) REFERENCES subscription (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
