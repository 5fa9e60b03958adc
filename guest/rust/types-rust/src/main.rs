//! A tensor of each element type that Rust has, in and out:
//!
//!   types-rust MODEL     for each type, in the order of `main`, an input and an output of it, with
//!                        the same value, and further outputs with that value in f64; all [N,2]
//!
//! Types that the ABI has no number for cross as bytes, which the binding does.

use std::error::Error;

use half::{bf16, f16};
use ndarray::{Array2, Ix2};
use wasi_nn_onnx::{Context, Element, Graph, Input};

const TYPES: u32 = 13;

fn set<T: Element>(context: &mut Context, index: u32, values: [T; 4]) -> wasi_nn_onnx::Result<()> {
    let input: Input<T, Ix2> = Input::at(index);
    context.set(&input, &array_of(values))
}

/// The value in f64, and whether it came back as it went.
fn print<T: Element + PartialEq>(
    context: &Context,
    index: u32,
    values: [T; 4],
) -> wasi_nn_onnx::Result<()> {
    let mut wide = Array2::<f64>::zeros((2, 2));
    context.output_into(TYPES + index, &mut wide)?;
    let mut same = array_of([T::default(); 4]);
    context.output_into(index, &mut same)?;
    let words: Vec<String> = wide.iter().map(|value| format!("{value}")).collect();
    let note = if same == array_of(values) { "" } else { ", but came back otherwise" };
    println!("{} {}{note}", T::TYPE.name(), words.join(" "));
    Ok(())
}

fn array_of<T>(values: [T; 4]) -> Array2<T> {
    Array2::from_shape_vec((2, 2), values.into()).expect("four are two by two")
}

fn limits<T: From<u8>>(least: T, most: T) -> [T; 4] {
    [least, T::from(1), T::from(2), most]
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: types-rust MODEL")?;
    let mut context = Graph::load(&std::fs::read(path)?)?.context()?;

    macro_rules! for_each {
        ($action:ident, $context:expr, $($values:expr),*) => {
            let mut index = 0;
            $($action($context, index, $values)?; index += 1;)*
            assert_eq!(index, TYPES);
        };
    }
    macro_rules! tensors {
        ($action:ident, $context:expr) => {
            for_each!(
                $action,
                $context,
                [false, true, true, false],
                [i8::MIN, 1, 2, i8::MAX],
                limits(u8::MIN, u8::MAX),
                limits(i16::MIN, i16::MAX),
                limits(u16::MIN, u16::MAX),
                limits(i32::MIN, i32::MAX),
                limits(u32::MIN, u32::MAX),
                limits(i64::MIN, i64::MAX),
                limits(u64::MIN, u64::MAX),
                [f16::ONE, f16::from_f32(-2.0), f16::from_f32(0.5), f16::MAX],
                [bf16::ONE, bf16::from_f32(-2.0), bf16::from_f32(0.5), bf16::from_f32(65536.0)],
                [1.0f32, -2.0, 0.5, 1e9],
                [1.0f64, -2.0, 0.1, 1e18]
            );
        };
    }
    tensors!(set, &mut context);
    context.compute()?;
    tensors!(print, &context);

    // Where the host's bytes are no bools, they are none here, either.
    let mut flags = array_of([true; 4]);
    println!("{}", context.output_into(2, &mut flags).err().ok_or("accepted")?);
    Ok(())
}
