//! The form with a customers file: it is counted as it comes, and written to the disk beside the database.

use std::io::Write as _;

use axum::extract::Multipart;
use axum::extract::multipart::MultipartError;

use crate::console::refusal::Refusal;
use crate::console::words::Words;
use crate::domain::kind::Kind;
use crate::operators::uploads::NewUpload;
use crate::people::import::ImportOptions;

/// Reads a form with a file of at most so many bytes. `None` if no file was chosen.
///
/// # Errors
/// If the file is too large, or the form ends too early.
pub async fn receive(words: &Words, mut form: Multipart, most: u64) -> Result<Option<NewUpload>, Refusal> {
    let mut options = ImportOptions::default();
    let mut found = None;
    while let Some(mut field) = form.next_field().await.map_err(|error| cut(words, &error))? {
        let name = field.name().unwrap_or_default().to_owned();
        match name.as_str() {
            "file" => {
                let name = field.file_name().unwrap_or_default().to_owned();
                let (mut file, mut size) = (tempfile::tempfile().map_err(|error| failed(&error))?, 0_u64);
                while let Some(bytes) = field.chunk().await.map_err(|error| cut(words, &error))? {
                    size += bytes.len() as u64;
                    if size > most {
                        let text = words.say_with("console-import-too-large", &[("most", words.number(most))]);
                        return Err(Refusal::new(Kind::Invalid, text));
                    }
                    file.write_all(&bytes).map_err(|error| failed(&error))?;
                }
                found = (size > 0).then_some((file, name, size));
            }
            "how" => match field.text().await.map_err(|error| cut(words, &error))?.as_str() {
                "replace" => options.replace = true,
                "skip_invalid" => options.skip_invalid = true,
                "allow_shrink" => options.allow_shrink = true,
                _ => {}
            },
            _ => {}
        }
    }
    Ok(found.map(|(file, name, size)| {
        let options = ImportOptions { size: Some(size), ..options };
        NewUpload { name, options, file, size }
    }))
}

fn cut(words: &Words, error: &MultipartError) -> Refusal {
    tracing::debug!(%error, "an upload was cut off");
    Refusal::new(Kind::Invalid, words.say("console-import-cut"))
}

fn failed(error: &std::io::Error) -> Refusal {
    tracing::error!(%error, "a temporary file for an upload cannot be used");
    Refusal::new(Kind::Failed, "")
}
