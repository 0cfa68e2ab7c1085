//! Matters: the notices that follow each other, without their texts.

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::category::Category;
use crate::domain::matter::{Member, Progress, Said};
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// What a notice says of its matter, as its row has it.
pub(in crate::store) fn said(row: &Row<'_>, category: Category) -> Result<Said> {
    let progress = match row.get::<Option<String>>("phase")? {
        Some(_) => row.parse_with("phase", |word| Progress::parse(category, word))?,
        None => None,
    };
    Ok(Said {
        progress,
        window: row.maybe_time("window_start")?.zip(row.maybe_time("window_end")?),
        next_update_at: row.maybe_time("next_update_at")?,
    })
}

fn member(row: &sqlx::any::AnyRow) -> Result<Member> {
    let row = Row::of("notices", row);
    let category = row.parse("category")?;
    Ok(Member {
        id: row.id("id")?,
        category,
        sequence: row.maybe_count("sequence")?,
        released_at: row.maybe_time("released_at")?,
        said: said(&row, category)?,
    })
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, category, sequence, released_at, phase, window_start, window_end, next_update_at FROM notices ",
            $rest
        )
    };
}

/// One notice as a part of its matter, with the id of the matter.
pub async fn member_of(conn: &mut Conn, id: Uuid) -> Result<Option<(Uuid, Member)>> {
    let sql = "SELECT matter_id, id, category, sequence, released_at, phase, window_start, window_end, next_update_at
         FROM notices WHERE id = $1";
    let row = sqlx::query(sql).bind(id.to_string()).fetch_optional(conn).await?;
    row.as_ref().map(|row| Ok((Row::of("notices", row).id("matter_id")?, member(row)?))).transpose()
}

/// The released notices of a matter, in the order of their release.
pub async fn released(conn: &mut Conn, matter_id: Uuid) -> Result<Vec<Member>> {
    let sql = select!("WHERE matter_id = $1 AND sequence IS NOT NULL ORDER BY sequence");
    let rows = sqlx::query(sql).bind(matter_id.to_string()).fetch_all(conn).await?;
    rows.iter().map(member).collect()
}

/// The last released notice of a matter that says how far it is.
pub async fn last(conn: &mut Conn, matter_id: Uuid) -> Result<Option<Member>> {
    let sql =
        select!("WHERE matter_id = $1 AND sequence IS NOT NULL AND phase IS NOT NULL ORDER BY sequence DESC LIMIT 1");
    let row = sqlx::query(sql).bind(matter_id.to_string()).fetch_optional(conn).await?;
    row.as_ref().map(member).transpose()
}

/// A notice that follows another one, directly or through others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Follower {
    /// Its id.
    pub id: Uuid,
    /// When it was released.
    pub released_at: Option<Timestamp>,
}

/// The notices of a matter that follow one of it, directly or through others.
pub async fn followers(conn: &mut Conn, matter_id: Uuid, id: Uuid) -> Result<Vec<Follower>> {
    let sql = "WITH RECURSIVE followers (id) AS (
           SELECT id FROM notices WHERE matter_id = $1 AND follows_id = $2
           UNION SELECT n.id FROM notices n JOIN followers f ON n.follows_id = f.id WHERE n.matter_id = $1)
         SELECT id, released_at FROM notices WHERE matter_id = $1 AND id IN (SELECT id FROM followers) ORDER BY id";
    let rows = sqlx::query(sql).bind(matter_id.to_string()).bind(id.to_string()).fetch_all(conn).await?;
    let read = |row| {
        let row = Row::of("notices", row);
        Ok(Follower { id: row.id("id")?, released_at: row.maybe_time("released_at")? })
    };
    rows.iter().map(read).collect()
}

/// Moves a notice that is not released to another matter.
pub async fn set_matter(conn: &mut Conn, id: Uuid, matter_id: Uuid) -> Result<()> {
    sqlx::query("UPDATE notices SET matter_id = $2 WHERE id = $1 AND sequence IS NULL")
        .bind(id.to_string())
        .bind(matter_id.to_string())
        .execute(conn)
        .await?;
    Ok(())
}

/// The last released one of these notices, if all of them belong to one matter.
pub async fn last_of(conn: &mut Conn, ids: &[Uuid]) -> Result<Option<Uuid>> {
    let mut last: Option<(Uuid, Member)> = None;
    for id in ids {
        let Some((matter_id, member)) = member_of(conn, *id).await? else { return Ok(None) };
        match &last {
            Some((other, _)) if *other != matter_id => return Ok(None),
            Some((_, before)) if before.sequence >= member.sequence => {}
            _ => last = Some((matter_id, member)),
        }
    }
    Ok(last.map(|(_, member)| member.id))
}
