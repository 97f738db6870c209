//! Why a call to the API server failed, in words that say what to do.

use super::Error;

/// A failed call: what kind of failure, and how it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(super) kind: Kind,
    pub(crate) text: String,
}

/// What stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A permission is missing.
    Refused,
    /// The API server does not know the kind: its CRD is missing.
    NotServed,
    /// The API server fails, or does not answer.
    Unavailable,
    /// What was made before cannot be used.
    Broken,
    /// Another controller does it.
    Elsewhere,
}

/// What to run where the CRDs are not those of this release.
pub(crate) const APPLY_CRDS: &str =
    "apply the CRDs of this release: `wharfinger crds | kubectl apply --server-side -f -`, or the files in crds/";

/// Where a permission is missing, the API server itself says who may not do what to which resource in which namespace.
pub(crate) fn of(error: &Error) -> Trouble {
    match error {
        Error::Kubernetes(error) => of_client(error),
        Error::Timeout(_) => Trouble { kind: Kind::Unavailable, text: error.to_string() },
        other => Trouble { kind: Kind::Broken, text: other.to_string() },
    }
}

/// The same of a client's error. A list or watch is answered with 404 only where the kind is not served.
pub(super) fn of_client(error: &kube::Error) -> Trouble {
    let told = |kind, text| Trouble { kind, text };
    match error {
        kube::Error::Api(status) if status.code == 403 => {
            told(Kind::Refused, format!("{}; grant it as docs/operations.md#permissions says", status.message))
        }
        kube::Error::Api(status) if status.code == 401 => told(
            Kind::Refused,
            format!(
                "the API server does not accept the credentials ({}); mend the service account or the kubeconfig",
                status.message
            ),
        ),
        kube::Error::Api(status) if status.code == 404 => {
            told(Kind::NotServed, format!("the API server does not serve this kind; {APPLY_CRDS}"))
        }
        kube::Error::Api(status) => {
            told(Kind::Unavailable, format!("the API server answers {} {}: {}", status.code, status.reason, status.message))
        }
        other => told(Kind::Unavailable, format!("the API server cannot be reached: {}", causes(other))),
    }
}

/// An error with its causes, each once.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut at = error.source();
    while let Some(error) = at {
        let cause = error.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
        at = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;

    fn answer(code: u16, reason: &str, message: &str) -> Error {
        let status = Status { code, reason: reason.into(), message: message.into(), ..Status::default() };
        Error::Kubernetes(kube::Error::Api(Box::new(status)))
    }

    #[test]
    fn every_trouble_says_what_to_do() {
        let refusal =
            "secrets is forbidden: User \"x\" cannot list resource \"secrets\" in API group \"\" in the namespace \"b\"";
        let rows = [
            (answer(403, "Forbidden", refusal), Kind::Refused, "cannot list resource \"secrets\""),
            (answer(403, "Forbidden", refusal), Kind::Refused, "operations.md#permissions"),
            (answer(401, "Unauthorized", "Unauthorized"), Kind::Refused, "service account"),
            (answer(404, "NotFound", "404 page not found"), Kind::NotServed, "wharfinger crds | kubectl apply --server-side"),
            (answer(503, "ServiceUnavailable", "etcd is slow"), Kind::Unavailable, "503 ServiceUnavailable: etcd is slow"),
            (Error::Timeout(super::super::KUBERNETES_TIMEOUT), Kind::Unavailable, "within 15 s"),
            (Error::State("key is broken".into()), Kind::Broken, "key is broken"),
        ];
        for (error, kind, part) in rows {
            let trouble = of(&error);
            assert!(trouble.kind == kind && trouble.text.contains(part), "{error}: {trouble:?} lacks {part:?}");
        }
    }
}
