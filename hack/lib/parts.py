"""etcd, kube-apiserver, moto and a registry as plain processes on free loopback ports. Standard library only."""

import base64
import json
import os
import secrets
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import processes

SERVICES = "10.96.0.0/24"
ATTEMPTS = 5  # a port that was free a moment ago may be taken when the part binds it
BUILD = Path(__file__).resolve().parents[1] / "parts/build"
SERVER = Path(__file__).resolve().parents[1] / "parts/moto/server.py"
CERTIFICATES = Path(__file__).resolve().parents[1] / "parts/registry/certificates.py"
NO_PROXY = urllib.request.ProxyHandler({})


# What the API server writes down: the calls of service accounts, which nothing but a test of permissions is, and no content.
AUDIT = {
    "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata", "userGroups": ["system:serviceaccounts"]}, {"level": "None"}],
}


class PartFailed(Exception):
    """A part did not come up; the message carries the end of its log."""


def say(text):
    print(f"parts: {text}", file=sys.stderr, flush=True)


def free_ports(count):
    """Distinct ports of the loopback interface that nothing listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()


def answers(url, headers=None, ca=None):
    """Whether a GET is answered with 200."""
    handlers = [NO_PROXY]
    if ca:
        handlers.append(urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(ca))))
    try:
        request = urllib.request.Request(url, headers=headers or {})
        with urllib.request.build_opener(*handlers).open(request, timeout=5) as response:
            return response.status == 200
    except OSError:
        return False


def tail(path, lines=15):
    try:
        return "\n".join("    " + line for line in Path(path).read_text(errors="replace").splitlines()[-lines:])
    except OSError as error:
        return f"    (no log: {error})"


class Part:
    """One program: how it is started on given ports, and how one sees that it is ready."""

    name, ports, timeout = "", 1, 120
    address = "127.0.0.1"

    def __init__(self, state, binaries, tied):
        self.state, self.binaries, self.tied = state, binaries, tied
        self.log = state / f"{self.name}.log"

    def start(self, attempt=1):
        self.attempt, self.began = attempt, time.monotonic()
        self.port, *self.more_ports = free_ports(self.ports) or [None]
        if attempt == 1:
            self.since = self.began
        self.log.unlink(missing_ok=True)
        self.pid = processes.spawn(self.state, self.name, self.command(), env=self.environment(), tied=self.tied)

    def wait(self):
        say(f"waiting for {self.name}" + (f" on {self.address}:{self.port}" if self.ports else ""))
        while not (self.serves() and self.ready()):
            if not processes.alive(self.pid):
                if self.attempt < ATTEMPTS and "address already in use" in self.log.read_text(errors="replace").lower():
                    say(f"{self.name} lost port {self.port} to another program; taking another one")
                    self.start(self.attempt + 1)
                    continue
                raise PartFailed(f"{self.name} ended before it was ready; the end of its log:\n{tail(self.log)}")
            if time.monotonic() - self.began > self.timeout:
                raise PartFailed(f"{self.name} is not ready after {self.timeout} s; the end of its log:\n{tail(self.log)}")
            time.sleep(0.05)
        say(f"{self.name} is ready after {time.monotonic() - self.since:.1f} s")

    def serves(self):
        return not self.ports or processes.listens(self.pid, self.port)

    def ready(self):
        return True

    def environment(self):
        return clean_environment()

    @property
    def url(self):
        return f"http://{self.address}:{self.port}"


class Etcd(Part):
    name, ports = "etcd", 2

    def command(self):
        data = self.state / "etcd"
        shutil.rmtree(data, ignore_errors=True)  # of an attempt on other ports: the data name the peer's address
        peer = f"http://127.0.0.1:{self.more_ports[0]}"
        # Nothing here outlives the run, so nothing is worth a disk flush.
        return [self.binaries / "etcd", "--data-dir", data, "--log-level", "warn", "--unsafe-no-fsync",
                "--listen-client-urls", self.url, "--advertise-client-urls", self.url,
                "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}"]

    def ready(self):
        return answers(f"{self.url}/health")


class Apiserver(Part):
    name = "kube-apiserver"
    users = {"admin": "system:masters"}  # and the group of each
    authorization = "RBAC"
    lone = [
        # There is no controller manager, which would make the service accounts that this plugin asks for.
        "--disable-admission-plugins", "ServiceAccount",
        "--endpoint-reconciler-type", "none",
    ]

    def __init__(self, state, binaries, tied, etcd):
        super().__init__(state, binaries, tied)
        self.etcd, self.pki = etcd, state / "pki"
        self.tokens = {user: secrets.token_hex(16) for user in self.users}

    def command(self):
        self.pki.mkdir(mode=0o700, exist_ok=True)
        tokens = self.pki / "tokens.csv"
        tokens.touch(mode=0o600)
        tokens.write_text("".join(f'{self.tokens[user]},{user},{user},"{group}"\n' for user, group in self.users.items()))
        # It makes itself a certificate before it reads the service account key, so that one key serves for both and nothing
        # but the program itself is needed to make one.
        key = self.pki / "apiserver.key"
        policy = self.pki / "audit.json"
        policy.write_text(json.dumps(AUDIT))
        return [self.binaries / "kube-apiserver", "--etcd-servers", self.etcd.url, "--cert-dir", self.pki,
                "--secure-port", self.port, "--bind-address", self.address, "--advertise-address", self.address,
                "--external-hostname", self.address, "--service-cluster-ip-range", SERVICES,
                "--token-auth-file", tokens, "--authorization-mode", self.authorization,
                "--service-account-issuer", "https://kubernetes.default.svc",
                "--service-account-signing-key-file", key, "--service-account-key-file", key,
                "--audit-policy-file", policy, "--audit-log-path", self.state / "audit.log", "--audit-log-mode", "blocking",
                *self.lone, "--profiling=false",
                # Tests in parallel are not the load that these limits protect from.
                "--enable-priority-and-fairness=false", "--max-requests-inflight", "3000", "--max-mutating-requests-inflight", "3000"]

    def ready(self):
        # The system namespaces come a moment after /readyz; whoever asks for kube-system's uid must find it.
        bearer, ca = {"Authorization": f"Bearer {self.tokens['admin']}"}, self.pki / "apiserver.crt"
        return ca.exists() and all(answers(self.url + path, bearer, ca) for path in
                                   ("/readyz", "/api/v1/namespaces/kube-system", "/api/v1/namespaces/default"))

    @property
    def url(self):
        return f"https://{self.address}:{self.port}"

    def write_kubeconfig(self, path, user="admin"):
        """As JSON, which is YAML too: our own scripts read it back without a YAML parser."""
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": "parts",
            "clusters": [{"name": "parts", "cluster": {"server": self.url, "certificate-authority": str(self.pki / "apiserver.crt")}}],
            "users": [{"name": "parts", "user": {"token": self.tokens[user]}}],
            "contexts": [{"name": "parts", "context": {"cluster": "parts", "user": "parts"}}],
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(config, indent=1) + "\n")
        return path


def beside(script):
    """The python of the virtual environment that a script is of."""
    return Path(os.path.realpath(script)).with_name("python")


def moto_python(binaries):
    """The python of moto's virtual environment, which has botocore and so AWS's service models."""
    return beside(binaries / "moto_server")


class Moto(Part):
    name = "moto"

    def command(self):
        return [moto_python(self.binaries), SERVER, "-H", self.address, "-p", self.port]

    def environment(self):
        return {**clean_environment(), "MOTO_IAM_LOAD_MANAGED_POLICIES": "true", "PYTHONDONTWRITEBYTECODE": "1"}

    def ready(self):
        return answers(f"{self.url}/moto-api/data.json")


class Registry(Part):
    """The distribution project's registry with one login, over TLS with a certificate authority of its own."""

    name = "registry"
    USER, PASSWORD = "puller", "parts-registry-login"
    # Of the password. The registry takes bcrypt only, which Python's library does not make.
    HASH = "$2b$04$XUCps6Q/cpNQgM8yUxuTLONTeZ3Gru7h1vYrKBaH1Htv16ECjyddm"

    def command(self):
        folder = self.state / "registry"
        if not folder.exists():
            folder.mkdir(mode=0o700)
            subprocess.run([moto_python(self.binaries), "-B", CERTIFICATES, folder], check=True, env=clean_environment())
            (folder / "htpasswd").write_text(f"{self.USER}:{self.HASH}\n")
        config = {
            "version": "0.1", "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}},
            "auth": {"htpasswd": {"realm": "parts", "path": str(folder / "htpasswd")}},
            "http": {"addr": f"127.0.0.1:{self.port}", "secret": secrets.token_hex(16),
                     "tls": {"certificate": str(folder / "registry.pem"), "key": str(folder / "registry.key")}},
        }
        (folder / "config.yaml").write_text(json.dumps(config))  # which is YAML too
        return [self.binaries / "registry", "serve", folder / "config.yaml"]

    def environment(self):
        return {**clean_environment(), "OTEL_TRACES_EXPORTER": "none"}

    def ready(self):
        pair = base64.b64encode(f"{self.USER}:{self.PASSWORD}".encode()).decode()
        return answers(f"https://{self.host}/v2/", {"Authorization": f"Basic {pair}"}, self.ca)

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    @property
    def ca(self):
        return self.state / "registry" / "ca.pem"


def obtain(*more):
    """The folder of the parts' programs, which hack/parts/build makes where they are missing."""
    # Not subprocess.run: it would kill the script on a signal, where a request to end lets it remove half a build.
    build = subprocess.Popen([BUILD, *more], stdout=subprocess.PIPE, text=True)
    folder = build.communicate()[0].strip()
    if build.returncode != 0:
        raise PartFailed("the parts could not be obtained")
    return Path(folder)


def clean_environment():
    """Ours without the user's AWS settings (all but the CA bundle) and without a proxy in the way to the loopback interface."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_") or k == "AWS_CA_BUNDLE"}
    for name in ("NO_PROXY", "no_proxy"):
        env[name] = ",".join(filter(None, [env.get(name), "127.0.0.1,localhost"]))
    return env


def start(state, binaries, tied):
    """Starts all parts and waits for them. Returns the environment (additions only) in which they are found."""
    moto, etcd, registry = (kind(state, binaries, tied) for kind in (Moto, Etcd, Registry))
    apiserver = Apiserver(state, binaries, tied, etcd)
    moto.start()
    etcd.start()
    registry.start()
    etcd.wait()  # first: the apiserver that finds no store waits for a second before it looks again
    apiserver.start()
    apiserver.wait()
    moto.wait()
    registry.wait()
    return {
        **surroundings(state, binaries, apiserver, moto),
        "WHARFINGER_REGISTRY": registry.host,
        "WHARFINGER_REGISTRY_CA": str(registry.ca),  # which wharfinger itself reads
        "WHARFINGER_REGISTRY_USER": registry.USER,
        "WHARFINGER_REGISTRY_PASSWORD": registry.PASSWORD,
    }


def surroundings(state, binaries, apiserver, moto):
    """The environment (additions only) in which a cluster and an AWS are found."""
    apiserver.write_kubeconfig(state / "kubeconfig")
    return {
        "WHARFINGER_PARTS": str(state),
        "WHARFINGER_MOTO_PYTHON": str(moto_python(binaries)),
        "WHARFINGER_SCHEMAS_PYTHON": str(beside(binaries / "hcl2tojson")),
        "KUBECONFIG": str(state / "kubeconfig"),
        "KUBECACHEDIR": str(state / "kube-cache"),  # kubectl would leave one folder a port under the home folder
        "KUBERC": "off",
        **{f"HELM_{kind}_HOME": str(state / "helm" / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")},  # the same of Helm
        "AWS_ENDPOINT_URL": moto.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",  # what boto3 reads
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "PATH": f"{binaries}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
    }
