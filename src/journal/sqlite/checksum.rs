//! Checksums of what changes, taken where it is changed: in the statements themselves.

use crate::journal::codec::Checksum;
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;

/// Gives a connection `checksum(value, ...)`: whole numbers and numbers in 8 bytes, texts after their length. No column has
/// other values: that of one is NULL, and matches nothing.
/// Nothing in the file calls it, so that other tools can read and change all of it.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function("checksum", -1, flags, |context| {
        let mut values = (0..context.len()).map(|place| context.get_raw(place));
        let sum = values.try_fold(Checksum::default(), add);
        Ok(sum.map(Checksum::finish))
    })
}

fn add(sum: Checksum, value: ValueRef<'_>) -> Option<Checksum> {
    match value {
        ValueRef::Integer(number) => Some(sum.integer(number)),
        ValueRef::Real(number) => Some(sum.number(number)),
        ValueRef::Text(bytes) => Some(sum.field(bytes)),
        ValueRef::Blob(_) | ValueRef::Null => None,
    }
}

/// Whether what changes of a row is as it was written.
macro_rules! is_whole {
    (events) => {
        "state_crc IS checksum(seq, state, attempts, due, ended, retry)"
    };
    (keys) => {
        "crc IS checksum(n, name, state, at)"
    };
    (state) => {
        "crc IS checksum(name, value)"
    };
}
pub(super) use is_whole;

/// Changes rows of `events`: what `state`, `attempts`, `due`, `ended` and `retry` become, and of which rows. All of them are
/// named, so that the checksum is of what is written, whatever that is.
macro_rules! change_events {
    ($state:literal, $attempts:literal, $due:literal, $ended:literal, $retry:literal, $which:literal) => {
        concat!(
            "UPDATE events SET state = ",
            $state,
            ", attempts = ",
            $attempts,
            ", due = ",
            $due,
            ", ended = ",
            $ended,
            ", retry = ",
            $retry,
            ", state_crc = checksum(seq, ",
            $state,
            ", ",
            $attempts,
            ", ",
            $due,
            ", ",
            $ended,
            ", ",
            $retry,
            ") WHERE ",
            $which
        )
    };
}
pub(super) use change_events;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_in_sql_is_the_one_in_rust_and_survives_storing() {
        let connection = Connection::open_in_memory().unwrap();
        register(&connection).unwrap();
        let sql = "SELECT checksum(7, 0.5, 'ab'), checksum(NULL, 1), checksum(x'', 1)";
        let sums: (i64, Option<i64>, Option<i64>) = connection
            .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .unwrap();
        let own = Checksum::default().integer(7).number(0.5).field(b"ab");
        assert_eq!(sums, (own.finish(), None, None));
        // SQLite stores whole numbers of a REAL column as such, and knows one zero only.
        connection
            .execute_batch("CREATE TABLE t (a REAL NOT NULL, crc INTEGER NOT NULL) STRICT")
            .unwrap();
        let insert = "INSERT INTO t VALUES (?1, checksum(?1))";
        for number in [
            0.0,
            -0.0,
            1000.0,
            1.7e12,
            0.1,
            -5.0,
            f64::MAX,
            f64::INFINITY,
        ] {
            connection.execute(insert, [number]).unwrap();
        }
        let changed = "SELECT count(*) FROM t WHERE crc IS NOT checksum(a)";
        let changed: i64 = connection.query_row(changed, [], |row| row.get(0)).unwrap();
        assert_eq!(changed, 0);
    }

    #[test]
    fn a_file_cannot_make_us_call_it() {
        let connection = Connection::open_in_memory().unwrap();
        register(&connection).unwrap();
        connection
            .execute_batch("CREATE TABLE t (a); CREATE VIEW v AS SELECT checksum(a) FROM t;")
            .unwrap();
        assert!(connection.prepare("SELECT * FROM v").is_err());
    }
}
