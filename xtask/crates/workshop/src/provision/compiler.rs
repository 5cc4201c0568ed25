//! A C++ compiler: the fuzzing engine comes as source.

use anyhow::Result;

use server::install::{Say, apt};
use sys::{env, proc};

/// Makes sure that there is one, under the name that Cargo's builds look for.
pub fn ensure(say: &mut Say<'_>) -> Result<()> {
    let named = env::var("CXX").filter(|name| !name.is_empty());
    if proc::find(named.as_deref().unwrap_or("c++")).is_some() {
        return Ok(());
    }
    apt::install(&["g++"], say)?;
    say("the C++ compiler is installed");
    Ok(())
}
