//! classify in Rust: names what pictures show, with an ONNX image classifier, through WASI-NN.
//!
//! Prints the same lines as the C++ guest of this name, which has more options.

mod options;
mod ranking;
mod resize;

use std::process::ExitCode;

use wasi_nn::{
    ExecutionTarget, Graph, GraphBuilder, GraphEncoding, GraphExecutionContext, TensorType,
};

use options::{Command, Options};

const CHANNELS: usize = 3;
const MEAN: [f32; CHANNELS] = [0.485, 0.456, 0.406];
const STD: [f32; CHANNELS] = [0.229, 0.224, 0.225];
/// The crate does not pass on the size that an output needs, so this bounds it.
const MAX_CLASSES: usize = 1 << 16;

const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    let options = match options::parse(std::env::args().skip(1)) {
        Ok(Command::Classify(options)) => options,
        Ok(Command::Help) => {
            print!("{}", options::HELP);
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("classify-rust: {message}; --help shows how to use it");
            return ExitCode::from(EXIT_USAGE);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("classify-rust: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let labels = match &options.labels {
        Some(path) => {
            let text = String::from_utf8_lossy(&read_file(path)?).into_owned();
            ranking::parse_labels(&text)
        }
        None => Vec::new(),
    };
    let graph = load_model(&options.model)?;
    let mut context = graph
        .init_execution_context()
        .map_err(|error| format!("init_execution_context: {error}"))?;
    for path in &options.pictures {
        let pixels = prepare_picture(path, options.size)?;
        let mut scores = infer(&mut context, &pixels, options.size)?;
        if !labels.is_empty() && labels.len() != scores.len() {
            return Err(format!(
                "the model gives {} scores, but the labels file names {} classes",
                scores.len(),
                labels.len()
            ));
        }
        ranking::softmax(&mut scores);
        println!("{path}");
        for (place, (class, probability)) in
            ranking::top_k(&scores, options.top).into_iter().enumerate()
        {
            let name = labels.get(class).cloned().unwrap_or_else(|| format!("class {class}"));
            println!("{:3}. {name}  {probability:.3}", place + 1);
        }
    }
    Ok(())
}

fn read_file(path: &str) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| {
        format!(
            "cannot read '{path}': {error} \
             (a guest sees only folders that the host opens to it with --dir)"
        )
    })
}

fn load_model(path: &str) -> Result<Graph, String> {
    let model = read_file(path)?;
    GraphBuilder::new(GraphEncoding::Onnx, ExecutionTarget::CPU)
        .build_from_bytes([&model])
        .map_err(|error| format!("{path}: load: {error}"))
}

/// Decodes, resizes and normalises a picture into one NCHW slot.
fn prepare_picture(path: &str, size: usize) -> Result<Vec<f32>, String> {
    let bytes = read_file(path)?;
    let picture =
        image::load_from_memory(&bytes).map_err(|error| format!("'{path}': {error}"))?.into_rgb8();
    let square = resize::resize(&picture, size, size);
    let plane = size * size;
    let mut pixels = vec![0.0; CHANNELS * plane];
    for (i, pixel) in square.pixels().enumerate() {
        for c in 0..CHANNELS {
            pixels[c * plane + i] = (f32::from(pixel[c]) / 255.0 - MEAN[c]) / STD[c];
        }
    }
    Ok(pixels)
}

fn infer(
    context: &mut GraphExecutionContext,
    pixels: &[f32],
    size: usize,
) -> Result<Vec<f32>, String> {
    context
        .set_input(0, TensorType::F32, &[1, CHANNELS, size, size], pixels)
        .map_err(|error| format!("set_input 0 (f32[1,{CHANNELS},{size},{size}]): {error}"))?;
    context.compute().map_err(|error| format!("compute: {error}"))?;
    let mut scores = vec![0.0f32; MAX_CLASSES];
    let size_bytes =
        context.get_output(0, &mut scores).map_err(|error| format!("get_output 0: {error}"))?;
    if size_bytes == 0 || size_bytes % size_of::<f32>() != 0 {
        return Err(format!("output 0 has {size_bytes} bytes, which are no scores"));
    }
    scores.truncate(size_bytes / size_of::<f32>());
    Ok(scores)
}
