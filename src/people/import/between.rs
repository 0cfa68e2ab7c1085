//! Contradictions between the rows of a customers file: a customer has one name, and a contact is in the file once.
//!
//! Only hashes are compared, with fresh keys for each file: rows do not collide by chance, and nobody can make them collide. The
//! hashes are stored by account, in so many parts that each fits into little memory, for files of up to 2 GB; beyond that the
//! parts grow with the file. All rows of an account are in one part, in the order of the file. The hashes of a small file stay
//! in memory.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::hash::{BuildHasher, Hash, RandomState};
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};

use super::names::Renamed;
use crate::domain::customers_file::Row;
use crate::domain::problem::Problem;

/// Bytes of the file for each part.
const PART: u64 = 8 << 20;

/// Files are opened for no more parts than this.
const PARTS: u64 = 256;

/// Bytes of all parts together that stay in memory.
const BUFFERED: usize = 4 << 20;

/// The rows so far.
pub(super) struct Between {
    hashers: [RandomState; 2],
    parts: Vec<Part>,
    /// Bytes of a part that stay in memory.
    buffered: usize,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Customers in the rows.
    pub(super) customers: u64,
    /// The lines of the rows that contradict an earlier one, in order.
    pub(super) lines: Vec<usize>,
    /// Those of them in which a customer has another name.
    pub(super) renamed: Renamed,
}

impl Between {
    /// For a file of `size` bytes, if that is known.
    pub(super) fn new(size: Option<u64>) -> Self {
        let parts = size.map_or(PARTS, |size| size.div_ceil(PART).clamp(1, PARTS));
        Self::in_parts(usize::try_from(parts).unwrap_or(1), BUFFERED)
    }

    fn in_parts(parts: usize, buffered: usize) -> Self {
        let hashers = [RandomState::new(), RandomState::new()];
        Self { hashers, parts: (0..parts).map(|_| Part::default()).collect(), buffered: buffered / parts }
    }

    /// Adds a row that is right by itself.
    pub(super) fn note(&mut self, line: usize, row: &Row) -> io::Result<()> {
        let account = self.hash(row.account_id.as_str());
        let noted = Noted {
            line: line as u64,
            account,
            name: self.hash(&row.customer_name),
            contact: self.hash(&(row.account_id.as_str(), row.contact.email.key(), row.contact.role)),
        };
        let place = usize::try_from(account % self.parts.len() as u128).unwrap_or(0);
        self.parts[place].add(&noted, self.buffered)
    }

    /// The contradictions between the rows. `report` gets a problem for each.
    pub(super) fn found(self, mut report: impl FnMut(Problem)) -> io::Result<Found> {
        let mut found = Found::default();
        for part in self.parts {
            part.compare(&mut found, &mut report)?;
        }
        found.lines.sort_unstable();
        Ok(found)
    }

    fn hash<T: Hash + ?Sized>(&self, value: &T) -> u128 {
        let [high, low] = self.hashers.each_ref().map(|hasher| u128::from(hasher.hash_one(value)));
        (high << 64) | low
    }
}

/// A row, as it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Noted {
    line: u64,
    account: u128,
    name: u128,
    contact: u128,
}

impl Noted {
    const BYTES: usize = 56;

    fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&self.line.to_le_bytes());
        for (place, hash) in bytes[8..].chunks_exact_mut(16).zip([self.account, self.name, self.contact]) {
            place.copy_from_slice(&hash.to_le_bytes());
        }
        bytes
    }

    fn of_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let (line, hashes) = bytes.split_at(8);
        let hash = |n: usize| hashes[n * 16..][..16].try_into().map_or(0, u128::from_le_bytes);
        let line = line.try_into().map_or(0, u64::from_le_bytes);
        Self { line, account: hash(0), name: hash(1), contact: hash(2) }
    }
}

/// The rows of some accounts.
#[derive(Default)]
struct Part {
    buffer: Vec<u8>,
    /// It has no name, and ends with the process.
    file: Option<File>,
}

impl Part {
    fn add(&mut self, noted: &Noted, buffered: usize) -> io::Result<()> {
        self.buffer.extend_from_slice(&noted.to_bytes());
        if self.buffer.len() >= buffered {
            let file = match &mut self.file {
                Some(file) => file,
                none => none.insert(tempfile::tempfile()?),
            };
            file.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }

    fn compare(self, found: &mut Found, report: &mut impl FnMut(Problem)) -> io::Result<()> {
        let mut rows: Box<dyn Read> = Box::new(self.buffer.as_slice());
        if let Some(mut file) = self.file {
            file.seek(SeekFrom::Start(0))?;
            rows = Box::new(io::BufReader::new(file).chain(rows));
        }
        // Account to the hash of its name and the line it was first named in.
        let mut customers: HashMap<u128, (u128, u64)> = HashMap::new();
        let mut contacts: HashSet<u128> = HashSet::new();
        let mut bytes = [0; Noted::BYTES];
        loop {
            match rows.read_exact(&mut bytes) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(error),
            }
            let row = Noted::of_bytes(&bytes);
            let (name, first) = *customers.entry(row.account).or_insert((row.name, row.line));
            let line = usize::try_from(row.line).unwrap_or(usize::MAX);
            let problem = if name != row.name {
                found.renamed.add(line, usize::try_from(first).unwrap_or(usize::MAX));
                ("customer_name", format!("is not the name that this account has in line {first}"))
            } else if !contacts.insert(row.contact) {
                ("email", "is in the file already, for the same account and role: remove one of the rows".to_owned())
            } else {
                continue;
            };
            found.lines.push(line);
            report(Problem::new(line, problem.0, problem.1));
        }
        found.customers += customers.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::address::Address;
    use crate::domain::category::Role;
    use crate::domain::customer::{AccountId, Contact};

    fn row(account: &str, name: &str, email: &str) -> Row {
        Row {
            account_id: AccountId::parse(account).unwrap(),
            customer_name: name.to_owned(),
            attributes: Vec::new(),
            contact: Contact {
                email: Address::parse(email).unwrap(),
                name: String::new(),
                role: Role::Service,
                locale: None,
                time_zone: None,
            },
        }
    }

    #[test]
    fn what_contradicts_an_earlier_row_is_found_in_memory_and_in_files() {
        for (parts, buffered) in [(1, BUFFERED), (3, 0), (7, 500)] {
            let mut between = Between::in_parts(parts, buffered);
            for n in 0..100 {
                between.note(n + 2, &row(&format!("C{}", n / 2), "Kund", &format!("a{n}@x.example"))).unwrap();
            }
            between.note(200, &row("C7", "Kund", "a14@x.example")).unwrap();
            between.note(201, &row("C8", "Annan", "b@x.example")).unwrap();
            // The row before it is wrong, so that this one is the first.
            between.note(202, &row("C8", "Kund", "b@x.example")).unwrap();
            let mut problems = Vec::new();
            let found = between.found(|problem| problems.push(problem)).unwrap();
            problems.sort_by_key(|problem| problem.line);
            let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
            assert_eq!(found.lines, [200, 201]);
            assert_eq!(found.customers, 50);
            assert_eq!(
                texts,
                [
                    "line 200: `email`: is in the file already, for the same account and role: remove one of the rows",
                    "line 201: `customer_name`: is not the name that this account has in line 18",
                ]
            );
        }
    }
}
