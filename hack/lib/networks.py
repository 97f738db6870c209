"""What the bench measures of PullNetworks: the calls of one, and of many in one account, with nothing remembered and in between."""

import os
import time

import network
import world

COUNT = int(os.environ.get("BENCH_NETWORKS", "100"))
REMEMBERED = 31  # seconds; what was read for several networks is kept for 30


def make(bench, count):
    """PullNetworks, each over a VPC of its own, in an account that they share; waits until they are Ready. Returns their names."""
    tenant = bench.tenant()
    session = world.session(bench.account(tenant))
    # What they made stays with the account when they go: nobody else has it.
    things = [network.manifest(f"{tenant}-{number}", tenant, network.Vpc(session), deletionPolicy="Retain") for number in range(count)]
    for thing in things:
        bench.api.create(f"apis/wharfinger.dev/v1alpha1/{network.KIND.partition('.')[0]}", thing)
    names = [thing["metadata"]["name"] for thing in things]
    world.until(f"{count} networks to be Ready", lambda: sum(map(world.is_ready, network.everyone())) == count,
                seconds=60 + 10 * count, controller=bench.controller)  # moto takes its time over endpoints
    return names


def wake(bench, names):
    """A pass over each that nobody asks for, as one is that its interval brings: what is asked for is read anew."""
    done = lambda: bench.controller.total("wharfinger_reconciles_total") or 0  # noqa: E731
    before = done()
    world.kubectl("annotate", network.KIND, *names, f"wharfinger.dev/force-delete=no-{time.time():.6f}", "--overwrite")
    world.until(f"{len(names)} passes", lambda: done() >= before + len(names), seconds=60 + len(names), controller=bench.controller)


def check(bench, passes):
    """The calls of a pass over each with nothing changed, when nothing that was read for the last one is remembered any more."""
    bench.controller.quiet()
    time.sleep(REMEMBERED)
    numbers, _ = bench.measure(passes)
    return numbers


def cold(bench, count):
    """The calls of a controller that knows nothing yet: its first pass over each."""
    bench.start()
    world.until(f"{count} passes", lambda: (bench.controller.total("wharfinger_reconciles_total") or 0) >= count, controller=bench.controller)
    calls = bench.controller.quiet()
    return {"aws_writes": calls.operations(True), "aws_reads": calls.operations(False), "writes": calls.writes, "reads": calls.reads}


def measure(bench, say):
    """All of it; the results by name."""
    results = {}
    for count in (1, COUNT):
        say(f"the calls of {count} network{'s' * (count != 1)} in one account")
        bench.start()
        names = []
        created, _ = bench.measure(lambda: names.extend(make(bench, count)))
        results[f"networks_of_{count}"] = {
            "creation": created,
            "nothing changed": check(bench, lambda: wake(bench, names)),
            "nothing changed, asked for": check(bench, lambda: world.poke(None, names, bench.controller, network.KIND)),
            "first pass of a controller": cold(bench, count),
        }
        # Networks are of no namespace, so every later controller would see them.
        world.kubectl("delete", network.KIND, *names, "--timeout=100s")
    return results


def lines(results):
    """The numbers for people."""
    told = []
    for name, passes in results.items():
        if name.startswith("networks_of_"):
            count = name.rpartition("_")[2]
            told.append(f"\n{'':<44}{'writes':>8}{'reads':>8}")
            title = f"{count} PullNetwork{'s' * (count != '1')}"
            told += [f"{title + ', ' + kind:<44}{calls['writes']:>8}{calls['reads']:>8}" for kind, calls in passes.items()]
            told += [f"  {kind}: {', '.join(f'{k} {v}' for k, v in {**calls['aws_writes'], **calls['aws_reads']}.items()) or 'no call'}"
                     for kind, calls in passes.items()]
    return told
