//! A JSON document with a list in it, written an item at a time: no more than a page of it is in memory.

use serde::Serialize;

/// Writes one JSON document with a list in it, an item at a time.
#[derive(Debug)]
pub struct JsonList {
    begun: bool,
}

impl JsonList {
    /// Returns the list, and the text that opens the document: `before` are its members before the list.
    #[must_use]
    pub fn open(before: &serde_json::Map<String, serde_json::Value>, name: &str) -> (Self, String) {
        let members: String = before.iter().map(|(name, value)| format!("\"{name}\": {value},\n")).collect();
        (Self { begun: false }, format!("{{\n{members}\"{name}\": ["))
    }

    /// Returns the text of the next items.
    ///
    /// # Errors
    /// If an item cannot be written as JSON.
    pub fn add<T: Serialize>(&mut self, items: &[T]) -> serde_json::Result<String> {
        let mut text = String::new();
        for item in items {
            text += if std::mem::replace(&mut self.begun, true) { ",\n  " } else { "\n  " };
            text += &serde_json::to_string(item)?;
        }
        Ok(text)
    }

    /// Returns the text that ends this list and opens a further one.
    pub fn then(&mut self, name: &str) -> String {
        self.begun = false;
        format!("\n],\n\"{name}\": [")
    }

    /// Returns the text that closes the document: `after` are its members after the list.
    #[must_use]
    pub fn close(self, after: &serde_json::Map<String, serde_json::Value>) -> String {
        let members: String = after.iter().map(|(name, value)| format!(",\n\"{name}\": {value}")).collect();
        format!("\n]{members}\n}}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_is_written_an_item_at_a_time_is_one_document() {
        let members = |text: &str| serde_json::from_str(text).unwrap();
        let (mut list, mut text) = JsonList::open(&members(r#"{"notice":"n"}"#), "rows");
        text += &list.add(&[1, 2]).unwrap();
        text += &list.add::<u8>(&[]).unwrap();
        text += &list.add(&[3]).unwrap();
        text += &list.close(&members(r#"{"next":null}"#));
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document, serde_json::json!({"notice": "n", "rows": [1, 2, 3], "next": null}));
    }
}
