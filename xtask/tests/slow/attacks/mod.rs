//! What an attacker tried, on both servers: each attempt worked once.

mod accounts;
mod api_account;
mod forged;
mod accepted;
mod api_account;
mod first_wall;
mod nasty;
mod searched;
mod second_wall;
mod spellings;
