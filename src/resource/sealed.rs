//! Text that must not be seen: the only type in which Wharfinger holds a password.
//!
//! Pure. Deliberately absent: `Deserialize` and any way to print the content. `Debug`, `Display` and `Serialize` show
//! `[sealed]`, so a plan that holds a password can be printed, logged and stored; `reveal` is the one way out, and a search for
//! it lists every place where a secret leaves. The memory is cleared on drop.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};

/// What is shown in place of the content.
const SHOWN: &str = "[sealed]";

/// A secret text. Equality compares the content; it takes a time that depends on it, which is no concern here: both sides are
/// ours and nobody outside can time the comparison.
#[derive(Clone)]
pub struct Sealed(SecretString);

impl Sealed {
    /// Seals a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The content. Called only in `src/aws`, where it goes out to AWS, in `src/registry`, where a login goes to its registry, by
    /// the keyed fingerprint of a value, to find the login in it, and for `render agent-config`.
    pub fn reveal(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PartialEq for Sealed {
    fn eq(&self, other: &Self) -> bool {
        self.reveal() == other.reveal()
    }
}

impl Eq for Sealed {}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHOWN)
    }
}

impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHOWN)
    }
}

impl Serialize for Sealed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(SHOWN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_form_of_output_shows_the_content() {
        let sealed = Sealed::new("hunter2");
        let shown = [format!("{sealed}"), format!("{sealed:?}"), format!("{sealed:#?}"), serde_json::to_string(&sealed).unwrap()];
        assert_eq!(shown, ["[sealed]", "[sealed]", "[sealed]", "\"[sealed]\""]);
        assert_eq!(format!("{:?}", Some(sealed.clone())), "Some([sealed])");
        assert_eq!(sealed.reveal(), "hunter2");
    }

    #[test]
    fn equality_is_that_of_the_content() {
        assert_eq!(Sealed::new("a"), Sealed::new("a").clone());
        assert_ne!(Sealed::new("a"), Sealed::new("b"));
    }
}
