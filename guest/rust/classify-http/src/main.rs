//! classify as a component whose model, labels and pictures may be URLs: it fetches them itself, from
//! the hosts that its own host allows (`--allow-http`).

mod fetch;

use std::process::ExitCode;

fn main() -> ExitCode {
    let read = |path: &str| {
        if path.starts_with("http://") || path.starts_with("https://") {
            fetch::get(path)
        } else {
            classify_common::read_file(path)
        }
    };
    classify_common::main_reading("classify-http", &read, classify_wit_2024_10_28::classify)
}
