//! `wasi:nn` in a component linker, as typed host functions that call a table of C functions.
//!
//! The C API's own component functions turn every element of a list into a tagged value, which
//! costs 50 ns a byte. Typed functions see a list of bytes where it lies in the guest's memory. All
//! that is done here is to turn typed arguments into pointers and back: `wit_bridge.h` is the
//! contract, and the C side decides everything.
use std::borrow::Cow;
use std::ffi::{c_char, c_void};
use std::slice;
use std::sync::Arc;

use smallvec::SmallVec;
use wasmtime::component::{
    ComponentType, Lift, Linker, LinkerInstance, Lower, Resource, ResourceType, WasmList, WasmStr,
};
use wasmtime::{Error, Result};
use wasmtime_c_api::{
    WasmtimeStoreContextMut, WasmtimeStoreData, wasmtime_component_linker_t, wasmtime_error_t,
};

// What the C side's representations stand for. No value of these types exists.
pub enum Tensor {}
pub enum Graph {}
pub enum Context {}
pub enum NnError {}

#[derive(ComponentType, Lift, Lower, Clone, Copy)]
#[component(enum)]
#[repr(u8)]
pub enum TensorType {
    #[component(name = "FP16")]
    Fp16,
    #[component(name = "FP32")]
    Fp32,
    #[component(name = "FP64")]
    Fp64,
    #[component(name = "BF16")]
    Bf16,
    #[component(name = "U8")]
    U8,
    #[component(name = "I32")]
    I32,
    #[component(name = "I64")]
    I64,
}

#[derive(ComponentType, Lift, Lower, Clone, Copy)]
#[component(enum)]
#[repr(u8)]
pub enum Encoding {
    #[component(name = "openvino")]
    Openvino,
    #[component(name = "onnx")]
    Onnx,
    #[component(name = "tensorflow")]
    Tensorflow,
    #[component(name = "pytorch")]
    Pytorch,
    #[component(name = "tensorflowlite")]
    Tensorflowlite,
    #[component(name = "ggml")]
    Ggml,
    #[component(name = "autodetect")]
    Autodetect,
}

#[derive(ComponentType, Lift, Lower, Clone, Copy)]
#[component(enum)]
#[repr(u8)]
pub enum Target {
    #[component(name = "cpu")]
    Cpu,
    #[component(name = "gpu")]
    Gpu,
    #[component(name = "tpu")]
    Tpu,
}

#[derive(ComponentType, Lift, Lower, Clone, Copy)]
#[component(enum)]
#[repr(u8)]
pub enum ErrorCode {
    #[component(name = "invalid-argument")]
    InvalidArgument,
    #[component(name = "invalid-encoding")]
    InvalidEncoding,
    #[component(name = "timeout")]
    Timeout,
    #[component(name = "runtime-error")]
    RuntimeError,
    #[component(name = "unsupported-operation")]
    UnsupportedOperation,
    #[component(name = "too-large")]
    TooLarge,
    #[component(name = "not-found")]
    NotFound,
    #[component(name = "security")]
    Security,
    #[component(name = "unknown")]
    Unknown,
}

pub(crate) const TENSOR_TYPES: [TensorType; 7] = [
    TensorType::Fp16,
    TensorType::Fp32,
    TensorType::Fp64,
    TensorType::Bf16,
    TensorType::U8,
    TensorType::I32,
    TensorType::I64,
];

const ERROR_CODES: [ErrorCode; 9] = [
    ErrorCode::InvalidArgument,
    ErrorCode::InvalidEncoding,
    ErrorCode::Timeout,
    ErrorCode::RuntimeError,
    ErrorCode::UnsupportedOperation,
    ErrorCode::TooLarge,
    ErrorCode::NotFound,
    ErrorCode::Security,
    ErrorCode::Unknown,
];

/// Bytes or u32s that the other side owns; the pointer may be null when there are none.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Span<T> {
    data: *const T,
    len: usize,
}

impl<T: 'static> Span<T> {
    const EMPTY: Self = Span { data: std::ptr::null(), len: 0 };

    fn of(values: &[T]) -> Self {
        Span { data: values.as_ptr(), len: values.len() }
    }

    /// SAFETY: `'static` is a lie; what it points to must stay as it is while the result is in use.
    pub(crate) unsafe fn get(&self) -> &'static [T] {
        if self.len == 0 {
            return &[];
        }
        unsafe { slice::from_raw_parts(self.data, self.len) }
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Named {
    name: Span<u8>,
    tensor: u32,
}

/// An owned resource: the one that was asked for or, if `is_error`, an error.
#[repr(C)]
#[derive(Default)]
pub struct Reply {
    is_error: bool,
    rep: u32,
}

pub(crate) type Outcome<T> = Result<T, Resource<NnError>>;

impl Reply {
    fn resource<T>(&self) -> Outcome<Resource<T>> {
        self.unit().map(|()| Resource::new_own(self.rep))
    }

    pub(crate) fn unit(&self) -> Outcome<()> {
        if self.is_error { Err(Resource::new_own(self.rep)) } else { Ok(()) }
    }
}

pub(crate) type Cx<'a> = WasmtimeStoreContextMut<'a>;
pub(crate) type Trap = Option<Box<wasmtime_error_t>>;

/// `wnn_wit_functions_t`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Functions {
    tensor_new:
        extern "C" fn(*mut c_void, Cx<'_>, Span<u32>, TensorType, Span<u8>, &mut u32) -> Trap,
    tensor_dimensions: extern "C" fn(*mut c_void, Cx<'_>, u32, &mut Span<u32>) -> Trap,
    tensor_type: extern "C" fn(*mut c_void, Cx<'_>, u32, &mut u8) -> Trap,
    tensor_data: extern "C" fn(*mut c_void, Cx<'_>, u32, &mut Span<u8>) -> Trap,
    tensor_drop: extern "C" fn(*mut c_void, Cx<'_>, u32) -> Trap,
    load: extern "C" fn(*mut c_void, Cx<'_>, usize, Span<u8>, Encoding, Target, &mut Reply) -> Trap,
    load_by_name: extern "C" fn(*mut c_void, Cx<'_>, Span<u8>, &mut Reply) -> Trap,
    graph_init: extern "C" fn(*mut c_void, Cx<'_>, u32, &mut Reply) -> Trap,
    graph_drop: extern "C" fn(*mut c_void, Cx<'_>, u32) -> Trap,
    context_run: extern "C" fn(
        *mut c_void,
        Cx<'_>,
        u32,
        Span<Named>,
        &mut *const Outputs,
        &mut Reply,
    ) -> Trap,
    context_set_input: extern "C" fn(*mut c_void, Cx<'_>, u32, Span<u8>, u32, &mut Reply) -> Trap,
    context_compute: extern "C" fn(*mut c_void, Cx<'_>, u32, &mut Reply) -> Trap,
    context_get_output: extern "C" fn(*mut c_void, Cx<'_>, u32, Span<u8>, &mut Reply) -> Trap,
    context_drop: extern "C" fn(*mut c_void, Cx<'_>, u32) -> Trap,
    error_new: extern "C" fn(*mut c_void, Cx<'_>, ErrorCode, Span<u8>, &mut u32) -> Trap,
    error_code: extern "C" fn(*mut c_void, Cx<'_>, u32, &mut u8) -> Trap,
    error_data: extern "C" fn(*mut c_void, Cx<'_>, u32, &mut Span<u8>) -> Trap,
    error_drop: extern "C" fn(*mut c_void, Cx<'_>, u32) -> Trap,
}

/// `wnn_wit_version_t`.
#[repr(C)]
pub struct Version {
    name: *const c_char,
    has_set_input: bool,
    has_error_constructor: bool,
}

/// The C side: its functions and what they are called with.
pub(crate) struct Host<F> {
    pub(crate) functions: F,
    pub(crate) env: *mut c_void,
    pub(crate) finalizer: Option<extern "C" fn(*mut c_void)>,
}

// The C side promises that its functions may be called from any thread.
unsafe impl<F> Send for Host<F> {}
unsafe impl<F> Sync for Host<F> {}

impl<F> Drop for Host<F> {
    fn drop(&mut self) {
        if let Some(finalizer) = self.finalizer {
            finalizer(self.env);
        }
    }
}

pub(crate) fn check(trap: Trap) -> Result<()> {
    trap.map_or(Ok(()), |error| Err((*error).into()))
}

/// The case that the C side numbered.
pub(crate) fn case<T: Copy>(cases: &[T], number: u8) -> Result<T> {
    let case = cases.get(usize::from(number)).copied();
    case.ok_or_else(|| Error::msg("the host gave a case that the enumeration does not have"))
}

/// A text of the guest's, where it lies in its memory unless that is not in UTF-8.
pub(crate) struct GuestText {
    pub(crate) bytes: Span<u8>,
    converted: Option<String>,
}

pub(crate) fn guest_text(cx: &Cx<'_>, text: &WasmStr) -> Result<GuestText> {
    Ok(match text.to_str(cx)? {
        Cow::Borrowed(text) => GuestText { bytes: Span::of(text.as_bytes()), converted: None },
        Cow::Owned(text) => GuestText { bytes: Span::of(text.as_bytes()), converted: Some(text) },
    })
}

pub(crate) fn text(bytes: Span<u8>) -> String {
    // SAFETY: the C side's text lives until its next call.
    String::from_utf8_lossy(unsafe { bytes.get() }).into_owned()
}

pub(crate) type Instance<'a> = LinkerInstance<'a, WasmtimeStoreData>;

fn define_tensor(instance: &mut Instance<'_>, host: &Arc<Host<Functions>>) -> Result<()> {
    let h = host.clone();
    instance.resource("tensor", ResourceType::host::<Tensor>(), move |cx, rep| {
        check((h.functions.tensor_drop)(h.env, cx, rep))
    })?;
    let h = host.clone();
    instance.func_wrap(
        "[constructor]tensor",
        move |cx, (dims, ty, data): (WasmList<u32>, TensorType, WasmList<u8>)| {
            let (dims, data) = (Span::of(dims.as_le_slice(&cx)), Span::of(data.as_le_slice(&cx)));
            let mut tensor = 0;
            check((h.functions.tensor_new)(h.env, cx, dims, ty, data, &mut tensor))?;
            Ok((Resource::<Tensor>::new_own(tensor),))
        },
    )?;
    let h = host.clone();
    instance.func_wrap(
        "[method]tensor.dimensions",
        move |cx, (tensor,): (Resource<Tensor>,)| {
            let mut dims = Span::EMPTY;
            check((h.functions.tensor_dimensions)(h.env, cx, tensor.rep(), &mut dims))?;
            // SAFETY: they stay until the C side's next call, which comes after they are lowered: while
            // a result is lowered, the guest may run its allocator but cannot call us.
            Ok((unsafe { dims.get() },))
        },
    )?;
    let h = host.clone();
    instance.func_wrap("[method]tensor.ty", move |cx, (tensor,): (Resource<Tensor>,)| {
        let mut ty = 0;
        check((h.functions.tensor_type)(h.env, cx, tensor.rep(), &mut ty))?;
        Ok((case(&TENSOR_TYPES, ty)?,))
    })?;
    let h = host.clone();
    instance.func_wrap("[method]tensor.data", move |cx, (tensor,): (Resource<Tensor>,)| {
        let mut data = Span::EMPTY;
        check((h.functions.tensor_data)(h.env, cx, tensor.rep(), &mut data))?;
        // SAFETY: as for the dimensions.
        Ok((unsafe { data.get() },))
    })
}

fn define_graph(instance: &mut Instance<'_>, host: &Arc<Host<Functions>>) -> Result<()> {
    let h = host.clone();
    instance.resource("graph", ResourceType::host::<Graph>(), move |cx, rep| {
        check((h.functions.graph_drop)(h.env, cx, rep))
    })?;
    let h = host.clone();
    instance.func_wrap(
        "[method]graph.init-execution-context",
        move |cx, (graph,): (Resource<Graph>,)| {
            let mut reply = Reply::default();
            check((h.functions.graph_init)(h.env, cx, graph.rep(), &mut reply))?;
            Ok((reply.resource::<Context>(),))
        },
    )?;
    let h = host.clone();
    instance.func_wrap(
        "load",
        move |mut cx: Cx<'_>,
              (builders, encoding, target): (WasmList<WasmList<u8>>, Encoding, Target)| {
            let first = match builders.get(&mut cx, 0) {
                Some(builder) => Span::of(builder?.as_le_slice(&cx)),
                None => Span::EMPTY,
            };
            let (n, mut reply) = (builders.len(), Reply::default());
            check((h.functions.load)(h.env, cx, n, first, encoding, target, &mut reply))?;
            Ok((reply.resource::<Graph>(),))
        },
    )?;
    let h = host.clone();
    instance.func_wrap("load-by-name", move |cx, (name,): (WasmStr,)| {
        let (name, mut reply) = (guest_text(&cx, &name)?, Reply::default());
        check((h.functions.load_by_name)(h.env, cx, name.bytes, &mut reply))?;
        Ok((reply.resource::<Graph>(),))
    })
}

fn define_inference(
    instance: &mut Instance<'_>,
    host: &Arc<Host<Functions>>,
    has_set_input: bool,
) -> Result<()> {
    let h = host.clone();
    instance.resource(
        "graph-execution-context",
        ResourceType::host::<Context>(),
        move |cx, rep| check((h.functions.context_drop)(h.env, cx, rep)),
    )?;
    if has_set_input { define_set_input(instance, host) } else { define_run(instance, host) }
}

/// `wnn_wit_outputs_t`: what a compute gives, in a list whose memory serves the next one too. Its
/// first `len` items count.
#[derive(Default)]
pub struct Outputs {
    items: Vec<(String, Resource<Tensor>)>,
    len: usize,
}

#[unsafe(no_mangle)]
pub extern "C" fn wnn_wit_outputs_new() -> Box<Outputs> {
    Box::default()
}

#[unsafe(no_mangle)]
pub extern "C" fn wnn_wit_outputs_delete(_: Option<Box<Outputs>>) {}

#[unsafe(no_mangle)]
pub extern "C" fn wnn_wit_outputs_clear(outputs: &mut Outputs) {
    outputs.len = 0;
}

#[unsafe(no_mangle)]
pub extern "C" fn wnn_wit_outputs_add(outputs: &mut Outputs, name: Span<u8>, tensor: u32) {
    if outputs.len == outputs.items.len() {
        outputs.items.push((String::new(), Resource::new_own(tensor)));
    }
    let (text, resource) = &mut outputs.items[outputs.len];
    text.clear();
    // SAFETY: borrowed for this call.
    text.push_str(&String::from_utf8_lossy(unsafe { name.get() }));
    *resource = Resource::new_own(tensor);
    outputs.len += 1;
}

/// A model with more inputs costs an allocation a call.
const INPUTS_IN_PLACE: usize = 16;

/// 2024-10-28: one `compute` from named inputs to named outputs.
fn define_run(instance: &mut Instance<'_>, host: &Arc<Host<Functions>>) -> Result<()> {
    let h = host.clone();
    instance.func_wrap(
        "[method]graph-execution-context.compute",
        move |mut cx: Cx<'_>,
              (context, inputs): (Resource<Context>, WasmList<(WasmStr, Resource<Tensor>)>)| {
            let mut named = SmallVec::<[Named; INPUTS_IN_PLACE]>::new();
            let mut converted = SmallVec::<[GuestText; 0]>::new();
            for i in 0..inputs.len() {
                let (name, tensor) = inputs.get(&mut cx, i).expect("an index below its length")?;
                let name = guest_text(&cx, &name)?;
                named.push(Named { name: name.bytes, tensor: tensor.rep() });
                if name.converted.is_some() {
                    converted.push(name);
                }
            }
            let (mut outputs, mut reply) = (std::ptr::null(), Reply::default());
            check((h.functions.context_run)(
                h.env,
                cx,
                context.rep(),
                Span::of(&named),
                &mut outputs,
                &mut reply,
            ))?;
            // SAFETY: a list of this store's, which stays as for the dimensions of a tensor.
            let outputs = unsafe { outputs.as_ref() };
            let outputs: &[_] = outputs.map_or(&[], |outputs| &outputs.items[..outputs.len]);
            Ok((reply.unit().map(|()| outputs),))
        },
    )
}

/// The versions before: inputs and outputs one by one.
fn define_set_input(instance: &mut Instance<'_>, host: &Arc<Host<Functions>>) -> Result<()> {
    let h = host.clone();
    instance.func_wrap(
        "[method]graph-execution-context.set-input",
        move |cx, (context, name, tensor): (Resource<Context>, WasmStr, Resource<Tensor>)| {
            let (name, mut reply) = (guest_text(&cx, &name)?, Reply::default());
            check((h.functions.context_set_input)(
                h.env,
                cx,
                context.rep(),
                name.bytes,
                tensor.rep(),
                &mut reply,
            ))?;
            Ok((reply.unit(),))
        },
    )?;
    let h = host.clone();
    instance.func_wrap(
        "[method]graph-execution-context.compute",
        move |cx, (context,): (Resource<Context>,)| {
            let mut reply = Reply::default();
            check((h.functions.context_compute)(h.env, cx, context.rep(), &mut reply))?;
            Ok((reply.unit(),))
        },
    )?;
    let h = host.clone();
    instance.func_wrap(
        "[method]graph-execution-context.get-output",
        move |cx, (context, name): (Resource<Context>, WasmStr)| {
            let (name, mut reply) = (guest_text(&cx, &name)?, Reply::default());
            let get_output = h.functions.context_get_output;
            check(get_output(h.env, cx, context.rep(), name.bytes, &mut reply))?;
            Ok((reply.resource::<Tensor>(),))
        },
    )
}

fn define_errors(
    instance: &mut Instance<'_>,
    host: &Arc<Host<Functions>>,
    has_constructor: bool,
) -> Result<()> {
    let h = host.clone();
    instance.resource("error", ResourceType::host::<NnError>(), move |cx, rep| {
        check((h.functions.error_drop)(h.env, cx, rep))
    })?;
    if has_constructor {
        let h = host.clone();
        instance.func_wrap(
            "[constructor]error",
            move |cx, (code, data): (ErrorCode, String)| {
                let (data, mut error) = (Span::of(data.as_bytes()), 0);
                check((h.functions.error_new)(h.env, cx, code, data, &mut error))?;
                Ok((Resource::<NnError>::new_own(error),))
            },
        )?;
    }
    let h = host.clone();
    instance.func_wrap("[method]error.code", move |cx, (error,): (Resource<NnError>,)| {
        let mut code = 0;
        check((h.functions.error_code)(h.env, cx, error.rep(), &mut code))?;
        Ok((case(&ERROR_CODES, code)?,))
    })?;
    let h = host.clone();
    instance.func_wrap("[method]error.data", move |cx, (error,): (Resource<NnError>,)| {
        let mut data = Span::EMPTY;
        check((h.functions.error_data)(h.env, cx, error.rep(), &mut data))?;
        Ok((text(data),))
    })
}

fn define(
    linker: &mut Linker<WasmtimeStoreData>,
    version: &Version,
    host: &Arc<Host<Functions>>,
) -> Result<()> {
    // SAFETY: a C string, by the contract.
    let name = unsafe { std::ffi::CStr::from_ptr(version.name) }.to_string_lossy();
    let path = |interface: &str| format!("wasi:nn/{interface}@{name}");
    define_tensor(&mut linker.instance(&path("tensor"))?, host)?;
    define_graph(&mut linker.instance(&path("graph"))?, host)?;
    define_inference(&mut linker.instance(&path("inference"))?, host, version.has_set_input)?;
    define_errors(&mut linker.instance(&path("errors"))?, host, version.has_error_constructor)
}

/// # Safety
/// As `wit_bridge.h` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wnn_wit_add_to_linker(
    linker: *mut wasmtime_component_linker_t,
    versions: *const Version,
    n_versions: usize,
    functions: &Functions,
    env: *mut c_void,
    finalizer: Option<extern "C" fn(*mut c_void)>,
) -> Trap {
    let host = Arc::new(Host { functions: *functions, env, finalizer });
    // SAFETY: the C API's linker is a transparent wrapper around this one.
    let linker = unsafe { &mut *linker.cast::<Linker<WasmtimeStoreData>>() };
    let versions = unsafe { slice::from_raw_parts(versions, n_versions) };
    let result = versions.iter().try_for_each(|version| define(linker, version, &host));
    result.err().map(|error| Box::new(error.into()))
}
