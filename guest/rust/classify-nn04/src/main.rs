//! classify through wasi-nn 0.4: models from bytes only, and the old numbers of tensor types.

use std::process::ExitCode;

use classify_common::failed;
use wasi_nn::{ExecutionTarget, GraphBuilder, GraphEncoding, TensorType};

fn main() -> ExitCode {
    classify_common::main("classify-nn04", |model, pictures| {
        let graph = GraphBuilder::new(GraphEncoding::Onnx, ExecutionTarget::CPU)
            .build_from_bytes([model.bytes()?])
            .map_err(failed("load"))?;
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
