//! What can be asked for, and a pool of things that workloads name.

use crate::core::fixtures::{ACCOUNT, REGION};
use crate::core::iam::Request;
use std::collections::BTreeMap;
use wharfinger::observed::ObservedParameter;
use wharfinger::resource::secret::ObservedSecret;

/// Numbers without chance: the same seed makes the same set.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    /// SplitMix64.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    pub(super) fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }
}

/// One thing that a workload needs: an action on a resource, under conditions that its request fulfils.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ask {
    pub(super) action: String,
    pub(super) resource: String,
    /// The values that a key of the request may have.
    pub(super) context: BTreeMap<String, Vec<String>>,
}

impl Ask {
    pub(super) fn new(action: &str, resource: &str) -> Self {
        Self { action: action.to_owned(), resource: resource.to_owned(), context: BTreeMap::new() }
    }

    pub(super) fn under(mut self, key: &str, values: &[&str]) -> Self {
        self.context.insert(key.to_lowercase(), values.iter().map(|value| (*value).to_owned()).collect());
        self
    }

    /// A key for something that a service keeps. The service and the thing are told to KMS.
    fn decrypting(key: &str, service: &str, thing: &str) -> Self {
        let context = if service == "ssm" { "PARAMETER_ARN" } else { "SecretARN" };
        Self::new("kms:Decrypt", key)
            .under("kms:ViaService", &[&format!("{service}.{REGION}.amazonaws.com")])
            .under(&format!("kms:EncryptionContext:{context}"), &[thing])
    }

    /// The request that is made then.
    pub(super) fn request(&self) -> Request {
        let context = self.context.iter().map(|(key, values)| (key.clone(), values[0].clone())).collect();
        Request { action: self.action.clone(), resource: self.resource.clone(), context }
    }

    pub(super) fn covers(&self, request: &Request, any_context: bool) -> bool {
        let counts = |key: &str| !(any_context && key.starts_with("kms:encryptioncontext:"));
        let has = |(key, values): (&String, &Vec<String>)| request.context.get(key).is_some_and(|found| values.contains(found));
        let conditions = self.context.iter().filter(|(key, _)| counts(key));
        self.action == request.action && self.is_about(&request.resource) && conditions.into_iter().all(has)
    }

    /// Who writes to a log group makes streams of any name in it. Signing in is about no resource (AWS: service authorization
    /// reference, Amazon ECR).
    fn is_about(&self, resource: &str) -> bool {
        let group = |resource: &str| resource.split_once(":log-stream:").map(|(group, _)| group.to_owned());
        self.resource == "*"
            || self.resource == resource
            || (group(&self.resource).is_some() && group(&self.resource) == group(resource))
    }

    pub(super) fn is_of_managed_policy(&self) -> bool {
        self.action.starts_with("ecr:") || ["logs:CreateLogStream", "logs:PutLogEvents"].contains(&self.action.as_str())
    }
}

/// Something that a container may name, and what the role needs for it.
#[derive(Debug, Clone)]
pub(super) struct Thing {
    /// How it may be written.
    pub(super) written: Vec<String>,
    pub(super) asks: Vec<Ask>,
}

/// Everything that workloads of a set may name.
pub(super) struct Pool {
    pub(super) secrets: Vec<Thing>,
    pub(super) parameters: Vec<Thing>,
    pub(super) objects: Vec<Thing>,
    pub(super) groups: Vec<String>,
    pub(super) images: Vec<(String, String)>,
    size: usize,
}

pub(super) const KEYS: [&str; 2] = [
    "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "arn:aws:kms:eu-west-1:111122223333:key/12345678-12ab-34cd-56ef-1234567890ab",
];
/// ECR in this and in another account.
const REGISTRIES: [&str; 2] = ["111122223333", "444455556666"];

fn secret_arn(number: usize) -> String {
    format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:payments/db-{number}-{number:06}")
}

fn parameter_arn(number: usize) -> String {
    format!("arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/payments/p{number}")
}

/// Each third has no customer key.
fn key(number: usize) -> Option<&'static str> {
    KEYS.get(number % 3).copied()
}

impl Pool {
    pub(super) fn of(size: usize) -> Self {
        let numbers = || 0..size;
        Self {
            secrets: numbers().map(secret).collect(),
            parameters: numbers().map(parameter).chain(numbers().map(reference)).collect(),
            objects: numbers().map(object).collect(),
            groups: numbers().map(|number| format!("/payments/g{number}")).collect(),
            images: numbers().map(image).collect(),
            size,
        }
    }

    /// The secrets as AWS has them.
    pub(super) fn secrets(&self) -> BTreeMap<String, ObservedSecret> {
        let seen = |number: usize| ObservedSecret {
            arn: secret_arn(number),
            kms_key: key(number).map(str::to_owned),
            ..ObservedSecret::default()
        };
        (0..self.size).map(|number| (format!("payments/db-{number}"), seen(number))).collect()
    }

    /// The parameters as AWS has them.
    pub(super) fn parameters(&self) -> BTreeMap<String, ObservedParameter> {
        let seen = |number: usize| ObservedParameter { kms_key: key(number + 1).map(str::to_owned) };
        (0..self.size).map(|number| (parameter_arn(number), seen(number))).collect()
    }

    pub(super) fn keys(&self) -> BTreeMap<String, String> {
        [("alias/own".to_owned(), KEYS[0].to_owned())].into()
    }

    /// Requests that somebody or nobody may make: each action on what it is about, and some of the ways to be off by a little.
    pub(super) fn requests(&self, ways: usize, dice: &mut Dice) -> Vec<Request> {
        let things = self.secrets.iter().chain(&self.parameters).chain(&self.objects);
        let asks: Vec<Ask> = things.flat_map(|thing| thing.asks.clone()).chain(self.own()).collect();
        let foreign = foreign();
        let mut requests = vec![];
        for ask in &asks {
            let own = ask.request();
            for _ in 0..ways {
                let (mut off, another) = (own.clone(), dice.one(&asks).request());
                let keys: Vec<String> = own.context.keys().cloned().collect();
                match (dice.below(8), keys.is_empty()) {
                    (0, false) => _ = off.context.remove(dice.one(&keys)),
                    (1, false) => _ = off.context.insert(dice.one(&keys).clone(), dice.one(&foreign).clone()),
                    (0..3, _) => off.context = another.context,
                    (3, _) => off.resource = another.resource,
                    (4, _) => off.resource.push('x'),
                    (5, _) => off.resource = dice.one(&foreign).clone(),
                    (6, _) => off.action = another.action,
                    _ => off.action = dice.one(&["s3:PutObject", "secretsmanager:PutSecretValue", "kms:Encrypt"]).to_string(),
                }
                requests.push(off);
            }
            requests.push(own);
        }
        requests
    }

    /// What logs and images need, under whichever condition.
    fn own(&self) -> Vec<Ask> {
        let logs = self.groups.iter().flat_map(|group| logs(group, true));
        let images = self.images.iter().flat_map(|(_, repository)| pull(repository, &[]));
        let restricted = self.images.iter().flat_map(|(_, repository)| pull(repository, &["vpc-0123456789abcdef0"]));
        logs.chain(images).chain(restricted).collect()
    }
}

/// Values and ARNs of nobody in the set.
fn foreign() -> Vec<String> {
    [
        "arn:aws:secretsmanager:eu-west-1:111122223333:secret:other/db-AbCdEf",
        "arn:aws:secretsmanager:eu-west-1:111122223333:secret:payments/db-0-0000000",
        "arn:aws:ssm:eu-west-1:111122223333:parameter/payments/p",
        "arn:aws:s3:::bucket",
        "arn:aws:s3:::other/payments/o0.env",
        "arn:aws:kms:eu-west-1:111122223333:key/99999999-12ab-34cd-56ef-1234567890ab",
        "arn:aws:ecr:eu-west-1:111122223333:repository/other",
        "arn:aws:logs:eu-west-1:111122223333:log-group:/other:log-stream:x",
        "secretsmanager.us-east-1.amazonaws.com",
        "ssm.eu-west-1.amazonaws.com.cn",
        "vpc-ffffffffffffffff0",
        "*",
    ]
    .map(str::to_owned)
    .into()
}

fn read_secret(number: usize) -> Vec<Ask> {
    let arn = secret_arn(number);
    let read = Ask::new("secretsmanager:GetSecretValue", &arn);
    [read].into_iter().chain(key(number).map(|key| Ask::decrypting(key, "secretsmanager", &arn))).collect()
}

fn secret(number: usize) -> Thing {
    let arn = secret_arn(number);
    let written =
        vec![arn.clone(), format!("{arn}:password::"), format!("{arn}::AWSPREVIOUS:"), format!("{arn}:user:AWSCURRENT:")];
    Thing { written, asks: read_secret(number) }
}

fn parameter(number: usize) -> Thing {
    let arn = parameter_arn(number);
    let read = Ask::new("ssm:GetParameters", &arn);
    let asks = [read].into_iter().chain(key(number + 1).map(|key| Ask::decrypting(key, "ssm", &arn))).collect();
    Thing { written: vec![arn, format!("/payments/p{number}"), format!("payments/p{number}")], asks }
}

/// A parameter that stands for a secret: both are read.
fn reference(number: usize) -> Thing {
    let name = format!("/aws/reference/secretsmanager/payments/db-{number}");
    let arn = format!("arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{name}");
    let asks = [Ask::new("ssm:GetParameters", &arn)].into_iter().chain(read_secret(number)).collect();
    Thing { written: vec![name, arn], asks }
}

fn object(number: usize) -> Thing {
    let (bucket, key) = (format!("arn:aws:s3:::bucket-{}", number % 2), format!("payments/o{number}.env"));
    let arn = format!("{bucket}/{key}");
    Thing { asks: vec![Ask::new("s3:GetObject", &arn), Ask::new("s3:GetBucketLocation", &bucket)], written: vec![arn] }
}

fn image(number: usize) -> (String, String) {
    let account = REGISTRIES[number % 2];
    let repository = format!("arn:aws:ecr:{REGION}:{account}:repository/team/i{number}");
    (format!("{account}.dkr.ecr.{REGION}.amazonaws.com/team/i{number}:1"), repository)
}

/// Writing to a group's streams, and making the group.
pub(super) fn logs(group: &str, creates: bool) -> Vec<Ask> {
    let arn = format!("arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}");
    let stream = format!("{arn}:log-stream:main/1");
    let mut asks = vec![Ask::new("logs:CreateLogStream", &stream), Ask::new("logs:PutLogEvents", &stream)];
    asks.extend(creates.then(|| Ask::new("logs:CreateLogGroup", &format!("{arn}:log-stream:"))));
    asks
}

/// Pulling from a repository, from these VPCs only if there are some.
pub(super) fn pull(repository: &str, vpcs: &[&str]) -> Vec<Ask> {
    let actions = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
    let asks = actions.map(|action| match vpcs.is_empty() {
        true => Ask::new(action, repository),
        false => Ask::new(action, repository).under("aws:SourceVpc", vpcs),
    });
    asks.into_iter().chain([Ask::new("ecr:GetAuthorizationToken", "*")]).collect()
}
