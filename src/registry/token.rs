//! The answer to a registry's challenge: basic authentication, or a token from the realm that it names (distribution: token
//! authentication specification). The realm is looked at before the login is sent there.

use super::proof::refusal;
use super::wire::{Answer, Wire, authority, place};
use crate::api::{ImageFailure, ImageFailureClass as Class};
use crate::resource::login::Login;
use crate::resource::verification::failed;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use hyper::header::{HeaderValue, WWW_AUTHENTICATE};
use serde::Deserialize;
use url::Url;

/// Bytes of a token that is sent on.
const MAX_TOKEN: usize = 32 * 1024;

/// What a registry asks for.
enum Challenge {
    Basic,
    Bearer { realm: Url, service: Option<String> },
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
}

/// The `Authorization` that the registry at `url` asks for.
pub(super) async fn authorize(
    wire: &mut Wire<'_>,
    url: &Url,
    repository: &str,
    login: &Login,
    challenged: &Answer,
) -> Result<HeaderValue, ImageFailure> {
    match challenge(url, challenged)? {
        Challenge::Basic => basic(login),
        Challenge::Bearer { mut realm, service } => {
            if !wire.speaks(&realm) || !wire.fence.may_give_tokens(&authority(url), &authority(&realm)) {
                let message = format!(
                    "{} sends for its tokens to {} by {}, where no login is sent: limits.tokenHosts do not list that host",
                    place(url),
                    place(&realm),
                    realm.scheme()
                );
                return Err(failed(Class::NotAllowed, message));
            }
            realm.query_pairs_mut().append_pair("scope", &format!("repository:{repository}:pull"));
            if let Some(service) = service {
                realm.query_pairs_mut().append_pair("service", &service);
            }
            let answer = wire.send(Method::GET, &realm, Some(&basic(login)?)).await?;
            bearer(&realm, &answer)
        }
    }
}

/// The challenge that can be answered; a token where there is a choice.
fn challenge(url: &Url, answer: &Answer) -> Result<Challenge, ImageFailure> {
    let headers = answer.headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let challenges: Vec<http_auth::ChallengeRef> =
        headers.filter_map(|value| http_auth::parse_challenges(value).ok()).flatten().collect();
    let find = |scheme: &str| challenges.iter().find(|challenge| challenge.scheme.eq_ignore_ascii_case(scheme));
    let malformed = || failed(Class::Malformed, format!("{} asks for a login in a way that is not known", place(url)));
    let Some(bearer) = find("Bearer") else {
        return if find("Basic").is_some() { Ok(Challenge::Basic) } else { Err(malformed()) };
    };
    let parameter = |name: &str| {
        let found = bearer.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_unescaped())
    };
    let realm = parameter("realm").and_then(|realm| Url::parse(&realm).ok()).filter(Url::has_host);
    Ok(Challenge::Bearer { realm: realm.ok_or_else(malformed)?, service: parameter("service") })
}

fn bearer(realm: &Url, answer: &Answer) -> Result<HeaderValue, ImageFailure> {
    if !answer.status.is_success() {
        return Err(refusal(realm, answer, Class::WrongCredential));
    }
    let malformed = || failed(Class::Malformed, format!("{} answers with no token that can be used", place(realm)));
    let found: Token = serde_json::from_slice(&answer.body).map_err(|_| malformed())?;
    let token = if found.token.is_empty() { found.access_token } else { found.token };
    if token.is_empty() || token.len() > MAX_TOKEN {
        return Err(malformed());
    }
    header(format!("Bearer {token}")).ok_or_else(malformed)
}

fn basic(login: &Login) -> Result<HeaderValue, ImageFailure> {
    let pair = STANDARD.encode(format!("{}:{}", login.username(), login.password().reveal()));
    header(format!("Basic {pair}")).ok_or_else(|| failed(Class::WrongCredential, "the login does not fit into a request"))
}

fn header(text: String) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
