//! Whether the services can be reached: each is asked something harmless in nobody's name. Any answer will do, a refusal as well.

use super::Clients;
use super::accounts::Accounts;
use super::calls::Calls;
use super::error::failure;
use super::permitted::Permitted;
use crate::failure::Failure;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::error::Error;

/// What is asked for; it need not exist.
const NAME: &str = "wharfinger";

/// Asks every service of a Region, at the same time. Those that do not answer, with why. IAM has one place for all Regions.
pub(crate) async fn unreachable(accounts: &Accounts, region: &str, calls: &Calls) -> Vec<Failure> {
    let config = accounts.anonymous(region);
    let it = Clients::new(&config, calls, &Permitted::read());
    let sts = aws_sdk_sts::config::Builder::from(&config).interceptor(calls.clone()).build();
    let sts = aws_sdk_sts::Client::from_conf(sts);
    let asked = futures::join!(
        async { silent("STS", "GetCallerIdentity", sts.get_caller_identity().send().await) },
        async { silent("IAM", "GetRole", it.iam.get_role().role_name(NAME).send().await) },
        async { silent("SecretsManager", "DescribeSecret", it.secrets_manager.describe_secret().secret_id(NAME).send().await) },
        async { silent("ECS", "ListClusters", it.ecs.list_clusters().send().await) },
        async { silent("Batch", "DescribeJobQueues", it.batch.describe_job_queues().send().await) },
        async { silent("KMS", "DescribeKey", it.kms.describe_key().key_id(format!("alias/{NAME}")).send().await) },
        async { silent("SSM", "DescribeParameters", it.ssm.describe_parameters().send().await) },
    );
    let (sts, iam, secrets_manager, ecs, batch, kms, ssm) = asked;
    [sts, iam, secrets_manager, ecs, batch, kms, ssm].into_iter().flatten().collect()
}

/// The failure, if nobody answered.
fn silent<T, E>(service: &str, operation: &str, result: Result<T, SdkError<E, HttpResponse>>) -> Option<Failure>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let error = result.err().filter(|error| error.raw_response().is_none())?;
    Some(failure(service, operation, &error))
}
