//! Inputs and outputs: which, of what type, and their elements.

use std::fmt;
use std::marker::PhantomData;

use ndarray::{Array, ArrayView, Dimension, IxDyn};

use crate::element::Element;

/// Which input or output: its index in the model's order or its name. Core modules need the feature
/// `extension` for names; without it they are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot<'a> {
    Index(u32),
    Name(&'a str),
}

impl<'a> Slot<'a> {
    /// As hosts take it: an index in decimal where there is no name.
    #[allow(dead_code)] // not every ABI needs it
    pub(crate) fn to_name(self) -> std::borrow::Cow<'a, str> {
        match self {
            Slot::Index(index) => index.to_string().into(),
            Slot::Name(name) => name.into(),
        }
    }
}

impl From<u32> for Slot<'_> {
    fn from(index: u32) -> Self {
        Slot::Index(index)
    }
}

impl<'a> From<&'a str> for Slot<'a> {
    fn from(name: &'a str) -> Self {
        Slot::Name(name)
    }
}

impl fmt::Display for Slot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Slot::Index(index) => write!(f, "{index}"),
            Slot::Name(name) => write!(f, "'{name}'"),
        }
    }
}

macro_rules! declaration {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name<T, D> {
            slot: Slot<'static>,
            tensor: PhantomData<fn() -> (T, D)>,
        }

        impl<T: Element, D: Dimension> $name<T, D> {
            pub const fn at(index: u32) -> Self {
                Self { slot: Slot::Index(index), tensor: PhantomData }
            }
            pub const fn named(name: &'static str) -> Self {
                Self { slot: Slot::Name(name), tensor: PhantomData }
            }
            pub const fn slot(&self) -> Slot<'static> {
                self.slot
            }
        }
    };
}
declaration!(
    /// An input as the program gives it: its element type and rank.
    Input
);
declaration!(
    /// An output as the program takes it: its element type and rank.
    Output
);

/// "f32[1,3]"
pub(crate) fn describe<T: Element>(shape: &[usize]) -> String {
    let dims: Vec<String> = shape.iter().map(ToString::to_string).collect();
    format!("{}[{}]", T::TYPE.name(), dims.join(","))
}

pub(crate) fn to_dims(shape: &[usize]) -> Result<Vec<u32>, String> {
    let to_dim = |&dim: &usize| {
        u32::try_from(dim).map_err(|_| format!("a dimension of {dim} does not fit 32 bits"))
    };
    shape.iter().map(to_dim).collect()
}

/// An output's elements as the ABI gave them.
pub(crate) enum Storage<T> {
    #[cfg_attr(all(target_arch = "wasm32", target_env = "p2"), allow(dead_code))]
    Elements(Vec<T>),
    #[cfg_attr(not(all(target_arch = "wasm32", target_env = "p2")), allow(dead_code))]
    Bytes(Vec<u8>),
}

impl<T: Element> Storage<T> {
    /// Nothing if they are no whole elements, or do not lie where elements may. Bytes are elements:
    /// `Tensor::new` has seen to it.
    fn elements(&self) -> Option<&[T]> {
        match self {
            Storage::Elements(elements) => Some(elements),
            Storage::Bytes(bytes) => {
                // SAFETY: they are elements; what is misaligned comes back in the other parts.
                let (before, elements, after) = unsafe { bytes.align_to::<T>() };
                (before.is_empty() && after.is_empty()).then_some(elements)
            }
        }
    }
}

/// An output.
pub struct Tensor<T, D> {
    dim: D,
    storage: Storage<T>,
}

impl<T: Element, D: Dimension> Tensor<T, D> {
    /// `dims`: nothing where the host does not tell them; they are deduced for a vector then.
    pub(crate) fn new(dims: Option<Vec<u32>>, storage: Storage<T>) -> Result<Self, String> {
        let storage = match storage {
            Storage::Bytes(bytes) if !T::may_be(&bytes) => {
                return Err(format!("its {} bytes are no {}s", bytes.len(), T::TYPE.name()));
            }
            // An allocator that aligns less than elements need: not known to exist.
            Storage::Bytes(bytes) if bytes.len() % size_of::<T>() == 0 => {
                let storage = Storage::Bytes(bytes);
                if storage.elements().is_some() { storage } else { copy_of(storage) }
            }
            Storage::Bytes(bytes) => {
                let (n, name) = (bytes.len(), T::TYPE.name());
                return Err(format!("its {n} bytes are no whole elements of {name}"));
            }
            elements => elements,
        };
        let n_elements = storage.elements().map_or(0, <[T]>::len);
        let dims: Vec<usize> = match dims {
            Some(dims) => dims.iter().map(|&dim| dim as usize).collect(),
            None if D::NDIM == Some(1) => vec![n_elements],
            None => {
                return Err("this host does not tell its shape: use output_into, or the \
                                feature `extension`"
                    .to_string());
            }
        };
        if D::NDIM.is_some_and(|rank| rank != dims.len()) {
            return Err(format!("it is {}, which has another rank", describe::<T>(&dims)));
        }
        if dims.iter().product::<usize>() != n_elements {
            let shape = describe::<T>(&dims);
            return Err(format!("it is {shape}, but has {n_elements} elements of this type"));
        }
        let mut dim = D::zeros(dims.len());
        dim.slice_mut().copy_from_slice(&dims);
        Ok(Self { dim, storage })
    }

    pub fn view(&self) -> ArrayView<'_, T, D> {
        let elements = self.storage.elements().unwrap_or(&[]);
        ArrayView::from_shape(self.dim.clone(), elements).expect("checked when it was made")
    }

    pub fn shape(&self) -> &[usize] {
        self.dim.slice()
    }

    /// An array of one's own. In components this is a copy within the guest.
    pub fn into_array(self) -> Array<T, D> {
        match self.storage {
            Storage::Elements(elements) => {
                Array::from_shape_vec(self.dim, elements).expect("checked when it was made")
            }
            Storage::Bytes(_) => self.view().to_owned(),
        }
    }
}

impl<T: Element, D: Dimension> Tensor<T, D> {
    /// The same with its rank known at run time only.
    pub fn into_dyn(self) -> Tensor<T, IxDyn> {
        Tensor { dim: IxDyn(self.dim.slice()), storage: self.storage }
    }
}

fn copy_of<T: Element>(storage: Storage<T>) -> Storage<T> {
    let Storage::Bytes(bytes) = storage else { return storage };
    let mut elements = vec![T::default(); bytes.len() / size_of::<T>()];
    crate::element::fill(&mut elements, |to| to.copy_from_slice(&bytes))
        .expect("they are elements");
    Storage::Elements(elements)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Ix1, Ix2};

    #[test]
    fn tensors_have_the_shape_that_came_out() {
        let bytes: Vec<u8> = [1.0f32, 2.0, 3.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        let tensor = Tensor::<f32, Ix2>::new(Some(vec![3, 1]), Storage::Bytes(bytes)).unwrap();
        assert_eq!(tensor.shape(), [3, 1]);
        assert_eq!(tensor.view()[[2, 0]], 3.0);
        assert_eq!(tensor.into_dyn().into_array().into_raw_vec_and_offset().0, [1.0, 2.0, 3.0]);
    }

    #[test]
    fn mistakes_are_told() {
        let elements = || Storage::Elements(vec![1.0f32; 6]);
        let rank = Tensor::<f32, Ix1>::new(Some(vec![2, 3]), elements()).err().unwrap();
        assert_eq!(rank, "it is f32[2,3], which has another rank");
        let count = Tensor::<f32, Ix2>::new(Some(vec![2, 2]), elements()).err().unwrap();
        assert_eq!(count, "it is f32[2,2], but has 6 elements of this type");
        let unknown = Tensor::<f32, Ix2>::new(None, elements()).err().unwrap();
        assert!(unknown.contains("output_into"), "{unknown}");
        let odd = Tensor::<f32, Ix1>::new(None, Storage::Bytes(vec![0; 5])).err().unwrap();
        assert_eq!(odd, "its 5 bytes are no whole elements of f32");
    }

    #[test]
    fn bools_are_nothing_but_bools() {
        let tensor = Tensor::<bool, Ix1>::new(None, Storage::Bytes(vec![0, 1])).unwrap();
        assert_eq!(tensor.view().to_vec(), [false, true]);
        let wrong = Tensor::<bool, Ix1>::new(None, Storage::Bytes(vec![0, 1, 2])).err().unwrap();
        assert_eq!(wrong, "its 3 bytes are no bools");
        let mut flags = [true; 2];
        let filled = crate::element::fill(&mut flags, |bytes| bytes.copy_from_slice(&[1, 255]));
        assert_eq!(
            (filled.err().unwrap().as_str(), flags),
            ("its 2 bytes are no bools", [false; 2])
        );
    }

    #[test]
    fn a_vector_needs_no_shape() {
        let tensor = Tensor::<i64, Ix1>::new(None, Storage::Elements(vec![1, 2])).unwrap();
        assert_eq!(tensor.view().to_vec(), [1, 2]);
    }

    #[test]
    fn misaligned_bytes_are_copied() {
        let bytes: Vec<u8> = (0..16).collect();
        let tensor = Tensor::<i64, Ix1>::new(None, copy_of(Storage::Bytes(bytes))).unwrap();
        assert_eq!(tensor.view()[0], 0x0706050403020100);
    }
}
