"""What the bench measures of the command line: how long one waits for the help, for the status of many workloads, for the plan of many
files."""

import copy
import json
import os
import subprocess
import time

import world
from watch import WORKLOADS

HELPS = int(os.environ.get("BENCH_HELPS", "50"))
OBJECTS = int(os.environ.get("BENCH_OBJECTS", "1000"))


def first_byte(program):
    """Milliseconds from the start of `--help` to its first byte."""
    began = time.monotonic()
    with subprocess.Popen([program, "--help"], stdout=subprocess.PIPE) as process:
        process.stdout.read(1)
        waited = time.monotonic() - began
        process.stdout.read()
    return waited * 1000


def run(program, *arguments, codes):
    """Seconds that a command takes, and what it prints."""
    began = time.monotonic()
    done = subprocess.run([program, *arguments], capture_output=True, text=True)
    seconds = round(time.monotonic() - began, 2)
    if done.returncode not in codes:
        raise world.Failed(f"`wharfinger {' '.join(map(str, arguments))}` ended with {done.returncode}: {done.stderr[-500:]}")
    return seconds, done.stdout


def workloads(bench, tenant, count):
    """Workloads that no registry is asked about."""
    for index in range(count):
        thing = copy.deepcopy(bench.workload)
        thing["metadata"].update(name=f"many-{index}", namespace=tenant)
        thing["spec"].update(bindingRef={"name": tenant}, verify="Off")
        yield thing


def status(bench, tenant):
    """Seconds of `wharfinger status` over many workloads; a status like that of a real pass stands on each."""
    condition = {"type": "Ready", "status": "True", "reason": "Succeeded", "message": "registered " * 10, "lastTransitionTime": "2026-01-01T00:00:00Z"}
    for thing in workloads(bench, tenant, OBJECTS):
        bench.api.create(f"{WORKLOADS}/namespaces/{tenant}/privateimageworkloads", thing)
    first = world.workload(tenant, "many-0")
    first["status"] = {"observedGeneration": 1, "conditions": [condition]}
    world.kubectl("replace", "--subresource=status", "-f", "-", input=json.dumps(first))
    seconds, told = run(bench.program, "status", "-n", tenant, codes=(2,))
    if f"1 of {OBJECTS} ready" not in told:
        raise world.Failed(f"not all workloads are told of: {told[-200:]}")
    return seconds


def plan(bench, tenant):
    """Seconds of `wharfinger plan` over many files, and the calls to AWS that moto answers meanwhile."""
    folder = world.state() / "plan"
    folder.mkdir()
    binding, namespace, secret = copy.deepcopy((bench.binding, bench.namespace, bench.secret))
    binding["metadata"]["name"], namespace["metadata"] = tenant, {"name": tenant, "labels": {"team": tenant}}
    account = bench.account(tenant)
    binding["spec"].update(accountId=account, roleArn=f"arn:aws:iam::{account}:role/wharfinger",
                           namespaceSelector={"matchLabels": {"team": tenant}})
    secret["metadata"]["namespace"] = tenant
    for name, thing in enumerate([binding, namespace, secret, *workloads(bench, tenant, OBJECTS)]):
        (folder / f"{name}.json").write_text(json.dumps(thing))
    seconds, told = run(bench.program, "plan", "-f", folder, codes=(2,))
    if f"for {OBJECTS} of {OBJECTS} workloads" not in told:
        raise world.Failed(f"not all files are planned: {told[-200:]}")
    seconds_of_render, _ = run(bench.program, "render", "-f", folder, codes=(0,))
    return {"plan": seconds, "render": seconds_of_render}


def measure(bench, say):
    """All of it; the results by name."""
    say(f"the first byte of --help, {HELPS} times")
    waits = sorted(first_byte(bench.program) for _ in range(HELPS))
    results = {"help_first_byte_ms": {"p50": round(waits[len(waits) // 2], 1), "max": round(waits[-1], 1), "n": HELPS}}
    bench.stop()
    bench.controller = None
    say(f"the status of {OBJECTS} workloads, and the plan of as many files")
    tenant = bench.tenant()
    results[f"status_of_{OBJECTS}"] = status(bench, tenant)
    results[f"plan_of_{OBJECTS}"] = plan(bench, tenant)
    return results


def lines(results):
    """The numbers for people."""
    told = []
    if wait := results.get("help_first_byte_ms"):
        told.append(f"`--help`: first byte after {wait['p50']} ms, at most {wait['max']} ms (n = {wait['n']})")
    for name, value in results.items():
        if name.startswith("status_of_"):
            told.append(f"`status` of {name.rpartition('_')[2]} workloads: {value} s")
        if name.startswith("plan_of_"):
            told.append(f"of {name.rpartition('_')[2]} files: `plan` {value['plan']} s, with moto's answers; `render` {value['render']} s, with none")
    return told
