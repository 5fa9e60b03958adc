//! What Wasmtime's C API lacks for components: `component_bridge.h` is the contract.
use wasmtime::component::{Component, Linker};
use wasmtime_c_api::{
    WasmtimeStoreContextMut, WasmtimeStoreData, wasmtime_component_linker_t, wasmtime_component_t,
    wasmtime_error_t,
};

/// # Safety
/// Both pointers are valid for the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wnn_component_check_imports(
    linker: *const wasmtime_component_linker_t,
    component: *const wasmtime_component_t,
) -> Option<Box<wasmtime_error_t>> {
    // SAFETY: the C API's types are transparent wrappers around these.
    let linker = unsafe { &*linker.cast::<Linker<WasmtimeStoreData>>() };
    let component = unsafe { &*component.cast::<Component>() };
    linker.instantiate_pre(component).err().map(|error| Box::new(error.into()))
}

#[unsafe(no_mangle)]
pub extern "C" fn wnn_component_set_call_bytes_limit(
    mut context: WasmtimeStoreContextMut<'_>,
    bytes: usize,
) {
    context.set_hostcall_fuel(bytes);
}
