//! A decoder's cache of keys and values, which grows on the host and never comes here:
//!
//!   cache-rust MODEL     one step of attention: query, key and value of a new token, float[1,4]
//!                        each, past keys and values, float[P,4]; out come the attention's result
//!                        and the present keys and values, float[P+1,4]
//!
//! Needs the host's extension.

use std::error::Error;

use ndarray::{Array2, Ix2};
use wasi_nn_onnx::{Graph, Input, Output};

const WIDTH: usize = 4;
const TOKEN: [Input<f32, Ix2>; 3] =
    [Input::named("query"), Input::named("key"), Input::named("value")];
const PAST: [Input<f32, Ix2>; 2] = [Input::named("past_keys"), Input::named("past_values")];
const RESULT: Output<f32, Ix2> = Output::named("result");

/// What a decoder's layers would make of the token.
fn token(step: usize) -> Array2<f32> {
    Array2::from_shape_fn((1, WIDTH), |(_, i)| ((step * 3 + i) % 5) as f32 / 2.0 - 0.75)
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: cache-rust MODEL")?;
    let graph = Graph::load(&std::fs::read(path)?)?;
    for input in TOKEN.iter().chain(&PAST) {
        graph.check(input)?;
    }
    graph.check(&RESULT)?;
    let mut context = graph.context()?;

    for past in &PAST {
        context.set(past, &Array2::zeros((0, WIDTH)))?; // it begins with no rows
    }
    context.bind_output("keys", "past_keys")?;
    context.bind_output("values", "past_values")?;
    for step in 0..5 {
        for input in &TOKEN {
            context.set(input, &token(step))?;
        }
        context.compute()?;
        let result = context.get(&RESULT)?;
        let words: Vec<String> = result.view().iter().map(|value| format!("{value:.3}")).collect();
        println!("{} rows: {}", step + 1, words.join(" "));
    }
    Ok(())
}
