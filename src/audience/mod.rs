//! Audiences: the customers that a rule selects, the contacts to address at each, and the list of both that a release freezes.
//!
//! A release reads its audience from one snapshot, so that an import that commits meanwhile changes nothing, and then writes it
//! in chunks, so that other writers get their turn. Nothing is sent before the last chunk has committed together with the
//! manifest; a crash before that leaves a partial set, which the next attempt discards.

mod added;
mod ahead;
mod cancel;
mod committed;
mod followed;
mod freeze;
mod lineage;
pub mod matter;
mod nearby;
mod pages;
mod reach;
mod refusal;
mod rows;
mod spool;
mod supersede;
mod unmet;

use std::collections::BTreeMap;

use uuid::Uuid;

pub use added::add;
pub use ahead::recall;
pub use cancel::cancel;
pub use committed::Committed;
pub use freeze::{Freezing, Frozen, freeze};
pub use nearby::{Shared, shared};
pub use pages::{Page, Pages, Recipient};
pub use reach::{Reach, print, reach, reach_so_far};
pub use refusal::{AudienceError, Names};
pub use rows::{Resolved, RowOf, resolve};
pub use unmet::Unmet;

use crate::config::Config;
use crate::domain::audience::Audience;
use crate::domain::category::{Addressing, Class, Role};
use crate::domain::customer::AccountId;
use crate::domain::fields::Phase;
use crate::domain::front_matter::placeholders_at;
use crate::domain::matter::Progress;
use crate::domain::notice::Notice;
use crate::domain::placeholder::{Placeholder, Text};
use crate::domain::rows_file::Rows;
use crate::store::notices::{self, Kept};
use crate::store::people::customers::Selection;
use crate::store::{Conn, StoreError};

/// An audience before it is resolved: where its customers are found, whom to address at each, and the values that are needed.
#[derive(Clone, Debug)]
pub struct Plan {
    source: Source,
    addressing: Addressing,
    placeholders: Vec<Placeholder>,
    /// How often each is in the notice.
    times: BTreeMap<Placeholder, usize>,
    /// The line of each placeholder in the notice, for errors; empty if nobody asked for it.
    lines: BTreeMap<Placeholder, usize>,
    /// Customers that left are in the audience, too; else only those of them that it names, if the notice is mandatory.
    include_left: bool,
    /// Accounts that are named may have left: the duty to inform does not end with the contract.
    named_left: bool,
    /// The rule in words, for errors.
    rule: String,
    /// Recipients are added after the release.
    may_be_empty: bool,
    /// Only those of the followed notice's customers that got something of the matter are in the audience.
    only_told: bool,
    /// Keys of the configuration that say who sends and are still those of the example.
    of_example: Vec<&'static str>,
}

/// Where the customers of an audience are found.
#[derive(Clone, Debug)]
enum Source {
    /// Among all customers.
    Select {
        /// The conditions.
        selection: Selection,
        /// The accounts named, all of which must be customers.
        named: Vec<AccountId>,
    },
    /// In the rows of a file.
    Rows(RowsAt),
    /// Among the customers of another notice and of those before it in its matter, see [`lineage`].
    Followed {
        /// That notice.
        id: Uuid,
        /// The new one says how far the matter is: it goes to all customers of the matter.
        reports: bool,
    },
}

/// Where the rows of an audience file are.
#[derive(Clone, Debug)]
pub enum RowsAt {
    /// In memory: they are not stored yet.
    Here(Rows),
    /// Stored with this notice.
    Stored(Uuid),
}

impl Plan {
    /// The plan for a notice. `follows` is the notice that it continues.
    ///
    /// # Errors
    /// [`AudienceError::FollowsNothing`] if it addresses the customers of a notice that it does not name.
    pub fn new(config: &Config, notice: &Notice, rows: RowsAt, follows: Option<Uuid>) -> Result<Self, AudienceError> {
        let plan = Self::addressing(config, notice);
        let (source, include_left) = match &notice.audience {
            Audience::All { include_left } => {
                let selection = Selection::new(&[], &[]).with_left(*include_left);
                (Source::Select { selection, named: Vec::new() }, *include_left)
            }
            Audience::Select { customers, attributes, include_left } => {
                let left = *include_left || (plan.named_left && !customers.is_empty());
                let selection = Selection::new(customers, attributes).with_left(left);
                (Source::Select { selection, named: customers.clone() }, left)
            }
            Audience::Rows { .. } => (Source::Rows(rows), plan.named_left),
            Audience::Nobody => (Source::Rows(RowsAt::Here(Rows::default())), false),
            Audience::Followed { include_left } => {
                let id = follows.ok_or(AudienceError::FollowsNothing)?;
                (Source::Followed { id, reports: Progress::of(notice.fields()).is_some() }, *include_left)
            }
        };
        let rule = notice.audience.describe();
        // Whoever was not told of a maintenance need not be told that it is cancelled.
        let cancels = Progress::of(notice.fields()) == Some(Progress::Phase(Phase::Cancelled));
        let only_told = cancels && matches!(source, Source::Followed { .. });
        Ok(Self { source, include_left, rule, may_be_empty: notice.standing, only_told, ..plan })
    }

    /// The plan, whose errors name the lines of the notice, which has this text.
    #[must_use]
    pub fn with_lines(mut self, source: &str) -> Self {
        // The first line on which a placeholder is.
        self.lines = placeholders_at(source).into_iter().rev().map(|(line, placeholder)| (placeholder, line)).collect();
        self
    }

    /// The plan to address one customer by a notice, whether its audience has the customer or not.
    #[must_use]
    pub fn for_customer(config: &Config, notice: &Notice, account: &AccountId, rows: Option<&Rows>) -> Self {
        let source = match rows {
            Some(rows) => {
                let mut rows = rows.clone();
                rows.rows.retain(|id, _| id == account);
                Source::Rows(RowsAt::Here(rows))
            }
            None => {
                let named = vec![account.clone()];
                Source::Select { selection: Selection::new(&named, &[]).with_left(true), named }
            }
        };
        Self { source, include_left: true, ..Self::addressing(config, notice) }
    }

    /// The plan to address the customers of rows that are added to a standing notice. A mandatory one reaches those that left, since
    /// they are named.
    #[must_use]
    pub fn for_added(config: &Config, notice: &Notice) -> Self {
        let plan = Self::addressing(config, notice);
        Self { include_left: plan.named_left, ..plan }
    }

    /// The same plan for other roles, at customers that left, too.
    #[must_use]
    pub fn to_roles(self, roles: &[Role]) -> Self {
        let addressing = Addressing { roles: roles.to_vec(), or_else: Vec::new() };
        Self { addressing, include_left: true, ..self }
    }

    /// The plan to address some customers of a released notice again, with the rows that are stored for them.
    ///
    /// # Errors
    /// If a stored row cannot be read, or the database fails.
    pub async fn for_customers(
        conn: &mut Conn,
        config: &Config,
        (kept, notice): (&Kept, &Notice),
        accounts: &[AccountId],
    ) -> Result<Self, StoreError> {
        // Rows, and not a selection: no account is nobody, where a selection without conditions is everybody.
        let mut rows = Rows::default();
        rows.rows.extend(accounts.iter().map(|account| (account.clone(), BTreeMap::new())));
        if let Audience::Rows { .. } = notice.audience {
            let ids: Vec<&str> = accounts.iter().map(AccountId::as_str).collect();
            for (account, data) in notices::rows::of(conn, kept.id, &ids).await? {
                let (account, values) = pages::stored_row(kept.id, account, &data)?;
                rows.rows.extend(AccountId::parse(&account).ok().map(|account| (account, values)));
            }
        }
        Ok(Self { source: Source::Rows(RowsAt::Here(rows)), ..Self::addressing(config, notice) })
    }

    /// The plan to address other roles at some customers of a released notice, with the rows that are stored for them. Customers that
    /// left meanwhile are addressed at the contacts that they had: they were to be informed.
    ///
    /// # Errors
    /// If a stored row cannot be read, or the database fails.
    pub async fn for_roles(
        conn: &mut Conn,
        config: &Config,
        notice: (&Kept, &Notice),
        accounts: &[AccountId],
        roles: &[Role],
    ) -> Result<Self, StoreError> {
        let plan = Self::for_customers(conn, config, notice, accounts).await?;
        Ok(plan.to_roles(roles))
    }

    /// A plan that selects nobody yet.
    fn addressing(config: &Config, notice: &Notice) -> Self {
        Self {
            source: Source::Rows(RowsAt::Here(Rows::default())),
            addressing: config.addressing(notice.category),
            placeholders: notice.placeholders(),
            times: times(notice),
            lines: BTreeMap::new(),
            include_left: false,
            named_left: notice.category.class() == Class::Mandatory,
            rule: String::new(),
            may_be_empty: false,
            only_told: false,
            of_example: config.left_from_example(),
        }
    }

    /// True if customers that left may be in the audience, at the contacts that they had.
    const fn may_have_left(&self) -> bool {
        self.include_left || (self.named_left && matches!(self.source, Source::Followed { .. }))
    }

    /// The attributes that it asks for, with their values, if it selects by any.
    const fn selection(&self) -> Option<&Selection> {
        match &self.source {
            Source::Select { selection, .. } => Some(selection),
            Source::Rows(_) | Source::Followed { .. } => None,
        }
    }

    /// How often a placeholder is in the notice.
    fn times(&self, placeholder: &Placeholder) -> usize {
        self.times.get(placeholder).copied().unwrap_or_default()
    }
}

/// How often each placeholder is in the longest of the texts that a notice has in its languages.
fn times(notice: &Notice) -> BTreeMap<Placeholder, usize> {
    let mut most: BTreeMap<Placeholder, usize> = BTreeMap::new();
    for edition in &notice.editions {
        let fields = edition.fields.texts();
        let texts = edition.subject.iter().chain([&edition.body]).chain(&fields);
        let mut times: BTreeMap<Placeholder, usize> = BTreeMap::new();
        texts.flat_map(Text::placeholders).for_each(|it| *times.entry(it).or_default() += 1);
        for (placeholder, count) in times {
            let known = most.entry(placeholder).or_default();
            *known = count.max(*known);
        }
    }
    most
}
