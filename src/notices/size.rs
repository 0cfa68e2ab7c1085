//! The size of a notice's mails, and of their subjects: known before anybody approves them.

use super::sample::{Wanted, made_up, to_send};
use super::{NoticeError, Notices};
use crate::audience::Recipient;
use crate::domain::front_matter::{MAX_SUBJECT, too_long_a_subject};
use crate::domain::problem::Problems;
use crate::domain::words::kilobytes;
use crate::mail::compose::composer::Composer;
use crate::mail::compose::course::Past;
use crate::mail::token::TokenKey;
use crate::store::notices::Kept;

/// Mail programs show a part of a larger mail only; Gmail cuts at 102 kB.
const CUT: u64 = 100_000;

impl Notices {
    /// Composes the mails of a notice to some recipients, and in each of its languages to somebody who does not exist. Returns the
    /// size of the largest, with the warning of it.
    pub(super) fn sized(&self, kept: Kept, recipients: Vec<Recipient>) -> Result<(u64, Problems), NoticeError> {
        let config = &self.context.config;
        let notice = kept.parsed()?;
        let composer = Composer::new(kept, Past::default())?;
        let (now, mut problems) = (self.context.clock.now(), Problems::default());
        let key = TokenKey::new(self.context.random.bytes());
        let default = &config.organisation.default_locale;
        let mut largest = 0;
        let nobody = notice.editions.iter().map(|edition| Recipient {
            locale: Some(edition.locale.as_ref().unwrap_or(default).clone()),
            ..made_up(config, &notice)
        });
        for (index, recipient) in nobody.chain(recipients).enumerate() {
            let to = to_send(self.context.random.id(now), recipient, &Wanted::default());
            // The values of a recipient are not the author's: only the subject of nobody is measured.
            if index < notice.editions.len() {
                let length = composer.content(config, &key, &to)?.subject.chars().count();
                if length > MAX_SUBJECT {
                    problems.add(0, "subject", too_long_a_subject(length));
                }
            }
            let composed = composer.sample(config, &key, (&to, now))?;
            largest = largest.max(composed.bytes.len() as u64);
        }
        if largest > config.limits.message_size {
            let (size, limit) = (kilobytes(largest), kilobytes(config.limits.message_size));
            let problem = format!("the largest mail has {size}, and `[limits] message_size` is {limit}");
            problems.add(0, "", format!("{problem}: shorten the text, or link to a part of it"));
        }
        if !problems.is_empty() {
            return Err(NoticeError::NotReady(problems.sorted()));
        }
        let mut warnings = Problems::default();
        if largest > CUT {
            let problem = format!("the largest mail has {}, and mail programs cut mails above", kilobytes(largest));
            warnings.add(0, "", format!("{problem} {}", kilobytes(CUT)));
        }
        Ok((largest, warnings))
    }
}
