//! The server goes away.
