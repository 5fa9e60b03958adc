//! No ABI: outside of WebAssembly, where the crate is compiled for its unit tests and documents.

use crate::element::{Element, TensorType};
use crate::error::{Error, ErrorCode, Result};
use crate::tensor::{Slot, Storage};
use crate::{Encoding, Target};

fn absent<T>(call: &str) -> Result<T> {
    let reason = "this program is not WebAssembly: no host serves it";
    Err(Error::new(ErrorCode::UnsupportedOperation, call, reason.to_string()))
}

pub(crate) struct Graph;

impl Graph {
    pub(crate) fn load(_: &[u8], _: Encoding, _: Target) -> Result<Self> {
        absent("load")
    }
    pub(crate) fn load_by_name(_: &str) -> Result<Self> {
        absent("load_by_name")
    }
    pub(crate) fn context(&self) -> Result<Context> {
        absent("init_execution_context")
    }
}

#[cfg(feature = "extension")]
impl Graph {
    pub(crate) fn values(&self, _: bool) -> Result<Vec<crate::ValueInfo>> {
        absent("values")
    }
    pub(crate) fn metadata(&self) -> Result<crate::Metadata> {
        absent("metadata")
    }
}

pub(crate) struct Context;

impl Context {
    pub(crate) fn set_input(&mut self, _: Slot, _: TensorType, _: &[u32], _: &[u8]) -> Result<()> {
        absent("set_input")
    }
    pub(crate) fn compute(&mut self) -> Result<()> {
        absent("compute")
    }
    pub(crate) fn output<T: Element>(&self, _: Slot) -> Result<(Option<Vec<u32>>, Storage<T>)> {
        absent("get_output")
    }
    pub(crate) fn output_into(&self, _: Slot, _: TensorType, _: &mut [u8]) -> Result<usize> {
        absent("get_output")
    }
}

#[cfg(feature = "extension")]
impl Context {
    pub(crate) fn bind_output(&mut self, _: Slot, _: Slot) -> Result<()> {
        absent("bind_output")
    }
    pub(crate) fn unbind_input(&mut self, _: Slot) -> Result<()> {
        absent("unbind_input")
    }
}
