//! KMS: from an alias or key id to the key's ARN.

use super::Clients;
use super::error::failure;
use crate::failure::{Failure, FailureKind};

/// DescribeKey; `None` if there is none.
pub(crate) async fn key_arn(clients: &Clients, key: &str) -> Result<Option<String>, Failure> {
    match clients.kms.describe_key().key_id(key).send().await {
        Ok(answer) => Ok(answer.key_metadata.and_then(|key| key.arn)),
        Err(error) => {
            let failure = failure("KMS", "DescribeKey", &error);
            if failure.kind == FailureKind::NotFound { Ok(None) } else { Err(failure) }
        }
    }
}
