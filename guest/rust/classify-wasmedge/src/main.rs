//! classify through wasmedge-wasi-nn 0.8: WasmEdge's functions beside those of WASI-NN.

use std::process::ExitCode;

use classify_common::{Model, failed};
use wasmedge_wasi_nn::{ExecutionTarget, GraphBuilder, GraphEncoding, TensorType};

fn main() -> ExitCode {
    classify_common::main("classify-wasmedge", |model, pictures| {
        let builder = GraphBuilder::new(GraphEncoding::Onnx, ExecutionTarget::AUTO);
        let graph = match model {
            Model::Bytes(bytes) => builder.build_from_bytes([bytes]).map_err(failed("load"))?,
            Model::Named(name) => builder
                .config("{}".to_owned())
                .build_from_cache(name)
                .map_err(failed("load_by_name_with_config"))?,
        };
        let mut context =
            graph.init_execution_context().map_err(failed("init_execution_context"))?;
        // The context lives on without the graph's handle.
        graph.unload().map_err(failed("unload"))?;
        pictures.classify(|input, scores| {
            context
                .set_input(0, TensorType::F32, &input.dims, &input.pixels)
                .map_err(failed("set_input 0"))?;
            context.compute().map_err(failed("compute"))?;
            context.get_output(0, scores).map_err(failed("get_output 0"))
        })
    })
}
