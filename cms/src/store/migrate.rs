//! Brings the database to the form this program expects, one numbered step after another.

use sqlx::{Executor, Row};

use super::{Dialect, Store};
use crate::error::CmsError;

/// Steps by number; both databases have the same numbers.
const STEPS: [(i64, &str, &str); 1] = [(
    1,
    include_str!("../../migrations/sqlite/0001_start.sql"),
    include_str!("../../migrations/postgres/0001_start.sql"),
)];

/// Runs the steps that are missing, each in a transaction of its own.
pub(super) async fn run(store: &Store) -> Result<(), CmsError> {
    let table = "CREATE TABLE IF NOT EXISTS schema_steps (number BIGINT PRIMARY KEY)";
    sqlx::query(table).execute(&store.writer).await?;
    for (number, sqlite, postgres) in STEPS {
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
