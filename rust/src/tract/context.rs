//! One execution of a model.
use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::plan;
use tract_onnx::tract_hir::internal::TDim;

use super::error::{Error, Kind, guard};
use super::model::Model;
use super::plans::Plans;
use super::{Call, RawTensor};

/// An output, with its dimensions as the C side counts them.
struct Output {
    tensor: Arc<Tensor>,
    dtype: i32,
    dims: Vec<i64>,
}

/// `wnn_tract_context_t`.
pub struct Context {
    plans: Arc<Plans>,
    inputs: Vec<Option<Arc<Tensor>>>,
    outputs: Vec<Output>,
}

/// Types whose elements are plain bytes, in ONNX's numbers.
const TYPES: [(i32, DatumType); 12] = [
    (1, DatumType::F32),
    (2, DatumType::U8),
    (3, DatumType::I8),
    (4, DatumType::U16),
    (5, DatumType::I16),
    (6, DatumType::I32),
    (7, DatumType::I64),
    (9, DatumType::Bool),
    (10, DatumType::F16),
    (11, DatumType::F64),
    (12, DatumType::U32),
    (13, DatumType::U64),
];

fn datum_type(onnx: i32) -> Option<DatumType> {
    TYPES.iter().find(|(number, _)| *number == onnx).map(|(_, ty)| *ty)
}

pub fn has_type(onnx: i32) -> bool {
    datum_type(onnx).is_some()
}

fn onnx_type(ty: DatumType) -> Option<i32> {
    let ty = ty.unquantized();
    TYPES.iter().find(|(_, known)| *known == ty).map(|(number, _)| *number)
}

impl Context {
    pub fn new(model: &Model) -> Self {
        let inputs = model.inputs.iter().map(|_| None).collect();
        Context { plans: model.plans.clone(), inputs, outputs: Vec::new() }
    }

    pub fn bytes(&self) -> u64 {
        let outputs = self.outputs.iter().map(|output| &output.tensor);
        self.inputs
            .iter()
            .flatten()
            .chain(outputs)
            .map(|tensor| tensor.as_bytes().len() as u64)
            .sum()
    }

    pub fn has_input(&self, index: usize) -> bool {
        self.inputs.get(index).is_some_and(Option::is_some)
    }

    pub fn set_input(&mut self, index: usize, tensor: &RawTensor) -> Result<(), Error> {
        // SAFETY: the C side's tensor, borrowed for this call.
        let (dims, data) = unsafe { (tensor.dims(), tensor.data()) };
        let Some(ty) = datum_type(tensor.dtype) else {
            let text = format!("Tract takes no tensors of ONNX's type {}", tensor.dtype);
            return Err(Error::new(Kind::Unsupported, text));
        };
        let shape: TVec<usize> = dims.iter().map(|&dim| dim as usize).collect();
        // An output may be this tensor: then it is not ours alone.
        self.outputs.clear();
        let slot = &mut self.inputs[index];
        if let Some(own) = slot.as_mut().and_then(Arc::get_mut)
            && own.datum_type() == ty
            && own.shape() == &*shape
        {
            own.as_bytes_mut().copy_from_slice(data);
            return Ok(());
        }
        *slot = None;
        let (tensor, _) = guard(u64::MAX, || {
            // SAFETY: any bytes are elements of the types that have numbers.
            unsafe { Tensor::from_raw_dt(ty, &shape, data) }
                .map_err(|error| Error::of(Kind::Invalid, &error))
        })?;
        *slot = Some(Arc::new(tensor));
        Ok(())
    }

    pub fn compute(&mut self, call: &Call) -> Result<(), Error> {
        self.outputs.clear();
        let (plans, inputs) = (&self.plans, &self.inputs);
        (self.outputs, _) = guard(call.max_memory_bytes, || run(plans, inputs, call))?;
        Ok(())
    }

    pub fn forget_outputs(&mut self) {
        self.outputs.clear();
    }

    pub fn output(&self, index: usize) -> Option<RawTensor> {
        let output = self.outputs.get(index)?;
        let data = output.tensor.as_bytes();
        Some(RawTensor {
            dtype: output.dtype,
            dims: output.dims.as_ptr(),
            rank: output.dims.len(),
            data: data.as_ptr(),
            len: data.len(),
        })
    }

    pub fn feed_back(&mut self, output: usize, input: usize) -> bool {
        let Some(output) = self.outputs.get(output) else { return false };
        self.inputs[input] = Some(output.tensor.clone());
        true
    }
}

/// Each time in a state of its own: nothing that a model's operators keep outlives a compute.
fn run(plans: &Plans, inputs: &[Option<Arc<Tensor>>], call: &Call) -> Result<Vec<Output>, Error> {
    let failed = |error: TractError| Error::of(Kind::Failed, &error);
    let inputs: Vec<Arc<Tensor>> = inputs.iter().flatten().cloned().collect();
    let plan = plans.plan_for(&inputs, call)?;
    let inputs = inputs.into_iter().map(IntoTValue::into_tvalue).collect();
    let mut state = plan.spawn().map_err(failed)?;
    let outputs = state
        .run_plan_with_eval(inputs, |context, state, node, inputs| {
            call.stop_between_nodes()?;
            plan::eval(context, state, node, inputs)
        })
        .map_err(failed)?;
    outputs.into_iter().map(output_of).collect()
}

fn output_of(value: TValue) -> Result<Output, Error> {
    let failed = |error: TractError| Error::of(Kind::Failed, &error);
    let mut tensor = value.into_arc_tensor();
    // What Tract computes shapes in.
    if tensor.datum_type() == TDim::datum_type() {
        tensor = tensor.cast_to::<i64>().map_err(failed)?.into_owned().into_arc_tensor();
    }
    if !tensor.is_plain_ram() {
        tensor = Arc::new(tensor.into_tensor().into_plain_ram().map_err(failed)?);
    }
    let Some(dtype) = onnx_type(tensor.datum_type()) else {
        let text = format!("an output is of Tract's type {:?}", tensor.datum_type());
        return Err(Error::new(Kind::Unsupported, text));
    };
    let dims = tensor.shape().iter().map(|&dim| dim as i64).collect();
    Ok(Output { tensor, dtype, dims })
}
