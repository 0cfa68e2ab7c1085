//! A form as a browser sends it, with a file or without: its texts, and the rows of the file. Without a file it may also come as a plain
//! form, such as one that was kept while nobody was signed in.

use axum::extract::multipart::MultipartError;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{StatusCode, header};
use axum::response::Response;

use super::filled::Filled;
use crate::app::App;
use crate::console::form::{Form, unreadable};

/// The largest form with its file, in bytes. The rows of an audience that is larger come by `besked notice` or the HTTP API.
pub const LARGEST: usize = 16 << 20;

/// The most that is read of a form, in bytes: what of a file is larger than [`LARGEST`] is let go, so that what was typed beside it can
/// be shown again.
pub const READ: usize = 1 << 30;

/// The field with the name of the file that was chosen last in this form. The form keeps it, and a browser does not send the file again:
/// without the field, a form whose file is gone would look like one in which none was chosen.
pub const CHOSEN: &str = "rows_file";

/// A form that was sent.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    /// What was typed and chosen.
    pub filled: Filled,
    /// The file, if one was chosen: its name and content.
    pub file: Option<(String, Vec<u8>)>,
    /// The file is larger than [`LARGEST`]; there is nothing of it here.
    pub is_too_large: bool,
}

impl FromRequest<App> for Sent {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let media = request.headers().get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
        if !media.starts_with("multipart/form-data") {
            let form = Form::from_request(request, app).await?;
            return Ok(Self { filled: form.fields().collect(), ..Self::default() });
        }
        let cut = |error: MultipartError| unreadable(error.status(), error.body_text());
        let mut parts = Multipart::from_request(request, app)
            .await
            .map_err(|error| unreadable(error.status(), error.body_text()))?;
        let (mut sent, mut left) = (Self::default(), LARGEST);
        while let Some(mut part) = parts.next_field().await.map_err(cut)? {
            let name = part.name().unwrap_or_default().to_owned();
            let file = part.file_name().map(str::to_owned);
            let mut bytes = Vec::new();
            // What a field costs without its value.
            let own = name.len() + 64;
            let mut is_too_large = own > left;
            while let Some(chunk) = part.chunk().await.map_err(cut)? {
                is_too_large |= own + bytes.len() + chunk.len() > left;
                if is_too_large {
                    bytes = Vec::new();
                } else {
                    bytes.extend_from_slice(&chunk);
                }
            }
            match file {
                // No file was chosen.
                Some(name) if name.is_empty() && bytes.is_empty() => {}
                Some(name) => {
                    sent.is_too_large = is_too_large;
                    sent.file = Some((name, bytes));
                }
                None if is_too_large => {
                    let text = "its texts are too large".to_owned();
                    return Err(unreadable(StatusCode::PAYLOAD_TOO_LARGE, text));
                }
                None => {
                    left = left.saturating_sub(own + bytes.len());
                    sent.filled.set(name, String::from_utf8_lossy(&bytes).replace("\r\n", "\n"));
                }
            }
        }
        // Last, whatever the order of the parts.
        if let Some((name, _)) = &sent.file {
            sent.filled.set(CHOSEN, name.clone());
        }
        Ok(sent)
    }
}
