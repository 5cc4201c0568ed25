//! Command-line values that are one of a few words.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use model::choice::Choice;

/// Accepts the words of `T` and shows what each does.
pub(crate) fn one_of<T: Choice + Send + Sync>() -> impl TypedValueParser<Value = T> {
    let values = T::ALL.iter().map(|(_, word, help)| PossibleValue::new(*word).help(*help));
    PossibleValuesParser::new(values)
        .try_map(|word| T::from_word(&word).ok_or_else(|| format!("unknown value `{word}`")))
}
