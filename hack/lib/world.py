"""What the demo and the bench have in common: the way into the launcher, kubectl, the controller, its counters, AWS accounts."""

import collections
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import processes

ROOT = Path(__file__).resolve().parents[2]
KIND = "privateimageworkloads.wharfinger.dev"
POLL = 0.1
KEEP = os.environ.get("KEEP", "") not in ("", "0")
READS = ("Get", "BatchGet", "Describe", "List", "AssumeRole", "Simulate")


class Failed(Exception):
    """A claim that did not hold, or a program that did not do its part."""


class Interrupted(BaseException):
    """A signal asked for the end."""


def enter(profile):
    """Continues only with a program to show, among the real parts and with the Python that has boto3; starts itself again where it
    must."""
    try:
        binary(profile)
    except Failed as failure:
        sys.exit(str(failure))
    if "WHARFINGER_PARTS" not in os.environ:
        run = str(ROOT / "hack/parts/run")
        os.execv(run, [run, *(["--keep"] if KEEP else []), "--", *sys.argv])
    moto = next((Path(p) / "moto_server" for p in os.get_exec_path() if (Path(p) / "moto_server").exists()), None)
    if moto is None:
        sys.exit("no moto_server on the PATH, though WHARFINGER_PARTS is set; start this by hack/parts/run")
    python = Path(os.path.realpath(moto)).with_name("python")
    if Path(sys.prefix).resolve() != python.parent.parent:
        os.execv(python, [str(python), "-B", *sys.argv])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)


def on_signal(number, _frame):
    ignore_signals()  # the first one decides; cleaning up is bounded anyway
    raise Interrupted(number)


def ignore_signals():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def state():
    return Path(os.environ["WHARFINGER_PARTS"])


def binary(profile):
    """The program: $WHARFINGER, or what `cargo build` made."""
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    path = Path(os.environ.get("WHARFINGER") or target / profile / "wharfinger").resolve()
    if not os.access(path, os.X_OK):
        flag = " --release" if profile == "release" else ""
        raise Failed(f"there is no program {path}: run `cargo build{flag}`, or set WHARFINGER to one")
    return path


def until(what, look, seconds=60, controller=None):
    """Polls `look` until it returns something true, and returns that. Fails after `seconds`, or when the controller ends."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if controller and not controller.alive():
            raise Failed(f"the controller ended while waiting for {what}")
        if time.monotonic() > deadline:
            raise Failed(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(POLL)
    return found


def kubectl(*arguments, input=None, check=True):
    """Runs kubectl and returns its output; what it complains of becomes the failure's message."""
    command = ["kubectl", "--request-timeout=60s", *arguments]
    try:
        done = subprocess.run(command, input=input, capture_output=True, text=True, cwd=ROOT, timeout=120)
    except subprocess.TimeoutExpired as late:
        raise Failed(f"`kubectl {' '.join(arguments)}` did not end within {late.timeout:.0f} s") from None
    if check and done.returncode != 0:
        raise Failed(f"`kubectl {' '.join(arguments)}` failed:\n{done.stderr.strip()}")
    return done.stdout


def crds_served():
    """Waits until the API server serves the kinds of crds/: it says Established a moment before it does."""
    kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", "crds/")
    for kind in (KIND, "accountbindings.wharfinger.dev", "pullnetworks.wharfinger.dev"):
        until(f"{kind} to be served", lambda: kubectl("get", kind, "-A", "-o", "json", check=False), seconds=30)


def workload(namespace, name):
    return json.loads(kubectl("get", KIND, name, "-n", namespace, "-o", "json"))


def condition(thing, kind):
    return next((c for c in thing.get("status", {}).get("conditions", []) if c["type"] == kind), {})


def is_ready(thing):
    """Ready, and said so of the spec as it is now."""
    current = thing.get("status", {}).get("observedGeneration") == thing["metadata"]["generation"]
    return current and condition(thing, "Ready").get("status") == "True"


def poke(namespace, names, controller, kind=KIND):
    """Asks for a pass over each workload, or object of another kind, and waits until it was made."""
    token, place = f"{time.time():.6f}", ["-n", namespace] if namespace else []
    kubectl("annotate", kind, *names, *place, f"wharfinger.dev/requestedAt={token}", "--overwrite")

    def unanswered():
        things = json.loads(kubectl("get", kind, *place, "-o", "json"))["items"]
        answered = {each["metadata"]["name"] for each in things if each.get("status", {}).get("lastHandledReconcileAt") == token}
        return set(names) - answered

    until(f"status.lastHandledReconcileAt of {', '.join(names[:3])} to answer the request", lambda: not unanswered(),
          seconds=60 + len(names), controller=controller)


def fetch(url):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=10) as response:
        return response.read().decode()


def session(account, region="eu-west-1", role="wharfinger"):
    """boto3 in an account of its own, which moto makes of the assumed role's ARN."""
    import boto3
    role = f"arn:aws:iam::{account}:role/{role}"
    credentials = boto3.client("sts", region_name=region).assume_role(RoleArn=role, RoleSessionName="onlooker")["Credentials"]
    return boto3.Session(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"], region_name=region)


class Calls(collections.Counter):
    """AWS calls by (service, operation, code)."""

    def operations(self, writes):
        found = collections.Counter()
        for (service, operation, _), count in self.items():
            if count and (not operation.startswith(READS)) == writes:
                found[operation] += count
        return dict(sorted(found.items()))

    @property
    def writes(self):
        return sum(self.operations(True).values())

    @property
    def reads(self):
        return sum(self.operations(False).values())

    def since(self, before):
        return Calls({key: count - before.get(key, 0) for key, count in self.items() if count != before.get(key, 0)})

    def __str__(self):
        return f"{self.writes} write{'s' * (self.writes != 1)}, {self.reads} read{'s' * (self.reads != 1)}"


def free_lease(name="wharfinger"):
    """Lets the Lease go in the name of a controller that is dead, or makes one that nobody holds, so that the next one leads at once:
    nobody else can know that no other process leads. Only for when none does."""
    if not kubectl("get", "lease", name, "--ignore-not-found", "-o", "name"):
        kubectl("create", "-f", "-", input=json.dumps({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name}, "spec": {"leaseTransitions": 0}}))
    lease = json.loads(kubectl("get", "lease", name, "-o", "json"))
    term = f"{lease['metadata']['uid']}/{lease['spec']['leaseTransitions']}"
    patch = {"metadata": {"annotations": {"wharfinger.dev/released": term}}, "spec": {"holderIdentity": None}}
    kubectl("patch", "lease", name, "--type=merge", "-p", json.dumps(patch))


class Controller:
    """A `wharfinger controller` process with its log and its counters. Without `beside` no other one runs."""

    def __init__(self, program, name="controller", *flags, beside=False):
        if not beside:
            free_lease()
        self.log = state() / f"{name}.log"
        self.log.unlink(missing_ok=True)
        self.pid = processes.spawn(state(), name, [
            program, "controller", "--log-format", "json", "--metrics-addr", "127.0.0.1:0", "--health-addr", "127.0.0.1:0", *flags,
        ], tied=not KEEP)
        try:
            serving = until("the controller's log line `serving`", self._serving, controller=self)
            self.metrics_url, self.health_url = f"http://{serving['metrics_addr']}/metrics", f"http://{serving['health_addr']}/readyz"
            until(f"{self.health_url} to answer", self.role, controller=self)
            if not beside:
                until("the controller to lead", lambda: self.role() == "leading", controller=self)
        except Failed as failure:
            self.stop()
            raise Failed(f"{failure}; the end of its log:\n{self.log_tail()}") from None
        except BaseException:
            self.stop()
            raise

    def log_tail(self, lines=30):
        return "\n".join(f"    {line}" for line in self.log.read_text(errors="replace").splitlines()[-lines:])

    def _serving(self):
        for line in self.log.read_text(errors="replace").splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            fields = entry.get("fields", entry)  # tracing nests them unless told to flatten
            if fields.get("message") == "serving" and "metrics_addr" in fields:
                return fields
        return None

    def role(self):
        """`leading` or `standby`, whatever else it has to tell; None while its watches are not synced."""
        try:
            return fetch(self.health_url).partition(",")[0].strip()
        except OSError:
            return None

    def alive(self):
        return processes.alive(self.pid)

    def stop(self):
        """Ends it. Returns whether the request to end was enough."""
        return not processes.stop([self.pid])

    def samples(self, name):
        """The samples of a counter: [(labels, value)]."""
        found = []
        for line in fetch(self.metrics_url).splitlines():
            match = re.fullmatch(rf"{name}(?:{{(.*)}})? (\S+)(?: \S+)?", line)
            if match:
                found.append((dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[1] or "")), float(match[2])))
        return found

    def total(self, name):
        """The sum of a counter's samples; None if there is no such counter."""
        samples = self.samples(name)
        return int(sum(value for _, value in samples)) if samples else None

    def calls(self):
        counted = Calls()
        for labels, value in self.samples("wharfinger_aws_calls_total"):
            counted[labels["service"], labels["operation"], labels["code"]] += int(value)
        return counted

    def quiet(self, still=0.6, seconds=30):
        """Waits until no AWS call and no reconcile was counted for a moment, and returns the counts."""
        deadline, last, since = time.monotonic() + seconds, None, 0.0
        while True:
            if not self.alive():
                raise Failed("the controller ended")
            seen = (self.calls(), self.total("wharfinger_reconciles_total"))
            now = time.monotonic()
            if seen != last:
                last, since = seen, now
            elif now - since >= still:
                return seen[0]
            if now > deadline:
                raise Failed(f"the controller is still at work after {seconds} s, though nothing changes")
            time.sleep(POLL)

    def peak_memory(self):
        """The most resident memory it ever had, in MiB; None where the kernel does not say."""
        try:
            status = Path(f"/proc/{self.pid}/status").read_text()
        except OSError:
            return None
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024
