"""Child processes that never outlive their purpose. Standard library only.

Three things hold a child, since no single one is enough: it is registered by process id in the state folder (so that `hack/parts/run
--stop` finds it), it gets a signal from the kernel when its parent dies (Linux), and the launcher adopts and ends orphans.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

GRACE = 5.0  # seconds between SIGTERM and SIGKILL
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
LINUX = sys.platform.startswith("linux")
LIBC = ctypes.CDLL(None, use_errno=True) if LINUX else None  # looked up here, not between fork and exec


def tie_to_parent(death_signal=signal.SIGTERM):
    """Returns what a child must run before exec to get `death_signal` when this process dies, in whatever way."""
    parent = os.getpid()

    def tie():
        LIBC.prctl(PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return tie if LINUX else None


def adopt_orphans():
    """Makes this process, rather than init, the parent of descendants whose own parent ended."""
    if LINUX:
        LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1)


def started_at(pid):
    """The kernel's start time of a process: tells it from a later one with the same id. None = there is no such process."""
    if not LINUX:
        return "0" if alive(pid) else None
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def alive(pid):
    """Whether the process runs. Reaps it if it is an ended child of ours."""
    try:
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    except ChildProcessError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not LINUX or started_at(pid) is not None


def listens(pid, port):
    """Whether it is this process that listens on a port, rather than another that was faster."""
    if not LINUX:
        return alive(pid)
    try:
        rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
        inodes = {f"socket:[{row[9]}]" for row in rows if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port}
        return any(os.readlink(fd) in inodes for fd in Path(f"/proc/{pid}/fd").iterdir()) if inodes else False
    except OSError:  # ended, or closed a file meanwhile
        return False


def spawn(state, name, argv, env=None, tied=True):
    """Starts a part in its own session, with its log and its process id in the state folder. Returns the process id."""
    with open(state / f"{name}.log", "ab") as log:
        child = subprocess.Popen(
            [str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, cwd=state,
            start_new_session=True, preexec_fn=tie_to_parent() if tied else None,
        )
    child.returncode = 0  # from here on the process id is what counts: no warning when this object goes
    (state / "pids").mkdir(exist_ok=True)
    (state / "pids" / name).write_text(f"{child.pid} {started_at(child.pid)}\n")
    return child.pid


def registered(state):
    """The processes of a state folder that still run: {name: process id}."""
    found = {}
    for file in sorted((state / "pids").glob("*")):
        pid, _, start = file.read_text().strip().partition(" ")
        if pid and started_at(int(pid)) == start:
            found[file.name] = int(pid)
    return found


def stop(pids, grace=GRACE):
    """Ends processes and their groups: SIGTERM to all, SIGKILL to what is left after the grace. Returns those that needed it."""
    pids = [pid for pid in pids if alive(pid)]
    for pid in pids:
        send(pid, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while (left := [pid for pid in pids if alive(pid)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    for pid in left:
        send(pid, signal.SIGKILL)
    deadline = time.monotonic() + 1
    while any([alive(pid) for pid in left]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


def send(pid, number):
    """Signals a process, with its group if it leads one."""
    try:
        if os.getpgid(pid) == pid:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
    except ProcessLookupError:
        pass


def descendants(but=()):
    """The process ids of all that this process started, directly or not, adopted ones included; without `but` and theirs."""
    by_parent = {}
    for stat in Path("/proc").glob("[0-9]*/stat") if LINUX else []:
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:  # ended meanwhile
            continue
        by_parent.setdefault(parent, []).append(int(stat.parent.name))
    found, todo = [], [os.getpid()]
    while todo:
        more = [pid for pid in by_parent.get(todo.pop(), []) if pid not in but]
        found += more
        todo += more
    return found


def stop_descendants(but=()):
    """Ends all that this process started, and what that starts while it ends."""
    deadline, grace = time.monotonic() + 3 * GRACE, GRACE
    while (left := [pid for pid in descendants(but) if alive(pid)]) and time.monotonic() < deadline:
        stop(left, grace)
        grace = 1.0
