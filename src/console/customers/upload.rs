//! Files that were uploaded and wait for their sender to say "do it". They have no name on disk, and end with the process: a file that
//! is gone is uploaded again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::Multipart;
use axum::extract::multipart::MultipartError;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::app::App;
use crate::console::refusal::Refusal;
use crate::console::words::Words;
use crate::domain::kind::Kind;
use crate::people::import::ImportOptions;

/// How long a file waits.
const WAITS: SignedDuration = SignedDuration::from_hours(1);

/// Files that wait at once: the oldest one makes room.
const MOST: usize = 8;

/// A file with what is to be done with it.
#[derive(Debug)]
pub struct Upload {
    /// The operator whose it is.
    pub operator: Uuid,
    /// Its name, as the browser has it.
    pub name: String,
    /// How it is to be treated.
    pub options: ImportOptions,
    file: File,
    at: Timestamp,
}

impl Upload {
    /// The file from its beginning.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn read(&self) -> Result<File, Refusal> {
        let mut file = self.file.try_clone().map_err(|error| failed(&error))?;
        file.seek(SeekFrom::Start(0)).map_err(|error| failed(&error))?;
        Ok(file)
    }
}

/// The files that wait. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Uploads(Arc<Mutex<BTreeMap<Uuid, Arc<Upload>>>>);

impl Uploads {
    /// Keeps a file, and returns the id by which its sender finds it again.
    pub fn keep(&self, app: &App, upload: Arc<Upload>) -> Uuid {
        let id = uuid::Builder::from_random_bytes(app.context.random.bytes()).into_uuid();
        let now = app.context.clock.now();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, it| now.duration_since(it.at) < WAITS);
        while all.len() >= MOST {
            let oldest = all.iter().min_by_key(|(_, it)| it.at).map(|(id, _)| *id);
            oldest.and_then(|id| all.remove(&id));
        }
        all.insert(id, upload);
        id
    }

    /// The file with an id, if it is the operator's and still there.
    pub fn find(&self, id: Uuid, operator: Uuid) -> Option<Arc<Upload>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&id).filter(|it| it.operator == operator).cloned()
    }

    /// Lets a file go.
    pub fn drop(&self, id: Uuid) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

/// Reads a form with a file of at most so many bytes. `None` if no file was chosen.
///
/// # Errors
/// If the file is too large, or the form ends too early.
pub async fn receive(
    app: &App,
    (operator, words): (Uuid, &Words),
    mut form: Multipart,
    most: u64,
) -> Result<Option<Upload>, Refusal> {
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
    let at = app.context.clock.now();
    Ok(found.map(|(file, name, size)| {
        let options = ImportOptions { size: Some(size), ..options };
        Upload { operator, name, options, file, at }
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
