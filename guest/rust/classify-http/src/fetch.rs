//! HTTP GET on wasi:http 0.2.

use wasip2::http::outgoing_handler::{self, ErrorCode};
use wasip2::http::types::{Fields, IncomingResponse, OutgoingRequest, Scheme};
use wasip2::io::streams::StreamError;

const CHUNK_BYTES: u64 = 1 << 20;

/// The body that `url` answers with.
pub fn get(url: &str) -> Result<Vec<u8>, String> {
    let response = send(url)?;
    let status = response.status();
    match status {
        200 => read_body(&response).map_err(|error| format!("'{url}': {error}")),
        300..400 => Err(format!("'{url}' answers {status}: it is at {}", location(&response))),
        _ => Err(format!("'{url}' answers {status}")),
    }
}

fn send(url: &str) -> Result<IncomingResponse, String> {
    let request = request(url).ok_or_else(|| format!("'{url}' is no URL"))?;
    let failed = |error: ErrorCode| match error {
        ErrorCode::HttpRequestDenied => format!("'{url}': the host does not let us ask there"),
        error => format!("'{url}': {error}"),
    };
    let future = outgoing_handler::handle(request, None).map_err(failed)?;
    future.subscribe().block();
    let response = future.get().expect("it is ready").expect("it was not taken before");
    response.map_err(failed)
}

fn request(url: &str) -> Option<OutgoingRequest> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = if scheme == "https" { Scheme::Https } else { Scheme::Http };
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let request = OutgoingRequest::new(Fields::new());
    request.set_scheme(Some(&scheme)).ok()?;
    request.set_authority(Some(authority)).ok()?;
    request.set_path_with_query(Some(path)).ok()?;
    Some(request)
}

fn read_body(response: &IncomingResponse) -> Result<Vec<u8>, String> {
    let body = response.consume().expect("it was not consumed before");
    let stream = body.stream().expect("it was not taken before");
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(CHUNK_BYTES) {
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(error)) => return Err(error.to_debug_string()),
        }
    }
}

fn location(response: &IncomingResponse) -> String {
    let values = response.headers().get("location");
    values.first().map_or("no location".into(), |url| String::from_utf8_lossy(url).into_owned())
}
