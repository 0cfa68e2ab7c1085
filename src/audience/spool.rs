//! The recipients of a release between reading and writing.
//!
//! All of them are read before the first is written. On SQLite, a snapshot that stays open during many writes keeps the
//! write-ahead log from being emptied: the log grows to several times the size of what is written, slows every reader, and is
//! read whole by the next process that opens the database. Waiting chunks are compressed in a file without a name, which the
//! operating system removes with the process.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};

use crate::store::notices::releases::Packed;

/// Recipients, and customers with nobody to address, that are written in one transaction.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// Deliveries.
    pub(super) deliveries: Packed,
    /// Account ids and names.
    pub(super) unaddressed: Vec<(String, String)>,
}

/// Chunks in the order of their arrival.
#[derive(Debug, Default)]
pub(super) struct Spool {
    /// Created for the first chunk that waits.
    file: Option<File>,
    waiting: VecDeque<Waiting>,
}

/// A chunk in the file.
#[derive(Debug)]
struct Waiting {
    from: u64,
    to: u64,
    /// Lengths of its parts, decompressed.
    deliveries: usize,
    unaddressed: usize,
    packed: usize,
}

impl Spool {
    /// Appends a chunk.
    pub(super) fn push(&mut self, chunk: &Chunk) -> io::Result<()> {
        let unaddressed = serde_json::to_vec(&chunk.unaddressed)?;
        let text = [chunk.deliveries.rows.as_bytes(), &unaddressed].concat();
        let packed = zstd::bulk::compress(&text, 1)?;
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile()?),
        };
        file.write_all(&packed)?;
        self.waiting.push_back(Waiting {
            from: chunk.deliveries.from,
            to: chunk.deliveries.to,
            deliveries: chunk.deliveries.rows.len(),
            unaddressed: unaddressed.len(),
            packed: packed.len(),
        });
        Ok(())
    }

    /// Ends the writing of chunks; their reading begins.
    pub(super) fn rewind(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(0), |file| file.seek(SeekFrom::Start(0))).map(drop)
    }

    /// Returns the next chunk, while there is one.
    pub(super) fn next(&mut self) -> io::Result<Option<Chunk>> {
        let (Some(waiting), Some(file)) = (self.waiting.pop_front(), &mut self.file) else { return Ok(None) };
        let mut packed = vec![0; waiting.packed];
        file.read_exact(&mut packed)?;
        let mut text = zstd::bulk::decompress(&packed, waiting.deliveries + waiting.unaddressed)?;
        let unaddressed = serde_json::from_slice(&text[waiting.deliveries..])?;
        text.truncate(waiting.deliveries);
        let rows = String::from_utf8(text).map_err(io::Error::other)?;
        Ok(Some(Chunk { deliveries: Packed { rows, from: waiting.from, to: waiting.to }, unaddressed }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out_in_order() {
        let mut spool = Spool::default();
        assert!(spool.next().unwrap().is_none());
        for n in 0..3_u64 {
            let rows = format!("[{{\"id\":\"Åsa {n}\"}}]");
            let unaddressed = vec![(format!("C{n}"), "Ö \"AB\"".to_owned()); usize::try_from(n).unwrap()];
            spool.push(&Chunk { deliveries: Packed { rows, from: n, to: n + 1 }, unaddressed }).unwrap();
        }
        spool.rewind().unwrap();
        for n in 0..3_u64 {
            let chunk = spool.next().unwrap().unwrap();
            assert_eq!(chunk.deliveries.rows, format!("[{{\"id\":\"Åsa {n}\"}}]"));
            assert_eq!((chunk.deliveries.from, chunk.deliveries.to, chunk.unaddressed.len() as u64), (n, n + 1, n));
        }
        assert!(spool.next().unwrap().is_none());
    }
}
