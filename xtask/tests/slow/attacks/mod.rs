//! What an attacker tried, on both servers: each attempt worked once.

mod forged;
mod second_wall;
