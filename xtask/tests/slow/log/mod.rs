//! The reader of the binary log, on both servers: what it says was touched against what was.

mod account;
mod ends;
mod model_writer;
mod resumed;
mod whole;
mod world;
