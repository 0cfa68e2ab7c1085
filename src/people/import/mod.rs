//! Customers: importing the file that says who they are.
//!
//! An import reads the file twice: once to check all of it, so that every bad row is told and nothing is half-stored, and
//! once to put it beside the database, where it is compared with what is stored. Then what differs is written in one
//! transaction: whoever writes meanwhile waits for the differences, not for the file. Both passes stream, and take the same
//! memory for files of up to 2 GB; beyond that the first one takes more.

mod between;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use thiserror::Error;

use between::Between;

use crate::domain::address::AddressKey;
use crate::domain::customers_file::{Header, Row, RowParser};
use crate::domain::problem::{Problem, Problems};
use crate::people::subjects::Tombstones;
use crate::store::imports::{AttributeRow, ContactRow, CustomerRow};
use crate::store::{self, Store, StoreError, Writer, customers, imports, tombstones, tree};

/// How an import treats what it finds.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// Check only; store nothing.
    pub dry_run: bool,
    /// Store the good rows of a file with bad ones.
    pub skip_invalid: bool,
    /// Customers not in the file have left.
    pub replace: bool,
    /// With `replace`: take a file with less than half of today's customers.
    pub allow_shrink: bool,
    /// The erased persons: their contacts are left out.
    pub tombstones: Tombstones,
    /// Store contacts of erased persons all the same.
    pub revive: bool,
}

/// What an import did, or with `dry_run` would do.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Imported {
    /// Customers in the file.
    pub customers: u64,
    /// Contacts in the file.
    pub contacts: u64,
    /// What is wrong with rows; they were skipped.
    pub invalid: Vec<Problem>,
    /// Rows of persons who were erased; left out unless they are to be revived.
    pub erased: Vec<ErasedRow>,
}

/// A row of a person who was erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErasedRow {
    /// Its line.
    pub line: usize,
    /// When the person was erased.
    pub erased_at: Timestamp,
    /// The address, which an import that revives it needs; never shown.
    #[serde(skip)]
    pub address: AddressKey,
}

/// Why nothing was imported.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// What was noted of its rows could not be kept.
    #[error("what is to be compared of the rows cannot be kept in temporary files: {0}")]
    Spool(io::Error),
    /// Rows are wrong, and they were not to be skipped.
    #[error("{0}")]
    Invalid(Problems),
    /// `--replace` with a file that cannot be meant so.
    #[error("the file has {file} customers, {active} are active now: replacing them all cannot be meant")]
    Shrinks {
        /// Customers in the file.
        file: u64,
        /// Customers now.
        active: u64,
    },
    /// Somebody was erased while the file was checked.
    #[error("a person was erased meanwhile; nothing was imported")]
    Erased,
    /// The database failed; nothing was stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Imports a customers file. `progress` is told the share of the work that is done, from 0 to 1.
///
/// # Errors
/// See [`ImportError`]; nothing is stored then.
pub async fn import(
    store: &Store,
    now: Timestamp,
    import_id: &str,
    path: &Path,
    options: ImportOptions,
    progress: &(dyn Fn(f64) + Sync),
) -> Result<Imported, ImportError> {
    let (imported, bad_lines) = check(path, &options.tombstones, progress)?;
    let erased_lines: HashSet<usize> = imported.erased.iter().map(|row| row.line).collect();
    let left_out = |line: usize| !options.revive && erased_lines.contains(&line);
    let nothing_to_store = imported.customers == 0;
    if !imported.invalid.is_empty() && (!options.skip_invalid || nothing_to_store) {
        return Err(ImportError::Invalid(Problems(imported.invalid).sorted()));
    }
    if nothing_to_store {
        return Err(ImportError::Invalid(Problems(vec![Problem {
            line: 0,
            field: String::new(),
            problem: "the file has no rows".to_owned(),
        }])));
    }
    if options.replace && !options.allow_shrink {
        let active = customers::count_active(&mut *store.read().await?).await?;
        if imported.customers * 2 < active {
            return Err(ImportError::Shrinks { file: imported.customers, active });
        }
    }
    if !options.dry_run {
        let mut writer = store.import_writer();
        put(writer.connection().await?, path, &bad_lines, &left_out, progress).await?;
        write(&mut writer, import_id, now, &options).await?;
        writer.close().await;
    }
    progress(1.0);
    Ok(imported)
}

/// The share of the work that is done when the file is checked, and when it lies beside the database.
const CHECKED: f64 = 0.3;
const PUT: f64 = 0.7;

/// Second pass: puts the rows beside the database.
async fn put(
    conn: &mut store::Conn,
    path: &Path,
    bad_lines: &HashSet<usize>,
    left_out: &(dyn Fn(usize) -> bool + Sync),
    progress: &(dyn Fn(f64) + Sync),
) -> Result<(), ImportError> {
    let read_error = |source| ImportError::Read { path: path.to_owned(), source };
    imports::begin(conn).await?;
    let mut rows = Rows::open(path).map_err(read_error)?;
    let mut chunk = Chunk::default();
    while let Some((line, row)) = rows.next().map_err(read_error)? {
        match row {
            Ok(row) if !bad_lines.contains(&line) => chunk.rows.push((line, row, !left_out(line))),
            Err(problems) if !bad_lines.contains(&line) => {
                // The file changed under our hands.
                return Err(ImportError::Invalid(Problems(problems)));
            }
            _ => {}
        }
        if chunk.rows.len() == CHUNK {
            chunk.put(conn).await?;
            progress(CHECKED + rows.share() * (PUT - CHECKED));
        }
    }
    Ok(chunk.put(conn).await?)
}

/// Compares the file that was put beside the database with what is stored, and writes what differs.
async fn write(
    writer: &mut Writer,
    import_id: &str,
    now: Timestamp,
    options: &ImportOptions,
) -> Result<(), ImportError> {
    loop {
        let revision = imports::compare(writer.connection().await?, options.replace).await?;
        let mut tx = writer.begin().await?;
        imports::write_customers(&mut tx, import_id, now).await?;
        // No erasure comes in between from here on; one that came before must not be undone.
        tree::lock_head(&mut tx).await?;
        if tombstones::count(&mut tx).await? != options.tombstones.stored {
            return Err(ImportError::Erased);
        }
        if imports::revision(&mut tx).await? != revision {
            // Another import: what differs is something else now.
            tx.rollback().await.map_err(StoreError::from)?;
            continue;
        }
        imports::write_contacts(&mut tx, import_id, now).await?;
        imports::revise(&mut tx).await?;
        return Ok(tx.commit().await.map_err(StoreError::from)?);
    }
}

/// Rows put beside the database with one statement for each table.
const CHUNK: usize = 4000;

/// First pass: everything that is wrong, in the rows and between them.
fn check(
    path: &Path,
    erased: &Tombstones,
    progress: &(dyn Fn(f64) + Sync),
) -> Result<(Imported, HashSet<usize>), ImportError> {
    let read_error = |source| ImportError::Read { path: path.to_owned(), source };
    let mut rows = Rows::open(path).map_err(read_error)?;
    let mut between = Between::new(rows.size);
    let mut imported = Imported::default();
    let mut count = 0_usize;
    while let Some((line, row)) = rows.next().map_err(read_error)? {
        match row {
            Ok(row) => {
                between.note(line, &row).map_err(ImportError::Spool)?;
                let address = row.contact.email.key();
                match erased.erased_at(&address) {
                    // The customer stays; only the person is gone.
                    Some(erased_at) => imported.erased.push(ErasedRow { line, erased_at, address }),
                    None => imported.contacts += 1,
                }
            }
            Err(problems) => imported.invalid.extend(problems),
        }
        count += 1;
        if count.is_multiple_of(CHUNK) {
            progress(rows.share() * CHECKED);
        }
    }
    let found = between.found().map_err(ImportError::Spool)?;
    imported.customers = found.customers;
    let contradicting: HashSet<usize> = found.problems.iter().map(|problem| problem.line).collect();
    let rows_right = imported.contacts + imported.erased.len() as u64 - contradicting.len() as u64;
    imported.erased.retain(|row| !contradicting.contains(&row.line));
    imported.contacts = rows_right - imported.erased.len() as u64;
    imported.invalid.extend(found.problems);
    imported.invalid.sort_by_key(|problem| problem.line);
    let bad_lines = imported.invalid.iter().map(|problem| problem.line).collect();
    Ok((imported, bad_lines))
}

/// A row, or what is wrong with it, and the line it begins on.
type NumberedRow = (usize, Result<Row, Vec<Problem>>);

/// The rows of a file, one after the other, with the lines they begin on.
struct Rows {
    csv: csv::Reader<CountingReader>,
    record: csv::ByteRecord,
    parser: Option<RowParser>,
    header_problems: Vec<Problem>,
    size: u64,
}

impl Rows {
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        let mut reader = CountingReader { file: BufReader::with_capacity(1 << 16, file), read: 0 };
        let mut start = [0; 3];
        let mut filled = 0;
        while filled < start.len() {
            match reader.read(&mut start[filled..])? {
                0 => break,
                n => filled += n,
            }
        }
        if start.starts_with(&[0xFF, 0xFE]) || start.starts_with(&[0xFE, 0xFF]) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is UTF-16: save it as UTF-8"));
        }
        // A byte order mark, as spreadsheets write it, is no part of the first column's name.
        let skip = if start == [0xEF, 0xBB, 0xBF] { 3 } else { 0 };
        reader.file.seek_relative(skip - i64::try_from(filled).unwrap_or(0))?;
        let mut csv = csv::ReaderBuilder::new().flexible(true).from_reader(reader);
        let header = csv.byte_headers().map_err(io::Error::other)?.clone();
        let (parser, header_problems) = match Header::parse(&header.iter().collect::<Vec<_>>()) {
            Ok(header) => (Some(RowParser::new(header)), Vec::new()),
            Err(problems) => (None, problems),
        };
        Ok(Self { csv, record: csv::ByteRecord::new(), parser, header_problems, size })
    }

    /// The next row; a bad header counts as one bad row in line 1.
    fn next(&mut self) -> io::Result<Option<NumberedRow>> {
        let Some(parser) = &mut self.parser else {
            let problems = std::mem::take(&mut self.header_problems);
            return Ok((!problems.is_empty()).then_some((1, Err(problems))));
        };
        if !self.csv.read_byte_record(&mut self.record).map_err(io::Error::other)? {
            return Ok(None);
        }
        let line = self.record.position().map_or(0, |position| usize::try_from(position.line()).unwrap_or(0));
        let fields: Vec<&[u8]> = self.record.iter().collect();
        Ok(Some((line, parser.parse(line, &fields))))
    }

    #[expect(clippy::cast_precision_loss, reason = "a share for a progress bar")]
    fn share(&self) -> f64 {
        if self.size == 0 { 1.0 } else { self.csv.get_ref().read as f64 / self.size as f64 }
    }
}

/// Counts what is read, for progress.
struct CountingReader {
    file: BufReader<File>,
    read: u64,
}

impl Read for CountingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.read += count as u64;
        Ok(count)
    }
}

/// Rows that wait to be put beside the database together.
#[derive(Default)]
struct Chunk {
    /// Line, row, and whether its contact is stored too.
    rows: Vec<(usize, Row, bool)>,
}

impl Chunk {
    /// Hands the rows over and empties the chunk. One statement must not meet the same key twice.
    async fn put(&mut self, conn: &mut store::Conn) -> Result<(), StoreError> {
        let mut names = BTreeMap::new();
        let mut values = BTreeSet::new();
        let mut contact_rows = Vec::with_capacity(self.rows.len());
        for (line, row, with_contact) in &self.rows {
            let account_id = row.account_id.as_str();
            names.insert(account_id, row.customer_name.as_str());
            for (name, of_name) in &row.attributes {
                values.extend(of_name.iter().enumerate().map(|(position, value)| (account_id, name, value, position)));
            }
            if !with_contact {
                continue;
            }
            contact_rows.push(ContactRow {
                account_id,
                email: row.contact.email.clone(),
                role: row.contact.role.as_str(),
                name: &row.contact.name,
                locale: row.contact.locale.as_ref().map(|locale| locale.as_str()),
                time_zone: row.contact.time_zone.as_ref().map(|zone| zone.as_str()),
                position: *line,
            });
        }
        let customer_rows: Vec<_> =
            names.into_iter().map(|(account_id, name)| CustomerRow { account_id, name }).collect();
        let mut attribute_rows: Vec<_> = values
            .into_iter()
            .map(|(account_id, name, value, position)| AttributeRow { account_id, name, value, position })
            .collect();
        attribute_rows.dedup_by(|a, b| (a.account_id, a.name, a.value) == (b.account_id, b.name, b.value));
        imports::add_customers(conn, &customer_rows).await?;
        imports::add_attributes(conn, &attribute_rows).await?;
        imports::add_contacts(conn, &contact_rows).await?;
        self.rows.clear();
        Ok(())
    }
}
