//! State that stays on the host, and what a model says of itself:
//!
//!   state-rust MODEL     the model of typed-rust: h1 is the next step's h0
//!
//! Needs the host's extension.

use std::error::Error;

use ndarray::{Array2, Ix2, array};
use wasi_nn_onnx::{Graph, Input, Output};

const X: Input<f32, Ix2> = Input::named("x");
const STATE: Input<f32, Ix2> = Input::named("h0");
const Y: Output<f32, Ix2> = Output::named("y");
const WRONG: Output<f64, Ix2> = Output::named("y");

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: state-rust MODEL")?;
    let graph = Graph::load(&std::fs::read(path)?)?;
    for input in graph.inputs()? {
        println!("input {input}");
    }
    for output in graph.outputs()? {
        println!("output {output}");
    }
    println!("made by {}", graph.metadata()?.producer_name);
    graph.check(&X)?;
    graph.check(&STATE)?;
    graph.check(&Y)?;
    println!("{}", graph.check(&WRONG).err().ok_or("accepted")?);

    let mut context = graph.context()?;
    context.set(&STATE, &Array2::zeros((1, 2)))?; // how it begins
    context.bind_output("h1", "h0")?;
    for step in [1.0, 2.0, 3.0, 4.0] {
        context.set(&X, &array![[step, -step]])?;
        context.compute()?;
        let y = context.get(&Y)?;
        println!("{} {}", y.view()[[0, 0]], y.view()[[0, 1]]);
    }
    let unknown = context.bind_output("h2", "h0");
    println!("{}", unknown.err().ok_or("accepted")?);
    let wrong = context.output::<i32, Ix2>("y");
    println!("{}", wrong.err().ok_or("accepted")?);
    Ok(())
}
