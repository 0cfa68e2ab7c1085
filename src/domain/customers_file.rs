//! The customers file: the columns that its header may name, and what each row must hold.

use std::collections::HashMap;

use crate::domain::address::{Address, suggestion};
use crate::domain::category::Role;
use crate::domain::customer::{AccountId, Contact, parse_attribute, parse_name};
use crate::domain::locale::{Locale, ZoneName};
use crate::domain::problem::{Problem, nearest, shown};
use crate::domain::table::header::{Cells, Columns, Header, plain};

const REQUIRED: [&str; 3] = ["account_id", "customer_name", "email"];
const ATTRIBUTE: &str = "attr.";

/// The names of the columns, except those of attributes.
pub const COLUMNS: [&str; 7] = ["account_id", "customer_name", "email", "contact_name", "role", "locale", "time_zone"];

const HEADER: Columns = Columns {
    known: &COLUMNS,
    required: &REQUIRED,
    wrong: not_a_column,
    not_utf8: "is not UTF-8: save the file as UTF-8; if the value is right as it stands here, name its encoding: `--encoding windows-1252`",
};

/// Parses the header row, in its line.
///
/// # Errors
/// Every problem with it.
pub fn header(line: usize, fields: &[&[u8]]) -> Result<Header, Vec<Problem>> {
    Header::parse(line, fields, &HEADER)
}

fn not_a_column(name: &str) -> Option<String> {
    if name.strip_prefix(ATTRIBUTE).is_some_and(|name| !name.is_empty()) {
        return None;
    }
    let hint = nearest(&plain(name), COLUMNS).map_or_else(
        || "a column of your own begins with `attr.`".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    Some(format!("is not a column of a customers file, {hint}"))
}

/// A row: one contact of one customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The customer.
    pub account_id: AccountId,
    /// Its name.
    pub customer_name: String,
    /// Its attributes with at least one value.
    pub attributes: Vec<(String, Vec<String>)>,
    /// The contact.
    pub contact: Contact,
}

/// A row that cannot be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// The customer, if it can be read: a row with too few or too many fields is nobody's.
    pub account_id: Option<AccountId>,
    /// Everything that is wrong with the row.
    pub problems: Vec<Problem>,
}

/// Parses rows; caches locales and zones, of which a file has few.
#[derive(Debug)]
pub struct RowParser {
    header: Header,
    locales: HashMap<String, Result<Locale, String>>,
    zones: HashMap<String, Result<ZoneName, String>>,
}

impl RowParser {
    /// A parser for rows under this header.
    #[must_use]
    pub fn new(header: Header) -> Self {
        Self { header, locales: HashMap::new(), zones: HashMap::new() }
    }

    /// True if the header has this column.
    #[must_use]
    pub fn has(&self, column: &str) -> bool {
        self.header.place(column).is_some()
    }

    /// The names of the attributes that the header has.
    #[must_use]
    pub fn attributes(&self) -> Vec<String> {
        let names = self.header.names().iter().filter_map(|name| name.strip_prefix(ATTRIBUTE));
        names.map(str::to_owned).collect()
    }

    /// Parses the row that begins in `line`.
    ///
    /// # Errors
    /// Every problem with it, and the customer if it can be read.
    pub fn parse(&mut self, line: usize, fields: &[&[u8]]) -> Result<Row, BadRow> {
        let Cells { texts, problems } =
            self.header.cells(line, fields).map_err(|problem| BadRow { account_id: None, problems: vec![problem] })?;
        let mut row = ContactRow { header: &self.header, line, cells: texts, problems };
        let account_id = row.parse("account_id", AccountId::parse);
        let customer_name = row.parse("customer_name", |text| match parse_name(text)? {
            name if name.is_empty() => Err("is empty".to_owned()),
            name => Ok(name),
        });
        let email = row.email();
        let name = row.parse("contact_name", parse_name);
        let role = row
            .optional("role", |text| text.to_lowercase().parse::<Role>().or_else(|_| text.parse()))
            .map(|role| role.unwrap_or(Role::Service));
        let locales = &mut self.locales;
        let locale = row.optional("locale", |text| remembered(locales, text));
        let zones = &mut self.zones;
        let time_zone = row.optional("time_zone", |text| remembered(zones, text));
        let attributes = row.attributes();
        let (true, Some(customer_name), Some(email), Some(name), Some(role)) =
            (row.problems.is_empty(), customer_name, email, name, role)
        else {
            return Err(BadRow { account_id, problems: row.problems });
        };
        let Some(account_id) = account_id else {
            return Err(BadRow { account_id, problems: row.problems });
        };
        let contact = Contact { email, name, role, locale: locale.flatten(), time_zone: time_zone.flatten() };
        Ok(Row { account_id, customer_name, attributes, contact })
    }
}

fn remembered<T: Clone + std::str::FromStr<Err = String>>(
    known: &mut HashMap<String, Result<T, String>>,
    text: &str,
) -> Result<T, String> {
    if let Some(value) = known.get(text) {
        return value.clone();
    }
    let value = text.parse();
    // A file of nonsense must not fill the memory.
    if known.len() < 1000 {
        known.insert(text.to_owned(), value.clone());
    }
    value
}

/// One row, and what is wrong with it.
struct ContactRow<'a> {
    header: &'a Header,
    line: usize,
    /// `None` for a cell that cannot be taken, which is a problem already.
    cells: Vec<Option<&'a str>>,
    problems: Vec<Problem>,
}

impl<'a> ContactRow<'a> {
    fn cell(&self, name: &str) -> Option<&'a str> {
        self.header.place(name).map_or(Some(""), |place| self.cells[place])
    }

    fn parse<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let cell = self.cell(name)?;
        parse(cell).map_err(|problem| self.problem(name, cell, problem)).ok()
    }

    /// The address, or what to write in place of what the cell has.
    fn email(&mut self) -> Option<Address> {
        let cell = self.cell("email")?;
        // Spreadsheets put an apostrophe before what they are to take for text.
        let marked = cell.strip_prefix('\'').filter(|rest| Address::parse(rest).is_ok());
        let problem = match (marked, Address::parse(cell)) {
            (Some(_), _) => "begins with an apostrophe, by which spreadsheets mark text".to_owned(),
            (None, Ok(address)) => return Some(address),
            (None, Err(_)) if NOTHING.iter().any(|it| it.eq_ignore_ascii_case(cell)) => {
                "is no address: leave out the row of a contact that has none".to_owned()
            }
            (None, Err(error)) => error.to_string(),
        };
        let meant = marked.map_or_else(|| suggestion(cell).map(|it| it.to_string()), |it| Some(it.to_owned()));
        self.problem("email", cell, problem);
        if let Some(last) = self.problems.last_mut() {
            last.suggestion = meant.map(String::into_boxed_str);
        }
        None
    }

    /// A cell that may be empty.
    fn optional<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<Option<T>> {
        if self.cell(name)?.is_empty() { Some(None) } else { self.parse(name, parse).map(Some) }
    }

    fn attributes(&mut self) -> Vec<(String, Vec<String>)> {
        let mut attributes = Vec::new();
        for (index, name) in self.header.names().iter().enumerate() {
            let Some(attribute) = name.strip_prefix(ATTRIBUTE) else { continue };
            let Some(cell) = self.cells[index] else { continue };
            match parse_attribute(cell) {
                Ok(values) if values.is_empty() => {}
                Ok(values) => attributes.push((attribute.to_owned(), values)),
                Err(problem) => self.problem(name, cell, problem),
            }
        }
        attributes
    }

    fn problem(&mut self, field: &str, value: &str, problem: String) {
        // The same mistake has the same words, whatever the value.
        let quoted = format!("`{}` ", value.escape_debug());
        let problem = problem.strip_prefix(&quoted).map_or(problem.clone(), str::to_owned);
        let value = Some(shown(value)).filter(|value| !value.is_empty());
        self.problems.push(Problem { value, ..Problem::new(self.line, field, problem) });
    }
}

/// What tools write where there is no address.
const NOTHING: [&str; 6] = ["N/A", "NA", "none", "nil", "-", "null"];

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Vec<&[u8]> {
        text.split(',').map(str::as_bytes).collect()
    }

    fn parser() -> RowParser {
        let header = "account_id,customer_name,email,contact_name,role,locale,time_zone,attr.region";
        RowParser::new(super::header(1, &fields(header)).unwrap())
    }

    #[test]
    fn a_row_is_a_contact() {
        let row = parser().parse(2, &fields("C1,Åkeri AB,a@Exämple.com,Åsa,,sv,Europe/Stockholm,sto2; fra1")).unwrap();
        assert_eq!(row.contact.email.as_str(), "a@xn--exmple-cua.com");
        assert_eq!(row.contact.role, Role::Service);
        assert_eq!(row.attributes, [("region".to_owned(), vec!["sto2".to_owned(), "fra1".to_owned()])]);
    }

    #[test]
    fn every_problem_of_a_row_names_line_and_field() {
        let problems =
            parser().parse(7, &fields("C 1,,not-an-address,a\u{1}b,boss,swedish!,Mars,\u{7}")).unwrap_err().problems;
        let named: Vec<_> = problems.iter().map(|problem| (problem.line, problem.field.as_str())).collect();
        assert_eq!(
            named,
            [
                (7, "account_id"),
                (7, "customer_name"),
                (7, "email"),
                (7, "contact_name"),
                (7, "role"),
                (7, "locale"),
                (7, "time_zone"),
                (7, "attr.region")
            ]
        );
        let ragged = parser().parse(8, &fields("C1,A")).unwrap_err();
        assert_eq!(ragged.account_id, None);
        assert_eq!(
            ragged.problems[0].to_string(),
            "line 8: the row has 2 fields, the header 8; each row has a cell for each column, an empty one if there is no value"
        );
        let latin1: Vec<&[u8]> = vec![b"C1", b"\xc5keri", b"a@b.example", b"", b"", b"", b"", b""];
        let bad = parser().parse(9, &latin1).unwrap_err();
        assert_eq!((bad.problems.len(), bad.problems[0].field.as_str()), (1, "customer_name"));
        assert_eq!(bad.account_id.unwrap().as_str(), "C1", "whose row it is can be read");
    }

    #[test]
    fn a_header_names_known_columns_once() {
        let problems = header(1, &fields("account_id,customer_nme,email,email,region")).unwrap_err();
        let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "line 1: `customer_nme`: is not a column of a customers file, did you mean `customer_name`?",
                "line 1: `email`: is in the header twice",
                "line 1: `region`: is not a column of a customers file, a column of your own begins with `attr.`",
                "line 1: `customer_name`: is missing from the header",
            ]
        );
    }
}
