//! Drafts: the text of a notice and the rows of its audience file, checked.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::audience::matter::Followed;
use crate::domain::audience::Audience;
use crate::domain::front_matter::{is_open, placeholders_at};
use crate::domain::matter::Said;
use crate::domain::notice::{Notice, State, content_digest};
use crate::domain::placeholder::Placeholder;
use crate::domain::problem::{Problem, Problems};
use crate::domain::rows_file::Rows;
use crate::domain::structured::{Places, Structured, structure};
use crate::store::notices::{Kept, Written};

/// A valid notice, and the rows of its audience file.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The text as written.
    pub source: String,
    /// What it says.
    pub notice: Notice,
    /// The rows of its audience file, if it has one.
    pub rows: Option<Rows>,
    /// Digest of both.
    pub digest: [u8; 32],
    /// Where its lines are in the document that it was written from.
    places: Places,
}

impl Draft {
    /// Parses and checks a notice with the rows of its audience file.
    ///
    /// # Errors
    /// All problems.
    pub fn of(source: &str, rows: Option<Rows>) -> Result<Self, Problems> {
        let source = source.strip_prefix('\u{FEFF}').unwrap_or(source).to_owned();
        let parsed = Notice::parse(&source);
        let mut problems = unknown_columns(&source, parsed.as_ref().ok(), rows.as_ref());
        if let (Ok(Notice { audience: Audience::Rows { .. }, .. }), None) = (&parsed, &rows) {
            let problem = "the rows of this file are missing".to_owned();
            problems.push(Problem::new(0, "audience.file", problem));
        }
        let notice = match parsed {
            Ok(notice) if problems.is_empty() => notice,
            Ok(_) => return Err(Problems(problems).sorted()),
            Err(others) => return Err(Problems([others.0, problems].concat()).sorted()),
        };
        let mut draft = Self { source, notice, rows, digest: [0; 32], places: Places::of_source() };
        let stored = draft.stored_rows();
        let parts = stored.iter().flat_map(|(account, data)| [account.as_str(), data.as_str()]);
        draft.digest = content_digest(&draft.source, parts);
        Ok(draft)
    }

    /// Parses and checks a structured notice: a JSON document, which is written as a file; see [`Structured::parse`].
    ///
    /// # Errors
    /// All problems, each with its JSON pointer, or its line if the document has the text itself.
    pub fn structured(document: &[u8]) -> Result<Self, Problems> {
        let written = Structured::parse(document)?;
        match Self::of(&written.source, written.rows.clone()) {
            Ok(draft) if written.problems.is_empty() => Ok(Self { places: written.places, ..draft }),
            Ok(_) => Err(written.all(Problems::default())),
            Err(problems) => Err(written.all(problems)),
        }
    }

    /// The JSON document that it can be written from.
    ///
    /// # Errors
    /// If the text is no notice any more: that is not possible for one that was checked.
    pub fn structure(&self) -> Result<serde_json::Value, Problems> {
        structure(&self.source, self.rows.as_ref())
    }

    /// Problems of its text, such as those of a refused release, at their places in the document that it was written from.
    #[must_use]
    pub fn placed(&self, problems: Problems) -> Problems {
        self.places.place(problems)
    }

    /// The draft as it is stored. The zone stands for those of its recipients, whom nobody knows yet.
    pub(super) fn written<'a>(
        &'a self,
        subject: &'a str,
        followed: Option<Followed>,
        author: &'a str,
        zone: &TimeZone,
    ) -> Written<'a> {
        Written {
            category: self.notice.category,
            reference: self.notice.reference.as_deref(),
            subject,
            follows_id: followed.map(|it| it.id),
            matter_id: followed.map(|it| it.matter_id),
            said: Said::of(&self.notice),
            source: &self.source,
            digest: self.digest,
            author,
            send_at: self.notice.schedule.first([zone]),
        }
    }

    /// The draft as the released notice that it would be, for a sample.
    pub(super) fn as_released(&self, id: Uuid, now: Timestamp, message_domain: &str) -> Kept {
        Kept {
            id,
            category: self.notice.category,
            state: State::Draft,
            reference: self.notice.reference.clone(),
            subject: String::new(),
            follows_id: None,
            matter_id: id,
            sequence: None,
            said: Said::of(&self.notice),
            speaks: false,
            source: self.source.clone(),
            digest: self.digest,
            author: String::new(),
            approved_digest: None,
            approved_by: None,
            send_at: None,
            release_by: None,
            release_reason: None,
            created_at: now,
            released_at: Some(now),
            terms: None,
            paused_at: None,
            closed_at: None,
            customers: 0,
            recipients: 0,
            message_domain: message_domain.to_owned(),
            standing: None,
        }
    }

    /// The rows as they are stored: account ids, and JSON objects of column and value.
    pub(super) fn stored_rows(&self) -> Vec<(String, String)> {
        let rows = self.rows.iter().flat_map(|rows| &rows.rows);
        rows.map(|(account, values)| {
            let data = serde_json::to_string(values).expect("a map of texts serialises");
            (account.as_str().to_owned(), data)
        })
        .collect()
    }
}

/// Placeholders that name a column which the audience file does not have. A notice that is not valid is searched as text.
fn unknown_columns(source: &str, notice: Option<&Notice>, rows: Option<&Rows>) -> Vec<Problem> {
    let (used, open) = (notice.map(Notice::placeholders), is_open(source));
    let unknown = placeholders_at(source).into_iter().filter_map(|(line, placeholder)| {
        let Placeholder::Row(column) = &placeholder else { return None };
        if used.as_ref().is_some_and(|used| !used.contains(&placeholder)) {
            return None;
        }
        let problem = match rows {
            // The rows come with the recipients that are added.
            None if open => return None,
            None => "needs an audience `file` with this column, or an audience that is `open`".to_owned(),
            Some(rows) if rows.columns.contains(column) => return None,
            Some(rows) if rows.columns.is_empty() => "the audience file has no column besides `account_id`".to_owned(),
            Some(rows) => format!("the audience file has no such column (it has {})", rows.columns.join(", ")),
        };
        Some(Problem::new(line, placeholder.to_string(), problem))
    });
    unknown.collect()
}
