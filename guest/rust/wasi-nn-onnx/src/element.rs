//! Rust's types that are elements of tensors.

/// A tensor's element type, by its number in `wasi_ephemeral_nn`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TensorType {
    F16 = 0,
    F32 = 1,
    F64 = 2,
    U8 = 3,
    I32 = 4,
    I64 = 5,
}

impl TensorType {
    pub fn name(self) -> &'static str {
        match self {
            TensorType::F16 => "f16",
            TensorType::F32 => "f32",
            TensorType::F64 => "f64",
            TensorType::U8 => "u8",
            TensorType::I32 => "i32",
            TensorType::I64 => "i64",
        }
    }
}

mod sealed {
    pub trait Sealed {}
}

/// f32, f64, u8, i32 and i64.
pub trait Element: Copy + Default + sealed::Sealed + 'static {
    const TYPE: TensorType;
}

macro_rules! element {
    ($($rust:ty => $name:ident),*) => {
        $(impl sealed::Sealed for $rust {}
        impl Element for $rust {
            const TYPE: TensorType = TensorType::$name;
        })*
    };
}
element!(f32 => F32, f64 => F64, u8 => U8, i32 => I32, i64 => I64);

pub(crate) fn bytes<T: Element>(elements: &[T]) -> &[u8] {
    // SAFETY: elements are plain numbers without padding.
    unsafe { std::slice::from_raw_parts(elements.as_ptr().cast(), size_of_val(elements)) }
}

pub(crate) fn bytes_mut<T: Element>(elements: &mut [T]) -> &mut [u8] {
    // SAFETY: as above, and any bytes are numbers.
    unsafe { std::slice::from_raw_parts_mut(elements.as_mut_ptr().cast(), size_of_val(elements)) }
}
