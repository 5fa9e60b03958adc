//! Components: `wasi:nn@0.2.0-rc-2024-10-28`, and `wasi-nn-onnx:extension` with the feature
//! `extension`.

use crate::element::{Element, TensorType};
use crate::error::{Error, ErrorCode, Result};
use crate::tensor::{Slot, Storage};
use crate::{Encoding, Target};

#[cfg(not(feature = "extension"))]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit/2024-10-28", world: "ml", ownership: Borrowing { duplicate_if_necessary: false } });
}
#[cfg(feature = "extension")]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/extension",
        world: "extended-ml",
        ownership: Borrowing { duplicate_if_necessary: false },
        generate_all,
    });
}

use bindings::wasi::nn::errors::{Error as NnError, ErrorCode as NnErrorCode};
use bindings::wasi::nn::graph::{self, ExecutionTarget, GraphEncoding};
use bindings::wasi::nn::inference::GraphExecutionContext;
use bindings::wasi::nn::tensor::{Tensor, TensorType as NnType};

fn failed(call: &'static str) -> impl Fn(NnError) -> Error {
    move |error| {
        let code = match error.code() {
            NnErrorCode::InvalidArgument => ErrorCode::InvalidArgument,
            NnErrorCode::InvalidEncoding => ErrorCode::InvalidEncoding,
            NnErrorCode::Timeout => ErrorCode::Timeout,
            NnErrorCode::RuntimeError => ErrorCode::RuntimeError,
            NnErrorCode::UnsupportedOperation => ErrorCode::UnsupportedOperation,
            NnErrorCode::TooLarge => ErrorCode::TooLarge,
            NnErrorCode::NotFound => ErrorCode::NotFound,
            NnErrorCode::Security => ErrorCode::Security,
            NnErrorCode::Unknown => ErrorCode::Unknown(8),
        };
        Error::new(code, call, error.data())
    }
}

/// A type's name; of those that have none, that of bytes, which they cross as.
fn to_nn(ty: TensorType) -> NnType {
    match ty {
        TensorType::F16 => NnType::Fp16,
        TensorType::F32 => NnType::Fp32,
        TensorType::F64 => NnType::Fp64,
        TensorType::Bf16 => NnType::Bf16,
        TensorType::I32 => NnType::I32,
        TensorType::I64 => NnType::I64,
        _ => NnType::U8,
    }
}

pub(crate) struct Graph(graph::Graph);

impl Graph {
    pub(crate) fn load(model: &[u8], encoding: Encoding, target: Target) -> Result<Self> {
        let encoding = match encoding {
            Encoding::Openvino => GraphEncoding::Openvino,
            Encoding::Onnx => GraphEncoding::Onnx,
            Encoding::Tensorflow => GraphEncoding::Tensorflow,
            Encoding::Pytorch => GraphEncoding::Pytorch,
            Encoding::TensorflowLite => GraphEncoding::Tensorflowlite,
            Encoding::Autodetect => GraphEncoding::Autodetect,
        };
        let target = match target {
            Target::Cpu => ExecutionTarget::Cpu,
            Target::Gpu => ExecutionTarget::Gpu,
            Target::Tpu => ExecutionTarget::Tpu,
        };
        graph::load(&[model], encoding, target).map(Graph).map_err(failed("load"))
    }

    pub(crate) fn load_by_name(name: &str) -> Result<Self> {
        graph::load_by_name(name).map(Graph).map_err(failed("load_by_name"))
    }

    pub(crate) fn context(&self) -> Result<Context> {
        let context = self.0.init_execution_context().map_err(failed("init_execution_context"))?;
        Ok(Context { context, inputs: Vec::new(), outputs: Vec::new() })
    }
}

pub(crate) struct Context {
    context: GraphExecutionContext,
    inputs: Vec<(String, Tensor)>,  // for the next compute
    outputs: Vec<(String, Tensor)>, // of the last one
}

impl Context {
    pub(crate) fn set_input(
        &mut self,
        input: Slot,
        ty: TensorType,
        dims: &[u32],
        data: &[u8],
    ) -> Result<()> {
        let (name, tensor) = (input.to_name().into_owned(), Tensor::new(dims, to_nn(ty), data));
        match self.inputs.iter_mut().find(|(known, _)| *known == name) {
            Some((_, waiting)) => *waiting = tensor,
            None => self.inputs.push((name, tensor)),
        }
        Ok(())
    }

    pub(crate) fn compute(&mut self) -> Result<()> {
        self.outputs.clear(); // what is held would be copied aside
        let inputs = std::mem::take(&mut self.inputs);
        self.outputs = self.context.compute(inputs).map_err(failed("compute"))?;
        Ok(())
    }

    fn find(&self, output: Slot, ty: TensorType) -> Result<&Tensor> {
        let refuse = |code, reason: String| Err(Error::new(code, "get_output", reason));
        let named = |name: &str| self.outputs.iter().position(|(known, _)| known == name);
        let index = match output {
            Slot::Index(index) => Some(index as usize),
            Slot::Name(name) => named(name).or_else(|| name.parse().ok()),
        };
        if self.outputs.is_empty() {
            return refuse(ErrorCode::RuntimeError, "nothing was computed yet".to_string());
        }
        let Some((_, tensor)) = index.and_then(|index| self.outputs.get(index)) else {
            let names: Vec<&str> = self.outputs.iter().map(|(name, _)| name.as_str()).collect();
            let reason = format!("there is no such output, but {}", names.join(", "));
            return refuse(ErrorCode::InvalidArgument, reason);
        };
        if tensor.ty() == to_nn(ty) {
            return Ok(tensor);
        }
        let is = match tensor.ty() {
            NnType::Fp16 => "f16",
            NnType::Fp32 => "f32",
            NnType::Fp64 => "f64",
            NnType::Bf16 => "bf16",
            NnType::U8 => "bytes",
            NnType::I32 => "i32",
            NnType::I64 => "i64",
        };
        let reason = format!("its elements are {is}, not {}", ty.name());
        refuse(ErrorCode::InvalidArgument, reason)
    }

    pub(crate) fn output<T: Element>(
        &self,
        output: Slot,
    ) -> Result<(Option<Vec<u32>>, Storage<T>)> {
        let tensor = self.find(output, T::TYPE)?;
        Ok((Some(tensor.dimensions()), Storage::Bytes(tensor.data())))
    }

    pub(crate) fn output_into(
        &self,
        output: Slot,
        ty: TensorType,
        buffer: &mut [u8],
    ) -> Result<usize> {
        let data = self.find(output, ty)?.data();
        if data.len() <= buffer.len() {
            buffer[..data.len()].copy_from_slice(&data);
        }
        Ok(data.len())
    }
}

#[cfg(feature = "extension")]
mod extension {
    use super::bindings::wasi_nn_onnx::extension::{introspection, state};
    use super::*;
    use crate::introspection::{Dim, Metadata, ValueInfo};

    fn dim(dim: introspection::Dimension) -> Dim {
        match (dim.size, dim.symbol) {
            (Some(size), _) => Dim::Fixed(size),
            (None, Some(symbol)) => Dim::Symbol(symbol),
            (None, None) => Dim::Any,
        }
    }

    impl Graph {
        pub(crate) fn values(&self, outputs: bool) -> Result<Vec<ValueInfo>> {
            let ask = if outputs { introspection::outputs } else { introspection::inputs };
            let value = |value: introspection::Value| ValueInfo {
                name: value.name,
                ty: TensorType::from_onnx(value.onnx_type),
                onnx_type: value.onnx_type,
                dims: value.dimensions.map(|dims| dims.into_iter().map(dim).collect()),
            };
            Ok(ask(&self.0).into_iter().map(value).collect())
        }

        pub(crate) fn metadata(&self) -> Result<Metadata> {
            let metadata = introspection::get_metadata(&self.0);
            Ok(Metadata {
                producer_name: metadata.producer_name,
                producer_version: metadata.producer_version,
                domain: metadata.domain,
                version: metadata.version,
                graph_name: metadata.graph_name,
                description: metadata.description,
                properties: metadata.properties,
            })
        }
    }

    impl Context {
        pub(crate) fn bind_output(&mut self, output: Slot, input: Slot) -> Result<()> {
            state::bind_output(&self.context, &output.to_name(), &input.to_name())
                .map_err(failed("bind_output"))
        }

        pub(crate) fn unbind_input(&mut self, input: Slot) -> Result<()> {
            state::unbind_input(&self.context, &input.to_name()).map_err(failed("unbind_input"))
        }
    }
}
