//! What an attacker tried, on both servers: each attempt worked once.

mod api_account;
mod second_wall;
mod small;
