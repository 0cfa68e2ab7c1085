//! The audience: the rule that selects the customers a notice is for.

use crate::domain::category::Category;
use crate::domain::customer::AccountId;
use crate::domain::front_matter::Reader;
use crate::domain::words::count;

/// The rule that selects customers. It is resolved when the notice is released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Every customer.
    All {
        /// Customers that left, too.
        include_left: bool,
    },
    /// The customers that meet every condition.
    Select {
        /// One of these accounts; no condition if empty.
        customers: Vec<AccountId>,
        /// For each name, one of these values; no condition if empty.
        attributes: Vec<(String, Vec<String>)>,
        /// Customers that left, too.
        include_left: bool,
    },
    /// Exactly the customers in an audience file, each with its own values.
    Rows {
        /// The path of the file, relative to the notice file.
        file: String,
        /// The sheet of a workbook; else the first one that is not hidden.
        sheet: Option<String>,
    },
    /// Nobody at first: the recipients of a standing notice are added later.
    Nobody,
    /// The customers of the notice that this one follows.
    Followed {
        /// Those that left since, too.
        include_left: bool,
    },
}

impl Audience {
    /// Reads the `[audience]` table of a notice. A follow-up without one, or with `include_left` alone, goes to the customers of
    /// the notice it follows. Returns beside it whether the audience stays open: recipients are added to such a standing notice.
    pub fn read(front_matter: &Reader<'_, '_>, category: Option<Category>, follows: bool) -> Option<(Self, bool)> {
        let Some(table) = front_matter.table("audience") else {
            if follows {
                return Some((Self::Followed { include_left: false }, false));
            }
            front_matter.require("audience");
            return None;
        };
        let (all, open) = (table.flag("all"), table.flag("open"));
        let is_mistyped = [("all", all), ("open", open)].iter().any(|(key, it)| it.is_none() && table.is_there(key));
        let (all, open) = (all.unwrap_or(false), open.unwrap_or(false));
        let customers = table.accounts();
        let attributes = table.lists("attributes").unwrap_or_default();
        let (file, sheet) = (table.word("file"), table.word("sheet"));
        if sheet.is_some() && file.is_none() {
            table.problem("sheet", "names a sheet of a workbook: name the workbook as `file`");
        }
        let include_left = table.flag("include_left").unwrap_or(false);
        if include_left && category.is_some_and(|category| !outlives_contract(category)) {
            let problem =
                "is possible for `security_breach` and `agreement_change` only; name single customers that left";
            table.problem("include_left", problem);
        }
        table.finish();
        // An empty condition, as a form may write it, is none; alone it must not mean everybody.
        let selects = ["customers", "attributes"].into_iter().any(|key| table.is_there(key) && !table.is_empty(key));
        let audience = match (all, selects, file) {
            (true, false, None) => Some(Self::All { include_left }),
            (false, true, None) => Some(Self::Select { customers, attributes, include_left }),
            (false, false, Some(file)) => Some(Self::Rows { file, sheet }),
            (false, false, None) if follows && include_left => Some(Self::Followed { include_left }),
            (false, false, None) if open => Some(Self::Nobody),
            (false, false, None) if is_mistyped => None,
            (false, false, None) => {
                let empty = ["customers", "attributes"].into_iter().find(|key| table.is_there(key));
                let problem = "selects nobody: set `all = true`, or name `customers`, `attributes` or a `file`; with `open = true` \
                               recipients are added after the release";
                table.problem(empty.unwrap_or("all"), problem);
                None
            }
            (true, ..) => {
                table.problem("all", "`all = true` excludes `customers`, `attributes` and `file`");
                None
            }
            (false, true, Some(_)) => {
                table.problem("file", "excludes `customers` and `attributes`: the file names the customers");
                None
            }
        };
        audience.map(|audience| (audience, open))
    }

    /// Describes in words whom it selects.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::All { include_left: false } => "all customers".to_owned(),
            Self::All { include_left: true } => "all customers, and those that left".to_owned(),
            Self::Rows { file, sheet: None } => format!("the customers in {file}"),
            Self::Rows { file, sheet: Some(sheet) } => format!("the customers in sheet {sheet} of {file}"),
            Self::Nobody => "those who are added after the release".to_owned(),
            Self::Followed { .. } => "the customers of the notice it follows".to_owned(),
            Self::Select { customers, attributes, .. } => {
                let who = match customers.len() {
                    0 => "customers".to_owned(),
                    named => count(named as u64, "named customer", "named customers"),
                };
                let conditions: Vec<String> =
                    attributes.iter().map(|(name, values)| format!("{name} is {}", values.join(" or "))).collect();
                if conditions.is_empty() { who } else { format!("{who} whose {}", conditions.join(" and ")) }
            }
        }
    }
}

/// True for a category whose duty to inform does not end with the contract.
const fn outlives_contract(category: Category) -> bool {
    matches!(category, Category::SecurityBreach | Category::AgreementChange)
}

impl Reader<'_, '_> {
    /// The accounts in the `customers` list of an audience; none if the list is empty.
    fn accounts(&self) -> Vec<AccountId> {
        if self.is_empty("customers") {
            return Vec::new();
        }
        let words = self.words("customers").unwrap_or_default();
        let parse = |word: &String| AccountId::parse(word).map_err(|problem| self.problem("customers", problem)).ok();
        words.iter().filter_map(parse).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::front_matter::Document;

    fn read(audience: &str) -> Result<Audience, Vec<String>> {
        let source = format!("[audience]\n{audience}\n");
        let document = Document::new(&source, 1);
        let table = document.parse();
        let audience = Audience::read(&Reader::top(&document, &table), Some(Category::News), false);
        let problems: Vec<_> = document.into_problems().0.iter().map(ToString::to_string).collect();
        audience.map(|(audience, _)| audience).filter(|_| problems.is_empty()).ok_or(problems)
    }

    #[test]
    fn an_audience_is_described_in_words() {
        let text = |audience: &str| read(audience).unwrap().describe();
        assert_eq!(text("customers = [\"C1\"]"), "1 named customer");
        let both = "customers = [\"C1\", \"C2\"]\nattributes = { region = [\"sto1\", \"sto2\"] }";
        assert_eq!(text(both), "2 named customers whose region is sto1 or sto2");
        assert_eq!(text("attributes = { plan = [\"pro\"] }"), "customers whose plan is pro");
        assert_eq!(text("file = \"a.xlsx\"\nsheet = \"May\""), "the customers in sheet May of a.xlsx");
    }

    #[test]
    fn an_empty_condition_is_none_beside_another() {
        let region = || vec![("region".to_owned(), vec!["sto2".to_owned()])];
        let form = "all = false\nopen = false\ncustomers = []\nattributes = { region = [\"sto2\"] }";
        assert_eq!(read(form), Ok(Audience::Select { customers: vec![], attributes: region(), include_left: false }));
        let customers = vec![AccountId::parse("C1").unwrap()];
        let form = "customers = [\"C1\"]\nattributes = {}";
        assert_eq!(read(form), Ok(Audience::Select { customers, attributes: vec![], include_left: false }));
        assert_eq!(read("all = true\ncustomers = []\nattributes = {}"), Ok(Audience::All { include_left: false }));
    }

    #[test]
    fn an_open_audience_may_begin_with_nobody_or_with_some() {
        assert_eq!(read("open = true"), Ok(Audience::Nobody));
        assert_eq!(read("open = true\nfollows = 1").unwrap_err().len(), 1);
        assert_eq!(read("open = true\nall = true"), Ok(Audience::All { include_left: false }));
    }

    #[test]
    fn an_empty_condition_alone_selects_nobody() {
        for (audience, key) in [
            ("customers = []", "customers"),
            ("attributes = {}", "attributes"),
            ("customers = []\nattributes = {}", "customers"),
            ("all = false", "all"),
            ("", "all"),
        ] {
            let problems = read(audience).unwrap_err();
            assert_eq!(problems.len(), 1, "{audience}: {problems:?}");
            assert!(problems[0].contains(&format!("`audience.{key}`: selects nobody")), "{audience}: {problems:?}");
        }
    }

    #[test]
    fn every_mistake_is_reported_once() {
        for (audience, wanted) in [
            ("customers = [\"C1\", \"C2\", \"C1\"]", "line 2: `audience.customers`: `C1` is listed twice"),
            ("customers = [\"C 1\"]", "line 2: `audience.customers`: contains a space or control character"),
            ("customers = [5]", "line 2: `audience.customers`: must be a list of texts"),
            (
                "attributes = { a = [\"x\", 5] }",
                "line 2: `audience.attributes.a`: must be a list of texts with at least one entry",
            ),
            ("attributes = { a = [\"x\", \"x\"] }", "line 2: `audience.attributes.a`: `x` is listed twice"),
            ("open = 1", "line 2: `audience.open`: must be `true` or `false`, not a number"),
            (
                "all = true\ncustomers = [\"C1\"]",
                "line 2: `audience.all`: `all = true` excludes `customers`, `attributes` and `file`",
            ),
            (
                "all = true\ninclude_left = true",
                "line 3: `audience.include_left`: is possible for `security_breach` and `agreement_change` only; name single \
                 customers that left",
            ),
            (
                "all = true\nsheet = \"May\"",
                "line 3: `audience.sheet`: names a sheet of a workbook: name the workbook as `file`",
            ),
            (
                "file = \"a.csv\"\ncustomers = [\"C1\"]",
                "line 2: `audience.file`: excludes `customers` and `attributes`: the file names the customers",
            ),
        ] {
            assert_eq!(read(audience).unwrap_err(), [wanted], "{audience}");
        }
    }
}
