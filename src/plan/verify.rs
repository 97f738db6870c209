//! What the registries' answers mean for the definition: it is held, registered with a warning, or registered by digest.

use super::{Hold, Plan, Subject, existing_secret};
use crate::api::{ImageFailureClass, ImageStatus};
use crate::desired::Desired;
use crate::observed::Observed;
use crate::resource::definition::containers_mut;
use crate::resource::verification::{ImageRead, LoginSource, reason, told};
use crate::status::Reason;
use serde_json::{Value, json};

/// What registries are asked, now that the secrets were looked at: a login is read only from a secret that may be pulled with.
pub fn questions(desired: &Desired, observed: &Observed) -> Vec<ImageRead> {
    let admitted = |id: &str| {
        if let Some(referenced) = desired.referenced.iter().find(|referenced| referenced.arn == id) {
            return Some(referenced.arn.clone());
        }
        let existing = desired.existing.iter().find(|existing| existing.id == id)?;
        existing_secret(existing, &desired.scope(), observed, &mut Plan::default()).map(|(arn, _)| arn)
    };
    // Where others rotate the value of a secret of ours, only AWS knows what containers pull with.
    let rotated = |id: &str| {
        let kept = desired.secrets.iter().find(|kept| kept.name == id)?;
        let found = observed.secrets.get(id)?.present().filter(|found| found.rotation_enabled && kept.owns(found))?;
        Some(found.arn.clone())
    };
    let ask = |read: &ImageRead| match (&read.login, rotated(&read.secret)) {
        (LoginSource::Given { .. }, None) => read.clone(),
        (LoginSource::Given { .. }, arn) => ImageRead { login: LoginSource::Stored { arn }, ..read.clone() },
        (LoginSource::Stored { .. }, _) => {
            ImageRead { login: LoginSource::Stored { arn: admitted(&read.secret) }, ..read.clone() }
        }
    };
    desired.images.iter().map(ask).collect()
}

/// The definition as it may be registered; nothing if it is held. What is registered already stays in either case.
pub(super) fn verified(desired: &Desired, observed: &Observed, mut document: Value, plan: &mut Plan) -> Option<Value> {
    for read in &desired.images {
        let answer = read.find(&observed.images);
        match answer.map(|status| (status, &status.failure)) {
            None if read.enforce => hold(desired, Reason::ImageNotVerified, not_asked(read), plan),
            Some((status, Some(failure))) if read.enforce => hold(desired, reason(failure.class), told(status, failure), plan),
            Some((status, Some(failure))) if failure.class != ImageFailureClass::NotVerified => {
                plan.notes.push(format!("not verified: {}", told(status, failure)));
            }
            _ => {}
        }
        if desired.pin_digest {
            pin(desired, read, answer, &mut document, plan);
        }
    }
    (!plan.holds(&Subject::definition(&desired.definition.name))).then_some(document)
}

/// The tag gives way to the digest: what was verified is what is registered, even if the tag has moved since. Where the registry
/// cannot be asked the digest that was proven last stays; a tag is never registered for want of one.
fn pin(desired: &Desired, read: &ImageRead, answer: Option<&ImageStatus>, document: &mut Value, plan: &mut Plan) {
    let (reason, why) = match answer.map(|answer| (answer, &answer.digest, &answer.failure)) {
        Some((_, Some(digest), _)) => return set_image(desired, read, &read.image.pinned(digest), document),
        // Only where nobody is asked, as in `render`.
        Some((_, None, None)) => {
            let image = read.image.pinned("DIGEST");
            return plan.notes.push(format!("{image} is registered, by the digest that the registry tells"));
        }
        Some((status, None, Some(failure))) => (reason(failure.class), told(status, failure)),
        None => (Reason::ImageNotVerified, not_asked(read)),
    };
    if !read.enforce {
        hold(desired, reason, format!("spec.pinDigest: no digest is known: {why}"), plan);
    }
}

fn set_image(desired: &Desired, read: &ImageRead, image: &str, document: &mut Value) {
    containers_mut(desired.definition.kind, document, |path, container| {
        if read.containers.iter().any(|of| of == path) {
            container.insert("image".to_owned(), json!(image));
        }
    });
}

fn hold(desired: &Desired, reason: Reason, message: String, plan: &mut Plan) {
    plan.hold(Subject::definition(&desired.definition.name), Hold::Refused(reason), message);
}

fn not_asked(read: &ImageRead) -> String {
    format!("image {} with secret {} was not asked for; it is tried again", read.image.written(), read.secret)
}
