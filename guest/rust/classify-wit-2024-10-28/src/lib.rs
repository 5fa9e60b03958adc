//! Classifying on wasi:nn 0.2.0-rc-2024-10-28: one call from inputs to outputs.

use classify_common::{Model, Pictures};
use wasi::nn::errors::Error;
use wasi::nn::graph::{self, ExecutionTarget, GraphEncoding};
use wasi::nn::tensor::{Tensor, TensorType};

wit_bindgen::generate!({ path: "../../wit/2024-10-28", world: "ml" });

pub fn classify(model: &Model, pictures: &Pictures) -> Result<(), String> {
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
        let outputs =
            context.compute(vec![("0".to_string(), tensor)]).map_err(failed("compute"))?;
        let (name, output) = outputs.first().ok_or("the model has no output")?;
        if output.ty() != TensorType::Fp32 {
            return Err(format!("output '{name}' holds no floats"));
        }
        let data = output.data();
        for (score, bytes) in scores.iter_mut().zip(data.chunks_exact(4)) {
            *score = f32::from_le_bytes(bytes.try_into().expect("chunks of 4"));
        }
        Ok(data.len())
    })
}

fn failed(call: &'static str) -> impl Fn(Error) -> String {
    move |error| format!("{call}: {:?}: {}", error.code(), error.data())
}
