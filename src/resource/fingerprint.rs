//! The version id of a secret's value: a keyed hash of it, so that whether a value is current is seen without reading it, and
//! whoever may describe the secret cannot try passwords against the id.

use super::sealed::Sealed;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// The key of the hash. Made once and kept beside the controller; losing it costs one needless write a secret.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueKey(Sealed);

impl ValueKey {
    /// A key of at least 32 characters.
    pub fn new(key: Sealed) -> Result<Self, String> {
        match key.reveal().trim().len() {
            0..32 => Err("the value key must have at least 32 characters; make one with: openssl rand -hex 32".to_owned()),
            _ => Ok(Self(Sealed::new(key.reveal().trim()))),
        }
    }

    /// The ClientRequestToken (32 to 64 characters), which becomes the VersionId, of a value in one secret.
    pub fn version_id(&self, account: &str, region: &str, secret_name: &str, value: &Sealed) -> String {
        // HMAC takes keys of any length, so the error cannot occur; an unkeyed id would be refused by the length rule of AWS.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.reveal().as_bytes()) else { return String::new() };
        for part in [account, region, secret_name, value.reveal()] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        hex(&mac.finalize().into_bytes())
    }
}

/// The digest by which registries name these bytes (OCI image specification, digests).
pub fn image_digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}

/// The first `digits` hexadecimal digits of the SHA-256 of a text that is not secret.
pub fn short_hash(text: &str, digits: usize) -> String {
    let mut digest = hex(&Sha256::digest(text.as_bytes()));
    digest.truncate(digits);
    digest
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // writing to a String cannot fail
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_id_depends_on_every_part_and_the_key() {
        let key = |text: &str| ValueKey::new(Sealed::new(text.repeat(32))).unwrap();
        let id = |k: &str, account, region, name, value: &str| key(k).version_id(account, region, name, &Sealed::new(value));
        let all = [
            id("k", "111122223333", "eu-west-1", "a", "b"),
            id("l", "111122223333", "eu-west-1", "a", "b"),
            id("k", "210987654321", "eu-west-1", "a", "b"),
            id("k", "111122223333", "us-east-1", "a", "b"),
            id("k", "111122223333", "eu-west-1", "ab", ""),
            id("k", "111122223333", "eu-west-1", "a", "c"),
        ];
        assert_eq!(std::collections::BTreeSet::from(all.clone()).len(), all.len(), "{all:?}");
        assert!(all.iter().all(|id| id.len() == 64), "{all:?}");
        assert_eq!(all[0], id("k", "111122223333", "eu-west-1", "a", "b"), "the same again");
        assert!(ValueKey::new(Sealed::new("short")).unwrap_err().contains("32 characters"));
    }
}
