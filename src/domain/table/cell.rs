//! The rule for each cell of each table: what a spreadsheet or a database writes where there is no value is not taken for one.

/// Why a cell has no value that can be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// What it is, and what to do.
    pub problem: String,
    /// The value that was probably meant.
    pub suggestion: Option<String>,
}

/// A cell that a spreadsheet does not take for a formula.
#[must_use]
pub fn harmless(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() }
}

/// The longest cell in bytes. The columns have limits of their own; this one is judged before anything else is done with a cell.
const LONGEST: usize = 64 << 10;

/// Returns the value of a trimmed cell. Exports that protect digits from spreadsheets write `="00042"`: the text in the quotes is
/// taken. `is_required` says whether a row without this value is of no use.
///
/// # Errors
/// If the cell has something that stands for a missing, broken or shortened value.
pub fn value(cell: &str, is_required: bool) -> Result<&str, Unfit> {
    let unfit = |problem: &str| Err(Unfit { problem: problem.to_owned(), suggestion: None });
    if cell.len() > LONGEST {
        return unfit("is longer than 65,536 bytes");
    }
    let quoted = cell.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"'));
    let text = match quoted {
        Some(text) if !text.contains('"') => text.trim(),
        _ if cell.len() > 1 && cell.starts_with('=') => {
            return unfit(
                "is a formula without its value: open the file in Excel or LibreOffice, which calculates it, and save it there",
            );
        }
        _ => cell,
    };
    let without = |rest: &str| rest.to_owned() + if is_required { "leave out the row" } else { "leave the cell empty" };
    if is_narrow(text) {
        unfit(
            "is what a spreadsheet shows where a column is too narrow: make the column wider, and export the table again",
        )
    } else if is_formula_error(text) {
        unfit(&without("is the error of a formula in a spreadsheet: correct the formula, or "))
    } else if NOTHING.contains(&text) {
        unfit(&without("is what a tool writes where there is no value: write the value, or "))
    } else if is_shortened(text) {
        unfit("is a number that a spreadsheet has shortened: make the column text, and export it again")
    } else if let Some(number) = text.strip_prefix('\'').filter(|rest| is_number(rest)) {
        let problem = "begins with an apostrophe, by which spreadsheets mark text".to_owned();
        Err(Unfit { problem, suggestion: Some(number.to_owned()) })
    } else {
        Ok(text)
    }
}

/// What databases, scripts and exports write where there is no value. The spelling counts: somebody may be called Null.
const NOTHING: [&str; 14] = [
    "NULL",
    "null",
    "(null)",
    "(NULL)",
    "<null>",
    "<NULL>",
    "[NULL]",
    "\\N",
    "None",
    "nan",
    "NaN",
    "NaT",
    "<NA>",
    "undefined",
];

/// Errors that do not end as the others do, in the languages of Excel and LibreOffice.
const ERRORS: [&str; 12] = [
    "#NV",
    "#YOK",
    "#HIÁNYZIK",
    "#NEDOSTUPNÝ",
    "#NENÍ_K_DISPOZICI",
    "#GETTING_DATA",
    "#¡DIV/0",
    "#¡REF",
    "#¡NUM",
    "#¡NULO",
    "#¡VALOR",
    "#¿NOMBRE",
];

/// Words before the number of an error of LibreOffice: `Err:502`, `Fel:502`.
const NUMBERED: [&str; 14] = [
    "Err",
    "Error",
    "Fel",
    "Fehler",
    "Fout",
    "Feil",
    "Fejl",
    "Virhe",
    "Erreur",
    "Errore",
    "Erro",
    "Błąd",
    "Chyba",
    "Ошибка",
];

/// True for the error of a formula: `#REF!`, `#VÄRDEFEL!`, `#NAME?`, `#N/A`, `#¿NOMBRE?`, `Err:502`. In every language it is a number
/// sign and capitals, and most end in an exclamation or question mark.
fn is_formula_error(text: &str) -> bool {
    if let Some((word, number)) = text.split_once(':') {
        let number = number.trim();
        return NUMBERED.contains(&word.trim())
            && number.len() == 3
            && number.bytes().all(|byte| byte.is_ascii_digit());
    }
    let Some(rest) = text.strip_prefix('#') else { return false };
    if ERRORS.contains(&text) {
        return true;
    }
    let is_capital = |c: char| c.is_alphabetic() && !c.is_lowercase();
    let name = rest.strip_suffix(['!', '?']).unwrap_or(rest);
    // `#N/A` is `#I/T`, `#Н/Д` or `#Δ/Υ` elsewhere.
    let is_not_available = name
        .split_once('/')
        .is_some_and(|(a, b)| [a, b].iter().all(|part| part.chars().count() == 1 && part.chars().all(is_capital)));
    let is_name = name.chars().any(is_capital)
        && name.chars().all(|c| is_capital(c) || c.is_ascii_digit() || matches!(c, '/' | '_' | '.' | '¡' | '¿'));
    is_not_available || (is_name && name.len() < rest.len())
}

fn is_narrow(text: &str) -> bool {
    text.len() > 1 && text.bytes().all(|byte| byte == b'#')
}

/// True for a number of which a spreadsheet has left out digits: `4.02914E+11`.
fn is_shortened(text: &str) -> bool {
    text.split_once(['E', 'e']).is_some_and(|(digits, power)| {
        let number = digits.strip_prefix('-').unwrap_or(digits);
        let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b',');
        let power = power.strip_prefix('+').unwrap_or_default();
        is_number && !power.is_empty() && power.bytes().all(|b| b.is_ascii_digit())
    })
}

/// True for what a spreadsheet would take for a number.
fn is_number(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b',' | b' ' | b'/' | b':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(cell: &str) -> Option<String> {
        value(cell, false).err().map(|unfit| unfit.problem)
    }

    /// What spreadsheets in English, Swedish, German, French and other languages show.
    const ERRORS_SEEN: &str = "#N/A #REF! #VALUE! #NAME? #DIV/0! #NULL! #NUM! #ERROR! #SPILL! #CALC! #FIELD! #BLOCKED! #GETTING_DATA \
         #VÄRDEFEL! #REFERENS! #SAKNAS! #DIVISION/0! #NAMN? #OGILTIGT! #SKÄRNING! #WERT! #NV #BEZUG! #ÜBERLAUF! \
         #ZAHL! #VALEUR! #NOMBRE! #RIF! #N/D #VERDI! #I/T #ARVO! #PUUTTUU! #JAKO/0! #ARG! #N/D! #DZIEL/0! #¡REF! \
         #¿NOMBRE? #ЗНАЧ! #Н/Д #ССЫЛКА! #Δ/Υ #DEĞER! #YOK #ZÉRÓOSZTÓ! #HIV! #MACRO? Err:502 Err:509 Fel:502 \
         #DĚLENÍ_NULOU!";

    #[test]
    fn the_errors_of_formulas_are_known_in_every_language() {
        for error in ERRORS_SEEN.split(' ') {
            assert!(wrong(error).is_some_and(|it| it.contains("error of a formula")), "{error}");
        }
        for narrow in ["##", "########"] {
            assert!(wrong(narrow).unwrap().contains("too narrow"), "{narrow}");
        }
        for fine in ["#1", "#", "#sommar!", "C#", "#Vi finns här!", "Err: se nedan", "Fel:5", "#12/4", "PO #445?"] {
            assert_eq!(wrong(fine), None, "{fine}");
        }
    }

    #[test]
    fn what_stands_for_no_value_is_none() {
        for nothing in ["NULL", "\\N", "(null)", "None", "nan", "undefined"] {
            assert!(wrong(nothing).unwrap().ends_with("leave the cell empty"), "{nothing}");
            assert!(value(nothing, true).unwrap_err().problem.ends_with("leave out the row"), "{nothing}");
        }
        for fine in ["Null", "none", "Nan", "N", "-"] {
            assert_eq!(wrong(fine), None, "{fine}");
        }
        assert!(wrong("=LOWER(\"SECURITY\")").unwrap().starts_with("is a formula without its value"));
        assert!(wrong("1.5E+10").unwrap().contains("has shortened") && wrong("4,02E+11").is_some());
        assert_eq!(wrong("12E3"), None);
        assert!(wrong(&"x".repeat(70_000)).unwrap().contains("is longer"));
    }

    #[test]
    fn text_that_is_protected_from_spreadsheets_is_text() {
        assert_eq!(value("=\"00042\"", true), Ok("00042"));
        assert!(value("=\"#REF!\"", true).is_err());
        assert_eq!(value("'00043", true).unwrap_err().suggestion.as_deref(), Some("00043"));
        assert_eq!(value("'t Hooft BV", true), Ok("'t Hooft BV"));
    }
}
