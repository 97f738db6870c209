"""What the bench measures of several replicas: takeovers, what one that stands by costs, a start among many objects, two that idle."""

import copy
import os
import re
import signal
import time
from pathlib import Path

import world
from watch import WORKLOADS

TAKEOVERS = int(os.environ.get("BENCH_TAKEOVERS", "5"))
OBJECTS = int(os.environ.get("BENCH_OBJECTS", "1000"))
IDLE_MINUTES = float(os.environ.get("BENCH_IDLE_MINUTES", "5"))
POLL = 0.02
TICKS = os.sysconf("SC_CLK_TCK")


class Pair:
    """Two controllers, of which one leads."""

    def __init__(self, program, *flags):
        self.program, self.flags, self.started = program, flags, 0
        self.leader = self.standby = None
        self.leader = self._start(beside=False)
        self.standby = self._start(beside=True)

    def _start(self, beside):
        self.started += 1
        return world.Controller(self.program, f"replica-{self.started}", *self.flags, beside=beside)

    def stop(self):
        for controller in (self.standby, self.leader):
            if controller:
                controller.stop()

    def take_over(self, number):
        """Sends the leader a signal. Returns the seconds until the other one leads; then there are two again."""
        gone, self.leader, self.standby = self.leader, self.standby, None
        began = time.monotonic()
        os.kill(gone.pid, number)
        while self.leader.role() != "leading":
            if time.monotonic() > began + 60:
                raise world.Failed("nobody takes over")
            time.sleep(POLL)
        seconds = time.monotonic() - began
        gone.stop()
        self.standby = self._start(beside=True)
        return seconds


def cpu_seconds(controller):
    fields = Path(f"/proc/{controller.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(controller):
    """Resident memory now, in MiB."""
    return int(re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{controller.pid}/status").read_text())[1]) / 1024


def kubernetes_calls():
    """What the API server has been asked so far, of the kinds that the controller touches: {(verb, resource): count}."""
    counted, wanted = {}, ("leases", "events", "secrets", "privateimageworkloads", "registrycredentials", "accountbindings")
    for line in world.kubectl("get", "--raw", "/metrics").splitlines():
        if line.startswith("apiserver_request_total{"):
            labels, value = re.findall(r'(\w+)="([^"]*)"', line), float(line.rsplit(" ", 1)[1])
            labels = dict(labels)
            if labels["resource"] in wanted:
                key = labels["verb"], labels["resource"]
                counted[key] = counted.get(key, 0) + int(value)
    return counted


def difference(before, after):
    changed = {key: count - before.get(key, 0) for key, count in after.items() if count != before.get(key, 0)}
    return {f"{verb} {resource}": count for (verb, resource), count in sorted(changed.items())}


def fill(bench, tenant):
    """Suspended workloads, which cost no call to AWS."""
    for index in range(OBJECTS):
        thing = copy.deepcopy(bench.workload)
        thing["metadata"].update(name=f"still-{index}", namespace=tenant)
        thing["spec"].update(bindingRef={"name": tenant}, suspend=True)
        bench.api.create(f"{WORKLOADS}/namespaces/{tenant}/privateimageworkloads", thing)


def start_among_many(bench, tenant, say):
    """Seconds from a start to the first pass, and to a pass over each of the objects."""
    say(f"a start among {OBJECTS} objects")
    fill(bench, tenant)
    world.free_lease()
    began = time.monotonic()
    controller = world.Controller(bench.program, "many", "--watch-namespaces", tenant, beside=True)
    seen = {}
    try:
        passes = lambda: controller.total("wharfinger_reconciles_total") or 0  # noqa: E731
        for name, count in (("first", 1), ("all", OBJECTS)):
            world.until(f"{count} passes", lambda: passes() >= count, seconds=60 + OBJECTS / 10, controller=controller)
            seen[name] = round(time.monotonic() - began, 2)
    finally:
        controller.stop()
    return seen


def measure(bench, spread, say):
    """All of it; the results by name."""
    tenant, results = bench.tenant(), {}
    bench.stop()
    bench.controller = None
    results[f"start_among_{OBJECTS}"] = start_among_many(bench, tenant, say)
    pair = Pair(bench.program, "--watch-namespaces", tenant)
    try:
        for name, number in (("kill", signal.SIGKILL), ("term", signal.SIGTERM)):
            say(f"{TAKEOVERS} takeovers after SIG{name.upper()}")
            results[f"takeover_{name}"] = spread([pair.take_over(number) for _ in range(TAKEOVERS)])
        results["idle"] = idle(pair, say)
    finally:
        pair.stop()
    return results


def idle(pair, say):
    """What two replicas do while nothing changes."""
    say(f"two replicas idle for {IDLE_MINUTES:g} minutes, with {OBJECTS} objects")
    both = {"leader": pair.leader, "standby": pair.standby}
    pair.leader.quiet(seconds=60 + OBJECTS / 5)  # each term begins with a pass over each object
    calls = {name: controller.calls() for name, controller in both.items()}
    cpu = {name: cpu_seconds(controller) for name, controller in both.items()}
    before, began = kubernetes_calls(), time.monotonic()
    while time.monotonic() < began + IDLE_MINUTES * 60:
        time.sleep(1)
        if not (pair.leader.alive() and pair.standby.alive()):
            raise world.Failed("a replica ended while nothing happened")
    minutes = (time.monotonic() - began) / 60
    aws = {name: controller.calls().since(calls[name]) for name, controller in both.items()}
    return {
        "minutes": round(minutes, 1),
        "aws_writes": sum(each.writes for each in aws.values()), "aws_reads": sum(each.reads for each in aws.values()),
        "kubernetes": difference(before, kubernetes_calls()),
        "memory_mib": {name: round(memory(controller), 1) for name, controller in both.items()},
        "cpu_percent": {name: round((cpu_seconds(controller) - cpu[name]) / minutes / 0.6, 2) for name, controller in both.items()},
    }


def lines(results):
    """The numbers for people."""
    told = []
    for name, what in (("kill", "killed"), ("term", "asked to end")):
        if spread := results.get(f"takeover_{name}"):
            told.append(f"{'the leader is ' + what + ': another leads after':<44}{spread['p50']:>7.2f}s{spread['max']:>7.2f}s max{spread['n']:>11}")
    for name, value in results.items():
        if name.startswith("start_among_"):
            told.append(f"a start among {name.rpartition('_')[2]} objects: first pass after {value['first']} s, all after {value['all']} s")
    if idle := results.get("idle"):
        told.append(f"two replicas, {idle['minutes']} min with nothing to do: {idle['aws_writes']} writes and {idle['aws_reads']} reads of AWS; "
                    f"the API server saw {', '.join(f'{what} {count}' for what, count in idle['kubernetes'].items())}")
        told.append(f"one that stands by: {idle['memory_mib']['standby']} MiB and {idle['cpu_percent']['standby']} % of a core; the leader: "
                    f"{idle['memory_mib']['leader']} MiB and {idle['cpu_percent']['leader']} %")
    return told
