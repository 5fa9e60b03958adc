//! classify through wasi-nn 0.5: models by name, and the old numbers of tensor types.

use std::process::ExitCode;

use classify_common::{Model, failed};
use wasi_nn::{ExecutionTarget, GraphBuilder, GraphEncoding, TensorType};

fn main() -> ExitCode {
    classify_common::main("classify-nn05", |model, pictures| {
        // The host finds out what the bytes are, and where to compute.
        let builder = GraphBuilder::new(GraphEncoding::Autodetec, ExecutionTarget::AUTO);
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
