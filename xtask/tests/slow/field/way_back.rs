//! The way back does not depend on what is live now.
