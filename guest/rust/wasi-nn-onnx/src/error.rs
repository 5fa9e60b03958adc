//! What went wrong, in words and as the host's number.

use std::fmt;

pub type Result<T> = std::result::Result<T, Error>;

/// The words of both ABIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    InvalidArgument,
    InvalidEncoding,
    MissingMemory,
    Busy,
    RuntimeError,
    UnsupportedOperation,
    TooLarge,
    NotFound,
    Timeout,
    Security,
    Unknown(u32),
}

impl ErrorCode {
    /// Of `wasi_ephemeral_nn`'s errno.
    #[cfg_attr(not(all(target_arch = "wasm32", target_env = "p1")), allow(dead_code))]
    pub(crate) fn from_errno(errno: u32) -> Self {
        use ErrorCode::*;
        match errno {
            1 => InvalidArgument,
            2 => InvalidEncoding,
            3 => MissingMemory,
            4 => Busy,
            5 => RuntimeError,
            6 => UnsupportedOperation,
            7 => TooLarge,
            8 => NotFound,
            other => Unknown(other),
        }
    }

    pub fn name(self) -> &'static str {
        use ErrorCode::*;
        match self {
            InvalidArgument => "invalid_argument",
            InvalidEncoding => "invalid_encoding",
            MissingMemory => "missing_memory",
            Busy => "busy",
            RuntimeError => "runtime_error",
            UnsupportedOperation => "unsupported_operation",
            TooLarge => "too_large",
            NotFound => "not_found",
            Timeout => "timeout",
            Security => "security",
            Unknown(_) => "unknown error",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub code: ErrorCode,
    /// What was attempted: "set_input 0 (f32[1,3])".
    pub call: String,
    /// Why not, in the host's words where it tells them.
    pub reason: String,
}

impl Error {
    pub(crate) fn new(code: ErrorCode, call: &str, reason: String) -> Self {
        Error { code, call: call.to_string(), reason }
    }

    pub(crate) fn invalid(call: String, reason: &str) -> Self {
        Error { code: ErrorCode::InvalidArgument, call, reason: reason.to_string() }
    }

    pub(crate) fn during(mut self, call: impl FnOnce() -> String) -> Self {
        self.call = call();
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.call, self.code.name())?;
        if let ErrorCode::Unknown(number) = self.code {
            write!(f, " ({number})")?;
        }
        if !self.reason.is_empty() {
            write!(f, ": {}", self.reason)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
