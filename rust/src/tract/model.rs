//! A model: read, checked for what Tract lacks, optimised.
use std::collections::{BTreeSet, HashSet};
use std::ffi::c_void;
use std::sync::Arc;

use tract_onnx::pb;
use tract_onnx::prelude::*;

use super::context::has_type;
use super::error::{Error, Kind, Stopped, guard};
use super::plans::Plans;
use super::{Call, Text};

/// An input or output as the model declares it.
pub struct Value {
    pub name: String,
    pub dtype: i32,
    pub dims: Option<Vec<Dim>>,
}

pub struct Dim {
    pub size: Option<i64>,
    pub symbol: String,
}

/// `wnn_tract_model_t`.
pub struct Model {
    pub plans: Arc<Plans>,
    pub inputs: Vec<Value>,
    pub outputs: Vec<Value>,
    pub bytes: u64,
}

impl Model {
    pub fn load(bytes: &[u8], call: &Call) -> Result<Self, Error> {
        let (model, bytes) = guard(call.max_memory_bytes, || Self::load_unguarded(bytes, call))?;
        Ok(Model { bytes, ..model })
    }

    fn load_unguarded(bytes: &[u8], call: &Call) -> Result<Self, Error> {
        let invalid = |error: TractError| Error::of(Kind::Invalid, &error);
        let onnx = tract_onnx::onnx();
        let mut proto = onnx
            .proto_model_for_read(&mut &*bytes)
            .map_err(|error| Error::of(Kind::NotOnnx, &error))?;
        let graph = proto.graph.as_mut();
        let graph = graph.ok_or_else(|| Error::new(Kind::NotOnnx, "the model has no graph"))?;
        let (inputs, outputs) = (inputs_of(graph), outputs_of(graph));
        check_values(&inputs, &outputs)?;
        check_operators(&onnx, graph)?;
        check_names(graph)?;
        read_files(graph, call)?;
        name_nodes(graph);
        part_outputs_from_inputs(graph);
        call.check_stop()?;
        let parsed = onnx.parse(&proto, None).map_err(invalid)?;
        if let Some(name) = parsed.unresolved_inputs.first() {
            let text = format!("'{name}' is read, and nothing gives it");
            return Err(Error::new(Kind::Invalid, text));
        }
        drop(proto);
        let mut model = parsed.model;
        call.check_stop()?;
        model.analyse(false).map_err(invalid)?;
        call.check_stop()?;
        let typed = model.into_typed().map_err(invalid)?;
        call.check_stop()?;
        let typed = typed.into_decluttered().map_err(invalid)?;
        call.check_stop()?;
        let plans = Arc::new(Plans::new(typed, call)?);
        Ok(Model { plans, inputs, outputs, bytes: 0 })
    }
}

impl Call {
    pub fn check_stop(&self) -> Result<(), Error> {
        if self.stops() { Err(Error::new(Kind::Stopped, "stopped")) } else { Ok(()) }
    }

    pub fn stop_between_nodes(&self) -> TractResult<()> {
        if self.stops() { Err(Stopped.into()) } else { Ok(()) }
    }
}

fn value_of(info: &pb::ValueInfoProto) -> Value {
    let mut value = Value { name: info.name.clone(), dtype: 0, dims: None };
    let Some(pb::type_proto::Value::TensorType(tensor)) =
        info.r#type.as_ref().and_then(|ty| ty.value.as_ref())
    else {
        return value;
    };
    value.dtype = tensor.elem_type;
    value.dims = tensor.shape.as_ref().map(|shape| shape.dim.iter().map(dim_of).collect());
    value
}

fn dim_of(dim: &pb::tensor_shape_proto::Dimension) -> Dim {
    use pb::tensor_shape_proto::dimension::Value;
    match &dim.value {
        Some(Value::DimValue(size)) => {
            Dim { size: (*size >= 0).then_some(*size), symbol: String::new() }
        }
        Some(Value::DimParam(symbol)) => Dim { size: None, symbol: symbol.clone() },
        None => Dim { size: None, symbol: String::new() },
    }
}

/// What a caller sets: an input with an initializer is a weight, of which Tract takes no other.
fn inputs_of(graph: &pb::GraphProto) -> Vec<Value> {
    let weights: BTreeSet<&str> = graph.initializer.iter().map(|w| w.name.as_str()).collect();
    let inputs = graph.input.iter().filter(|input| !weights.contains(input.name.as_str()));
    inputs.map(value_of).collect()
}

fn outputs_of(graph: &pb::GraphProto) -> Vec<Value> {
    graph.output.iter().map(value_of).collect()
}

/// Refuses operators that Tract would not compute: it looks them up by name alone.
fn check_operators(onnx: &tract_onnx::Onnx, graph: &pb::GraphProto) -> Result<(), Error> {
    let mut missing = BTreeSet::new();
    for node in &graph.node {
        let known_domain = matches!(&*node.domain, "" | "ai.onnx" | "ai.onnx.ml" | "com.microsoft");
        if !known_domain || !onnx.op_register.0.contains_key(&node.op_type) {
            let dot = if node.domain.is_empty() { "" } else { "." };
            missing.insert(format!("{}{dot}{}", node.domain, node.op_type));
        }
        for graph in node.attribute.iter().filter_map(|attribute| attribute.g.as_ref()) {
            check_operators(onnx, graph)?;
        }
    }
    unsupported(missing)
}

/// Refuses types that Tract lacks, and inputs of which it must know more.
fn check_values(inputs: &[Value], outputs: &[Value]) -> Result<(), Error> {
    for value in inputs.iter().chain(outputs) {
        if value.dtype != 0 && !has_type(value.dtype) {
            let name = pb::tensor_proto::DataType::try_from(value.dtype)
                .map_or("unknown", |ty| ty.as_str_name());
            let text = format!("'{}' is of the type {name}, which Tract lacks", value.name);
            return Err(Error::new(Kind::Unsupported, text));
        }
    }
    match inputs.iter().find(|input| input.dims.is_none()) {
        None => Ok(()),
        Some(input) => {
            let text = format!("'{}' is of any rank, and Tract must know it", input.name);
            Err(Error::new(Kind::Unsupported, text))
        }
    }
}

/// Refuses values that are given twice, and outputs that are not.
fn check_names(graph: &pb::GraphProto) -> Result<(), Error> {
    let invalid = |text: String| Err(Error::new(Kind::Invalid, text));
    let inputs = graph.input.iter().map(|input| input.name.as_str());
    let weights = graph.initializer.iter().map(|weight| weight.name.as_str());
    let mut given: HashSet<&str> = inputs.chain(weights).collect();
    for name in graph.node.iter().flat_map(|node| &node.output).filter(|name| !name.is_empty()) {
        if !given.insert(name) {
            return invalid(format!("'{name}' is given twice"));
        }
    }
    match graph.output.iter().find(|output| !given.contains(output.name.as_str())) {
        None => Ok(()),
        Some(output) => invalid(format!("nothing gives the output '{}'", output.name)),
    }
}

/// Of an output that is an input or a weight, Tract would forget what the model says of that.
fn part_outputs_from_inputs(graph: &mut pb::GraphProto) {
    let inputs = graph.input.iter().map(|input| input.name.clone());
    let weights = graph.initializer.iter().map(|weight| weight.name.clone());
    let sources: HashSet<String> = inputs.chain(weights).collect();
    for (i, output) in graph.output.iter_mut().enumerate() {
        if sources.contains(&output.name) {
            let copy = format!("{}#output{i}", output.name);
            graph.node.push(pb::NodeProto {
                op_type: "Identity".to_owned(),
                name: copy.clone(),
                input: vec![std::mem::replace(&mut output.name, copy.clone())],
                output: vec![copy],
                ..Default::default()
            });
        }
    }
}

fn unsupported(operators: BTreeSet<String>) -> Result<(), Error> {
    if operators.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = operators.into_iter().collect();
    let text = format!("Tract does not have the operator {}", names.join(", "));
    Err(Error::new(Kind::Unsupported, text))
}

/// Gives each node a name of its own, which ONNX does not ask for and Tract does.
fn name_nodes(graph: &mut pb::GraphProto) {
    let inputs = graph.input.iter().map(|input| &input.name);
    let weights = graph.initializer.iter().map(|weight| &weight.name);
    let mut taken: HashSet<String> = inputs.chain(weights).cloned().collect();
    for (i, node) in graph.node.iter_mut().enumerate() {
        if node.name.is_empty() {
            node.name = node.output.first().unwrap_or(&node.op_type).clone();
        }
        if taken.contains(&node.name) {
            node.name = format!("{}#{i}", node.name);
        }
        taken.insert(node.name.clone());
        node.attribute.iter_mut().filter_map(|attribute| attribute.g.as_mut()).for_each(name_nodes);
    }
}

/// Puts what the model keeps in files into the model: Tract would open them itself.
fn read_files(graph: &mut pb::GraphProto, call: &Call) -> Result<(), Error> {
    graph.initializer.iter_mut().try_for_each(|tensor| read_file(tensor, call))?;
    for attribute in graph.node.iter_mut().flat_map(|node| node.attribute.iter_mut()) {
        let mut tensors = attribute.t.iter_mut().chain(attribute.tensors.iter_mut());
        tensors.try_for_each(|tensor| read_file(tensor, call))?;
        let mut graphs = attribute.g.iter_mut().chain(attribute.graphs.iter_mut());
        graphs.try_for_each(|graph| read_files(graph, call))?;
    }
    Ok(())
}

extern "C" fn append(sink: *mut c_void, data: *const u8, len: usize) {
    // SAFETY: `read_file` gave the sink, and the C side the bytes.
    let (sink, data) =
        unsafe { (&mut *sink.cast::<Vec<u8>>(), std::slice::from_raw_parts(data, len)) };
    sink.extend_from_slice(data);
}

fn read_file(tensor: &mut pb::TensorProto, call: &Call) -> Result<(), Error> {
    if tensor.data_location != Some(pb::tensor_proto::DataLocation::External as i32) {
        return Ok(());
    }
    let refused = |why: &str| {
        Error::new(Kind::Invalid, format!("'{}' has its data in a file, {why}", tensor.name))
    };
    let entry = |key| tensor.external_data.iter().find(|e| e.key == key).map(|e| e.value.as_str());
    let number = |key| entry(key).map(str::parse::<i64>).transpose();
    let location = entry("location").ok_or_else(|| refused("which it does not name"))?;
    let offset = number("offset").map_err(|_| refused("at an offset that is no number"))?;
    let len = number("length").map_err(|_| refused("of a length that is no number"))?;
    let Some(read) = call.read_file else {
        return Err(refused("and this model may have none"));
    };
    let offset = u64::try_from(offset.unwrap_or(0)).map_err(|_| refused("at a negative offset"))?;
    let mut bytes = Vec::<u8>::new();
    let sink = (&raw mut bytes).cast();
    if !read(call.env, Text::of(location), offset, len.unwrap_or(-1), append, sink) {
        return Err(refused("which cannot be read"));
    }
    tensor.raw_data = bytes.into();
    tensor.data_location = None;
    tensor.external_data.clear();
    Ok(())
}
