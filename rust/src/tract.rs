//! The ONNX runtime Tract behind a C ABI: `tract_bridge.h` is the contract.
mod context;
mod error;
mod memory;
mod model;
mod plans;

use std::ffi::c_void;
use std::slice;

use context::Context;
use error::{Error, Kind};
use model::{Model, Value};

/// As Cargo.toml pins it.
const VERSION: &str = "0.23.9";

/// `wnn_tract_text_t`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Text {
    data: *const u8,
    len: usize,
}

impl Text {
    fn of(text: &str) -> Self {
        Text { data: text.as_ptr(), len: text.len() }
    }
}

/// `wnn_tract_call_t`.
#[repr(C)]
pub struct Call {
    max_memory_bytes: u64,
    env: *mut c_void,
    stop: extern "C" fn(*mut c_void) -> bool,
    read_file: Option<ReadFile>,
}

type ReadFile = extern "C" fn(
    *mut c_void,
    Text,
    u64,
    i64,
    extern "C" fn(*mut c_void, *const u8, usize),
    *mut c_void,
) -> bool;

impl Call {
    fn stops(&self) -> bool {
        (self.stop)(self.env)
    }
}

/// `wnn_tract_tensor_t`.
#[repr(C)]
pub struct RawTensor {
    dtype: i32,
    dims: *const i64,
    rank: usize,
    data: *const u8,
    len: usize,
}

impl RawTensor {
    /// SAFETY: both are the C side's, for as long as the tensor that says where they are.
    unsafe fn dims(&self) -> &[i64] {
        unsafe { slice_of(self.dims, self.rank) }
    }

    /// SAFETY: as of the dimensions.
    unsafe fn data(&self) -> &[u8] {
        unsafe { slice_of(self.data, self.len) }
    }
}

/// SAFETY: as of `slice::from_raw_parts`, but that nothing may be null. The caller says how long.
unsafe fn slice_of<'a, T>(data: *const T, len: usize) -> &'a [T] {
    if len == 0 { &[] } else { unsafe { slice::from_raw_parts(data, len) } }
}

/// `wnn_tract_dim_t`.
#[repr(C)]
pub struct RawDim {
    size: i64,
    symbol: Text,
}

/// `wnn_tract_value_t`.
#[repr(C)]
pub struct RawValue {
    name: Text,
    dtype: i32,
    has_shape: bool,
    dims: *const RawDim,
    rank: usize,
}

type Outcome = Option<Box<Error>>;

fn outcome(result: Result<(), Error>) -> Outcome {
    result.err().map(Box::new)
}

#[unsafe(no_mangle)]
pub extern "C" fn wnn_tract_error_kind(error: &Error) -> Kind {
    error.kind
}

#[unsafe(no_mangle)]
pub extern "C" fn wnn_tract_error_text(error: &Error) -> Text {
    Text::of(&error.text)
}

#[unsafe(no_mangle)]
pub extern "C" fn wnn_tract_error_delete(_: Outcome) {}

#[unsafe(no_mangle)]
pub extern "C" fn wnn_tract_version() -> Text {
    Text::of(VERSION)
}

/// # Safety
/// As `tract_bridge.h` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wnn_tract_model_load(
    data: *const u8,
    len: usize,
    call: &Call,
    model: &mut Option<Box<Model>>,
) -> Outcome {
    let loaded = Model::load(unsafe { slice_of(data, len) }, call);
    outcome(loaded.map(|loaded| *model = Some(Box::new(loaded))))
}

#[unsafe(no_mangle)]
pub extern "C" fn wnn_tract_model_delete(_: Option<Box<Model>>) {}

#[unsafe(no_mangle)]
pub extern "C" fn wnn_tract_model_bytes(model: &Model) -> u64 {
    model.bytes
}

#[unsafe(no_mangle)]
pub extern "C" fn wnn_tract_model_values(
    model: &Model,
    outputs: bool,
    give: extern "C" fn(*mut c_void, &RawValue),
    env: *mut c_void,
) {
    let values = if outputs { &model.outputs } else { &model.inputs };
    for value in values {
        give_value(value, give, env);
    }
}

fn give_value(value: &Value, give: extern "C" fn(*mut c_void, &RawValue), env: *mut c_void) {
    let dims = value.dims.iter().flatten();
    let dims: Vec<RawDim> = dims
        .map(|dim| RawDim { size: dim.size.unwrap_or(-1), symbol: Text::of(&dim.symbol) })
        .collect();
    let raw = RawValue {
        name: Text::of(&value.name),
        dtype: value.dtype,
        has_shape: value.dims.is_some(),
        dims: dims.as_ptr(),
        rank: dims.len(),
    };
    give(env, &raw);
}

#[unsafe(no_mangle)]
pub extern "C" fn wnn_tract_context_new(model: &Model) -> Box<Context> {
    Box::new(Context::new(model))
}

#[unsafe(no_mangle)]
pub extern "C" fn wnn_tract_context_delete(_: Option<Box<Context>>) {}

#[unsafe(no_mangle)]
pub extern "C" fn wnn_tract_context_bytes(context: &Context) -> u64 {
    context.bytes()
}

#[unsafe(no_mangle)]
pub extern "C" fn wnn_tract_context_set_input(
    context: &mut Context,
    index: usize,
    tensor: &RawTensor,
) -> Outcome {
    outcome(context.set_input(index, tensor))
}

#[unsafe(no_mangle)]
pub extern "C" fn wnn_tract_context_has_input(context: &Context, index: usize) -> bool {
    context.has_input(index)
}

#[unsafe(no_mangle)]
pub extern "C" fn wnn_tract_context_compute(context: &mut Context, call: &Call) -> Outcome {
    outcome(context.compute(call))
}

#[unsafe(no_mangle)]
pub extern "C" fn wnn_tract_context_output(
    context: &Context,
    index: usize,
    tensor: &mut RawTensor,
) -> bool {
    context.output(index).map(|output| *tensor = output).is_some()
}

#[unsafe(no_mangle)]
pub extern "C" fn wnn_tract_context_forget_outputs(context: &mut Context) {
    context.forget_outputs();
}

#[unsafe(no_mangle)]
pub extern "C" fn wnn_tract_context_feed_back(
    context: &mut Context,
    output: usize,
    input: usize,
) -> bool {
    context.feed_back(output, input)
}
