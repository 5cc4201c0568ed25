//! What an attacker tried, on both servers: each attempt worked once.

mod accepted;
mod accounts;
mod api_account;
mod first_wall;
mod forged;
mod journals;
mod nasty;
mod searched;
mod second_order;
mod second_wall;
mod small;
mod spellings;
mod wire;
