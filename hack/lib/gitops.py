"""Argo CD and Flux as plain processes, and what they say of the Applications and Kustomizations of examples/. Flux's controller of
sources does not build from the module proxy, so the artifact that it would make of a commit is made here."""

import json
import os
import re
import secrets
import time

import git
import parts
import world

EXAMPLES = world.ROOT / "examples"
EXAMPLE_URL = re.compile(r"https://git\.example\.com/\S+")
# What the repository holds: the platform's folder and the team's.
LAYERS = {"platform/namespace.yaml": "00-platform/namespace.yaml", "platform/account-binding.yaml": "00-platform/account-binding.yaml",
          "payments/api.yaml": "ecs-fargate.yaml", "payments/job.yaml": "batch-job.yaml"}


def example(name):
    return (EXAMPLES / name).read_text()


def get(kind, name, namespace):
    text = world.kubectl("get", kind, name, "-n", namespace, "-o", "json", "--ignore-not-found")
    return json.loads(text) if text else None


class Engine:
    """What the two have in common: the repository, from the examples, and its server."""

    title, namespace = "", ""

    def __init__(self, binaries):
        self.binaries, self.state = binaries, world.state() / self.name
        self.repository = git.Repository(self.state / "git")
        self.server = git.Server(self.repository)
        self.url = f"{self.server.url}/{git.NAME}"
        self.running = []
        for path, name in LAYERS.items():
            self.repository.write(path, example(name))

    def install(self, crds):
        folder = (self.binaries / crds).resolve()  # kubectl does not follow links to folders
        world.kubectl("apply", "--server-side", "-f", str(folder))
        # It complains where there are no conditions yet.
        wait = ("wait", "--for=condition=Established", "--timeout=10s", "-f", str(folder))
        count = len(list(folder.iterdir()))
        world.until(f"the {crds} to be served", lambda: world.kubectl(*wait, check=False).count("condition met") == count)
        world.kubectl("create", "namespace", self.namespace)
        self.start(ControllerManager)

    def start(self, part):
        started = part(self.state, self.binaries, not world.KEEP)
        self.running.append(started)
        started.start()
        started.wait()
        return started

    def example(self, name):
        """An example's text with the repository that there is."""
        return EXAMPLE_URL.sub(self.url, example(name))

    def commit(self, message):
        return self.publish(self.repository.commit(message))

    def revert(self):
        return self.publish(self.repository.revert())

    def publish(self, commit):
        return commit

    def stop(self):
        parts.processes.stop([part.pid for part in reversed(self.running)])
        self.server.stop()

    def logs(self):
        return "\n".join(f"the end of {part.log}:\n{parts.tail(part.log)}" for part in self.running)


class Program(parts.Part):
    """A part in a home of its own, which reads the kubeconfig from the environment."""

    def environment(self):
        home = self.state / "home"
        home.mkdir(exist_ok=True)
        return {**parts.clean_environment(), "HOME": str(home), "TMPDIR": str(home)}


class ControllerManager(Program):
    """What Argo CD deletes goes in the foreground, which is the garbage collector's work."""

    name = "kube-controller-manager"

    def command(self):
        return [self.binaries / self.name, "--kubeconfig", os.environ["KUBECONFIG"], "--bind-address", "127.0.0.1", "--secure-port",
                self.port, "--leader-elect=false", "--controllers=garbage-collector-controller"]


class KustomizeController(Program):
    name, ports = "kustomize-controller", 2

    def command(self):
        return [self.binaries / "kustomize-controller", "--health-addr", f"127.0.0.1:{self.port}",
                "--metrics-addr", f"127.0.0.1:{self.more_ports[0]}", "--watch-all-namespaces", "--requeue-dependency", "1s",
                "--interval-jitter-percentage", "0"]

    def environment(self):
        return {**super().environment(), "RUNTIME_NAMESPACE": Flux.namespace}

    def ready(self):
        return parts.answers(f"{self.url}/readyz")


class Flux(Engine):
    name, title, namespace = "flux", "Flux's kustomize-controller", "flux-system"

    def up(self):
        self.install("flux-crds")
        self.start(KustomizeController)

    def follow(self):
        for layer in ("platform", "payments"):
            world.kubectl("apply", "-f", "-", input=self.example(f"flux/{layer}.yaml"))

    def publish(self, commit):
        if source := get("gitrepository", "deployments", self.namespace):
            name, digest, size = self.repository.archive(commit)
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            artifact = {"path": name, "url": f"{self.server.url}/{name}", "revision": f"main@sha1:{commit}", "digest": digest,
                        "size": size, "lastUpdateTime": now}
            ready = {"type": "Ready", "status": "True", "reason": "Succeeded", "message": f"stored {commit}", "lastTransitionTime": now}
            status = {"observedGeneration": source["metadata"]["generation"], "artifact": artifact, "conditions": [ready]}
            world.kubectl("patch", "gitrepository", "deployments", "-n", self.namespace, "--subresource=status", "--type=merge",
                          "-p", json.dumps({"status": status}))
        return commit

    def said(self, layer):
        return world.condition(get("kustomization", layer, self.namespace) or {}, "Ready")

    def healthy(self, layer, commit):
        found = get("kustomization", layer, self.namespace)
        return bool(found) and world.is_ready(found) and found["status"].get("lastAppliedRevision", "").endswith(commit)

    def failed(self, layer):
        """What it says, once it does not wait any more."""
        ready = self.said(layer)
        return ready.get("status") == "False" and ready["reason"] == "HealthCheckFailed" and ready["message"]

    @staticmethod
    def tells(name, _message):
        return "it ends at once and names the workload, whose Ready says why", f"PrivateImageWorkload/payments/{name} status: 'Failed'"

    def waits(self, layer):
        ready = self.said(layer)
        return ready.get("status") != "True" and f"{ready.get('reason', 'no status')}: {ready.get('message', '')}".strip()

    def look_again(self):
        """As `flux reconcile` asks."""
        world.kubectl("annotate", "kustomization", "payments", "-n", self.namespace, "--overwrite",
                      f"reconcile.fluxcd.io/requestedAt={time.time():.6f}")

    def forget(self):
        world.kubectl("delete", "kustomization", "payments", "-n", self.namespace, "--timeout=60s")


class Redis(Program):
    name = "argocd-redis"

    def command(self):
        return [self.binaries / "argocd-redis", f"127.0.0.1:{self.port}"]


class ArgoProgram(Program):
    """One binary that is several programs, by what it is told to be."""

    def environment(self):
        folders = {f"ARGOCD_{what}": self.state / "home" / what.lower() for what in ("TLS_DATA_PATH", "SSH_DATA_PATH", "GPG_DATA_PATH",
                                                                                     "GNUPGHOME", "PLUGINSOCKFILEPATH")}
        for folder in folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        return {**super().environment(), **{name: str(folder) for name, folder in folders.items()}, "ARGOCD_BINARY_NAME": self.name,
                "ARGOCD_GPG_ENABLED": "false", "ARGOCD_FAKE_IN_CLUSTER": "true", "ARGOCD_CONTROLLER_REPLICAS": "1",
                "HOSTNAME": f"{self.name}-0", "PATH": f"{self.binaries}{os.pathsep}{os.environ['PATH']}"}


class RepoServer(ArgoProgram):
    name, ports = "argocd-repo-server", 2
    redis = None

    def command(self):
        # Without the last flag it would remember for three minutes which commit a branch is at; a webhook would tell it otherwise.
        return [self.binaries / "argocd", "--address", "127.0.0.1", "--port", self.port, "--metrics-address", "127.0.0.1",
                "--metrics-port", self.more_ports[0], "--redis", self.redis, "--disable-tls", "--revision-cache-expiration", "1s"]

    def ready(self):
        return parts.answers(f"http://127.0.0.1:{self.more_ports[0]}/healthz")


class ApplicationController(ArgoProgram):
    name = "argocd-application-controller"
    redis, repositories = None, None

    def command(self):
        # Its metrics have no flag for an address. What each resource's health says is kept in the Application, where it can be read.
        return [self.binaries / "argocd", "--namespace", ArgoCD.namespace, "--kubeconfig", os.environ["KUBECONFIG"],
                "--redis", self.redis, "--repo-server", self.repositories, "--repo-server-plaintext", "--metrics-port", self.port,
                "--app-resync", "3", "--app-resync-jitter", "0", "--persist-resource-health"]

    def serves(self):
        return True  # on all addresses, which `ready` finds

    def ready(self):
        return parts.answers(f"{self.url}/healthz")


class ArgoCD(Engine):
    name, title, namespace = "argocd", "Argo CD's application controller", "argocd"

    def up(self):
        self.install("argocd-crds")
        world.kubectl("apply", "--server-side", "-f", str(EXAMPLES / "argocd/argocd-cm.yaml"))
        label = {"app.kubernetes.io/part-of": "argocd"}
        world.kubectl("apply", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "Secret", "stringData": {
            "server.secretkey": secrets.token_hex(16)}, "metadata": {"name": "argocd-secret", "namespace": self.namespace, "labels": label}}))
        world.kubectl("apply", "-f", "-", input=json.dumps({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": "default", "namespace": self.namespace},
            "spec": {"sourceRepos": ["*"], "destinations": [{"namespace": "*", "server": "*"}],
                     "clusterResourceWhitelist": [{"group": "*", "kind": "*"}]}}))
        redis = self.start(Redis)
        RepoServer.redis = ApplicationController.redis = f"127.0.0.1:{redis.port}"
        ApplicationController.repositories = f"127.0.0.1:{self.start(RepoServer).port}"
        self.start(ApplicationController)
        for layer in ("platform", "payments"):
            self.repository.write(f"apps/{layer}.yaml", self.example(f"argocd/apps/{layer}.yaml"))

    def follow(self):
        world.kubectl("apply", "-f", "-", input=self.example("argocd/root.yaml"))

    def application(self, layer):
        return (get("application.argoproj.io", layer, self.namespace) or {}).get("status", {})

    def healthy(self, layer, commit):
        status = self.application(layer)
        sync = status.get("sync", {})
        return (sync.get("status"), sync.get("revision"), status.get("health", {}).get("status")) == ("Synced", commit, "Healthy")

    def told(self, layer):
        """What the health of its resources says, of those that are not healthy."""
        resources = (each for each in self.application(layer).get("resources", []) if each.get("health", {}).get("status") != "Healthy")
        return "; ".join(f"{each['kind']} {each['name']}: {each['health'].get('message')}" for each in resources if "health" in each)

    def failed(self, layer):
        return self.application(layer).get("health", {}).get("status") == "Degraded" and self.told(layer)

    @staticmethod
    def tells(_name, message):
        return "what it says is the message of the workload", message

    def waits(self, layer):
        status = self.application(layer).get("health", {}).get("status", "Missing")
        return status != "Healthy" and f"{status} {self.told(layer)}".strip()

    def look_again(self):
        """It watches what it has applied, so nothing need be asked."""

    def forget(self):
        self.repository.write("apps/payments.yaml", None)
        self.commit("The team moves out")
        world.until("the Application to be pruned", lambda: not get("application.argoproj.io", "payments", self.namespace))


ENGINES = (Flux, ArgoCD)
