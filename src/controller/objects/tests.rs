//! What is written when, before an API server that is one object and a counter.

use super::*;
use crate::api::{AccountBinding, AccountBindingStatus};
use crate::leader::permits;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use kube::Client;
use serde_json::Value;
use std::sync::{Arc, Mutex};

/// The object as it is, what was asked, and what somebody else does before the first patch.
struct Server {
    object: Value,
    asked: Vec<Method>,
    meanwhile: Option<Value>,
}

type Shared = Arc<Mutex<Server>>;

async fn serve(State(server): State<Shared>, request: Request) -> (StatusCode, [(&'static str, &'static str); 1], String) {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let mut server = server.lock().unwrap();
    server.asked.push(head.method.clone());
    if let Some(change) = server.meanwhile.take() {
        json_patch::merge(&mut server.object, &change);
    }
    let json = [("content-type", "application/json")];
    if head.method == Method::PATCH {
        let patch: Value = serde_json::from_slice(&body).unwrap();
        if patch["metadata"]["resourceVersion"] != server.object["metadata"]["resourceVersion"] {
            let conflict = json!({"status": "Failure", "reason": "Conflict", "code": 409, "message": "modified"});
            return (StatusCode::CONFLICT, json, conflict.to_string());
        }
        server.object["status"] = patch["status"].clone();
    }
    (StatusCode::OK, json, server.object.to_string())
}

fn binding(version: &str, users: i64) -> Value {
    json!({
        "apiVersion": "wharfinger.dev/v1alpha1", "kind": "AccountBinding",
        "metadata": {"name": "prod", "uid": "u1", "resourceVersion": version},
        "spec": {"accountId": "111122223333", "regions": []}, "status": {"workloads": users, "conditions": []},
    })
}

/// Writes a status with 7 users, of a pass that began with version 1 and no user.
async fn pass(permit: &WritePermit, meanwhile: Option<Value>) -> (Result<(), Error>, i64, Vec<Method>) {
    let server = Arc::new(Mutex::new(Server { object: binding("1", 0), asked: vec![], meanwhile }));
    let client = Client::new(Router::new().fallback(serve).with_state(server.clone()), "default");
    let began_with: AccountBinding = serde_json::from_value(binding("1", 0)).unwrap();
    let status = AccountBindingStatus { workloads: 7, ..began_with.status.clone().unwrap() };
    let outcome = write_status(permit, &Api::all(client), &began_with, &status).await;
    let server = server.lock().unwrap();
    (outcome, server.object["status"]["workloads"].as_i64().unwrap(), server.asked.clone())
}

#[tokio::test]
async fn a_status_is_written_over_the_one_that_the_pass_began_with_and_no_other() {
    let rows = [
        ("nothing else happens", None, true, 1),
        ("somebody labels the object", Some(json!({"metadata": {"resourceVersion": "2", "labels": {"a": "b"}}})), true, 3),
        ("another process writes the status", Some(binding("2", 3)), false, 2),
        ("it is another object of that name", Some(json!({"metadata": {"resourceVersion": "2", "uid": "u2"}})), false, 2),
    ];
    for (name, meanwhile, written, calls) in rows {
        let left = meanwhile.as_ref().and_then(|it| it["status"]["workloads"].as_i64()).unwrap_or(0);
        let (outcome, users, asked) = pass(&permits::permit(), meanwhile).await;
        assert_eq!((users, asked.len()), (if written { 7 } else { left }, calls), "{name}: {asked:?}");
        assert_eq!(matches!(outcome, Err(Error::Overtaken)), !written, "{name}: {outcome:?}");
    }
}

#[tokio::test]
async fn without_a_permit_that_counts_nothing_is_even_asked() {
    let permit = permits::permit();
    permits::set_clock(106);
    let (outcome, users, asked) = pass(&permit, None).await;
    assert!(matches!(outcome, Err(Error::NotLeading(_))), "{outcome:?}");
    assert_eq!((users, asked.len()), (0, 0));
}
