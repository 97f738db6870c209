//! Permissions on secrets that wait for a proof of whose the secret is.

use super::*;

impl Grants {
    /// Divides into what is about these secrets, or about none, and the rest.
    #[must_use]
    pub fn divide(self, is_certain: impl Fn(&str) -> bool) -> (Self, Self) {
        let (certain, rest) = self.0.into_iter().partition(|permission| permission.secret().is_none_or(&is_certain));
        (Self(certain), Self(rest))
    }

    /// ARNs of the secrets that these permissions are about; partial where only a part is known.
    pub fn about_secrets(&self) -> BTreeSet<String> {
        self.0.iter().filter_map(Permission::secret).map(str::to_owned).collect()
    }

    /// What of these permissions is about secrets that a policy lets be read already, or that pass. A secret of which only a part of
    /// the ARN is known is the one that the policy names.
    #[must_use]
    pub fn proven(&self, granted: &Self, passes: impl Fn(&str) -> bool) -> Self {
        let whole = |partial: &str| {
            let is_it = |arn: &&str| arn.rsplit_once('-').is_some_and(|(stem, suffix)| stem == partial && suffix.len() == 6);
            granted.0.iter().filter_map(Permission::read_secret).find(is_it)
        };
        let proven = self.0.iter().filter_map(|permission| {
            let secret = permission.secret()?;
            let is_granted = granted.0.iter().filter_map(Permission::read_secret).any(|arn| arn == secret);
            match (permission, whole(secret)) {
                _ if is_granted => Some(permission.clone()),
                (Permission::ReadSecret(_), Some(arn)) => Some(Permission::ReadSecret(arn.to_owned())),
                (_, Some(_)) => Some(permission.clone()),
                (_, None) => passes(secret).then(|| permission.clone()),
            }
        });
        proven.collect()
    }
}

impl Permission {
    /// The secret that this is about, without the end that stands for the six characters of AWS's.
    fn secret(&self) -> Option<&str> {
        let of_decryption = self.decryption().and_then(|decryption| decryption.of.as_deref());
        self.read_secret().or(of_decryption.filter(|of| Arn::parse(of).is_ok_and(|arn| arn.secret_name().is_some())))
    }

    fn read_secret(&self) -> Option<&str> {
        match self {
            Self::ReadSecret(arn) => Some(arn.strip_suffix("-??????").unwrap_or(arn)),
            _ => None,
        }
    }
}
