//! What an attacker tried, on both servers: each attempt worked once.

mod accounts;
mod api_account;
mod forged;
mod second_wall;
