//! Rust's types that are elements of tensors.

/// A tensor's element type: those of ONNX that are numbers of whole bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TensorType {
    F16,
    F32,
    F64,
    Bf16,
    U8,
    I32,
    I64,
    Bool,
    I8,
    I16,
    U16,
    U32,
    U64,
}

impl TensorType {
    pub fn name(self) -> &'static str {
        match self {
            TensorType::F16 => "f16",
            TensorType::F32 => "f32",
            TensorType::F64 => "f64",
            TensorType::Bf16 => "bf16",
            TensorType::U8 => "u8",
            TensorType::I32 => "i32",
            TensorType::I64 => "i64",
            TensorType::Bool => "bool",
            TensorType::I8 => "i8",
            TensorType::I16 => "i16",
            TensorType::U16 => "u16",
            TensorType::U32 => "u32",
            TensorType::U64 => "u64",
        }
    }

    /// By ONNX's number (`TensorProto.DataType`).
    #[cfg_attr(not(feature = "extension"), allow(dead_code))]
    pub(crate) fn from_onnx(number: u32) -> Option<Self> {
        use TensorType::*;
        const TYPES: [Option<TensorType>; 17] = [
            None,
            Some(F32),
            Some(U8),
            Some(I8),
            Some(U16),
            Some(I16),
            Some(I32),
            Some(I64),
            None, // string
            Some(Bool),
            Some(F16),
            Some(F64),
            Some(U32),
            Some(U64),
            None, // complex64
            None, // complex128
            Some(Bf16),
        ];
        TYPES.get(number as usize).copied().flatten()
    }
}

mod sealed {
    pub trait Sealed {}
}

/// f32, f64, bool and the integers of 8 to 64 bits; with the feature `half` its f16 and bf16, too.
/// Types that an ABI has no number for cross as bytes.
pub trait Element: Copy + Default + sealed::Sealed + 'static {
    const TYPE: TensorType;
    /// Whether these bytes, which are whole elements, may be looked at as elements.
    #[doc(hidden)]
    fn may_be(_: &[u8]) -> bool {
        true
    }
}

macro_rules! element {
    ($($rust:ty => $name:ident),*) => {
        $(impl sealed::Sealed for $rust {}
        impl Element for $rust {
            const TYPE: TensorType = TensorType::$name;
        })*
    };
}
element!(f32 => F32, f64 => F64, u8 => U8, i8 => I8, u16 => U16, i16 => I16);
element!(u32 => U32, i32 => I32, u64 => U64, i64 => I64);
#[cfg(feature = "half")]
element!(half::f16 => F16, half::bf16 => Bf16);

impl sealed::Sealed for bool {}
impl Element for bool {
    const TYPE: TensorType = TensorType::Bool;
    fn may_be(bytes: &[u8]) -> bool {
        bytes.iter().all(|&byte| byte <= 1)
    }
}

pub(crate) fn bytes<T: Element>(elements: &[T]) -> &[u8] {
    // SAFETY: elements are plain numbers without padding.
    unsafe { std::slice::from_raw_parts(elements.as_ptr().cast(), size_of_val(elements)) }
}

/// Has `write` fill the elements' bytes. If it fills them with what are no elements, they become
/// zeros, and the result is the reason.
pub(crate) fn fill<T: Element, R>(
    elements: &mut [T],
    write: impl FnOnce(&mut [u8]) -> R,
) -> Result<R, String> {
    let (data, size) = (elements.as_mut_ptr().cast(), size_of_val(elements));
    // SAFETY: as above. Until the end of this function nothing looks at them but as bytes.
    let bytes = unsafe { std::slice::from_raw_parts_mut(data, size) };
    let result = write(bytes);
    if T::may_be(bytes) {
        return Ok(result);
    }
    bytes.fill(0);
    Err(format!("its {size} bytes are no {}s", T::TYPE.name()))
}
