//! WASI-NN with [`ndarray`]: n-dimensional arrays in and out, types and ranks checked when the
//! program is compiled, over either ABI. Built for `wasm32-wasip1` a program is a core module that
//! imports `wasi_ephemeral_nn`; for `wasm32-wasip2`, a component that imports `wasi:nn`.
//!
//! ```no_run
//! use ndarray::{Array4, Ix2, Ix4};
//! use wasi_nn_onnx::{Graph, Input, Output};
//!
//! const PIXELS: Input<f32, Ix4> = Input::at(0);
//! const SCORES: Output<f32, Ix2> = Output::at(0);
//!
//! fn best(model: &[u8], pixels: Array4<f32>) -> wasi_nn_onnx::Result<f32> {
//!     let mut context = Graph::load(model)?.context()?;
//!     context.set(&PIXELS, &pixels)?;
//!     context.compute()?;
//!     let scores = context.get(&SCORES)?;
//!     Ok(scores.view()[[0, 0]])
//! }
//! ```
//!
//! What fits compiles; arrays of other elements or another rank do not:
//!
//! ```no_run
//! # use wasi_nn_onnx::{Context, Input}; use ndarray::{Array1, Array4, Ix4};
//! # fn f(context: &mut Context, pixels: Array4<f32>) {
//! const PIXELS: Input<f32, Ix4> = Input::at(0);
//! context.set(&PIXELS, &pixels);
//! context.set_input(0, &Array1::<i32>::zeros(3));
//! context.set_input(1, &Array1::from_elem(3, true));
//! # }
//! ```
//! ```compile_fail
//! # use wasi_nn_onnx::{Context, Input}; use ndarray::{Array4, Ix4};
//! # fn f(context: &mut Context, pixels: Array4<f64>) {
//! const PIXELS: Input<f32, Ix4> = Input::at(0);
//! context.set(&PIXELS, &pixels);
//! # }
//! ```
//! ```compile_fail
//! # use wasi_nn_onnx::{Context, Input}; use ndarray::{Array3, Ix4};
//! # fn f(context: &mut Context, pixels: Array3<f32>) {
//! const PIXELS: Input<f32, Ix4> = Input::at(0);
//! context.set(&PIXELS, &pixels);
//! # }
//! ```
//! ```compile_fail
//! # use wasi_nn_onnx::Context; use ndarray::Array1;
//! # fn f(context: &mut Context) {
//! context.set_input(0, &Array1::<u128>::zeros(3)); // no tensor has such elements
//! # }
//! ```
//!
//! Nothing is copied but into the host and out of it; an array must lie in one piece, row by row.
//! What is dropped is released on the host where its ABI has a word for that.

use ndarray::{ArrayBase, Data, Dimension};

mod abi;
mod element;
mod error;
#[cfg(feature = "extension")]
mod introspection;
mod tensor;

pub use element::{Element, TensorType};
pub use error::{Error, ErrorCode, Result};
#[cfg(feature = "extension")]
pub use introspection::{Declaration, Dim, Metadata, ValueInfo};
pub use tensor::{Input, Output, Slot, Tensor};

/// The format of a model's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Openvino,
    Onnx,
    Tensorflow,
    Pytorch,
    TensorflowLite,
    Autodetect,
}

/// Where to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Cpu,
    Gpu,
    Tpu,
}

/// A model that the host has loaded. Its contexts may outlive it.
pub struct Graph {
    pub(crate) inner: abi::Graph,
}

impl Graph {
    /// Loads an ONNX model's bytes for the CPU.
    pub fn load(model: &[u8]) -> Result<Self> {
        Self::load_as(model, Encoding::Onnx, Target::Cpu)
    }

    pub fn load_as(model: &[u8], encoding: Encoding, target: Target) -> Result<Self> {
        Ok(Self { inner: abi::Graph::load(model, encoding, target)? })
    }

    /// Finds a graph that the host offers by name.
    pub fn load_by_name(name: &str) -> Result<Self> {
        Ok(Self { inner: abi::Graph::load_by_name(name)? })
    }

    /// An execution of its own inputs and outputs.
    pub fn context(&self) -> Result<Context> {
        Ok(Context { inner: self.inner.context()? })
    }
}

/// One execution: `(set* compute get*)*`. Inputs keep their value between computes.
pub struct Context {
    inner: abi::Context,
}

impl Context {
    /// Gives a declared input its value.
    pub fn set<T, D, S>(&mut self, input: &Input<T, D>, value: &ArrayBase<S, D>) -> Result<()>
    where
        T: Element,
        D: Dimension,
        S: Data<Elem = T>,
    {
        self.set_input(input.slot(), value)
    }

    /// Gives an input a value of any rank. The element type and the dimensions are the array's.
    pub fn set_input<'a, T, D, S>(
        &mut self,
        input: impl Into<Slot<'a>>,
        value: &ArrayBase<S, D>,
    ) -> Result<()>
    where
        T: Element,
        D: Dimension,
        S: Data<Elem = T>,
    {
        let input = input.into();
        let call = || format!("set_input {input} ({})", tensor::describe::<T>(value.shape()));
        let elements = value.as_slice().ok_or_else(|| {
            let why = "the array does not lie in one piece, row by row: use as_standard_layout()";
            Error::invalid(call(), why)
        })?;
        let dims = tensor::to_dims(value.shape()).map_err(|why| Error::invalid(call(), &why))?;
        self.inner
            .set_input(input, T::TYPE, &dims, element::bytes(elements))
            .map_err(|error| error.during(call))
    }

    pub fn compute(&mut self) -> Result<()> {
        self.inner.compute().map_err(|error| error.during(|| "compute".to_string()))
    }

    /// A declared output, with the shape that came out.
    ///
    /// In core modules this needs the feature `extension`, or an output of rank 1: other hosts do
    /// not tell shapes. See [`Context::output_into`].
    pub fn get<T: Element, D: Dimension>(&self, output: &Output<T, D>) -> Result<Tensor<T, D>> {
        self.output(output.slot())
    }

    /// As [`Context::get`], without a declaration: `context.output::<f32, Ix2>("logits")`.
    pub fn output<'a, T: Element, D: Dimension>(
        &self,
        output: impl Into<Slot<'a>>,
    ) -> Result<Tensor<T, D>> {
        let output = output.into();
        let call = || format!("get_output {output}");
        let (dims, storage) = self.inner.output::<T>(output).map_err(|error| error.during(call))?;
        Tensor::new(dims, storage).map_err(|why| Error::invalid(call(), &why))
    }

    /// Fills an array of yours with an output of exactly its number of elements.
    pub fn output_into<'a, T, D, S>(
        &self,
        output: impl Into<Slot<'a>>,
        array: &mut ArrayBase<S, D>,
    ) -> Result<()>
    where
        T: Element,
        D: Dimension,
        S: ndarray::DataMut<Elem = T>,
    {
        let output = output.into();
        let call = || format!("get_output {output}");
        let expected = tensor::describe::<T>(array.shape());
        let elements = array.as_slice_mut().ok_or_else(|| {
            Error::invalid(call(), "the array does not lie in one piece, row by row")
        })?;
        let size = size_of_val(elements);
        let write = |bytes: &mut [u8]| self.inner.output_into(output, T::TYPE, bytes);
        let written = element::fill(elements, write)
            .map_err(|why| Error::invalid(call(), &why))?
            .map_err(|error| error.during(call))?;
        if written == size {
            return Ok(());
        }
        Err(Error::invalid(call(), &format!("it has {written} bytes, the array is {expected}")))
    }
}

/// State that stays on the host.
#[cfg(feature = "extension")]
impl Context {
    /// From now on the input has, at each compute, the value that the output had after the one
    /// before. What is set counts for the next compute; so does the first begin.
    pub fn bind_output<'a, 'b>(
        &mut self,
        output: impl Into<Slot<'a>>,
        input: impl Into<Slot<'b>>,
    ) -> Result<()> {
        let (output, input) = (output.into(), input.into());
        let call = || format!("bind_output {output} {input}");
        self.inner.bind_output(output, input).map_err(|error| error.during(call))
    }

    /// The input keeps its value from now on.
    pub fn unbind_input<'a>(&mut self, input: impl Into<Slot<'a>>) -> Result<()> {
        let input = input.into();
        let call = || format!("unbind_input {input}");
        self.inner.unbind_input(input).map_err(|error| error.during(call))
    }
}
