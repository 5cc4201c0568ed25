//! Schemas and servers with unusual properties: carried whole, or refused at backup by name.
