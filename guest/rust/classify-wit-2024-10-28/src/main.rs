//! classify as a component.

use std::process::ExitCode;

use classify_wit_2024_10_28::classify;

fn main() -> ExitCode {
    classify_common::main("classify-wit-2024-10-28", classify)
}
