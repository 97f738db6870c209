//! Where the proof of an image may lead: which hosts are asked, by http, at private addresses, and which may be sent a login.

use crate::api::Limits;
use crate::resource::arn::pattern_matches;

/// The fences of one workload's AccountBinding; without one, hosts are not fenced, and yet only https to public addresses is
/// spoken.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fence(Option<Limits>);

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Authority<'a> {
    /// Name or address, in lower case.
    pub host: &'a str,
    /// Port.
    pub port: u16,
    /// Whether it is the usual one of the protocol, which may be left out.
    pub usual: bool,
}

/// Registries whose tokens come from another host, and that host (the challenges of Docker Hub and GitLab).
const TOKEN_HOSTS: [(&str, &str); 2] = [("registry-1.docker.io", "auth.docker.io"), ("registry.gitlab.com", "gitlab.com")];

const HTTPS: u16 = 443;

impl Fence {
    /// The fences of these limits.
    pub fn new(limits: Option<&Limits>) -> Self {
        Self(limits.cloned())
    }

    /// Whether a host may be asked by http.
    pub fn may_be_plain(&self, authority: &Authority) -> bool {
        self.lists(|limits| &limits.insecure_registries, authority)
    }

    /// Whether a host's addresses may be private.
    pub fn may_be_private(&self, authority: &Authority) -> bool {
        self.lists(|limits| &limits.private_registries, authority)
    }

    /// Whether a registry may send for its tokens to a host, which is sent the login.
    pub fn may_give_tokens(&self, registry: &Authority, realm: &Authority) -> bool {
        let usual = |(of, host): &(&str, &str)| *of == registry.host && *host == realm.host && realm.port == HTTPS;
        (registry.host, registry.port) == (realm.host, realm.port)
            || TOKEN_HOSTS.iter().any(usual)
            || self.lists(|limits| &limits.token_hosts, realm)
    }

    /// Whether a host may be asked without a login for what a registry keeps there.
    pub fn may_keep_blobs(&self, authority: &Authority) -> bool {
        self.0.is_none() || self.lists(|limits| &limits.registries, authority)
    }

    fn lists(&self, list: impl Fn(&Limits) -> &Vec<String>, authority: &Authority) -> bool {
        let Authority { host, port, usual } = authority;
        let full = format!("{host}:{port}");
        let admits = |pattern: &String| pattern_matches(pattern, &full) || (*usual && pattern_matches(pattern, host));
        self.0.as_ref().is_some_and(|limits| list(limits).iter().any(admits))
    }
}
