//! `wasi-nn-onnx:extension` in a component linker: `extension_bridge.h` is the contract.
use std::ffi::c_void;
use std::sync::Arc;

use wasmtime::Result;
use wasmtime::component::{ComponentType, Lift, Linker, Lower, Resource, WasmStr};
use wasmtime_c_api::{WasmtimeStoreData, wasmtime_component_linker_t};

use crate::wit::{
    Context, Cx, Graph, Instance, Outcome, Reply, Span, TENSOR_TYPES, TensorType, Trap, case,
    check, guest_text, text,
};

const VERSION: &str = "0.1.0";
const NO_TYPE: u8 = 0xff;

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
pub struct Dimension {
    size: Option<u32>,
    symbol: Option<String>,
}

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
pub struct Value {
    name: String,
    ty: Option<TensorType>,
    #[component(name = "onnx-type")]
    onnx_type: u32,
    dimensions: Option<Vec<Dimension>>,
}

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
pub struct Metadata {
    #[component(name = "producer-name")]
    producer_name: String,
    #[component(name = "producer-version")]
    producer_version: String,
    domain: String,
    version: i64,
    #[component(name = "graph-name")]
    graph_name: String,
    description: String,
    properties: Vec<(String, String)>,
}

/// `wnn_extension_dimension_t`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct RawDimension {
    size: i64,
    symbol: Span<u8>,
}

/// `wnn_extension_value_t`.
#[repr(C)]
pub struct RawValue {
    name: Span<u8>,
    ty: u8,
    onnx_type: u32,
    has_dimensions: bool,
    dimensions: Span<RawDimension>,
}

/// `wnn_extension_property_t`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct RawProperty {
    key: Span<u8>,
    value: Span<u8>,
}

/// `wnn_extension_metadata_t`.
#[repr(C)]
pub struct RawMetadata {
    producer_name: Span<u8>,
    producer_version: Span<u8>,
    domain: Span<u8>,
    version: i64,
    graph_name: Span<u8>,
    description: Span<u8>,
    properties: Span<RawProperty>,
}

type Values = Vec<Result<Value>>;
type GiveValue = extern "C" fn(&mut Values, &RawValue);
type GiveMetadata = extern "C" fn(&mut Option<Metadata>, &RawMetadata);

/// `wnn_extension_functions_t`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ExtensionFunctions {
    values: extern "C" fn(*mut c_void, Cx<'_>, u32, bool, GiveValue, &mut Values) -> Trap,
    metadata: extern "C" fn(*mut c_void, Cx<'_>, u32, GiveMetadata, &mut Option<Metadata>) -> Trap,
    bind_output: extern "C" fn(*mut c_void, Cx<'_>, u32, Span<u8>, Span<u8>, &mut Reply) -> Trap,
    unbind_input: extern "C" fn(*mut c_void, Cx<'_>, u32, Span<u8>, &mut Reply) -> Trap,
}

type Host = crate::wit::Host<ExtensionFunctions>;

fn dimension(raw: &RawDimension) -> Dimension {
    let symbol = text(raw.symbol);
    Dimension { size: u32::try_from(raw.size).ok(), symbol: (!symbol.is_empty()).then_some(symbol) }
}

fn value(raw: &RawValue) -> Result<Value> {
    let ty = (raw.ty != NO_TYPE).then(|| case(&TENSOR_TYPES, raw.ty)).transpose()?;
    // SAFETY: what is given lives while it is given.
    let dimensions = unsafe { raw.dimensions.get() };
    Ok(Value {
        name: text(raw.name),
        ty,
        onnx_type: raw.onnx_type,
        dimensions: raw.has_dimensions.then(|| dimensions.iter().map(dimension).collect()),
    })
}

extern "C" fn give_value(values: &mut Values, raw: &RawValue) {
    values.push(value(raw));
}

extern "C" fn give_metadata(out: &mut Option<Metadata>, raw: &RawMetadata) {
    // SAFETY: as above.
    let properties = unsafe { raw.properties.get() };
    *out = Some(Metadata {
        producer_name: text(raw.producer_name),
        producer_version: text(raw.producer_version),
        domain: text(raw.domain),
        version: raw.version,
        graph_name: text(raw.graph_name),
        description: text(raw.description),
        properties: properties.iter().map(|p| (text(p.key), text(p.value))).collect(),
    });
}

fn define_introspection(instance: &mut Instance<'_>, host: &Arc<Host>) -> Result<()> {
    for (name, outputs) in [("inputs", false), ("outputs", true)] {
        let h = host.clone();
        instance.func_wrap(name, move |cx, (graph,): (Resource<Graph>,)| {
            let mut values = Values::new();
            check((h.functions.values)(h.env, cx, graph.rep(), outputs, give_value, &mut values))?;
            Ok((values.into_iter().collect::<Result<Vec<Value>>>()?,))
        })?;
    }
    let h = host.clone();
    instance.func_wrap("get-metadata", move |cx, (graph,): (Resource<Graph>,)| {
        let mut metadata = None;
        check((h.functions.metadata)(h.env, cx, graph.rep(), give_metadata, &mut metadata))?;
        metadata.map(|metadata| (metadata,)).ok_or_else(|| wasmtime::Error::msg("no metadata"))
    })
}

fn define_state(instance: &mut Instance<'_>, host: &Arc<Host>) -> Result<()> {
    let h = host.clone();
    instance.func_wrap(
        "bind-output",
        move |cx, (context, output, input): (Resource<Context>, WasmStr, WasmStr)| {
            let (output, input) = (guest_text(&cx, &output)?, guest_text(&cx, &input)?);
            let mut reply = Reply::default();
            let bind = h.functions.bind_output;
            check(bind(h.env, cx, context.rep(), output.bytes, input.bytes, &mut reply))?;
            Ok((reply.unit() as Outcome<()>,))
        },
    )?;
    let h = host.clone();
    instance.func_wrap("unbind-input", move |cx, (context, input): (Resource<Context>, WasmStr)| {
        let (input, mut reply) = (guest_text(&cx, &input)?, Reply::default());
        check((h.functions.unbind_input)(h.env, cx, context.rep(), input.bytes, &mut reply))?;
        Ok((reply.unit() as Outcome<()>,))
    })
}

fn define(linker: &mut Linker<WasmtimeStoreData>, host: &Arc<Host>) -> Result<()> {
    let path = |interface: &str| format!("wasi-nn-onnx:extension/{interface}@{VERSION}");
    define_introspection(&mut linker.instance(&path("introspection"))?, host)?;
    define_state(&mut linker.instance(&path("state"))?, host)
}

/// # Safety
/// As `extension_bridge.h` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wnn_extension_add_to_linker(
    linker: *mut wasmtime_component_linker_t,
    functions: &ExtensionFunctions,
    env: *mut c_void,
    finalizer: Option<extern "C" fn(*mut c_void)>,
) -> Trap {
    let host = Arc::new(Host { functions: *functions, env, finalizer });
    // SAFETY: the C API's linker is a transparent wrapper around this one.
    let linker = unsafe { &mut *linker.cast::<Linker<WasmtimeStoreData>>() };
    define(linker, &host).err().map(|error| Box::new(error.into()))
}
