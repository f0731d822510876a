//! Brings the database to the form this program expects, one numbered step after another.

use sqlx::{Executor, Row};

use super::{Dialect, Store};
use crate::error::CmsError;

/// One step: its number, and its SQL for SQLite and for PostgreSQL.
type Step = (i64, &'static str, &'static str);

/// Steps by number; both databases have the same numbers.
const STEPS: [Step; 2] = [
    (
        1,
        include_str!("../../migrations/sqlite/0001_start.sql"),
        include_str!("../../migrations/postgres/0001_start.sql"),
    ),
    (
        2,
        include_str!("../../migrations/sqlite/0002_second_factor.sql"),
        include_str!("../../migrations/postgres/0002_second_factor.sql"),
    ),
];

/// Runs the steps that are missing, each in a transaction of its own.
pub(super) async fn run(store: &Store) -> Result<(), CmsError> {
    run_steps(store, &STEPS).await
}

async fn run_steps(store: &Store, steps: &[Step]) -> Result<(), CmsError> {
    let table = "CREATE TABLE IF NOT EXISTS schema_steps (number BIGINT PRIMARY KEY)";
    sqlx::query(table).execute(&store.writer).await?;
    for &(number, sqlite, postgres) in steps {
        let mut change = store.begin().await?;
        let done = sqlx::query("SELECT count(*) FROM schema_steps WHERE number = $1")
            .bind(number)
            .fetch_one(&mut *change)
            .await?
            .try_get::<i64, _>(0)?;
        if done > 0 {
            continue;
        }
        let sql = match store.dialect {
            Dialect::Sqlite => sqlite,
            Dialect::Postgres => postgres,
        };
        change.execute(sqlx::raw_sql(sql)).await?;
        sqlx::query("INSERT INTO schema_steps (number) VALUES ($1)")
            .bind(number)
            .execute(&mut *change)
            .await?;
        change.commit().await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Role;
    use crate::store::people::{self, NewSession};
    use yagura_control::Timestamp;

    /// What an older program wrote is there afterwards, and a session from before holds at the city
    /// hall alone.
    #[tokio::test]
    async fn an_older_database_is_brought_on() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cms.db");
        sqlx::any::install_default_drivers();
        let store = Store::open_sqlite(&file).await.unwrap();
        run_steps(&store, &STEPS[..1]).await.unwrap();
        let mut change = store.begin().await.unwrap();
        people::upsert_user(&mut change, "hanako", "佐藤 花子", Role::Editor, "hash")
            .await
            .unwrap();
        let old =
            "INSERT INTO sessions (id, user_id, csrf, expires_at) VALUES ('old', 1, 'word', 9)";
        change.execute(old).await.unwrap();
        change.commit().await.unwrap();

        run(&store).await.unwrap();
        run(&store).await.unwrap();
        let session = store.session("old", Timestamp(1)).await.unwrap().unwrap();
        assert_eq!(session.user.login, "hanako");
        assert!(!session.second_factor);
        let mut change = store.begin().await.unwrap();
        let new = NewSession {
            id: "new",
            user: session.user.id,
            csrf: "word",
            second_factor: true,
            expires_at: Timestamp(9),
        };
        people::insert_session(&mut change, &new, Timestamp(1))
            .await
            .unwrap();
        change.commit().await.unwrap();
        let session = store.session("new", Timestamp(1)).await.unwrap().unwrap();
        assert!(session.second_factor);
    }
}
