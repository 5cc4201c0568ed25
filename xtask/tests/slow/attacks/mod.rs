//! What an attacker tried, on both servers: each attempt worked once.

mod second_wall;
