//! What a model says of its inputs and outputs, and of itself.

use std::fmt;

use crate::element::TensorType;
use crate::error::Result;

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
    /// Nothing for a type that crosses as bytes.
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

impl crate::Graph {
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
