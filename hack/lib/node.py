"""One real Kubernetes node, in namespaces of its own (network, mounts, processes, host name): what it starts, mounts and
listens on is seen by nobody else on the machine, and is gone with the first process in it. Standard library only."""

import json
import os
import resource
import shutil
import signal
import subprocess
import time
from pathlib import Path

import parts
import processes

NAME, ADDRESS, PODS = "node-1", "10.97.0.1", "10.98.0.0/24"
PAUSE = "wharfinger.dev/pause:1"
SOCKET = "/run/containerd/containerd.sock"
PLUGINS = ("/usr/lib/cni", "/usr/libexec/cni", "/opt/cni/bin")
PROGRAMS = ("unshare", "ip", "mount", "iptables", "containerd", "ctr", "runc")
UNSHARE = ["unshare", "--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc"]
BRIDGE = "ip link add node0 type bridge"
# What the kubelet writes for the whole machine unless it reads so already.
SYSCTLS = {"vm/overcommit_memory": 1, "vm/panic_on_oom": 0, "kernel/panic": 10, "kernel/panic_on_oops": 1,
           "kernel/keys/root_maxkeys": 1000000, "kernel/keys/root_maxbytes": 25000000}
CGROUPS = Path("/sys/fs/cgroup")


def obstacle():
    """Why this machine cannot run a node; None if nothing is in the way."""
    if not processes.LINUX:
        return "a node needs Linux"
    if os.geteuid() != 0:
        return "a node needs root, for namespaces, mounts and cgroups"
    missing = [each for each in PROGRAMS if not shutil.which(each)]
    if not plugins():
        missing.append("the CNI plugins bridge, host-local and loopback")
    if missing:
        return (f"not installed: {', '.join(missing)}. On Debian: "
                "apt-get install --no-install-recommends containerd runc containernetworking-plugins iptables iproute2")
    tried = subprocess.run([*UNSHARE, "sh", "-ec", f"{BRIDGE}; iptables -t nat -n -L >/dev/null; mount -t tmpfs none /run"],
                           capture_output=True, text=True)
    if tried.returncode != 0:
        return f"this machine gives no namespaces with a bridge, iptables and mounts: {tried.stderr.strip()}"
    try:
        make_cgroups("wharfinger-trial")
    except OSError as error:
        return f"no cgroup can be made: {error}"
    finally:
        remove_cgroups("wharfinger-trial")
    return None


def plugins():
    """The folder of the CNI plugins."""
    return next((each for each in PLUGINS if all((Path(each) / name).exists() for name in ("bridge", "host-local", "loopback"))), None)


def hierarchies():
    """One folder a controller, or one for all of them."""
    return [CGROUPS] if (CGROUPS / "cgroup.controllers").exists() else [procs.parent for procs in CGROUPS.glob("*/cgroup.procs")]


def make_cgroups(name):
    if not hierarchies():
        raise OSError(f"{CGROUPS} holds no hierarchy")
    for folder in hierarchies():
        (folder / name).mkdir(exist_ok=True)


def sweep():
    """Removes the cgroups of runs that were killed before they could."""
    for folder in hierarchies():
        for left in folder.glob("wharfinger-*"):
            if not Path("/proc", left.name.rpartition("-")[2]).exists():
                remove_cgroups(left.name)


def remove_cgroups(name, seconds=10):
    """Removes the cgroups of a node that has ended, children first: each as soon as its last process is gone."""
    deadline = time.monotonic() + seconds
    for top in [folder / name for folder in hierarchies()]:
        for folder, _, _ in os.walk(top, topdown=False):
            while True:
                try:
                    os.rmdir(folder)
                    break
                except OSError as error:
                    if time.monotonic() > deadline:
                        parts.say(f"the cgroup {folder} stays: {error.strerror}")
                        break
                    time.sleep(0.05)


def enter(arguments, env):
    """Runs a command as the first process of new namespaces and returns its exit code. Whatever ends this ends all of it."""
    child = subprocess.Popen([*UNSHARE, *map(str, arguments)], env=env, preexec_fn=processes.tie_to_parent(signal.SIGKILL))
    try:
        return child.wait()
    finally:  # the kernel ends all that is in the namespaces with their first process
        child.kill()
        child.wait()


def shell(lines):
    subprocess.run(["sh", "-ec", lines], check=True)


def furnish(state):
    """Makes the new namespaces a node: its interfaces, and folders that forget."""
    shell(f"hostname {NAME}; {BRIDGE}; ip link set lo up; ip addr add {ADDRESS}/24 dev node0; ip link set node0 up; "
          "ip route add default dev node0; echo 1 >/proc/sys/net/ipv4/ip_forward")
    shell("mount --make-rshared /; for folder in /run /var/lib /var/log; do mount -t tmpfs tmpfs $folder; done")
    for name, value in SYSCTLS.items():
        shown = state / name.replace("/", "-")
        shown.write_text(f"{value}\n")
        shell(f"mount --bind {shown} /proc/sys/{name}")


class Apiserver(parts.Apiserver):
    address, authorization = ADDRESS, "Node,RBAC"
    lone = ["--enable-admission-plugins", "NodeRestriction", "--kubelet-preferred-address-types", "InternalIP"]
    users = {**parts.Apiserver.users, "dns": "system:masters", "system:kube-controller-manager": "controllers", "system:kube-scheduler": "schedulers",
             "system:kube-proxy": "proxies", f"system:node:{NAME}": "system:nodes"}


class Moto(parts.Moto):
    address = ADDRESS


class Client(parts.Part):
    """A program that speaks to the API server as a user of its own."""

    user = ""

    def __init__(self, state, binaries, tied, apiserver):
        super().__init__(state, binaries, tied)
        self.apiserver = apiserver
        self.kubeconfig = apiserver.write_kubeconfig(state / f"{self.name}.kubeconfig", self.user)

    def config(self, version, kind, **fields):
        path = self.state / f"{self.name}.json"
        path.write_text(json.dumps({"apiVersion": version, "kind": kind, **fields}))
        return path


class ControllerManager(Client):
    name, user = "kube-controller-manager", "system:kube-controller-manager"

    def command(self):
        return [self.binaries / self.name, "--kubeconfig", self.kubeconfig, "--bind-address", "127.0.0.1", "--secure-port", self.port,
                "--leader-elect=false", "--use-service-account-credentials", "--flex-volume-plugin-dir", self.state / "volume-plugins",
                "--service-account-private-key-file", self.apiserver.pki / "apiserver.key",
                "--root-ca-file", self.apiserver.pki / "apiserver.crt"]


class Scheduler(Client):
    name, user = "kube-scheduler", "system:kube-scheduler"

    def command(self):
        return [self.binaries / self.name, "--kubeconfig", self.kubeconfig, "--bind-address", "127.0.0.1", "--secure-port", self.port,
                "--leader-elect=false"]


class Proxy(Client):
    name, user, ports = "kube-proxy", "system:kube-proxy", 2

    def command(self):
        # The limits of connection tracking are not a namespace's to set.
        untouched = {"maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"}
        config = self.config("kubeproxy.config.k8s.io/v1alpha1", "KubeProxyConfiguration", mode="iptables", clusterCIDR=PODS,
                             hostnameOverride=NAME, conntrack=untouched, clientConnection={"kubeconfig": str(self.kubeconfig)}, healthzBindAddress=f"127.0.0.1:{self.port}",
                             metricsBindAddress=f"127.0.0.1:{self.more_ports[0]}")
        return [self.binaries / self.name, "--config", config]


class Containerd(parts.Part):
    name, ports = "containerd", 0

    def command(self):
        network = {"cniVersion": "1.0.0", "name": "pods", "plugins": [{
            "type": "bridge", "bridge": "cni0", "isDefaultGateway": True, "hairpinMode": True,
            "ipam": {"type": "host-local", "ranges": [[{"subnet": PODS}]], "dataDir": "/run/cni"}}]}
        (self.state / "cni").mkdir()
        (self.state / "cni/pods.conflist").write_text(json.dumps(network))
        (self.state / "containerd.toml").write_text(f"""version = 2
oom_score = 0
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true # without the right to lower it, no pod would start
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugins()}"
    conf_dir = "{self.state}/cni"
""")
        return ["containerd", "--config", self.state / "containerd.toml"]

    def ready(self):
        return subprocess.run(["ctr", "version"], capture_output=True).returncode == 0



def ctr(*arguments):
    """containerd's own client, in the namespace of the kubelet."""
    command = ["ctr", "--namespace", "k8s.io", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise parts.PartFailed(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
    return done.stdout


def load(archive, name):
    """Imports an image from an archive under a name, with the archive's tag and with its digest."""
    ctr("images", "import", "--digests", "--base-name", name, archive)


class NameServer(Client):
    """CoreDNS, which knows the cluster's Services and this machine under some names more."""

    name, user, ports = "coredns", "dns", 0

    def __init__(self, state, binaries, tied, apiserver, names):
        super().__init__(state, binaries, tied, apiserver)
        self.names = names

    def command(self):
        corefile = self.state / "Corefile"
        corefile.write_text(f"""cluster.local {{
  bind {ADDRESS}
  errors
  kubernetes {{
    kubeconfig {self.kubeconfig}
  }}
}}
. {{
  bind {ADDRESS}
  errors
  hosts {{
    {ADDRESS} {" ".join(self.names)}
  }}
}}
""")
        return [self.binaries / self.name, "-conf", corefile]

    def serves(self):
        return processes.listens(self.pid, 53)  # the port that pods ask, in a network where it is free


class Kubelet(Client):
    name, user = "kubelet", f"system:node:{NAME}"
    address = ADDRESS

    def __init__(self, state, binaries, tied, apiserver, cgroup):
        super().__init__(state, binaries, tied, apiserver)
        self.cgroup = cgroup

    def command(self):
        everybody = {"anonymous": {"enabled": True}, "webhook": {"enabled": False}}  # nobody else is in this network
        config = self.config(
            "kubelet.config.k8s.io/v1beta1", "KubeletConfiguration", address=ADDRESS, port=self.port, healthzPort=0,
            authentication=everybody, authorization={"mode": "AlwaysAllow"}, containerRuntimeEndpoint=f"unix://{SOCKET}",
            failCgroupV1=False, cgroupDriver="cgroupfs", cgroupRoot=f"/{self.cgroup}", oomScoreAdj=0,
            maxOpenFiles=resource.getrlimit(resource.RLIMIT_NOFILE)[1], resolvConf="", clusterDNS=[ADDRESS],
            clusterDomain="cluster.local", makeIPTablesUtilChains=False, imageGCHighThresholdPercent=100,
            evictionHard={"memory.available": "100Mi"}, volumePluginDir=str(self.state / "volume-plugins"))
        return [self.binaries / self.name, "--config", config, "--kubeconfig", self.kubeconfig, "--hostname-override", NAME,
                "--node-ip", ADDRESS]


def start(state, binaries, cgroup, names, pause):
    """Starts a cluster of one node, and a moto that pods find under each of `names`. `pause`: the archive of that image. Returns the
    environment (additions only) in which they are found, and moto."""
    furnish(state)
    etcd, containerd, moto = (kind(state, binaries, True) for kind in (parts.Etcd, Containerd, Moto))
    apiserver = Apiserver(state, binaries, True, etcd)
    for part in (etcd, containerd, moto):
        part.start()
    etcd.wait()
    apiserver.start()
    apiserver.wait()
    clients = [kind(state, binaries, True, apiserver) for kind in (ControllerManager, Scheduler, Proxy)]
    clients += [NameServer(state, binaries, True, apiserver, names), Kubelet(state, binaries, True, apiserver, cgroup)]
    containerd.wait()
    load(pause, PAUSE.partition(":")[0])
    for part in clients:
        part.start()
    for part in (*clients, moto):
        part.wait()
    return parts.surroundings(state, binaries, apiserver, moto), moto
