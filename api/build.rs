//! Rebuilds the crate when a migration is added: `sqlx::migrate!` only notices edits.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
