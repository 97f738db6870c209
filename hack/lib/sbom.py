"""The list of what is in the image (CycloneDX): what cargo-cyclonedx tells of each crate, for just those crates that were built into
the program, and what cargo knows nothing of. Standard library only."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

TREE = ("Cargo.toml", "Cargo.lock", "src", "tests", "benches")  # all that cargo looks at


def described(tool, root, target, epoch):
    """cargo-cyclonedx's document. It writes beside the manifest, so it is shown the tree in another folder."""
    with tempfile.TemporaryDirectory() as folder:
        for name in TREE:
            (Path(folder) / name).symlink_to(root / name)
        shutil.copytree(root / "crates", Path(folder) / "crates")  # each crate of the workspace gets a document beside its manifest
        subprocess.run([tool, "cyclonedx", "--quiet", "--format=json", "--spec-version=1.5", f"--target={target}", "--no-build-deps",
                        "--override-filename=bom", f"--manifest-path={folder}/Cargo.toml"],
                       check=True, env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch)})
        text = (Path(folder) / "bom.json").read_text()
        # Where the tree lies is nobody's business, and another place each time.
        own = text.replace(f"path+file://{folder}#", "").replace("?download_url=file://.", "")
        return json.loads(placeless(own, folder))


def placeless(text, folder):
    """Ids of crates of the workspace, without where it lies."""
    return text.replace(f"path+file://{folder}/", "path+file:///")


def only(document, built):
    """The document without the crates that are not in the program: macros, and what only other features would bring."""
    known = {each["bom-ref"] for each in document["components"]}
    unknown = {each for each in built if each.startswith("registry+")} - known
    if unknown:
        raise ValueError(f"cargo-cyclonedx tells nothing of {', '.join(sorted(unknown))}")
    kept = (known & built) | {document["metadata"]["component"]["bom-ref"]}
    return {
        **document,
        "components": [each for each in document["components"] if each["bom-ref"] in kept],
        "dependencies": [{**each, "dependsOn": [ref for ref in each.get("dependsOn", []) if ref in kept]}
                         for each in document["dependencies"] if each["ref"] in kept],
    }


def besides(document, components):
    """Adds what is in the image and no crate: (type, name, version, package URL)."""
    more = [{"type": kind, "bom-ref": url, "name": name, "version": version, "purl": url} for kind, name, version, url in components]
    return {**document, "components": document["components"] + more}


def write(document):
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()
