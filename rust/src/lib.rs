//! Re-exports Wasmtime's C API, so that its symbols land in one static library, and adds what that
//! API cannot do: WASI-NN's component interfaces at the speed of typed calls, and HTTP that the host
//! may refuse.
#![cfg_attr(feature = "tract", feature(alloc_error_hook))]
pub use wasmtime_c_api::*;

mod component;
mod extension;
mod http;
#[cfg(feature = "tract")]
mod tract;
mod wit;
pub use component::*;
pub use extension::*;
pub use http::*;
pub use wit::*;
