//! Who is selected, however it is found: compared with a look at everybody.

use std::collections::BTreeMap;

use besked::store::people::customers::Selection;
use besked::store::people::imports::{AttributeRow, CustomerRow};
use besked::store::people::{attributes, customers};
use rstest::rstest;

use super::{File, Fixture};
use crate::database::Engine;

const CUSTOMERS: u64 = 80;

/// Values that there are.
const VALUES: u64 = 40;

/// The same numbers in each run.
struct Rolls(u64);

impl Rolls {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_selection_finds_whom_a_look_at_everybody_finds(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut rolls = Rolls(7);
    let mut of_customers: BTreeMap<String, Vec<(&str, String)>> = BTreeMap::new();
    for n in 0..CUSTOMERS {
        let values = of_customers.entry(format!("K{n:03}")).or_default();
        for _ in 0..rolls.below(4) {
            values.push(("plan", format!("v{}", rolls.below(VALUES))));
        }
        values.push(("zon", format!("z{}", rolls.below(2))));
        values.sort();
        values.dedup();
    }
    let rows: Vec<_> = of_customers.keys().map(|account_id| CustomerRow { account_id, name: "Kund" }).collect();
    let attributes: Vec<_> = of_customers
        .iter()
        .flat_map(|(account_id, values)| {
            values.iter().map(move |(name, value)| AttributeRow { account_id, name, value, position: 0 })
        })
        .collect();
    let mut tx = fixture.store.write().await.unwrap();
    File { customers: &rows, attributes: &attributes, ..File::default() }
        .import(&mut tx, "i", fixture.now, false)
        .await;
    sqlx::query("UPDATE customers SET status = 'left' WHERE account_id LIKE '%7'").execute(&mut *tx).await.unwrap();
    of_customers.retain(|account_id, _| !account_id.ends_with('7'));
    let asked =
        [("plan".to_owned(), vec!["nobody's".to_owned()]), ("zon".to_owned(), vec!["z0".to_owned(), "z9".to_owned()])];
    let unmet = customers::unmet(&mut tx, &Selection::new(&[], &asked)).await.unwrap();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(unmet, [pair("plan", "nobody's"), pair("zon", "z9")]);
    assert_eq!(attributes::names(&mut tx, 9).await.unwrap(), ["plan", "zon"]);
    assert_eq!(attributes::names(&mut tx, 1).await.unwrap(), ["plan"]);
    assert_eq!(attributes::values(&mut tx, "zon", 9).await.unwrap(), ["z0", "z1"]);
    for round in 0..40 {
        // Few values and many, with and without another condition; some that nobody has.
        let many = if round % 2 == 0 { 1 + rolls.below(16) } else { 17 + rolls.below(40) };
        let plans: Vec<String> = (0..many).map(|_| format!("v{}", rolls.below(VALUES + 5))).collect();
        let mut conditions = vec![("plan".to_owned(), plans)];
        if round % 3 == 0 {
            conditions.push(("zon".to_owned(), vec!["z1".to_owned()]));
        }
        let meets = |values: &[(&str, String)]| {
            conditions
                .iter()
                .all(|(name, wanted)| values.iter().any(|(of, value)| of == name && wanted.contains(value)))
        };
        let wanted: Vec<&String> = of_customers.iter().filter(|(_, it)| meets(it)).map(|(id, _)| id).collect();
        // By the size of a page it is decided how those with many values are found.
        for limit in [1, 7, 100] {
            let selection = Selection::new(&[], &conditions);
            let (mut after, mut found) = (String::new(), Vec::new());
            loop {
                let page = customers::select(&mut tx, &selection, &after, limit).await.unwrap();
                let Some((last, _)) = page.last() else { break };
                assert!(page.len() <= limit as usize);
                after.clone_from(last);
                found.extend(page.into_iter().map(|(account_id, _)| account_id));
            }
            assert_eq!(found.iter().collect::<Vec<_>>(), wanted, "round {round}, {limit} a page: {conditions:?}");
        }
    }
}
