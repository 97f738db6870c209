//! The login in a secret's value as the ECS agent reads it (amazon-ecs-agent, agent/asm/asm.go): Go's decoder, two fields.

use super::{Fault, Login, PASSWORD, USERNAME};
use crate::resource::sealed::Sealed;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::error::Category;
use std::fmt;

impl Login {
    /// The login in a secret's value, or why ECS cannot use that.
    pub fn of_value(value: &Sealed) -> Result<Self, Fault> {
        let stored: Stored = serde_json::from_str(value.reveal()).map_err(|error| match error.classify() {
            Category::Data => Fault::NotAnObject,
            Category::Io | Category::Syntax | Category::Eof => Fault::NotJson { line: error.line(), column: error.column() },
        })?;
        let text = |field: &'static str, found: Option<Value>| match found {
            None | Some(Value::Null) => Err(Fault::NoField { field }),
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(Fault::NotAString { field }),
        };
        let (username, password) = (text(USERNAME, stored.username)?, text(PASSWORD, stored.password)?);
        Self::new(&username, &password)
    }
}

/// Case does not matter, the last of several counts, and other fields are passed over.
#[derive(Default)]
struct Stored {
    username: Option<Value>,
    password: Option<Value>,
}

/// Go folds letters of either case, and this one s of another script.
fn is(field: &str, key: &str) -> bool {
    key.replace('\u{17f}', "s").eq_ignore_ascii_case(field)
}

/// A wrong type counts for good: Go's decoder goes on, and fails at the end all the same.
fn set(slot: &mut Option<Value>, value: Value) {
    let spoilt = slot.as_ref().is_some_and(|it| !it.is_string() && !it.is_null());
    if !spoilt {
        *slot = Some(value);
    }
}

impl<'de> Deserialize<'de> for Stored {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Stored;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Stored, M::Error> {
                let mut stored = Stored::default();
                while let Some(key) = map.next_key::<String>()? {
                    if is(USERNAME, &key) {
                        set(&mut stored.username, map.next_value()?);
                    } else if is(PASSWORD, &key) {
                        set(&mut stored.password, map.next_value()?);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(stored)
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_as_the_agent_reads_it() {
        let taken = [
            r#"{"username":"puller","password":"p4ss"}"#,
            r#"{"Username":"puller","Password":"p4ss"}"#,
            r#"{"USERNAME":"puller","passWord":"p4ss","email":7,"more":{"username":1e999}}"#,
            r#"{"uſername":"puller","paſſword":"p4ss"}"#,
            r#"{"username":"former","password":"p4ss","Username":"puller"}"#,
            r#"{"username":null,"Username":"another","username":"puller","password":"p4ss"}"#,
            " {\n\"username\": \"puller\",\t\"password\": \"p4ss\"}\n",
        ];
        for value in taken {
            let login = Login::of_value(&Sealed::new(value)).unwrap_or_else(|fault| panic!("{value} {fault}"));
            assert_eq!((login.username(), login.password().reveal()), ("puller", "p4ss"), "{value}");
        }
    }

    #[test]
    fn what_the_agent_refuses_is_told_by_its_rule() {
        let rows = [
            ("", "is not JSON"),
            ("p4ss", "is not JSON"),
            (r#"{"username":"puller","password":"p4ss"} p4ss"#, "is not JSON"),
            (r#"["puller","p4ss"]"#, "is not a JSON object"),
            (r#""p4ss""#, "is not a JSON object"),
            (r#"{"user":"puller","password":"p4ss"}"#, "has no `username`"),
            (r#"{"username":"puller","pass":"p4ss"}"#, "has no `password`"),
            (r#"{"username":"puller","password":"p4ss","Password":null}"#, "has no `password`"),
            (r#"{"username":7,"password":"p4ss"}"#, "has a `username` that is not a string"),
            (r#"{"username":7,"Username":"puller","password":"p4ss"}"#, "has a `username` that is not a string"),
            (r#"{"username":"","password":"p4ss"}"#, "has an empty user name"),
            (r#"{"username":"puller","password":""}"#, "has an empty password"),
        ];
        for (value, rule) in rows {
            let fault = Login::of_value(&Sealed::new(value)).expect_err(value);
            let told = format!("{fault} {fault:?}");
            assert!(told.contains(rule), "{value} {told}");
            assert!(!told.contains("puller") && !told.contains("p4ss"), "{told}");
        }
    }
}
