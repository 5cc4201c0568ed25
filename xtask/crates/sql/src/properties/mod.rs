//! What has to hold for any bytes: the fuzz targets in `fuzz/` search for input
//! that breaks it, and the unit tests replay the corpus that they left.

mod escaper;
mod packets;
mod splitter;
#[cfg(test)]
mod tests;

pub use escaper::{Case, KINDS, cases, escaper};
pub use packets::packets;
pub use splitter::splitter;
