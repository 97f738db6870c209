//! What the registries' answers say of a workload as a whole.

use super::Verdict;
use crate::api::{ImageFailureClass, ImageStatus};
use crate::resource::verification::{reason, told};

/// True where every image is proven, false where a registry said no, unknown where none could say.
pub(super) fn verdict(images: &[ImageStatus]) -> Verdict {
    let failures = || images.iter().filter_map(|status| Some((status, status.failure.as_ref()?)));
    let silent = |class: ImageFailureClass| class.passes() || class == ImageFailureClass::NotVerified;
    let refused = failures().find(|(_, failure)| !silent(failure.class));
    let Some((_, first)) = refused.or_else(|| failures().next()) else { return proven(images) };
    Verdict {
        ok: (!silent(first.class)).then_some(false),
        reason: reason(first.class),
        message: failures().map(|(status, failure)| told(status, failure)).collect::<Vec<_>>().join("\n"),
    }
}

fn proven(images: &[ImageStatus]) -> Verdict {
    let one = |status: &ImageStatus| {
        let note = status.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
        format!("{}: {}{note}", status.image, status.digest.as_deref().unwrap_or_default())
    };
    if images.is_empty() {
        return Verdict::yes("no image is pulled with a credential");
    }
    Verdict::yes(images.iter().map(one).collect::<Vec<_>>().join("; "))
}
