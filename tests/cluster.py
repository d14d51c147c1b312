"""The study `smoke` on a real SLURM of two nodes on this machine, one of which dies in the middle.

Run by `nox -s cluster`, as root: each node is a set of namespaces of its own, so that killing its
first process is a power failure. Needs slurm-wlm and munge, as Debian packages them; nothing
outside a temporary folder is written, and only what was started here is ended.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pandas as pd

from tests.projects import ROOT, clone

STUDY = "smoke"
NODES = ("n1", "n2")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "unshare")
VICTIM = "embed"  # a node dies while it runs a job of this rule
FEW = ("--cores", str(min(4, os.cpu_count() or 1)))

# No systemd, no cgroups, no accounting. Nodes claim more than there is, for the profile asks for
# what the study `paper` needs; how many jobs run at a time is up to the run. A dead node is noticed
# after ten seconds, and a job of it may start again five seconds later. Finished jobs stay visible
# to squeue, which is asked for them.
CONFIGURATION = """
ClusterName=cood
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.sock,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
AccountingStorageType=accounting_storage/none
MinJobAge=86400
SlurmdTimeout=10
ReturnToService=2
JobRequeue=1
KillWait=5
PropagateResourceLimits=NONE
GresTypes=gpu
NodeName={nodes[0]} NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} {size}
NodeName={nodes[1]} NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} {size}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
SIZE = (
    "CPUs=16 Boards=1 SocketsPerBoard=1 CoresPerSocket=16 ThreadsPerCore=1 RealMemory=256000 "
    "Gres=gpu:16 State=UNKNOWN"
)
# The first process of a node. Jobs look for the configuration in its usual place, and for hosts by
# the names of nodes.
NODE = """
mount --bind "$2/hosts" /etc/hosts && mount --bind "$2/etc" /etc/slurm && hostname "$1" || exit 1
slurmd -D -N "$1" -f "$2/etc/slurm.conf" & wait
"""


class Cluster:
    """Two nodes, and the environment in which clients find them."""

    def __init__(self, folder: Path, nodes: dict[str, subprocess.Popen[bytes]]) -> None:
        self.nodes = nodes
        self.environment = {
            **os.environ,
            "SLURM_CONF": str(folder / "etc" / "slurm.conf"),
            "MUNGE_SOCKET": str(folder / "munge.sock"),
        }

    def ask(self, *command: str) -> list[list[str]]:
        """Words of each line that a program of SLURM says."""
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False
        )
        return [line.split() for line in done.stdout.splitlines()]

    def up(self) -> bool:
        """Whether all nodes are ready."""
        states = self.ask("sinfo", "--noheader", "--Node", "--format=%N %t")
        return sorted(states) == [[node, "idle"] for node in NODES]

    def running(self) -> list[tuple[str, str, str]]:
        """Number, node and rule of each job that runs."""
        rows = self.ask("squeue", "--noheader", "--states=R", "--format=%i %N %k")
        return [(row[0], row[1], row[2] if len(row) > 2 else "") for row in rows]


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Bring SLURM up, and end it."""
    folder = Path(tempfile.mkdtemp(prefix="cood-", dir="/tmp"))  # short, for sockets
    folder.chmod(0o755)
    for name in ("etc", "state", *(f"spool-{node}" for node in NODES)):
        (folder / name).mkdir(mode=0o755)
    host = socket.gethostname().partition(".")[0]
    known = {"folder": folder, "host": host, "nodes": NODES, "ports": free_ports(3), "size": SIZE}
    (folder / "etc" / "slurm.conf").write_text(CONFIGURATION.format(**known))
    (folder / "etc" / "gres.conf").write_text(f"Name=gpu File={folder}/gpu[0-15]\n")
    for number in range(16):  # GPUs in name only
        (folder / f"gpu{number}").touch()
    (folder / "hosts").write_text(f"127.0.0.1 localhost {host} {' '.join(NODES)}\n")
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    with ExitStack() as stack:
        nodes: dict[str, subprocess.Popen[bytes]] = {}
        it = Cluster(folder, nodes)

        def start(name: str, *command: str) -> subprocess.Popen[bytes]:
            log = stack.enter_context((folder / f"{name}.out").open("wb"))
            process = subprocess.Popen(
                command, env=it.environment, stdout=log, stderr=log, start_new_session=True
            )
            stack.callback(end, process)
            return process

        start(
            *("munged", "munged", "--foreground", "--force", f"--key-file={key}"),
            *(f"--socket={folder}/munge.sock", f"--pid-file={folder}/munged.pid"),
            *(f"--log-file={folder}/munged.log", f"--seed-file={folder}/munged.seed"),
        )
        wait_for(lambda: (folder / "munge.sock").exists(), 10, f"munged; see {folder}")
        start("slurmctld", "slurmctld", "-D", "-f", str(folder / "etc" / "slurm.conf"))
        for node in NODES:
            spaces = ("--fork", "--pid", "--mount-proc", "--uts", "--kill-child")
            first = ("bash", "-c", NODE, "node", node, str(folder))
            nodes[node] = start(node, "unshare", *spaces, *first)
        wait_for(it.up, 40, f"the nodes; see {folder}")
        yield it
    shutil.rmtree(folder)


def free_ports(number: int) -> list[int]:
    """Ports that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that was started here; with the first one of a node all of it ends."""
    process.kill()
    process.wait()


def wait_for(met: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until something holds."""
    limit = time.monotonic() + seconds
    while not met():
        if time.monotonic() > limit:
            sys.exit(f"cluster: waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.2)


def command(*options: str) -> list[str]:
    """The command that a user types, at which Snakemake's options follow a second ``--``."""
    return [sys.executable, "-m", "cood", "reproduce", "--study", STUDY, *FEW, "--", *options]


def scores(project: Path) -> pd.DataFrame:
    """What the run has measured."""
    return pd.read_parquet(project / "results" / STUDY / "scores.parquet")


def on_the_cluster(it: Cluster, project: Path) -> tuple[str, list[str]]:
    """Run the study, kill a node in the middle; give its name and the numbers of its jobs."""
    options = (
        *("--profile", str(ROOT / "workflow" / "profiles" / "slurm"), "--jobs", FEW[1]),
        *("--slurm-no-account", "--slurm-status-command", "squeue", "--latency-wait", "10"),
        *("--seconds-between-status-checks", "2", "--slurm-init-seconds-before-status-checks", "2"),
    )
    victim, lost = "", list[str]()
    with subprocess.Popen(
        command(*options), cwd=project, env=it.environment, text=True, stderr=subprocess.PIPE
    ) as run:
        assert run.stderr is not None
        for line in run.stderr:
            sys.stderr.write(line)
            if lost or not re.match(rf"\[\d+/\d+\] {VICTIM} ", line):
                continue
            wait_for(
                lambda: any(rule.startswith("rule_" + VICTIM) for *_, rule in it.running()),
                120,
                f"a job of {VICTIM}",
            )
            time.sleep(5)  # amid its work
            victim = next(node for _, node, rule in it.running() if VICTIM in rule)
            lost = [job for job, node, _ in it.running() if node == victim]
            end(it.nodes[victim])
            print(f"cluster: {victim} is dead, with jobs {', '.join(lost)}", file=sys.stderr)
    if run.returncode:
        sys.exit(f"cluster: the run on SLURM failed with status {run.returncode}")
    return victim, lost


def main() -> None:
    """Run the study on the cluster and here, and compare."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        sys.exit(f"cluster: {missing[0]} is not installed; apt-get install slurm-wlm munge")
    if os.geteuid():
        sys.exit("cluster: only root may give each node a namespace of its own; run it as root")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("cluster: stopped"))  # daemons end too
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        there = clone(Path(folder, "my (w) & b;*[ü] : #1", "cluster"))
        with cluster() as it:
            print(f"cluster: up after {time.monotonic() - start:.1f} s", file=sys.stderr)
            victim, lost = on_the_cluster(it, there)
            rows = it.ask("squeue", "--noheader", "--states=all", "--format=%i %T %N")
        print(f"cluster: done after {time.monotonic() - start:.0f} s", file=sys.stderr)
        here = clone(Path(folder, "here"))
        subprocess.run(command("--until", "collect"), cwd=here, check=True)
        found, expected = scores(there), scores(here)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    jobs = {row[0]: row[1:] for row in rows}
    other = next(node for node in NODES if node != victim)
    unsaved = [job for job in lost if jobs[job] != ["COMPLETED", other]]
    if unsaved or not lost:
        sys.exit(f"cluster: of jobs {lost} of {victim}, {unsaved} were not done on {other}")
    print(f"cluster: jobs by node: {dict(Counter(job[-1] for job in jobs.values()))}")
    print(f"cluster: jobs {', '.join(lost)} went down with {victim} and were done on {other}")
    print(f"cluster: all {len(found)} scores are those of a run without SLURM, value for value")


if __name__ == "__main__":
    main()
