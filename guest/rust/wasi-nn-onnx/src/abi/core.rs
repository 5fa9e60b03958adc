//! Core modules: `wasi_ephemeral_nn`, and `wasi_nn_onnx` with the feature `extension`.

use crate::element::{Element, TensorType, fill};
use crate::error::{Error, ErrorCode, Result};
use crate::tensor::{Slot, Storage};
use crate::{Encoding, Target};

#[repr(C)]
struct Builder {
    data: *const u8,
    size: usize,
}

#[repr(C)]
struct Tensor {
    dims: *const u32,
    n_dims: usize,
    ty: u32, // one byte for the ABI, which pads it with three: zeros
    data: *const u8,
    size: usize,
}

mod nn {
    use super::{Builder, Tensor};

    #[link(wasm_import_module = "wasi_ephemeral_nn")]
    unsafe extern "C" {
        pub fn load(
            builders: *const Builder,
            n: usize,
            encoding: u32,
            target: u32,
            graph: *mut u32,
        ) -> u32;
        pub fn load_by_name(name: *const u8, size: usize, graph: *mut u32) -> u32;
        pub fn init_execution_context(graph: u32, context: *mut u32) -> u32;
        pub fn set_input(context: u32, index: u32, tensor: *const Tensor) -> u32;
        pub fn compute(context: u32) -> u32;
        pub fn get_output(
            context: u32,
            index: u32,
            buffer: *mut u8,
            capacity: usize,
            size: *mut u32,
        ) -> u32;
        #[cfg(feature = "extension")]
        pub fn unload(graph: u32) -> u32;
        #[cfg(feature = "extension")]
        pub fn finalize_execution_context(context: u32) -> u32;
    }
}

/// The host's message where it tells them.
#[cfg(feature = "extension")]
fn reason() -> String {
    let mut size = 0;
    // SAFETY: no more than the capacity is written.
    unsafe { extension::last_error(std::ptr::null_mut(), 0, &mut size) };
    let mut text = vec![0; size as usize];
    unsafe { extension::last_error(text.as_mut_ptr(), text.len(), &mut size) };
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(not(feature = "extension"))]
fn reason() -> String {
    String::new()
}

fn check(call: &str, errno: u32) -> Result<()> {
    match errno {
        0 => Ok(()),
        _ => Err(Error::new(ErrorCode::from_errno(errno), call, reason())),
    }
}

/// A type's number; of those that have none, that of bytes, which they cross as.
fn number(ty: TensorType) -> u32 {
    match ty {
        TensorType::F16 => 0,
        TensorType::F32 => 1,
        TensorType::F64 => 2,
        TensorType::I32 => 4,
        TensorType::I64 => 5,
        _ => 3,
    }
}

pub(crate) struct Graph(u32);

#[cfg(feature = "extension")]
impl Drop for Graph {
    fn drop(&mut self) {
        unsafe { nn::unload(self.0) };
    }
}

impl Graph {
    pub(crate) fn load(model: &[u8], encoding: Encoding, target: Target) -> Result<Self> {
        let builder = Builder { data: model.as_ptr(), size: model.len() };
        let mut graph = 0;
        // SAFETY: here and below, what is pointed to lives through the call and is as large as told.
        let errno = unsafe { nn::load(&builder, 1, encoding as u32, target as u32, &mut graph) };
        check("load", errno).map(|()| Graph(graph))
    }

    pub(crate) fn load_by_name(name: &str) -> Result<Self> {
        let mut graph = 0;
        let errno = unsafe { nn::load_by_name(name.as_ptr(), name.len(), &mut graph) };
        check("load_by_name", errno).map(|()| Graph(graph))
    }

    pub(crate) fn context(&self) -> Result<Context> {
        let mut context = 0;
        let errno = unsafe { nn::init_execution_context(self.0, &mut context) };
        check("init_execution_context", errno).map(|()| Context(context))
    }
}

pub(crate) struct Context(u32);

#[cfg(feature = "extension")]
impl Drop for Context {
    fn drop(&mut self) {
        unsafe { nn::finalize_execution_context(self.0) };
    }
}

#[cfg(not(feature = "extension"))]
fn no_names<T>(name: &str) -> Result<T> {
    let reason = format!("'{name}' is a name, which core modules need the feature `extension` for");
    Err(Error::new(ErrorCode::UnsupportedOperation, "", reason))
}

impl Context {
    pub(crate) fn set_input(
        &mut self,
        input: Slot,
        ty: TensorType,
        dims: &[u32],
        data: &[u8],
    ) -> Result<()> {
        let tensor = Tensor {
            dims: dims.as_ptr(),
            n_dims: dims.len(),
            ty: number(ty),
            data: data.as_ptr(),
            size: data.len(),
        };
        let errno = match input {
            Slot::Index(index) => unsafe { nn::set_input(self.0, index, &tensor) },
            #[cfg(feature = "extension")]
            Slot::Name(name) => unsafe {
                extension::set_input_by_name(self.0, name.as_ptr(), name.len(), &tensor)
            },
            #[cfg(not(feature = "extension"))]
            Slot::Name(name) => return no_names(name),
        };
        check("set_input", errno)
    }

    pub(crate) fn compute(&mut self) -> Result<()> {
        check("compute", unsafe { nn::compute(self.0) })
    }

    /// The errno, and the size that the host told.
    fn read(&self, output: Slot, buffer: &mut [u8]) -> Result<(u32, u32)> {
        let (data, capacity, mut size) = (buffer.as_mut_ptr(), buffer.len(), 0);
        let errno = match output {
            Slot::Index(index) => unsafe {
                nn::get_output(self.0, index, data, capacity, &mut size)
            },
            #[cfg(feature = "extension")]
            Slot::Name(name) => unsafe {
                let (name, length) = (name.as_ptr(), name.len());
                extension::get_output_by_name(self.0, name, length, data, capacity, &mut size)
            },
            #[cfg(not(feature = "extension"))]
            Slot::Name(name) => return no_names(name),
        };
        Ok((errno, size))
    }

    pub(crate) fn output<T: Element>(
        &self,
        output: Slot,
    ) -> Result<(Option<Vec<u32>>, Storage<T>)> {
        const TOO_LARGE: u32 = 7;
        #[cfg(feature = "extension")]
        self.check_type(output, T::TYPE)?;
        let (mut errno, mut size) = self.read(output, &mut [])?;
        let mut elements = Vec::<T>::new();
        if errno == TOO_LARGE {
            if size as usize % size_of::<T>() != 0 {
                let reason =
                    format!("its {size} bytes are no whole elements of {}", T::TYPE.name());
                return Err(Error::new(ErrorCode::InvalidArgument, "get_output", reason));
            }
            elements.resize(size as usize / size_of::<T>(), T::default());
            (errno, size) = fill(&mut elements, |bytes| self.read(output, bytes))
                .map_err(|why| Error::new(ErrorCode::InvalidArgument, "get_output", why))??;
        }
        check("get_output", errno)?;
        elements.truncate(size as usize / size_of::<T>());
        Ok((self.dims(output)?, Storage::Elements(elements)))
    }

    pub(crate) fn output_into(
        &self,
        output: Slot,
        _ty: TensorType,
        buffer: &mut [u8],
    ) -> Result<usize> {
        #[cfg(feature = "extension")]
        self.check_type(output, _ty)?;
        let (errno, size) = self.read(output, buffer)?;
        check("get_output", errno).map(|()| size as usize)
    }

    #[cfg(not(feature = "extension"))]
    fn dims(&self, _output: Slot) -> Result<Option<Vec<u32>>> {
        Ok(None)
    }
}

#[cfg(feature = "extension")]
use crate::introspection::{Dim, Metadata, ValueInfo};

#[cfg(feature = "extension")]
mod extension {
    use super::Tensor;

    #[link(wasm_import_module = "wasi_nn_onnx")]
    unsafe extern "C" {
        pub fn value_count(graph: u32, side: u32, count: *mut u32) -> u32;
        pub fn value_name(
            graph: u32,
            side: u32,
            index: u32,
            buffer: *mut u8,
            capacity: usize,
            size: *mut u32,
        ) -> u32;
        pub fn value_type(graph: u32, side: u32, index: u32, ty: *mut [u32; 2]) -> u32;
        pub fn value_dims(
            graph: u32,
            side: u32,
            index: u32,
            dims: *mut u32,
            capacity: usize,
            rank: *mut u32,
        ) -> u32;
        pub fn value_dim_name(
            graph: u32,
            side: u32,
            index: u32,
            dim: u32,
            buffer: *mut u8,
            capacity: usize,
            size: *mut u32,
        ) -> u32;
        pub fn output_dims(
            context: u32,
            index: u32,
            dims: *mut u32,
            capacity: usize,
            rank: *mut u32,
        ) -> u32;
        pub fn output_dims_by_name(
            context: u32,
            name: *const u8,
            length: usize,
            dims: *mut u32,
            capacity: usize,
            rank: *mut u32,
        ) -> u32;
        pub fn output_type(context: u32, index: u32, ty: *mut [u32; 2]) -> u32;
        pub fn output_type_by_name(
            context: u32,
            name: *const u8,
            length: usize,
            ty: *mut [u32; 2],
        ) -> u32;
        pub fn set_input_by_name(
            context: u32,
            name: *const u8,
            length: usize,
            tensor: *const Tensor,
        ) -> u32;
        pub fn get_output_by_name(
            context: u32,
            name: *const u8,
            length: usize,
            buffer: *mut u8,
            capacity: usize,
            size: *mut u32,
        ) -> u32;
        pub fn bind_output_by_name(
            context: u32,
            output: *const u8,
            output_length: usize,
            input: *const u8,
            input_length: usize,
        ) -> u32;
        pub fn unbind_input_by_name(context: u32, input: *const u8, length: usize) -> u32;
        pub fn metadata(
            graph: u32,
            field: u32,
            buffer: *mut u8,
            capacity: usize,
            size: *mut u32,
        ) -> u32;
        pub fn property_count(graph: u32, count: *mut u32) -> u32;
        pub fn property_key(
            graph: u32,
            index: u32,
            buffer: *mut u8,
            capacity: usize,
            size: *mut u32,
        ) -> u32;
        pub fn property(
            graph: u32,
            key: *const u8,
            length: usize,
            buffer: *mut u8,
            capacity: usize,
            size: *mut u32,
        ) -> u32;
        pub fn last_error(buffer: *mut u8, capacity: usize, size: *mut u32) -> u32;
    }
}

/// All that `read(buffer, capacity, &mut size)` writes, in units of T.
#[cfg(feature = "extension")]
fn read_all<T: Clone + Default>(
    call: &str,
    read: impl Fn(*mut T, usize, &mut u32) -> u32,
) -> Result<Vec<T>> {
    let (mut buffer, mut size) = (Vec::new(), 0);
    let mut errno = read(std::ptr::null_mut(), 0, &mut size);
    if size > 0 && size != NONE {
        buffer.resize(size as usize, T::default());
        errno = read(buffer.as_mut_ptr(), buffer.len(), &mut size);
    }
    check(call, errno).map(|()| buffer)
}

#[cfg(feature = "extension")]
fn read_text(call: &str, read: impl Fn(*mut u8, usize, &mut u32) -> u32) -> Result<String> {
    read_all(call, read).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(feature = "extension")]
const NONE: u32 = u32::MAX;

#[cfg(feature = "extension")]
impl Graph {
    pub(crate) fn values(&self, outputs: bool) -> Result<Vec<ValueInfo>> {
        let (graph, side, mut count) = (self.0, u32::from(outputs), 0);
        check("value_count", unsafe { extension::value_count(graph, side, &mut count) })?;
        (0..count).map(|index| self.value(side, index)).collect()
    }

    fn value(&self, side: u32, index: u32) -> Result<ValueInfo> {
        let graph = self.0;
        let name = read_text("value_name", |buffer, capacity, size| unsafe {
            extension::value_name(graph, side, index, buffer, capacity, size)
        })?;
        let mut types = [0; 2];
        check("value_type", unsafe { extension::value_type(graph, side, index, &mut types) })?;
        let rank = std::cell::Cell::new(0);
        let sizes = read_all("value_dims", |buffer, capacity, size: &mut u32| {
            let errno =
                unsafe { extension::value_dims(graph, side, index, buffer, capacity, size) };
            rank.set(*size);
            errno
        })?;
        let dims = (rank.get() != NONE).then(|| {
            sizes.iter().enumerate().map(|(i, &size)| self.dim(side, index, i as u32, size))
        });
        let dims = dims.map(|dims| dims.collect::<Result<Vec<Dim>>>()).transpose()?;
        Ok(ValueInfo { name, ty: TensorType::from_onnx(types[1]), onnx_type: types[1], dims })
    }

    fn dim(&self, side: u32, index: u32, dim: u32, size: u32) -> Result<Dim> {
        if size != NONE {
            return Ok(Dim::Fixed(size));
        }
        let symbol = read_text("value_dim_name", |buffer, capacity, size| unsafe {
            extension::value_dim_name(self.0, side, index, dim, buffer, capacity, size)
        })?;
        Ok(if symbol.is_empty() { Dim::Any } else { Dim::Symbol(symbol) })
    }

    pub(crate) fn metadata(&self) -> Result<Metadata> {
        let graph = self.0;
        let field = |field| {
            read_text("metadata", |buffer, capacity, size| unsafe {
                extension::metadata(graph, field, buffer, capacity, size)
            })
        };
        let mut count = 0;
        check("property_count", unsafe { extension::property_count(graph, &mut count) })?;
        let property = |index| {
            let key = read_text("property_key", |buffer, capacity, size| unsafe {
                extension::property_key(graph, index, buffer, capacity, size)
            })?;
            let value = read_text("property", |buffer, capacity, size| unsafe {
                extension::property(graph, key.as_ptr(), key.len(), buffer, capacity, size)
            })?;
            Ok((key, value))
        };
        Ok(Metadata {
            producer_name: field(0)?,
            producer_version: field(1)?,
            domain: field(2)?,
            version: field(3)?.parse().unwrap_or(0),
            graph_name: field(4)?,
            description: field(5)?,
            properties: (0..count).map(property).collect::<Result<_>>()?,
        })
    }
}

#[cfg(feature = "extension")]
impl Context {
    fn dims(&self, output: Slot) -> Result<Option<Vec<u32>>> {
        let dims = read_all("output_dims", |buffer, capacity, rank| unsafe {
            match output {
                Slot::Index(index) => extension::output_dims(self.0, index, buffer, capacity, rank),
                Slot::Name(name) => {
                    let (name, length) = (name.as_ptr(), name.len());
                    extension::output_dims_by_name(self.0, name, length, buffer, capacity, rank)
                }
            }
        })?;
        Ok(Some(dims))
    }

    /// Whether the output may be read as elements of this type: what crosses as bytes as u8, too.
    fn check_type(&self, output: Slot, wanted: TensorType) -> Result<()> {
        let mut ty = [0; 2];
        check("get_output", unsafe {
            match output {
                Slot::Index(index) => extension::output_type(self.0, index, &mut ty),
                Slot::Name(name) => {
                    extension::output_type_by_name(self.0, name.as_ptr(), name.len(), &mut ty)
                }
            }
        })?;
        let is = TensorType::from_onnx(ty[1]);
        if is == Some(wanted) || (ty[0] == NONE && wanted == TensorType::U8) {
            return Ok(());
        }
        let is = is.map_or_else(|| format!("onnx-type-{}", ty[1]), |is| is.name().to_string());
        let reason = format!("its elements are {is}, not {}", wanted.name());
        Err(Error::new(ErrorCode::InvalidArgument, "get_output", reason))
    }

    pub(crate) fn bind_output(&mut self, output: Slot, input: Slot) -> Result<()> {
        let (output, input) = (output.to_name(), input.to_name());
        check("bind_output", unsafe {
            extension::bind_output_by_name(
                self.0,
                output.as_ptr(),
                output.len(),
                input.as_ptr(),
                input.len(),
            )
        })
    }

    pub(crate) fn unbind_input(&mut self, input: Slot) -> Result<()> {
        let input = input.to_name();
        check("unbind_input", unsafe {
            extension::unbind_input_by_name(self.0, input.as_ptr(), input.len())
        })
    }
}
