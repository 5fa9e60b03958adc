//! `wasi:http` in a component linker, where a C function decides about each request before anything
//! is sent: `http_bridge.h` is the contract. The C API's own function lets every request through.
use std::ffi::c_void;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use wasmtime::component::{Linker, Resource};
use wasmtime::{Engine, Result};
use wasmtime_c_api::{
    WasmtimeStoreContextMut, WasmtimeStoreData, wasmtime_component_linker_t, wasmtime_error_t,
};
use wasmtime_wasi_http::p2::bindings::http::outgoing_handler::Host as _;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::p2::bindings::{LinkOptions, sync};
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostOutgoingRequest};
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttp, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
    default_send_request,
};

/// The version of `wasi:http` that `wasmtime-wasi-http` 48 has; the linker serves all of 0.2 by it.
const OUTGOING_HANDLER: &str = "wasi:http/outgoing-handler@0.2.12";

type Allows = extern "C" fn(*mut c_void, bool, *const u8, usize, &mut u64) -> bool;

/// The C side's function and what it is called with.
struct Policy {
    allows: Allows,
    env: *mut c_void,
    finalizer: Option<extern "C" fn(*mut c_void)>,
}

// The C side promises that its functions may be called from any thread.
unsafe impl Send for Policy {}
unsafe impl Sync for Policy {}

impl Drop for Policy {
    fn drop(&mut self) {
        if let Some(finalizer) = self.finalizer {
            finalizer(self.env);
        }
    }
}

impl Policy {
    /// How long the request may wait for each of its steps, if it may be sent.
    fn ask(&self, request: &HostOutgoingRequest) -> Option<Duration> {
        // Without a scheme a request goes by https, as `wasmtime-wasi-http` has it.
        let is_https = match &request.scheme {
            None | Some(Scheme::Https) => true,
            Some(Scheme::Http) => false,
            Some(Scheme::Other(_)) => return None,
        };
        let authority = request.authority.as_deref().unwrap_or_default();
        let mut max_wait_ns = u64::MAX;
        let (text, len) = (authority.as_ptr(), authority.len());
        (self.allows)(self.env, is_https, text, len, &mut max_wait_ns)
            .then(|| Duration::from_nanos(max_wait_ns))
    }

    fn handle(
        &self,
        engine: Engine,
        view: WasiHttpCtxView<'_>,
        request: Resource<HostOutgoingRequest>,
        options: Option<Resource<RequestOptions>>,
    ) -> Result<Result<Resource<HostFutureIncomingResponse>, ErrorCode>> {
        let mut options = match options {
            Some(options) => view.table.delete(options)?,
            None => RequestOptions::default(),
        };
        let Some(max_wait) = self.ask(view.table.get(&request)?) else {
            view.table.delete(request)?;
            return Ok(Err(ErrorCode::HttpRequestDenied));
        };
        for timeout in [
            &mut options.connect_timeout,
            &mut options.first_byte_timeout,
            &mut options.between_bytes_timeout,
        ] {
            *timeout = Some(timeout.unwrap_or(MAX_WAIT).min(max_wait));
        }
        let until_head = options.connect_timeout.unwrap_or(MAX_WAIT)
            + options.first_byte_timeout.unwrap_or(MAX_WAIT);
        let end = GuestsEnd { at: Instant::now().checked_add(max_wait), engine };
        let mut hooks = Bounded { max_wait: until_head.min(max_wait), end };
        let mut view = WasiHttpCtxView { hooks: &mut hooks, table: view.table, ctx: view.ctx };
        let options = view.table.push(options)?;
        let rep = options.rep();
        let sent = view.handle(request, Some(options));
        // `handle` only looks at the options.
        view.table.delete(Resource::<RequestOptions>::new_own(rep))?;
        match sent {
            Ok(response) => Ok(Ok(response)),
            Err(error) => Ok(Err(error.downcast()?)),
        }
    }
}

/// When the guest's time is over, before which no wait that is bounded by it ends.
#[derive(Clone)]
struct GuestsEnd {
    at: Option<Instant>,
    engine: Engine,
}

impl GuestsEnd {
    /// Called before a wait of the guest ends. No wait is in WebAssembly: the guest would go on until
    /// it meets a tick of the epoch, which another thread may be late with.
    fn tick_if_over(&self) {
        if self.at.is_some_and(|at| Instant::now() >= at) {
            self.engine.increment_epoch();
        }
    }
}

type Sending = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sent = Result<(http::Response<WasiBody>, Sending), Error>;

/// Sends as `wasmtime-wasi-http` does, which sets no end to TLS's handshake and has one word for all
/// that may go wrong in it.
struct Bounded {
    /// For the response's head.
    max_wait: Duration,
    end: GuestsEnd,
}

impl WasiHttpHooks for Bounded {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Sending,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let (max_wait, end) = (self.max_wait, self.end.clone());
        Box::new(async move {
            let sent = tokio::time::timeout(max_wait, default_send_request(request, options)).await;
            end.tick_if_over();
            let (response, sending) =
                sent.map_err(|_| Error::ConnectionTimeout)?.map_err(tell_certificates)?;
            let told = move |error| {
                end.tick_if_over();
                error
            };
            let response = response.map(|body| body.map_err(told).boxed_unsync());
            Ok((response, Box::new(sending) as Sending))
        })
    }
}

fn tell_certificates(error: Error) -> Error {
    if let Error::Tls(problem) = &error
        && let Some(inner) = problem.get_ref()
        && let Some(rustls::Error::InvalidCertificate(_)) = inner.downcast_ref()
    {
        return Error::TlsCertificateError;
    }
    error
}

/// For guests that set no time of their own: what `wasmtime-wasi-http` waits, too.
const MAX_WAIT: Duration = Duration::from_secs(600);

fn define(linker: &mut Linker<WasmtimeStoreData>, policy: Policy) -> Result<()> {
    sync::http::types::add_to_linker::<_, WasiHttp>(
        linker,
        &LinkOptions::default().into(),
        WasmtimeStoreData::http,
    )?;
    let policy = Arc::new(policy);
    linker.instance(OUTGOING_HANDLER)?.func_wrap(
        "handle",
        move |mut cx: WasmtimeStoreContextMut<'_>, (request, options)| {
            let engine = cx.engine().clone();
            Ok((policy.handle(engine, cx.data_mut().http(), request, options)?,))
        },
    )
}

/// # Safety
/// As `http_bridge.h` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wnn_http_add_to_linker(
    linker: *mut wasmtime_component_linker_t,
    allows: Allows,
    env: *mut c_void,
    finalizer: Option<extern "C" fn(*mut c_void)>,
) -> Option<Box<wasmtime_error_t>> {
    // SAFETY: the C API's linker is a transparent wrapper around this one.
    let linker = unsafe { &mut *linker.cast::<Linker<WasmtimeStoreData>>() };
    define(linker, Policy { allows, env, finalizer }).err().map(|error| Box::new(error.into()))
}
