//! What has to hold for any bytes: the fuzz targets in `fuzz/` search for input
//! that breaks it, and the unit tests replay the corpus that they left.

mod escaper;
mod splitter;
mod stand_in;
#[cfg(test)]
mod tests;

pub use escaper::{Case, cases, escaper};
pub use splitter::splitter;
pub use stand_in::{Kind, write};
