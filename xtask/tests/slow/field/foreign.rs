//! Dumps of other programs, and files that are not what their name says.
