//! Arrays in and out, declared once and checked when the program is compiled:
//!
//!   typed-rust MODEL     a model with inputs x and h0 and outputs y and h1, float[N,2] each

use std::error::Error;

use ndarray::{Array2, Ix2, array};
use wasi_nn_onnx::{Graph, Input};

const X: Input<f32, Ix2> = Input::at(0);
const STATE: Input<f32, Ix2> = Input::at(1);

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: typed-rust MODEL")?;
    let mut context = Graph::load(&std::fs::read(path)?)?.context()?;

    let x = array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]];
    context.set(&X, &x)?;
    context.set(&STATE, &array![[0.0, 0.0], [10.0, 10.0], [20.0, 20.0]])?;
    context.compute()?;

    // An array of one's own serves on every host: those that do not tell shapes, too.
    let mut y = Array2::<f32>::zeros((3, 2));
    context.output_into(0, &mut y)?;
    for row in y.rows() {
        println!("{} {}", row[0], row[1]);
    }

    // What cannot be seen before is told when it happens.
    let columns = context.set(&X, &x.t());
    println!("{}", columns.err().ok_or("accepted")?);
    Ok(())
}
