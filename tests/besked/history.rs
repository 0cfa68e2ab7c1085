//! Random histories: whatever happens in whatever order, the ledger stays whole, all evidence given out verifies, and whoever
//! was erased is nowhere to be found.

use std::collections::BTreeSet;
use std::time::Duration;

use besked::deliveries::Finding;
use besked::domain::category::Category;
use besked::domain::delivery::Outcome;
use besked::domain::evidence::verify;
use besked::ledger::audit::Verdict;
use besked::ledger::evidence::EvidenceError;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use uuid::Uuid;

use crate::app::{NEWS, TestApp, address, alice, maintenance};
use crate::audit::audit;
use crate::checker::{self, Terms};
use crate::database::Engine;
use crate::evidence::{exported, key};
use crate::privacy::found_in_files;
use crate::relay::Act;

/// Something that happens.
#[derive(Clone, Debug)]
enum Step {
    Release { optional: bool },
    Refuse { person: usize, code: usize },
    Run,
    Later { days: u64 },
    OptOut { person: usize },
    Erase { person: usize },
    Rectify { person: usize },
    Retention,
    Evidence { notice: usize, person: Option<usize> },
    Restart,
    Export,
    Report { notice: usize, bounced: bool },
    Cancel { notice: usize },
    Doubt { person: usize },
    Resend { notice: usize },
    Settle { notice: usize, taken: bool },
}

const PEOPLE: usize = 6;
const REPLIES: [&str; 4] =
    ["550 5.1.1 no such user\r\n", "450 4.2.0 greylisted\r\n", "421 4.3.2 closing\r\n", "552 5.2.2 full\r\n"];

fn person(n: usize) -> String {
    format!("person-{n}@d{n}.example")
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let someone = 0..PEOPLE;
    let step = prop_oneof![
        3 => any::<bool>().prop_map(|optional| Step::Release { optional }),
        2 => (someone.clone(), 0..REPLIES.len()).prop_map(|(person, code)| Step::Refuse { person, code }),
        4 => Just(Step::Run),
        1 => (0_u64..500).prop_map(|days| Step::Later { days }),
        1 => someone.clone().prop_map(|person| Step::OptOut { person }),
        2 => someone.clone().prop_map(|person| Step::Erase { person }),
        1 => someone.clone().prop_map(|person| Step::Rectify { person }),
        1 => Just(Step::Retention),
        3 => (0_usize..8, proptest::option::of(someone)).prop_map(|(notice, person)| Step::Evidence { notice, person }),
        1 => Just(Step::Restart),
        1 => Just(Step::Export),
        2 => (0_usize..8, any::<bool>()).prop_map(|(notice, bounced)| Step::Report { notice, bounced }),
        1 => (0_usize..8).prop_map(|notice| Step::Cancel { notice }),
        2 => (0..PEOPLE).prop_map(|person| Step::Doubt { person }),
        2 => (0_usize..8).prop_map(|notice| Step::Resend { notice }),
        1 => (0_usize..8, any::<bool>()).prop_map(|(notice, taken)| Step::Settle { notice, taken }),
    ];
    proptest::collection::vec(step, 8..22)
}

/// What has happened so far.
struct History {
    app: TestApp,
    notices: Vec<Uuid>,
    issued: Vec<Vec<u8>>,
    erased: BTreeSet<String>,
    /// Deliveries that an operator sent again.
    resent: BTreeSet<Uuid>,
}

impl History {
    async fn begin(engine: Engine) -> Self {
        let app = TestApp::new(engine).await;
        let rows: String =
            (0..PEOPLE).map(|n| format!("C{},Kund {},{},Person {n}\n", n / 2, n / 2, person(n))).collect();
        app.import(&format!("account_id,customer_name,email,contact_name\n{rows}")).await;
        Self { app, notices: Vec::new(), issued: Vec::new(), erased: BTreeSet::new(), resent: BTreeSet::new() }
    }

    async fn step(mut self, step: &Step) -> Self {
        let app = &self.app.app;
        match step {
            Step::Release { optional } => {
                let text = if *optional { NEWS.to_owned() } else { maintenance("all = true") };
                // Nobody is left to address once all were erased.
                if let Ok(id) = self.app.try_release(&self.app.draft(&text, "account_id\n")).await {
                    self.notices.push(id);
                }
            }
            Step::Refuse { person: n, code } => {
                self.app.relay.on(&format!("RCPT TO:<{}>", person(*n)), 1, Act::Reply(REPLIES[*code]));
            }
            Step::Run => drop(self.app.run_until_idle().await),
            Step::Later { days } => self.app.advance(Duration::from_secs(days * 24 * 3600)),
            Step::OptOut { person: n } if !self.erased.contains(&person(*n)) => {
                self.app.wish(&person(*n), Category::News, true).await;
            }
            Step::Erase { person: n } => {
                // Gone already, or put right under another address.
                if self.app.erase(&person(*n)).await.is_ok() {
                    self.erased.insert(person(*n));
                }
            }
            Step::Rectify { person: n } if !self.erased.contains(&person(*n)) => {
                let new = address(&format!("new-{n}@d{n}.example"));
                let _ = app.subjects.rectify(&alice(), &address(&person(*n)), &new).await;
            }
            Step::Retention => drop(self.app.purge(false).await),
            Step::Evidence { notice, person } => {
                let Some(id) = self.notices.get(*notice) else { return self };
                let account = person.map(|n| format!("C{}", n / 2));
                match exported(&self.app, *id, account.as_deref()).await {
                    Ok(file) => self.issued.push(file),
                    Err(EvidenceError::NotAddressed(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            Step::Export => {
                let checkpoint = app.ledger.checkpoint().await.unwrap();
                let mut conn = app.context.store.snapshot().await.unwrap();
                let folder = self.app.home.path().join("log");
                besked::ledger::export::export(&mut conn, &checkpoint, &folder, &|_| ()).await.unwrap();
            }
            Step::Report { notice, bounced } => {
                let Some(id) = self.notices.get(*notice) else { return self };
                let outcome = if *bounced { Outcome::Bounced } else { Outcome::Delivered };
                let shown = besked::store::sending::deliveries::of_notice(
                    &mut app.context.store.read().await.unwrap(),
                    *id,
                    0,
                    9,
                )
                .await;
                for delivery in shown.unwrap() {
                    // Only what was taken can come back.
                    let text = format!("report about {}", delivery.email);
                    let _ = app.deliveries.report(&alice(), delivery.id, outcome, &text).await;
                }
            }
            Step::Restart => self.app = self.app.restart().await,
            Step::Cancel { notice } => {
                if let Some(id) = self.notices.get(*notice) {
                    // Closed ones cannot be cancelled.
                    let _ = app.notices.cancel(*id, &alice(), None).await;
                }
            }
            Step::Doubt { person: n } => self.app.relay.on(&format!(". {}", person(*n)), 1, Act::TakeAndClose),
            Step::Resend { notice } => {
                for doubt in self.doubts(*notice).await {
                    // Not where it is sent by itself, its notice was cancelled, or its person wants none.
                    if app.deliveries.resend(&alice(), &[doubt]).await.is_ok() {
                        self.resent.insert(doubt);
                    }
                }
            }
            Step::Settle { notice, taken } => {
                let finding = Finding { accepted: *taken, text: "in the log", by: "Bo" };
                for doubt in self.doubts(*notice).await {
                    app.deliveries.settle(&alice(), doubt, &finding).await.unwrap();
                }
            }
            Step::OptOut { .. } | Step::Rectify { .. } => {}
        }
        self
    }

    async fn doubts(&self, notice: usize) -> Vec<Uuid> {
        let Some(id) = self.notices.get(notice) else { return Vec::new() };
        let mut conn = self.app.app.context.store.read().await.unwrap();
        let listed = besked::store::sending::uncertain::list(&mut conn, Some(*id), None, 99).await.unwrap();
        listed.into_iter().map(|doubt| doubt.id).collect()
    }

    async fn holds(&self) {
        let report = audit(&self.app).await;
        assert_eq!((report.verdict, report.problem), (Verdict::Ok, None));
        for file in &self.issued {
            verify(file.as_slice(), &key(&self.app)).unwrap();
        }
        if self.app.app.context.store.dialect == besked::store::Dialect::Sqlite {
            for erased in &self.erased {
                assert_eq!(found_in_files(&self.app, erased), [""; 0]);
            }
        }
        for id in &self.notices {
            self.app.counts(*id).await;
        }
    }

    /// Nobody was killed: nobody is lost, and no copy is one too many. Those who were put off come in any order.
    async fn sink_and_books_agree(&self) {
        let terms = Terms { in_order: false, resent: self.resent.clone(), ..Terms::of(2) };
        let history = checker::History::of_app(&self.app, &self.notices).await;
        let mut found = history.check(&terms);
        // A message that the relay took without an answer is uncertain, and comes once more.
        found.bound += history.copies.iter().filter(|copy| !copy.answered).count();
        assert_eq!(found.fault(), None);
    }
}

fn histories(engine: Engine, cases: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 30, ..Config::default() };
    let run = |steps: Vec<Step>| {
        runtime.block_on(async {
            let mut history = History::begin(engine).await;
            for step in &steps {
                history = history.step(step).await;
                history.holds().await;
            }
            history.sink_and_books_agree().await;
        });
        Ok(())
    };
    TestRunner::new(config).run(&steps(), run).unwrap();
}

#[test]
fn random_histories_keep_the_ledger_whole_on_sqlite() {
    histories(Engine::Sqlite, 12);
}

#[test]
fn random_histories_keep_the_ledger_whole_on_postgresql() {
    histories(Engine::Postgres, 6);
}
