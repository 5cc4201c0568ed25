//! The shape of a JSON document: each key with the kind of its value, a line each. Keys are
//! a contract with scripts; values are not.

use std::collections::BTreeSet;

use serde_json::Value;

/// One line a path.
pub fn shape(document: &Value) -> String {
    let mut lines = BTreeSet::new();
    walk("", document, &mut lines);
    lines.into_iter().map(|line| line + "\n").collect()
}

fn walk(path: &str, value: &Value, lines: &mut BTreeSet<String>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(all) if all.is_empty() => "[]",
        Value::Array(all) => {
            return all.iter().for_each(|one| walk(&format!("{path}[]"), one, lines));
        }
        Value::Object(all) if all.is_empty() => "{}",
        Value::Object(all) => {
            return all.iter().for_each(|(key, one)| walk(&format!("{path}.{key}"), one, lines));
        }
    };
    lines.insert(format!("{path}: {kind}"));
}
