//! Word lists: what a database accepts is what the domain knows.

use std::collections::{BTreeMap, BTreeSet};

use besked::domain::category::{Category, Class, Role};
use besked::domain::delivery::{Level, State as DeliveryState};
use besked::domain::inbound::{Disposition, Route};
use besked::domain::matter::Progress;
use besked::domain::notice::{State as NoticeState, Step};
use besked::domain::preference::Reason;
use besked::domain::task::TaskKind;
use besked::domain::tombstone::Mark;
use besked::domain::webhook::{Disabled, HookEvent};

/// The word lists of a schema: for each table and column the words that its `CHECK (column IN ('...'))` lists.
fn lists(schema: &str) -> BTreeMap<(String, String), BTreeSet<String>> {
    let mut lists = BTreeMap::new();
    for table in schema.split("CREATE TABLE ").skip(1) {
        let name = table.split([' ', '(']).next().unwrap();
        for check in table.split("CHECK (").skip(1) {
            let Some((column, rest)) = check.split_once(" IN (") else { continue };
            let words = rest.split_once(')').unwrap().0;
            if words.contains('\'') && column.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
                let words = words.split(',').map(|word| word.trim().trim_matches('\'').to_owned()).collect();
                lists.insert((name.to_owned(), column.to_owned()), words);
            }
        }
    }
    lists
}

macro_rules! all {
    ($type:ty) => {
        <$type>::ALL.iter().map(|word| word.as_str().to_owned()).collect::<BTreeSet<String>>()
    };
}

#[test]
fn a_database_accepts_the_words_of_the_domain_and_no_others() {
    let optional = Category::ALL.iter().filter(|category| category.class() == Class::Optional);
    let optional: BTreeSet<String> = optional.map(|category| category.as_str().to_owned()).collect();
    // `sending` is a claim in the queue, not a stored state.
    let states = all!(DeliveryState).into_iter().filter(|word| word != "sending").collect();
    let known = [
        (("customers", "status"), ["active", "left"].map(str::to_owned).into()),
        (("contacts", "role"), all!(Role)),
        (("notices", "category"), all!(Category)),
        (("notices", "state"), all!(NoticeState)),
        (("notices", "informed_at"), ["relayed", "accepted_by_mx", "dsn_delivered"].map(str::to_owned).into()),
        (
            ("notices", "phase"),
            Category::ALL.iter().flat_map(|it| Progress::all(*it)).map(|it| it.as_str().to_owned()).collect(),
        ),
        (("notices", "standing"), all!(besked::domain::notice::Standing)),
        (("notice_steps", "step"), all!(Step)),
        (("deliveries", "role"), all!(Role)),
        (("deliveries", "state"), states),
        (("deliveries", "level"), all!(Level)),
        (("deliveries", "reason"), all!(besked::domain::delivery::Reason)),
        (("preferences", "category"), optional),
        (("suppressions", "reason"), all!(Reason)),
        (("tombstones", "mark"), all!(Mark)),
        (("escalations", "state"), all!(besked::domain::escalation::State)),
        (("inbound", "route"), all!(Route)),
        (("inbound", "disposition"), all!(Disposition)),
        (("inbound", "forward"), all!(besked::domain::forward::State)),
        (("reminders", "state"), all!(besked::domain::reminder::State)),
        (("petitions", "kind"), all!(besked::domain::petition::PetitionKind)),
        (("petitions", "answer"), all!(besked::domain::petition::Answer)),
        (("promises", "kind"), all!(besked::domain::promise::PromiseKind)),
        (("promises", "state"), all!(besked::domain::promise::State)),
        (("tasks", "kind"), all!(TaskKind)),
        (("tasks", "state"), all!(besked::domain::task::State)),
        (("operators", "kind"), all!(besked::domain::operator::OperatorKind)),
        (("uploads", "state"), all!(besked::store::operators::uploads::State)),
        (("sessions", "proof"), all!(besked::domain::session::Proof)),
        (("audit", "result"), all!(besked::domain::audit::Ended)),
        (("webhooks", "disabled"), all!(Disabled)),
        (("webhook_wants", "event"), all!(HookEvent)),
        (("attestations", "channel"), ["phone", "letter", "in-person", "other"].map(str::to_owned).into()),
    ];
    let known: BTreeMap<(String, String), BTreeSet<String>> =
        known.into_iter().map(|((table, column), words)| ((table.to_owned(), column.to_owned()), words)).collect();
    for (engine, schema) in [
        ("SQLite", include_str!("../../migrations/sqlite/0001_init.sql")),
        ("PostgreSQL", include_str!("../../migrations/postgres/0001_init.sql")),
    ] {
        let lists = lists(schema);
        for (place, words) in &lists {
            assert_eq!(known.get(place), Some(words), "{engine}: {place:?} lists other words than the domain");
        }
        assert_eq!(lists.keys().collect::<Vec<_>>(), known.keys().collect::<Vec<_>>(), "{engine}");
    }
}
