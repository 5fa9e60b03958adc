//! A model's plans. Tract computes several times faster where it knows all sizes, so each set of
//! input shapes has a plan of its own; the last few are kept, for all contexts together.
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{DimLike, TDim, format_err};

use super::Call;
use super::error::{Error, Kind};

pub type Plan = Arc<TypedSimplePlan>;
type Shapes = Vec<Vec<usize>>;

/// Each holds the weights in the order that its kernels read.
const PLANS_KEPT: usize = 4;

pub struct Plans {
    model: TypedModel,
    is_symbolic: bool,
    made: Mutex<VecDeque<(Shapes, Plan)>>, // the oldest first
    general: Mutex<Option<Plan>>,          // for any sizes, once it was needed
}

impl Plans {
    /// `model` is simplified, not optimised. Makes a first plan, with 1 for all that is not fixed, or
    /// the general one where 1 does not do.
    pub fn new(model: TypedModel, call: &Call) -> Result<Self, Error> {
        let lacking = |error: TractError| Error::of(Kind::Unsupported, &error);
        let mut shapes = Shapes::new();
        let mut is_symbolic = false;
        for input in model.input_outlets().map_err(lacking)? {
            let dims = model.outlet_fact(*input).map_err(lacking)?.shape.iter();
            let dims: Vec<Option<usize>> = dims.map(|dim| dim.to_usize().ok()).collect();
            is_symbolic |= dims.contains(&None);
            shapes.push(dims.iter().map(|dim| dim.unwrap_or(1)).collect());
        }
        let plans = Plans { model, is_symbolic, made: Mutex::default(), general: Mutex::default() };
        if !is_symbolic || plans.make(&shapes, call).is_err() {
            call.check_stop()?;
            plans
                .general(call)
                .map_err(|error| Error { kind: error.kind.or_lacking(), ..error })?;
        }
        Ok(plans)
    }

    /// The plan for these inputs.
    pub fn plan_for(&self, inputs: &[Arc<Tensor>], call: &Call) -> Result<Plan, Error> {
        if !self.is_symbolic {
            return self.general(call);
        }
        let shapes: Shapes = inputs.iter().map(|input| input.shape().to_vec()).collect();
        let made = lock(&self.made);
        if let Some((_, plan)) = made.iter().find(|(of, _)| *of == shapes) {
            return Ok(plan.clone());
        }
        drop(made);
        self.make(&shapes, call).or_else(|_| {
            call.check_stop()?;
            self.general(call)
        })
    }

    fn make(&self, shapes: &Shapes, call: &Call) -> Result<Plan, Error> {
        let failed = |error: TractError| Error::of(Kind::Failed, &error);
        let sizes = self.sizes(shapes).map_err(failed)?;
        let fixed = self.model.set_symbols(&sizes).map_err(failed)?;
        call.check_stop()?;
        let fixed = fixed.into_decluttered().map_err(failed)?;
        let plan = plan(fixed, call)?;
        let mut made = lock(&self.made);
        if made.len() == PLANS_KEPT {
            made.pop_front();
        }
        made.push_back((shapes.clone(), plan.clone()));
        Ok(plan)
    }

    fn general(&self, call: &Call) -> Result<Plan, Error> {
        if let Some(plan) = &*lock(&self.general) {
            return Ok(plan.clone());
        }
        let plan = plan(self.model.clone(), call)?;
        *lock(&self.general) = Some(plan.clone());
        Ok(plan)
    }

    /// What the symbols stand for when the inputs have these shapes.
    fn sizes(&self, shapes: &Shapes) -> TractResult<HashMap<Symbol, TDim>> {
        let mut sizes = HashMap::new();
        for (input, shape) in self.model.input_outlets()?.iter().zip(shapes) {
            for (dim, size) in self.model.outlet_fact(*input)?.shape.iter().zip(shape) {
                let size = TDim::from(*size);
                if let TDim::Sym(symbol) = dim
                    && sizes.insert(symbol.clone(), size.clone()).is_some_and(|old| old != size)
                {
                    return Err(format_err!("{symbol} has two sizes"));
                }
            }
        }
        Ok(sizes)
    }
}

/// What a panic, for want of memory, left here is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn plan(model: TypedModel, call: &Call) -> Result<Plan, Error> {
    let failed = |error: TractError| Error::of(Kind::Failed, &error);
    let optimised = model.into_optimized().map_err(failed)?;
    call.check_stop()?;
    TypedSimplePlan::new(optimised).map_err(failed)
}
