//! Whether the database itself is whole.

use besked::store::engine::integrity::{self, Indexes};
use rstest::rstest;
use sqlx::Executor as _;

use super::Fixture;
use crate::database::Engine;

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_new_database_is_whole(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut conn = fixture.store.write().await.unwrap();
    assert_eq!(integrity::damage(&mut conn).await.unwrap(), [""; 0]);
    assert_eq!(integrity::missing_tables(&mut conn).await.unwrap(), [""; 0]);
    conn.execute("DROP TABLE holds").await.unwrap();
    assert_eq!(integrity::missing_tables(&mut conn).await.unwrap(), ["holds"]);
    let checksums = integrity::has_checksums(&mut conn).await.unwrap();
    assert_eq!(checksums.is_some(), engine == Engine::Postgres);
    assert_eq!(integrity::check_indexes(&mut conn).await.unwrap(), Indexes::NotInstalled);
    if engine == Engine::Postgres {
        conn.execute("CREATE EXTENSION amcheck").await.unwrap();
        let checked = integrity::check_indexes(&mut conn).await.unwrap();
        assert!(matches!(checked, Indexes::Whole(count) if count > 20), "{checked:?}");
        // Of the whole cluster, which another run of the tests may use as well.
        let taken = "SELECT COUNT(*) FROM pg_roles WHERE rolname = 'besked_guest'";
        if sqlx::query_scalar::<_, i64>(taken).fetch_one(&mut *conn).await.unwrap() == 0 {
            conn.execute("CREATE ROLE besked_guest").await.unwrap();
        }
        conn.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO besked_guest").await.unwrap();
        conn.execute("SET LOCAL ROLE besked_guest").await.unwrap();
        let refused = integrity::check_indexes(&mut conn).await.unwrap();
        assert!(matches!(refused, Indexes::Failed { damaged: false, .. }), "{refused:?}");
    }
}
