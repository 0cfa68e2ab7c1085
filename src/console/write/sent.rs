//! A form as a browser sends it, with a file or without: its texts, and the rows of the file. Without a file it may also come as a plain
//! form, such as one that was kept while nobody was signed in.

use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::filled::Filled;
use crate::console::form::Form;

/// The largest form with its file, in bytes. The rows of an audience that is larger come by `besked notice` or the HTTP API.
pub const LARGEST: usize = 16 << 20;

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
}

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let media = request.headers().get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
        if !media.starts_with("multipart/form-data") {
            let form = Form::from_request(request, state).await?;
            return Ok(Self { filled: form.fields().collect(), file: None });
        }
        let unreadable = |status: StatusCode, text: String| (status, format!("{text}\n")).into_response();
        let mut parts = Multipart::from_request(request, state)
            .await
            .map_err(|error| unreadable(error.status(), error.body_text()))?;
        let mut sent = Self::default();
        while let Some(part) =
            parts.next_field().await.map_err(|error| unreadable(error.status(), error.body_text()))?
        {
            let name = part.name().unwrap_or_default().to_owned();
            let file = part.file_name().map(str::to_owned);
            let bytes = part.bytes().await.map_err(|error| unreadable(error.status(), error.body_text()))?;
            match file {
                // No file was chosen.
                Some(name) if name.is_empty() && bytes.is_empty() => {}
                Some(name) => sent.file = Some((name, bytes.to_vec())),
                None => sent.filled.set(name, String::from_utf8_lossy(&bytes).replace("\r\n", "\n")),
            }
        }
        // Last, whatever the order of the parts.
        if let Some((name, _)) = &sent.file {
            sent.filled.set(CHOSEN, name.clone());
        }
        Ok(sent)
    }
}
