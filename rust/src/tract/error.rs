//! Errors as the C side sees them, and calls that end in nothing else.
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use tract_onnx::prelude::TractError;

use super::memory;

/// `wnn_tract_error_kind_t`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub enum Kind {
    NotOnnx,
    Invalid,
    Unsupported,
    TooLarge,
    Stopped,
    Failed,
}

/// `wnn_tract_error_t`.
#[derive(Debug)]
pub struct Error {
    pub kind: Kind,
    pub text: String,
}

impl Kind {
    /// Of a model that is sound so far: Tract has no kernels for some types on some CPUs.
    pub fn or_lacking(self) -> Self {
        if matches!(self, Kind::Failed) { Kind::Unsupported } else { self }
    }
}

impl Error {
    pub fn new(kind: Kind, text: impl Into<String>) -> Self {
        Error { kind, text: text.into() }
    }

    /// Tract's error with what led to it, which names the node.
    pub fn of(kind: Kind, error: &TractError) -> Self {
        if let Some(Stopped) = error.downcast_ref::<Stopped>() {
            return Error::new(Kind::Stopped, "stopped");
        }
        let texts: Vec<String> = error.chain().map(ToString::to_string).collect();
        Error::new(kind, texts.join(": "))
    }
}

/// What ends a computation that the caller stops.
#[derive(Debug)]
pub struct Stopped;

impl std::fmt::Display for Stopped {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("stopped")
    }
}

impl std::error::Error for Stopped {}

thread_local! {
    static IN_TRACT: Cell<bool> = const { Cell::new(false) };
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Panics of `guard`'s bodies are kept rather than printed; those of others stay as they were.
fn keep_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        memory::panic_without_memory();
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !IN_TRACT.get() {
                return before(info);
            }
            let payload = info.payload_as_str().unwrap_or("without a message");
            let place = info.location().map_or(String::new(), |place| {
                // Without the folders of the machine that built it.
                let file = place.file();
                let file = &file[file.rfind("/tract-").map_or(0, |slash| slash + 1)..];
                format!(" ({file}:{})", place.line())
            });
            PANIC.set(format!("{payload}{place}"));
        }));
    });
}

/// `body`, which may allocate `max_bytes`, and the bytes that it left allocated.
pub fn guard<T>(
    max_bytes: u64,
    body: impl FnOnce() -> Result<T, Error>,
) -> Result<(T, u64), Error> {
    keep_panics();
    IN_TRACT.set(true);
    memory::count_up_to(max_bytes);
    // What the body would leave half done is dropped with it.
    let outcome = catch_unwind(AssertUnwindSafe(body));
    let counted = memory::stop_counting();
    IN_TRACT.set(false);
    if counted.refused {
        drop(outcome);
        let text = format!("this takes more than the {max_bytes} bytes that are left");
        return Err(Error::new(Kind::TooLarge, text));
    }
    match outcome {
        Ok(outcome) => outcome.map(|value| (value, counted.bytes)),
        Err(_) => Err(Error::new(Kind::Failed, format!("Tract panicked: {}", PANIC.take()))),
    }
}
