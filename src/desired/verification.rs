//! Which images are to be proven, with which login, and for which platform.

use super::credentials::Matched;
use super::document::{Container, Prepared};
use crate::api::{ImageStatus, PrivateImageWorkload, Verify};
use crate::inputs::Inputs;
use crate::problem::Problem;
use crate::resource::definition::roles_mut;
use crate::resource::normalise::DefinitionKind;
use crate::resource::verification::{Fence, ImageRead, LoginSource, Platform};
use crate::status::is_asked_for;
use crate::target::Target;
use serde_json::{Map, Value};

/// Characters of an image in Batch, the digest included (Batch API, `ContainerProperties.image`).
const MAX_BATCH_IMAGE: usize = 255;

/// A digest of the usual length, to see whether an image is short enough for one.
const ANY_DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// The images that are pulled with a credential, each once for each credential and platform.
pub(super) fn resolve(
    inputs: &Inputs,
    target: &Target,
    prepared: &Prepared,
    matched: &Matched,
    problems: &mut Vec<Problem>,
) -> Vec<ImageRead> {
    let spec = &inputs.workload.spec;
    if spec.verify == Verify::Off {
        return vec![];
    }
    let mut found: Vec<ImageRead> = vec![];
    for (path, secret) in &matched.by_container {
        let Some(container) = prepared.containers.iter().find(|container| container.path == *path) else { continue };
        if spec.pin_digest {
            check_length(prepared.kind, container, problems);
        }
        let read = read(inputs, target, prepared, matched, (container, secret));
        match found
            .iter_mut()
            .find(|other| other.image == read.image && other.secret == read.secret && other.platform == read.platform)
        {
            Some(other) => other.containers.push(path.clone()),
            None => found.push(read),
        }
    }
    found
}

fn read(
    inputs: &Inputs,
    target: &Target,
    prepared: &Prepared,
    matched: &Matched,
    (container, secret): (&Container, &String),
) -> ImageRead {
    let workload = &inputs.workload;
    let handled = workload.status.as_ref().and_then(|status| status.last_handled_reconcile_at.as_ref());
    let kept = matched.kept.iter().find(|kept| kept.name == *secret);
    let referenced = matched.referenced.iter().find(|referenced| referenced.arn == *secret);
    let login = match (kept, referenced.and_then(|referenced| referenced.login.clone())) {
        (Some(kept), _) => LoginSource::Given { value: kept.value.clone(), version_id: kept.version_id.clone() },
        (None, Some((value, version_id))) => LoginSource::Given { value, version_id },
        (None, None) => LoginSource::Stored { arn: None },
    };
    ImageRead {
        image: container.image.clone(),
        secret: secret.clone(),
        login,
        platform: platform(prepared, &container.path),
        containers: vec![container.path.clone()],
        fence: Fence::new(target.limits.as_ref()),
        enforce: workload.spec.verify == Verify::Enforce,
        afresh: is_asked_for(workload, handled),
        lasts: ImageRead::lasting(crate::interval::parse(workload.spec.interval.as_deref())),
        known: known(workload, container.image.written()),
    }
}

fn known(workload: &PrivateImageWorkload, image: &str) -> Vec<ImageStatus> {
    workload.status.iter().flat_map(|status| &status.images).filter(|known| known.image == image).cloned().collect()
}

/// What a container runs on (ECS API, `RuntimePlatform`: LINUX and X86_64 by default on Fargate). On hosts that nobody describes it
/// is not known.
fn platform(prepared: &Prepared, container: &str) -> Option<Platform> {
    let text = |object: &Map<String, Value>, field: &str| {
        object.get("runtimePlatform").and_then(|it| it.get(field)).and_then(Value::as_str).map(str::to_owned)
    };
    let (mut os, mut architecture) = (None, None);
    roles_mut(prepared.kind, &mut prepared.document.clone(), |path, object| {
        if container.strip_prefix(path).is_some_and(|rest| path.is_empty() || rest.is_empty() || rest.starts_with('.')) {
            os = text(object, "operatingSystemFamily");
            architecture = text(object, "cpuArchitecture");
        }
    });
    let hosts = match prepared.kind {
        DefinitionKind::TaskDefinition => "requiresCompatibilities",
        DefinitionKind::JobDefinition => "platformCapabilities",
    };
    let hosts = prepared.document.get(hosts).and_then(Value::as_array);
    if hosts.into_iter().flatten().any(|host| host.as_str() == Some("FARGATE")) {
        os = os.or_else(|| Some("LINUX".to_owned()));
        architecture = architecture.or_else(|| Some("X86_64".to_owned()));
    }
    let os = os.map(|family| if family.starts_with("WINDOWS") { "windows".to_owned() } else { family.to_ascii_lowercase() });
    let architecture = architecture.map(|word| match word.as_str() {
        "X86_64" => "amd64".to_owned(),
        other => other.to_ascii_lowercase(),
    });
    (os.is_some() || architecture.is_some()).then_some(Platform { os, architecture })
}

fn check_length(kind: DefinitionKind, container: &Container, problems: &mut Vec<Problem>) {
    let length = container.image.pinned(ANY_DIGEST).len();
    if kind == DefinitionKind::JobDefinition && length > MAX_BATCH_IMAGE {
        let rule = format!("with its digest the image has {length} characters, and Batch takes at most {MAX_BATCH_IMAGE}");
        let remedy = "name it by a shorter path, or leave spec.pinDigest out";
        problems.push(Problem::spec(container.image_field(), container.image.written(), rule, remedy));
    }
}
