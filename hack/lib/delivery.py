"""What the bench measures of a delivery from Git: the time from a commit to Ready, through Flux and through Argo CD."""

import time

import parts
import world

COMMITS = 5
NAMESPACE, IMAGE = "payments", "registry.example.com/payments/api"


def measure(bench, spread, say):
    """Commits that change an image, one after the other: until the workload is Ready, and until the engine says so."""
    from gitops import ENGINES
    bench.start("--watch-namespaces", NAMESPACE)
    results = {}
    for kind in ENGINES:
        say(f"{COMMITS} commits through {kind.title}")
        engine = kind(parts.obtain("git"))
        try:
            results.update(through(engine, bench, spread))
        finally:
            engine.stop()
    return results


def through(engine, bench, spread):
    engine.up()
    manifest = engine.repository.tree / "payments/api.yaml"
    manifest.write_text(manifest.read_text().replace("spec:\n", "spec:\n  verify: \"Off\"\n", 1))  # its registry does not exist
    (engine.repository.tree / "payments/job.yaml").unlink()
    first = engine.repository.commit("Platform and payments")
    engine.follow()
    engine.publish(first)
    world.until("the namespace", lambda: world.kubectl("get", "namespace", NAMESPACE, "--ignore-not-found"))
    world.kubectl("apply", "-f", "examples/registry-secret.yaml")
    wait(engine, bench, first)
    ready, told = [], []
    for number in range(1, COMMITS + 1):
        manifest.write_text(manifest.read_text().replace(IMAGE + ":", f"{IMAGE}:{number}."))
        image = next(line.split()[-1] for line in manifest.read_text().splitlines() if "image:" in line)
        began = time.monotonic()
        commit = engine.commit(f"Release {number}")
        arrived = lambda: (w := world.workload(NAMESPACE, "api"))["spec"]["image"] == image and world.is_ready(w)  # noqa: E731
        world.until("the workload to be Ready", arrived, controller=bench.controller)
        ready.append(time.monotonic() - began)
        wait(engine, bench, commit)
        told.append(time.monotonic() - began)
    engine.forget()
    return {f"commit_to_ready_{engine.name}": spread(ready), f"commit_to_told_{engine.name}": spread(told)}


def wait(engine, bench, commit):
    world.until(f"{engine.title} to report the commit healthy", lambda: engine.healthy("payments", commit), seconds=90,
                controller=bench.controller)


def lines(results):
    """The rows of the table."""
    words = {"ready": "Ready", "told": "reported healthy"}
    rows = [(name.split("_")[2], name.rpartition("_")[2], value) for name, value in results.items() if name.startswith("commit_to_")]
    return [f"{f'commit to {words[what]}, by {engine}':<44}{value['p50']:>7.2f}s{value['p99']:>7.2f}s{value['n']:>15}"
            for what, engine, value in rows]
