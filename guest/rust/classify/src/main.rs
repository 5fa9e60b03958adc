//! classify in Rust: names what pictures show, with an ONNX image classifier, through WASI-NN.
//!
//! Prints the same lines as the C++ guest of this name, which has more options.

use std::process::ExitCode;

use classify_common::{Model, failed};
use wasi_nn::{ExecutionTarget, GraphBuilder, GraphEncoding, TensorType};

fn main() -> ExitCode {
    classify_common::main("classify-rust", |model, pictures| {
        let builder = GraphBuilder::new(GraphEncoding::Onnx, ExecutionTarget::CPU);
        let graph = match model {
            Model::Bytes(bytes) => builder.build_from_bytes([bytes]).map_err(failed("load"))?,
            Model::Named(name) => builder.build_from_cache(name).map_err(failed("load_by_name"))?,
        };
        let mut context =
            graph.init_execution_context().map_err(failed("init_execution_context"))?;
        pictures.classify(|input, scores| {
            context
                .set_input(0, TensorType::F32, &input.dims, &input.pixels)
                .map_err(failed("set_input 0"))?;
            context.compute().map_err(failed("compute"))?;
            context.get_output(0, scores).map_err(failed("get_output 0"))
        })
    })
}
