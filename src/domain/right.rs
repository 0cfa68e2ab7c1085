//! Rights: one table of what each role may do, category by category. Every face asks it, and `docs/operators.md` prints it.

use thiserror::Error;

use crate::domain::actor::Actor;
use crate::domain::category::Category;
use crate::domain::category_set::CategorySet;
use crate::domain::notice::Step;
use crate::domain::operator::{OperatorKind, Role, Roles};
use crate::domain::words::words;

/// What an operator may do. The rights up to [`Right::DoTasks`] hold for categories, the others as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// Read a notice, its steps and a sample of it.
    Read,
    /// Read one of a breach before its release.
    ReadSealed,
    /// Create, edit and submit a notice, send a test of it.
    Write,
    /// Approve or decline a notice.
    Approve,
    /// Release, resume, cancel a notice.
    Release,
    /// Pause a notice.
    Pause,
    /// See addresses in a notice, and those of contacts that its category addresses.
    SeeAddresses,
    /// Record what came back about a delivery, settle a doubt.
    Report,
    /// Send deliveries again.
    Resend,
    /// Record that a customer was informed in another way.
    Attest,
    /// Do a task.
    DoTasks,
    /// List customers, and show one with its contacts.
    ReadCustomers,
    /// See the addresses of one customer at a time.
    SeeOneCustomer,
    /// Make and revoke the addresses of customers' calendars.
    Calendars,
    /// Import customers.
    Import,
    /// Show and set opt-outs.
    Preferences,
    /// List suppressions.
    ReadSuppressions,
    /// Add and lift suppressions.
    Suppressions,
    /// Export, erase, restrict, correct what is stored about a person; decide objections.
    Subjects,
    /// Place and lift legal holds.
    Holds,
    /// Delete what retention has ended for.
    Retention,
    /// Export evidence.
    Evidence,
    /// List what came back by mail.
    ReadInbound,
    /// Read files with what came back.
    Inbound,
    /// Show the state of the relays.
    ReadRelays,
    /// Show, audit and export the ledger.
    ReadLedger,
    /// Let sealing continue after it has stopped.
    ContinueLedger,
    /// Read the audit log.
    ReadAudit,
    /// List operators and keys.
    ReadOperators,
    /// Add, change and disable operators.
    Operators,
    /// Add and revoke keys.
    Keys,
    /// Add and disable webhooks.
    Webhooks,
}

words!(Right, "a right", {
    Read => "read notices",
    ReadSealed => "read notices before their release",
    Write => "write notices",
    Approve => "approve notices",
    Release => "release notices",
    Pause => "pause notices",
    SeeAddresses => "see addresses in notices",
    Report => "report on deliveries",
    Resend => "send deliveries again",
    Attest => "attest for notices",
    DoTasks => "do tasks",
    ReadCustomers => "read customers",
    SeeOneCustomer => "see the addresses of a customer",
    Calendars => "make and revoke calendar addresses",
    Import => "import customers",
    Preferences => "show and set opt-outs",
    ReadSuppressions => "list suppressions",
    Suppressions => "change suppressions",
    Subjects => "carry out the rights of persons",
    Holds => "place and lift legal holds",
    Retention => "run the retention",
    Evidence => "export evidence",
    ReadInbound => "list what came back by mail",
    Inbound => "read mail that came back",
    ReadRelays => "see the state of the relays",
    ReadLedger => "read the ledger",
    ContinueLedger => "let the ledger continue",
    ReadAudit => "read the audit log",
    ReadOperators => "list operators and keys",
    Operators => "change operators",
    Keys => "make and revoke keys",
    Webhooks => "change webhooks",
});

impl Step {
    /// The right that it needs.
    #[must_use]
    pub const fn needs(self) -> Right {
        match self {
            Self::Create | Self::Edit | Self::Submit => Right::Write,
            Self::Approve | Self::Decline => Right::Approve,
            Self::Pause => Right::Pause,
            Self::Release | Self::Resume | Self::Cancel | Self::Close => Right::Release,
        }
    }
}

impl Right {
    /// True if it holds for some categories and not for others.
    #[must_use]
    pub fn is_by_category(self) -> bool {
        self <= Self::DoTasks
    }

    /// The roles that have it for a category; for any, if `category` is `None`.
    #[must_use]
    pub fn roles(self, category: Option<Category>) -> Roles {
        let has = |role: &Role| {
            let allowed = allowed(*role, self);
            category.map_or(!allowed.is_empty(), |category| allowed.contains(category))
        };
        Role::ALL.iter().copied().filter(has).collect()
    }
}

/// The categories that a role writes.
fn own(role: Role) -> CategorySet {
    use Category::{
        AgreementChange, Billing, Disruption, Maintenance, News, SecurityBreach, SecurityMeasuresChange, Survey,
    };
    let categories: &[Category] = match role {
        Role::Ops => &[Disruption, Maintenance],
        Role::Security => &[SecurityBreach, SecurityMeasuresChange, Disruption],
        Role::Legal => &[AgreementChange],
        Role::Finance => &[Billing],
        Role::Marketing => &[News, Survey],
        Role::Compliance | Role::Support | Role::Admin | Role::Auditor => &[],
    };
    categories.iter().copied().collect()
}

/// The categories for which a role has a right: all or none for a right that is not by category.
#[must_use]
pub fn allowed(role: Role, right: Right) -> CategorySet {
    use Role::{Admin, Auditor, Compliance, Legal, Marketing, Ops, Security, Support};
    let breach: CategorySet = [Category::SecurityBreach].into_iter().collect();
    let all = |roles: &[Role]| if roles.contains(&role) { CategorySet::ALL } else { CategorySet::NONE };
    // What a role takes part in: legal approves breach notices, and sees what it decides about.
    let part = if role == Legal { own(role).or(breach) } else { own(role) };
    match right {
        Right::Read => CategorySet::ALL.without(all(&[Admin])),
        Right::ReadSealed => {
            all(&[Security, Legal, Compliance]).and(Category::ALL.iter().copied().filter(|it| is_sealed(*it)).collect())
        }
        // Who writes a breach notice never approves one, whoever wrote it.
        Right::Approve => {
            part.without(if role == Security { breach } else { CategorySet::NONE }).or(all(&[Compliance]))
        }
        Right::Write | Right::Release | Right::Resend => own(role),
        Right::Pause => part.or(all(&[Compliance])),
        Right::SeeAddresses => part.without(all(&[Marketing])).or(all(&[Compliance])),
        Right::Report | Right::DoTasks => part.or(all(&[Compliance, Support])),
        Right::Attest => all(&[Compliance, Support]),
        Right::ReadCustomers => CategorySet::ALL.without(all(&[Auditor])),
        Right::SeeOneCustomer => all(&[Compliance, Support]),
        Right::Calendars => all(&[Ops, Compliance, Support, Admin]),
        Right::Preferences => all(&[Compliance, Support]),
        Right::Subjects | Right::Holds | Right::Retention => all(&[Compliance]),
        Right::Evidence | Right::ReadAudit => all(&[Compliance, Auditor]),
        Right::ReadLedger => all(&[Compliance, Auditor, Admin]),
        Right::ReadRelays => all(&[Ops, Security, Compliance, Admin]),
        Right::ReadSuppressions | Right::ReadInbound | Right::ReadOperators => all(&[Compliance, Admin]),
        Right::Import
        | Right::Suppressions
        | Right::Inbound
        | Right::ContinueLedger
        | Right::Operators
        | Right::Keys
        | Right::Webhooks => all(&[Admin]),
    }
}

/// The categories for which some of these roles have a right.
#[must_use]
pub fn allowed_to(roles: Roles, right: Right) -> CategorySet {
    roles.iter().fold(CategorySet::NONE, |set, role| set.or(allowed(role, right)))
}

/// True for a category whose notices are sealed until their release.
#[must_use]
pub const fn is_sealed(category: Category) -> bool {
    matches!(category, Category::SecurityBreach)
}

/// What an actor may not do, and which roles may.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Forbidden {
    /// None of the actor's roles has the right.
    #[error("`{name}` may not {right}{}: {}", of(*.category), needs(*.right, *.category))]
    Role {
        /// The actor.
        name: String,
        /// The right.
        right: Right,
        /// The category, if one is concerned.
        category: Option<Category>,
    },
    /// A machine may not approve.
    #[error("`{0}` is a machine, and only a person may approve or decline")]
    Machine(String),
}

fn of(category: Option<Category>) -> String {
    category.map(|category| format!(" of {category}")).unwrap_or_default()
}

fn needs(right: Right, category: Option<Category>) -> String {
    let roles = right.roles(category);
    let one = if roles.iter().count() == 1 { "the role" } else { "one of the roles" };
    if roles.is_empty() { "no role may".to_owned() } else { format!("it needs {one} {roles}") }
}

impl Actor {
    /// Checks that the actor has a right for a category.
    ///
    /// # Errors
    /// If no role of the actor has it, or a machine is to approve.
    pub fn may(&self, right: Right, category: Category) -> Result<(), Forbidden> {
        self.allows(right, Some(category))
    }

    /// Checks that the actor has a right that is not by category, or has it for some category.
    ///
    /// # Errors
    /// If no role of the actor has it.
    pub fn may_at_all(&self, right: Right) -> Result<(), Forbidden> {
        self.allows(right, None)
    }

    fn allows(&self, right: Right, category: Option<Category>) -> Result<(), Forbidden> {
        if right == Right::Approve && self.kind() == OperatorKind::Machine {
            return Err(Forbidden::Machine(self.name().to_owned()));
        }
        let allowed = self.categories(right);
        if category.map_or(!allowed.is_empty(), |category| allowed.contains(category)) {
            return Ok(());
        }
        Err(Forbidden::Role { name: self.name().to_owned(), right, category })
    }

    /// True if the actor may know that there is a notice: one of a breach is sealed until its release.
    #[must_use]
    pub fn knows_of(&self, category: Category, is_released: bool) -> bool {
        is_released || !is_sealed(category) || self.categories(Right::ReadSealed).contains(category)
    }

    /// True if the actor may see addresses in the list of a notice.
    #[must_use]
    pub fn sees_addresses(&self, category: Category) -> bool {
        self.categories(Right::SeeAddresses).contains(category)
    }

    /// True if the actor may see addresses in a notice, looking at one customer.
    #[must_use]
    pub fn sees_addresses_of_one(&self, category: Category) -> bool {
        self.has(Right::SeeOneCustomer) || self.sees_addresses(category)
    }

    /// The categories for which the actor has a right; all or none for one that is not by category.
    #[must_use]
    pub fn categories(&self, right: Right) -> CategorySet {
        self.roles().map_or(CategorySet::ALL, |roles| allowed_to(roles, right))
    }

    /// True if the actor has a right that is not by category, or has it for some category.
    #[must_use]
    pub fn has(&self, right: Right) -> bool {
        self.may_at_all(right).is_ok()
    }
}

/// The table as Markdown, a row for each right and a column for each role.
#[must_use]
pub fn table() -> String {
    let names: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
    let mut text = format!("| may | {} |\n|---|{}\n", names.join(" | "), "---|".repeat(names.len()));
    for right in Right::ALL.iter().copied() {
        let cell = |role: &Role| {
            let set = allowed(*role, right);
            match set {
                CategorySet::NONE => String::new(),
                CategorySet::ALL if right.is_by_category() => "all".to_owned(),
                CategorySet::ALL => "yes".to_owned(),
                _ => set.iter().map(|category| format!("`{category}`")).collect::<Vec<_>>().join(" "),
            }
        };
        let cells: Vec<String> = Role::ALL.iter().map(cell).collect();
        text += &format!("| {right} | {} |\n", cells.join(" | "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::actor::Via;
    use crate::domain::operator::OperatorName;

    fn actor(kind: OperatorKind, roles: &[Role]) -> Actor {
        let name = OperatorName::parse("Eva").unwrap();
        let via = Via::Cli { os_user: "root".to_owned() };
        Actor::operator(&name, kind, roles.iter().copied().collect(), via)
    }

    fn person(role: Role) -> Actor {
        actor(OperatorKind::Person, &[role])
    }

    #[test]
    fn an_error_names_who_may() {
        let error = person(Role::Security).may(Right::Approve, Category::SecurityBreach).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`Eva` may not approve notices of security_breach: it needs one of the roles legal, compliance"
        );
        let error = person(Role::Ops).may_at_all(Right::Import).unwrap_err();
        assert_eq!(error.to_string(), "`Eva` may not import customers: it needs the role admin");
    }

    #[test]
    fn a_machine_approves_nothing() {
        for role in Role::ALL {
            let machine = actor(OperatorKind::Machine, &[*role]);
            for category in Category::ALL {
                assert!(machine.may(Right::Approve, *category).is_err(), "{role} {category}");
            }
        }
        assert!(actor(OperatorKind::Machine, &[Role::Ops]).may(Right::Write, Category::Maintenance).is_ok());
    }

    #[test]
    fn each_category_has_writers_and_somebody_else_who_may_approve() {
        for category in Category::ALL {
            for right in [Right::Write, Right::Release, Right::Approve, Right::Pause, Right::DoTasks] {
                assert!(!right.roles(Some(*category)).is_empty(), "{right} {category}");
            }
            assert!(allowed(Role::Compliance, Right::Approve).contains(*category));
            assert!(!allowed(Role::Compliance, Right::Write).contains(*category));
        }
        for right in Right::ALL {
            assert!(!right.roles(None).is_empty(), "nobody may {right}");
        }
    }

    #[test]
    fn admins_have_no_notices_auditors_change_nothing_and_marketing_sees_no_address() {
        use Right::{Approve, Attest, DoTasks, Pause, Read, Release, Report, Resend, SeeAddresses, Write};
        for right in [Read, Write, Approve, Release, Pause, SeeAddresses, Report, Resend, Attest, DoTasks] {
            assert!(!person(Role::Admin).has(right), "{right}");
            assert_eq!(person(Role::Auditor).has(right), right == Read, "{right}");
        }
        assert!(!person(Role::Marketing).has(SeeAddresses) && !person(Role::Marketing).has(Right::SeeOneCustomer));
        let sealed: Roles = [Role::Security, Role::Legal, Role::Compliance].into_iter().collect();
        assert_eq!(Right::ReadSealed.roles(Some(Category::SecurityBreach)), sealed);
    }

    #[test]
    fn several_roles_add_up_and_a_free_name_may_do_everything() {
        let both = actor(OperatorKind::Person, &[Role::Finance, Role::Admin]);
        assert!(both.may(Right::Write, Category::Billing).is_ok() && both.has(Right::Keys));
        assert!(both.may(Right::Write, Category::News).is_err());
        let free = Actor::cli("anybody", "root").unwrap();
        assert!(Right::ALL.iter().all(|right| Category::ALL.iter().all(|it| free.may(*right, *it).is_ok())));
        assert!(actor(OperatorKind::Person, &[]).may_at_all(Right::Read).is_err());
    }
}
