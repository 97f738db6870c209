"""What the bench measures of the program itself: how soon it runs, how soon a controller serves its probes, how large its image is."""

import json
import subprocess
import time
from pathlib import Path

import world

STARTS = 10


def version(program):
    """Seconds from the start of the program to its end, when it has only to say its version."""
    began = time.perf_counter()
    subprocess.run([program, "--version"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def serving(program):
    """Seconds from the start of a controller until it says that it serves metrics and probes."""
    began = time.perf_counter()
    command = [program, "controller", "--log-format", "json", "--metrics-addr", "127.0.0.1:0", "--health-addr", "127.0.0.1:0"]
    controller = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        for line in controller.stderr:
            if '"serving"' in line:
                return time.perf_counter() - began
        raise world.Failed("a controller ended before it served")
    finally:
        controller.terminate()
        controller.communicate()


def image(layout):
    """The compressed size in MB of the image that `make image` wrote, with its revision; None if there is none."""
    blob = lambda digest: json.loads((layout / "blobs" / digest.replace(":", "/")).read_text())  # noqa: E731
    try:
        index = blob(json.loads((layout / "index.json").read_text())["manifests"][0]["digest"])
    except FileNotFoundError:
        return None
    manifest = blob(index["manifests"][0]["digest"])
    size = sum(each["size"] for each in (manifest["config"], *manifest["layers"]))
    return {"megabytes": round(size / 1e6, 1), "revision": manifest["annotations"]["org.opencontainers.image.revision"]}


def measure(program, layout, spread, say):
    say(f"{STARTS} starts of the program")
    found = {"start": spread([version(program) for _ in range(STARTS)]), "serving": spread([serving(program) for _ in range(STARTS)])}
    if built := image(Path(layout)):
        found["image"] = built
    else:
        say(f"there is no image in {layout}: `make image` writes one, and its size is then measured as well")
    return found


def lines(results):
    """The numbers for people."""
    told = [f"{what:<44}{1000 * results[name]['p50']:>6.0f}ms{1000 * results[name]['max']:>6.0f}ms max{results[name]['n']:>11}"
            for name, what in (("start", "start of the program to its end"), ("serving", "start of a controller to its probes"))]
    if built := results.get("image"):
        told.append(f"the image: {built['megabytes']} MB compressed, of {built['revision']}")
    return told
