//! Whether a JSON document has the shape that the API documents: every member that is unknown, missing or of another type is named.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::{AdditionalProperties, Array, ArrayItems, Object, Schema, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr};

use crate::domain::problem::{Problems, nearest, shown};

/// The schemas that others refer to, by name.
type Known = BTreeMap<String, RefOr<Schema>>;

/// Notes where a document is not as the schema of `T` says.
pub fn check<T: ToSchema>(document: &Value, problems: &mut Problems) {
    let mut schemas = Vec::new();
    T::schemas(&mut schemas);
    let known: Known = schemas.into_iter().collect();
    member(&T::schema(), document, "", &known, problems);
}

fn member(schema: &RefOr<Schema>, value: &Value, pointer: &str, known: &Known, problems: &mut Problems) {
    match schema {
        RefOr::Ref(Ref { ref_location, .. }) => {
            let name = ref_location.rsplit('/').next().unwrap_or_default();
            if let Some(schema) = known.get(name) {
                member(schema, value, pointer, known, problems);
            }
        }
        RefOr::T(Schema::Object(object)) => of_object(object, value, pointer, known, problems),
        RefOr::T(Schema::Array(array)) => of_array(array, value, pointer, known, problems),
        RefOr::T(Schema::OneOf(choice)) => of_any(&choice.items, value, pointer, known, problems),
        RefOr::T(Schema::AnyOf(choice)) => of_any(&choice.items, value, pointer, known, problems),
        RefOr::T(Schema::AllOf(all)) => {
            all.items.iter().for_each(|schema| member(schema, value, pointer, known, problems));
        }
        RefOr::T(_) => {}
    }
}

/// One of several. A value that may be left out has null as one of its forms: that is not what is meant by a wrong one.
fn of_any(items: &[RefOr<Schema>], value: &Value, pointer: &str, known: &Known, problems: &mut Problems) {
    let found = |schema: &RefOr<Schema>| {
        let mut its = Problems::default();
        member(schema, value, pointer, known, &mut its);
        its
    };
    if items.iter().any(|schema| found(schema).is_empty()) {
        return;
    }
    if let Some(meant) = items.iter().rfind(|schema| !is_null(schema)) {
        problems.0.extend(found(meant).0);
    }
}

fn is_null(schema: &RefOr<Schema>) -> bool {
    matches!(schema, RefOr::T(Schema::Object(Object { schema_type: SchemaType::Type(Type::Null), .. })))
}

fn of_array(array: &Array, value: &Value, pointer: &str, known: &Known, problems: &mut Problems) {
    let Value::Array(items) = value else {
        if !(value.is_null() && allows_null(&array.schema_type)) {
            problems.add_at(pointer, "must be a list");
        }
        return;
    };
    if let ArrayItems::RefOrSchema(schema) = &array.items {
        for (n, item) in items.iter().enumerate() {
            member(schema, item, &format!("{pointer}/{n}"), known, problems);
        }
    }
}

fn of_object(object: &Object, value: &Value, pointer: &str, known: &Known, problems: &mut Problems) {
    if let Some(wanted) = mismatch(&object.schema_type, value) {
        problems.add_at(pointer, format!("must be {wanted}"));
        return;
    }
    if let (Some(words), Value::String(text)) = (&object.enum_values, value)
        && !words.contains(value)
    {
        let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
        let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        problems.add_at(pointer, format!("`{}` is none of {}", shown(text), quoted.join(", ")));
    }
    let Value::Object(members) = value else { return };
    for name in object.required.iter().filter(|name| !members.contains_key(*name)) {
        problems.add_at(format!("{pointer}/{}", escaped(name)), "is missing");
    }
    for (name, value) in members {
        let pointer = format!("{pointer}/{}", escaped(name));
        match (object.properties.get(name), object.additional_properties.as_deref()) {
            (Some(schema), _) | (None, Some(AdditionalProperties::RefOr(schema))) => {
                member(schema, value, &pointer, known, problems);
            }
            (None, Some(AdditionalProperties::FreeForm(true))) => {}
            (None, _) if object.properties.is_empty() => {}
            (None, _) => {
                let meant = nearest(name, object.properties.keys().map(String::as_str));
                let meant = meant.map(|word| format!(": did you mean `{word}`?")).unwrap_or_default();
                problems.add_at(pointer, format!("is not known{meant}"));
            }
        }
    }
}

fn allows_null(schema: &SchemaType) -> bool {
    matches!(schema, SchemaType::Array(types) if types.contains(&Type::Null))
}

/// What a value must be and is not.
fn mismatch(schema: &SchemaType, value: &Value) -> Option<String> {
    let types = match schema {
        SchemaType::Type(one) => std::slice::from_ref(one),
        SchemaType::Array(several) => several.as_slice(),
        SchemaType::AnyValue => return None,
    };
    let fits = |wanted: &Type| match wanted {
        Type::Object => value.is_object(),
        Type::String => value.is_string(),
        Type::Integer => value.is_i64() || value.is_u64(),
        Type::Number => value.is_number(),
        Type::Boolean => value.is_boolean(),
        Type::Array => value.is_array(),
        Type::Null => value.is_null(),
    };
    if types.iter().any(fits) {
        return None;
    }
    let words = types.iter().filter(|it| **it != Type::Null).map(|wanted| match wanted {
        Type::Object => "an object",
        Type::String => "a text",
        Type::Integer => "a whole number",
        Type::Number => "a number",
        Type::Boolean => "true or false",
        Type::Array => "a list",
        Type::Null => "null",
    });
    Some(words.collect::<Vec<_>>().join(" or "))
}

/// A name as a part of a JSON pointer (RFC 6901).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::attestation::Channel;

    #[derive(ToSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Sample {
        name: String,
        channel: Option<Channel>,
        many: Option<Vec<Inner>>,
        flag: Option<bool>,
    }

    #[derive(ToSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Inner {
        number: u32,
    }

    fn problems(document: &Value) -> Vec<String> {
        let mut problems = Problems::default();
        check::<Sample>(document, &mut problems);
        problems.sorted().0.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_problem_has_its_place() {
        assert_eq!(problems(&json!({"name": "x", "channel": "phone", "many": [{"number": 1}], "flag": null})), [""; 0]);
        assert_eq!(problems(&json!({"name": "x", "channel": null, "many": null})), [""; 0]);
        let wrong =
            json!({"nmae": 1, "channel": "pigeon", "many": [{"number": 1}, {"number": "1", "a/b": 2}], "flag": 1});
        let found = problems(&wrong);
        for place in [
            "`/name`: is missing",
            "`/nmae`: is not known: did you mean `name`?",
            "`/many/1/number`: must be a whole number",
            "`/many/1/a~1b`: is not known",
            "`/flag`: must be true or false",
            "`/channel`: `pigeon` is none of",
        ] {
            assert!(found.iter().any(|it| it.starts_with(place)), "{place}: {found:?}");
        }
        assert_eq!(problems(&json!([])), ["must be an object"]);
    }
}
