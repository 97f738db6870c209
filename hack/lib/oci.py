"""OCI image layouts from named files: the same input gives the same bytes. Standard library only.

What is written is one image index that holds an image of one layer and the artifacts that refer to it, so that one digest stands
for all. https://github.com/opencontainers/image-spec, `image-layout.md`, `manifest.md` and `image-index.md`.
"""

import base64
import datetime
import gzip
import hashlib
import io
import json
import os
import platform
import shutil
import tarfile
import tempfile
from pathlib import Path

INDEX, MANIFEST = "application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json"
CONFIG, LAYER = "application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip"
EMPTY = "application/vnd.oci.empty.v1+json"
# Clients that choose by platform must not choose an artifact. BuildKit marks its attestations so.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
NO_PLATFORM = {"architecture": "unknown", "os": "unknown"}


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def architecture():
    """This machine's, in the words of image configurations."""
    return ARCHITECTURES.get(platform.machine())


def document(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def instant(epoch):
    return datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def tar(files, epoch):
    """An archive of {path: (mode, content)}: sorted, each folder before what is in it, all of it root's and of one time."""
    entries = {str(folder) + "/": (0o755, None) for path in files for folder in Path(path).parents if folder != Path(".")}
    entries.update(files)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, (mode, content) in sorted(entries.items()):
            entry = tarfile.TarInfo(path)
            entry.mode, entry.mtime = mode, epoch
            if content is None:
                entry.type = tarfile.DIRTYPE
                archive.addfile(entry)
            else:
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def compressed(content):
    """With no name, no time and the same header whatever the Python; what follows depends on the version of zlib alone."""
    out = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=out, mode="wb", compresslevel=9, mtime=0) as stream:
        stream.write(content)
    return out.getvalue()


class Layout:
    """The blobs of one image index, and the index as far as it is made."""

    def __init__(self, epoch):
        self.epoch, self.blobs, self.manifests = epoch, {}, []

    def blob(self, kind, content, **more):
        """Keeps a blob and returns its descriptor."""
        self.blobs[digest(content)] = content
        return {"mediaType": kind, "digest": digest(content), "size": len(content), **more}

    def image(self, files, config, architecture, labels):
        """Adds an image of one layer and returns its descriptor. `config`: what containers of it begin with."""
        layer = tar(files, self.epoch)
        stamp = instant(self.epoch)
        described = self.blob(CONFIG, document({
            "created": stamp, "architecture": architecture, "os": "linux", "config": {**config, "Labels": labels},
            "rootfs": {"type": "layers", "diff_ids": [digest(layer)]}, "history": [{"created": stamp, "created_by": "make image"}],
        }))
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": [self.blob(LAYER, compressed(layer))],
                    "annotations": labels}
        image = self.blob(MANIFEST, document(manifest))
        self.manifests.append({**image, "platform": {"architecture": architecture, "os": "linux"}})
        return image

    def artifact(self, subject, kind, content, title):
        """Adds a document about an image, which registries then list among the image's referrers."""
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": kind, "subject": subject,
                    "config": self.blob(EMPTY, b"{}", data=base64.b64encode(b"{}").decode()),
                    "layers": [self.blob(kind, content, annotations={"org.opencontainers.image.title": title})],
                    "annotations": {"org.opencontainers.image.created": instant(self.epoch)}}
        self.manifests.append(self.blob(MANIFEST, document(manifest), artifactType=kind, platform=NO_PLATFORM))

    def files(self, tag, labels):
        """All files of the layout, and the digest that the index has in a registry."""
        index = self.blob(INDEX, document({"schemaVersion": 2, "mediaType": INDEX, "manifests": self.manifests, "annotations": labels}))
        top = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [{**index, "annotations": {"org.opencontainers.image.ref.name": tag}}]}
        blobs = {f"blobs/{each.replace(':', '/')}": content for each, content in self.blobs.items()}
        return {"oci-layout": document({"imageLayoutVersion": "1.0.0"}), "index.json": document(top), **blobs}, index["digest"]


def write_folder(files, folder):
    """Puts the files where `folder` is, all at once and in place of the layout that was there."""
    if folder.exists() and not (folder / "oci-layout").exists():
        raise FileExistsError(f"{folder} is there and is not an OCI image layout: remove it, or choose another place")
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        for path, content in files.items():
            (fresh / path).parent.mkdir(parents=True, exist_ok=True)
            (fresh / path).write_bytes(content)
        fresh.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def write_archive(files, path, epoch):
    """The same as one file, for `ctr images import`, `podman load` and the like."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_bytes(tar({name: (0o644, content) for name, content in files.items()}, epoch))
    fresh.replace(path)
