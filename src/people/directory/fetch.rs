//! Fetches the customers file: over HTTPS alone, from one host alone, and no more of it than is allowed.

use std::error::Error as _;
use std::io::{self, Read, Seek as _, Write as _};
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, ETAG, HeaderMap, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    LAST_MODIFIED,
};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use secrecy::ExposeSecret as _;

use crate::config::Directory;
use crate::domain::words::cause;
use crate::mail::tls;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// How long the server may be silent.
const SILENCE: Duration = Duration::from_secs(60);

/// How long all of it may take.
const WHOLE: Duration = Duration::from_secs(3600);

/// Redirects that are followed, on the same host.
const REDIRECTS: usize = 5;

/// By what a server knows whether we have its file: as it said it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    /// Its `ETag`.
    pub etag: Option<String>,
    /// Its `Last-Modified`.
    pub modified: Option<String>,
}

/// A file that was fetched.
pub struct Fetched {
    /// Reads it, unpacked.
    pub file: Box<dyn Read + Send>,
    /// By what the server knows it.
    pub validators: Validators,
}

/// Fetches the file; `None` if it is the one that is known.
///
/// # Errors
/// Why it cannot be fetched.
pub async fn fetch(config: &Directory, known: &Validators) -> Result<Option<Fetched>, String> {
    let mut response = ask(config, known).await?;
    if response.status() == StatusCode::NOT_MODIFIED {
        return Ok(None);
    }
    let too_large = || format!("the file is larger than `[directory] size`, {} bytes", config.size);
    if response.content_length().is_some_and(|length| length > config.size) {
        return Err(too_large());
    }
    let validators =
        Validators { etag: text(response.headers(), ETAG), modified: text(response.headers(), LAST_MODIFIED) };
    let packed = match text(response.headers(), CONTENT_ENCODING).as_deref() {
        None | Some("identity") => false,
        Some("gzip" | "x-gzip") => true,
        Some(other) => return Err(format!("the server sends it in the encoding `{}`", other.escape_debug())),
    };
    let unwritable = |error: io::Error| format!("cannot write a temporary file: {}", cause(&error));
    let mut file = tempfile::tempfile().map_err(unwritable)?;
    let mut size = 0_u64;
    while let Some(part) = response.chunk().await.map_err(|error| in_words(&error))? {
        size += part.len() as u64;
        if size > config.size {
            return Err(too_large());
        }
        file.write_all(&part).map_err(unwritable)?;
    }
    file.rewind().map_err(unwritable)?;
    let limited = |reader: Box<dyn Read + Send>| Limited { reader, left: config.size };
    let file: Box<dyn Read + Send> =
        if packed { Box::new(limited(Box::new(MultiGzDecoder::new(file)))) } else { Box::new(limited(Box::new(file))) };
    Ok(Some(Fetched { file, validators }))
}

/// Asks for the file and reads nothing of it. Returns what the server said.
///
/// # Errors
/// Why it cannot be fetched.
pub async fn probe(config: &Directory) -> Result<String, String> {
    let response = ask(config, &Validators::default()).await?;
    let size = response.content_length().map(|length| format!(", {length} bytes")).unwrap_or_default();
    Ok(format!("answers{size}"))
}

async fn ask(config: &Directory, known: &Validators) -> Result<Response, String> {
    let url = config.url.as_ref().ok_or("no `[directory] url` is configured")?;
    let mut request = client(config)?
        .get(url.as_url().clone())
        .header(ACCEPT, "text/csv, application/gzip;q=0.9, */*;q=0.5")
        .header(ACCEPT_ENCODING, "gzip");
    if let Some(token) = &config.token {
        request = request.bearer_auth(token.expose_secret());
    }
    for (name, value) in [(IF_NONE_MATCH, &known.etag), (IF_MODIFIED_SINCE, &known.modified)] {
        if let Some(value) = value {
            request = request.header(name, value);
        }
    }
    let response = request.send().await.map_err(|error| in_words(&error))?;
    match response.status() {
        StatusCode::OK | StatusCode::NOT_MODIFIED => Ok(response),
        status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            Err(format!("the server answered {status}: check `[directory] token_file`"))
        }
        status => Err(format!("the server answered {status}")),
    }
}

fn client(config: &Directory) -> Result<Client, String> {
    let tls = tls::verifying(config.ca_file.as_deref())?;
    // The token is for this host: what another one is asked, an administrator decides.
    let policy = Policy::custom(|attempt| {
        let first = attempt.previous().first().map(reqwest::Url::origin);
        if first.is_some_and(|origin| origin != attempt.url().origin()) {
            attempt.error("it redirects to another host: set `[directory] url` to where the file is")
        } else if attempt.previous().len() > REDIRECTS {
            attempt.error("it redirects too often")
        } else {
            attempt.follow()
        }
    });
    let client = Client::builder()
        .tls_backend_preconfigured(tls)
        .https_only(true)
        .redirect(policy)
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .timeout(WHOLE)
        .user_agent(concat!("besked/", env!("CARGO_PKG_VERSION")));
    client.build().map_err(|error| in_words(&error))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned).filter(|text| text.len() <= 1000)
}

/// An error by its cause, which says most; without the address, which may have a secret in it.
#[must_use]
pub fn in_words(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "the server did not answer in time".to_owned();
    }
    let causes = || std::iter::successors(error.source(), |cause| (**cause).source());
    match causes().find_map(|cause| cause.downcast_ref::<io::Error>()) {
        Some(error) => tls::in_words(error),
        None => causes().last().map_or_else(|| "the request failed".to_owned(), ToString::to_string),
    }
}

/// Reads no more than this: a small file may unpack to one without end.
struct Limited {
    reader: Box<dyn Read + Send>,
    left: u64,
}

impl Read for Limited {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.left = self
            .left
            .checked_sub(read as u64)
            .ok_or_else(|| io::Error::other("the file is larger than `[directory] size` when it is unpacked"))?;
        Ok(read)
    }
}
