//! The ABI that the target has. Each gives the same `Graph` and `Context`.

#[cfg(all(target_arch = "wasm32", target_env = "p2"))]
mod component;
#[cfg(all(target_arch = "wasm32", target_env = "p2"))]
pub(crate) use component::*;

#[cfg(all(target_arch = "wasm32", not(target_env = "p2")))]
mod core;
#[cfg(all(target_arch = "wasm32", not(target_env = "p2")))]
pub(crate) use core::*;

#[cfg(not(target_arch = "wasm32"))]
mod none;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use none::*;
