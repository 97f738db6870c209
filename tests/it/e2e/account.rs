//! One AWS account as it really is: raw calls to moto, with no SDK and none of the program's code in between.

use super::http::{self, Message};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};

pub(super) const REGION: &str = "eu-west-1";

#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) id: String,
    moto: String,
    access_key: String,
    region: &'static str,
}

/// Version of the query protocol's API, and `x-amz-target` prefix of the JSON ones.
fn dialect(service: &str) -> &'static str {
    match service {
        "sts" => "2011-06-15",
        "iam" => "2010-05-08",
        "ec2" => "2016-11-15",
        "secretsmanager" => "secretsmanager",
        "ecs" => "AmazonEC2ContainerServiceV20141113",
        "kms" => "TrentService",
        "ssm" => "AmazonSSM",
        other => panic!("no dialect for {other}"),
    }
}

impl Account {
    /// Moto makes an account of the number in the role's ARN.
    pub(super) async fn enter(moto: &str, id: &str) -> Self {
        let access_key = "test".to_owned();
        let outside = Self { id: id.to_owned(), moto: moto.to_owned(), access_key, region: REGION };
        let role = format!("arn:aws:iam::{id}:role/wharfinger");
        let session = outside.query("sts", "AssumeRole", &[("RoleArn", &role), ("RoleSessionName", "onlooker")]).await;
        let access_key = element(&session.expect("a session"), "AccessKeyId").expect("an access key");
        Self { access_key, ..outside }
    }

    /// The same account in another Region.
    pub(super) fn in_region(&self, region: &'static str) -> Self {
        Self { region, ..self.clone() }
    }

    /// The Region.
    pub(super) fn region(&self) -> &'static str {
        self.region
    }

    /// Environment in which the AWS SDKs act in this account, for runs without an AccountBinding.
    pub(super) fn environment(&self) -> [(&str, &str); 3] {
        [("AWS_ACCESS_KEY_ID", &self.access_key), ("AWS_SECRET_ACCESS_KEY", "test"), ("AWS_SESSION_TOKEN", "test")]
    }

    async fn exchange(&self, service: &str, path: &str, headers: &[(&str, &str)], body: String) -> Message {
        let key = &self.access_key;
        let signature = format!(
            "AWS4-HMAC-SHA256 Credential={key}/20260101/{}/{service}/aws4_request, SignedHeaders=host, Signature=0",
            self.region
        );
        let headers = [&[("host", self.moto.as_str()), ("authorization", &signature)], headers].concat();
        let request = Message::new(format!("POST {path} HTTP/1.1"), &headers, body);
        http::exchange(&self.moto, &request).await.unwrap_or_else(|error| panic!("moto does not answer {service}: {error}"))
    }

    /// A call in a JSON protocol: the answer, or the error's code.
    pub(super) async fn try_json(&self, service: &str, operation: &str, body: Value) -> Result<Value, String> {
        let (path, target) = match service {
            "batch" => (format!("/v1/{}", operation.to_lowercase()), String::new()),
            other => ("/".to_owned(), format!("{}.{operation}", dialect(other))),
        };
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target.as_str())];
        let headers = if target.is_empty() { &headers[..1] } else { &headers };
        let answer = self.exchange(service, &path, headers, body.to_string()).await;
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        if answer.status() == 200 { Ok(body) } else { Err(body["__type"].as_str().unwrap_or_default().to_owned()) }
    }

    /// A call in a JSON protocol that must succeed.
    pub(super) async fn json(&self, service: &str, operation: &str, body: Value) -> Value {
        let told = body.to_string();
        let answer = self.try_json(service, operation, body).await;
        answer.unwrap_or_else(|code| panic!("{service} {operation} {told}: {code}"))
    }

    /// A call in the query protocol: the XML, or nothing where AWS says that there is no such thing.
    pub(super) async fn query(&self, service: &str, action: &str, parameters: &[(&str, &str)]) -> Option<String> {
        let fixed = [("Action", action), ("Version", dialect(service))];
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let pairs = fixed.iter().chain(parameters).map(|(name, value)| format!("{}={}", encode(name), encode(value)));
        let form = pairs.collect::<Vec<_>>().join("&");
        let answer = self.exchange(service, "/", &[("content-type", "application/x-www-form-urlencoded")], form).await;
        match answer.status() {
            200 => Some(answer.text()),
            404 => None,
            status => panic!("{service} {action} {parameters:?}: {status} {}", answer.text()),
        }
    }

    /// An IAM call that must succeed.
    pub(super) async fn iam(&self, action: &str, parameters: &[(&str, &str)]) -> String {
        self.query("iam", action, parameters).await.unwrap_or_else(|| panic!("{action} {parameters:?}: not found"))
    }

    /// A KMS key with an alias: its ARN.
    pub(super) async fn key(&self, alias: &str) -> String {
        let key = self.json("kms", "CreateKey", json!({})).await["KeyMetadata"].clone();
        self.json("kms", "CreateAlias", json!({"AliasName": alias, "TargetKeyId": key["KeyId"]})).await;
        key["Arn"].as_str().expect("a key ARN").to_owned()
    }
}

/// The texts of every element of this name.
pub(super) fn elements(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let unescape = |text: &str| {
        let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#34;", "\""), ("&#39;", "'"), ("&amp;", "&")];
        entities.iter().fold(text.to_owned(), |text, (entity, character)| text.replace(entity, character))
    };
    xml.split(&open).skip(1).filter_map(|rest| rest.split(&close).next()).map(unescape).collect()
}

pub(super) fn element(xml: &str, name: &str) -> Option<String> {
    elements(xml, name).into_iter().next()
}

/// A policy document in an element, which IAM percent-encodes.
pub(super) fn document(xml: &str, name: &str) -> Value {
    let text = element(xml, name).unwrap_or_else(|| panic!("no {name} in {xml}"));
    let decoded = percent_decode_str(&text).decode_utf8_lossy().into_owned();
    serde_json::from_str(&decoded).or_else(|_| serde_json::from_str(&text)).unwrap_or_else(|error| panic!("{text}: {error}"))
}
