//! classify through wasi-nn 0.1, the raw bindings of 2020: old numbers of tensor types and errors.

use std::process::ExitCode;

use classify_common::{Input, failed};
use wasi_nn::{
    EXECUTION_TARGET_CPU, GraphEncoding, GraphExecutionContext, TENSOR_TYPE_F32, Tensor,
};

/// These bindings know OpenVINO (0) alone.
const GRAPH_ENCODING_ONNX: GraphEncoding = 1;

fn main() -> ExitCode {
    classify_common::main("classify-nn01", |model, pictures| {
        let builders = [model.bytes()?];
        // SAFETY: the builders live as long as the call.
        let graph = unsafe { wasi_nn::load(&builders, GRAPH_ENCODING_ONNX, EXECUTION_TARGET_CPU) }
            .map_err(failed("load"))?;
        // SAFETY: takes no memory.
        let context = unsafe { wasi_nn::init_execution_context(graph) }
            .map_err(failed("init_execution_context"))?;
        pictures.classify(|input, scores| infer(context, input, scores))
    })
}

fn infer(
    context: GraphExecutionContext,
    input: &Input,
    scores: &mut [f32],
) -> Result<usize, String> {
    let dimensions = input.dims.map(|dim| dim as u32);
    let data: Vec<u8> = input.pixels.iter().flat_map(|pixel| pixel.to_le_bytes()).collect();
    let tensor = Tensor { dimensions: &dimensions, r#type: TENSOR_TYPE_F32, data: &data };
    let capacity = size_of_val(scores) as u32;
    // SAFETY: the tensor lives as long as the call; the buffer has `capacity` bytes, and any bytes
    // are floats.
    let size_bytes = unsafe {
        wasi_nn::set_input(context, 0, tensor).map_err(failed("set_input 0"))?;
        wasi_nn::compute(context).map_err(failed("compute"))?;
        wasi_nn::get_output(context, 0, scores.as_mut_ptr().cast(), capacity)
            .map_err(failed("get_output 0"))?
    };
    Ok(size_bytes as usize)
}
