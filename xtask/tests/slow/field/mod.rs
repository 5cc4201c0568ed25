//! What people bring: dumps of other programs, schemas with what servers allow, and
//! states that no backup can hold. Each after a public report, each with the right value.

mod carried;
mod foreign;
mod texts;
mod way_back;
