-- Undoes 20261122090200_billing.up.sql, children before parents.
DROP TABLE subscription_event;
DROP TABLE payment;
DROP TABLE subscription;
DROP TABLE subscription_plan;
