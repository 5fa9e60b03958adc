//! classify as a component, on wasi:nn 0.2.0-rc-2024-08-19: inputs and outputs one by one.

use std::process::ExitCode;

use classify_common::Model;
use wasi::nn::errors::Error;
use wasi::nn::graph::{self, ExecutionTarget, GraphEncoding};
use wasi::nn::tensor::{Tensor, TensorType};

wit_bindgen::generate!({ path: "../../wit/2024-08-19", world: "ml" });

fn main() -> ExitCode {
    classify_common::main("classify-wit-2024-08-19", |model, pictures| {
        let graph = match model {
            Model::Bytes(bytes) => {
                graph::load(&[bytes.clone()], GraphEncoding::Onnx, ExecutionTarget::Cpu)
            }
            Model::Named(name) => graph::load_by_name(name),
        }
        .map_err(failed("load"))?;
        let context = graph.init_execution_context().map_err(failed("init-execution-context"))?;
        pictures.classify(|input, scores| {
            let dims: Vec<u32> = input.dims.iter().map(|&dim| dim as u32).collect();
            let bytes: Vec<u8> = input.pixels.iter().flat_map(|v| v.to_le_bytes()).collect();
            let tensor = Tensor::new(&dims, TensorType::Fp32, &bytes);
            context.set_input("0", tensor).map_err(failed("set-input"))?;
            context.compute().map_err(failed("compute"))?;
            let data = context.get_output("0").map_err(failed("get-output"))?.data();
            for (score, bytes) in scores.iter_mut().zip(data.chunks_exact(4)) {
                *score = f32::from_le_bytes(bytes.try_into().expect("chunks of 4"));
            }
            Ok(data.len())
        })
    })
}

fn failed(call: &'static str) -> impl Fn(Error) -> String {
    move |error| format!("{call}: {:?}: {}", error.code(), error.data())
}
