//! What a model says of its inputs and outputs, and of itself.

use std::fmt;

use ndarray::Dimension;

use crate::element::{Element, TensorType};
use crate::error::{Error, Result};
use crate::tensor::{Input, Output, Slot};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dim {
    Fixed(u32),
    Symbol(String),
    Any,
}

/// An input or output as the model declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueInfo {
    pub name: String,
    /// Nothing for a type that is not in the enumeration.
    pub ty: Option<TensorType>,
    /// TensorProto.DataType; 0 if the model does not say.
    pub onnx_type: u32,
    /// Nothing if any rank is allowed.
    pub dims: Option<Vec<Dim>>,
}

impl fmt::Display for ValueInfo {
    /// "pixels f32[N,3,224,224]"
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ty {
            Some(ty) => write!(f, "{} {}", self.name, ty.name())?,
            None => write!(f, "{} onnx-type-{}", self.name, self.onnx_type)?,
        }
        let Some(dims) = &self.dims else { return write!(f, "[...]") };
        let dims: Vec<String> = dims
            .iter()
            .map(|dim| match dim {
                Dim::Fixed(size) => size.to_string(),
                Dim::Symbol(symbol) => symbol.clone(),
                Dim::Any => "?".to_string(),
            })
            .collect();
        write!(f, "[{}]", dims.join(","))
    }
}

/// Texts that the model lacks are empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    pub producer_name: String,
    pub producer_version: String,
    pub domain: String,
    pub version: i64,
    pub graph_name: String,
    pub description: String,
    pub properties: Vec<(String, String)>,
}

/// An [`Input`] or [`Output`] as the program declares it.
pub trait Declaration {
    #[doc(hidden)]
    const IS_OUTPUT: bool;
    #[doc(hidden)]
    fn slot(&self) -> Slot<'static>;
    #[doc(hidden)]
    fn element(&self) -> TensorType;
    /// Nothing for any.
    #[doc(hidden)]
    fn rank(&self) -> Option<usize>;
}

macro_rules! declaration {
    ($name:ident, $is_output:expr) => {
        impl<T: Element, D: Dimension> Declaration for $name<T, D> {
            const IS_OUTPUT: bool = $is_output;
            fn slot(&self) -> Slot<'static> {
                $name::slot(self)
            }
            fn element(&self) -> TensorType {
                T::TYPE
            }
            fn rank(&self) -> Option<usize> {
                D::NDIM
            }
        }
    };
}
declaration!(Input, false);
declaration!(Output, true);

/// "f32[?,?]"
fn declared(declaration: &impl Declaration) -> String {
    let dims = declaration.rank().map_or("...".to_string(), |rank| vec!["?"; rank].join(","));
    format!("{}[{dims}]", declaration.element().name())
}

/// The value that a slot names: a name wins over an index.
fn find<'a>(values: &'a [ValueInfo], slot: Slot) -> Option<&'a ValueInfo> {
    match slot {
        Slot::Index(index) => values.get(index as usize),
        Slot::Name(name) => values
            .iter()
            .find(|value| value.name == name)
            .or_else(|| name.parse::<usize>().ok().and_then(|index| values.get(index))),
    }
}

fn check(values: &[ValueInfo], declaration: &impl Declaration, side: &str) -> Result<()> {
    let slot = declaration.slot();
    let refuse = |why: String| Err(Error::invalid("check".to_string(), &why));
    let Some(value) = find(values, slot) else {
        return refuse(format!("the model has no {side} {slot}"));
    };
    let has_rank = match (declaration.rank(), &value.dims) {
        (Some(rank), Some(dims)) => rank == dims.len(),
        _ => true,
    };
    if value.ty == Some(declaration.element()) && has_rank {
        return Ok(());
    }
    let declared = declared(declaration);
    refuse(format!("{side} {slot} is declared as {declared}, but the model has '{value}'"))
}

impl crate::Graph {
    /// Whether the model has an input or output as the program declares it: of its element type and
    /// rank. What is read as another type than the model's is bytes otherwise.
    pub fn check<C: Declaration>(&self, declaration: &C) -> Result<()> {
        let side = if C::IS_OUTPUT { "output" } else { "input" };
        check(&self.inner.values(C::IS_OUTPUT)?, declaration, side)
    }

    /// In the model's order, which is that of the indices.
    pub fn inputs(&self) -> Result<Vec<ValueInfo>> {
        self.inner.values(false)
    }

    pub fn outputs(&self) -> Result<Vec<ValueInfo>> {
        self.inner.values(true)
    }

    pub fn metadata(&self) -> Result<Metadata> {
        self.inner.metadata()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Ix1, Ix2, IxDyn};

    #[test]
    fn declarations_are_compared() {
        let dims = Some(vec![Dim::Symbol("N".to_string()), Dim::Fixed(3)]);
        let mask =
            ValueInfo { name: "mask".to_string(), ty: Some(TensorType::Bool), onnx_type: 9, dims };
        let values = [mask];
        check(&values, &Input::<bool, Ix2>::named("mask"), "input").unwrap();
        check(&values, &Input::<bool, IxDyn>::at(0), "input").unwrap();
        let error = |declared: Result<()>| declared.unwrap_err().to_string();
        assert_eq!(
            error(check(&values, &Input::<u8, Ix2>::named("0"), "input")),
            "check: invalid_argument: input '0' is declared as u8[?,?], but the model has \
             'mask bool[N,3]'"
        );
        let rank = error(check(&values, &Input::<bool, Ix1>::at(0), "input"));
        assert!(rank.contains("declared as bool[?], but"), "{rank}");
        let absent = error(check(&values, &Input::<bool, Ix1>::at(1), "input"));
        assert!(absent.ends_with("the model has no input 1"), "{absent}");
    }
}
