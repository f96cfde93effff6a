"""A Slurm of our own on this machine: munged, slurmctld and a slurmd for each virtual node, in a folder that goes away.

Each virtual node has what tells machines apart: a host name, an /etc/hosts in which all nodes are loopback, a /dev/shm and
a place for PMIx's sockets. Nothing listens outside 127.0.0.1, nothing of the machine's own is touched. Needs root (for
the namespaces) and Debian's slurm-wlm and munge.
"""

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from harness import Skip, environment

NODES = 2
CPUS = 16  # that each node claims: jobs of several tests run side by side on the few there are
PROGRAMS = ["munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "scancel", "unshare"]
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"

NODE_SETUP = """
set -e
hostname "$1"
mount -t tmpfs tmpfs /dev/shm
mkdir -p "$2/pmix.$1"
mount --bind "$2/pmix.$1" "$2/pmix"
mount --bind "$2/hosts" /etc/hosts
exec slurmd -D -f "$2/slurm.conf" -N "$1"
"""


def why_not():
    """Why there can be no cluster here; None where there can."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]
    if missing:
        return f"no Slurm here ({', '.join(missing)} missing: jobs/install-packages.sh --tests)"
    if subprocess.run(["unshare", "--uts", "--mount", "true"], capture_output=True).returncode != 0:
        return "virtual nodes need namespaces, which only root may make"
    return None


def free_ports(count):
    """From below those that the kernel gives to whoever asks for any: nobody takes one before its daemon does."""
    found = []
    for port in random.sample(range(20000, 32000), 500):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise Skip("no free ports")


def wait_until(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"after {seconds} s still not: {what() if callable(what) else what}"
        time.sleep(0.5)


class Cluster:
    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))  # sockets need a short path
        self.folder.chmod(0o711)
        for name in ("run", "log", "state", "spool", "pmix", "bin"):
            (self.folder / name).mkdir(mode=0o711)
        self.daemons = []
        self.configure()
        self.environment = self.client_environment()
        try:
            self.start()
        except BaseException:
            self.stop()
            raise

    def configure(self):
        folder = self.folder
        nodes = [f"node{k + 1}" for k in range(NODES)]
        controller, *rest = free_ports(1 + NODES)
        host = socket.gethostname().split(".")[0]
        settings = {
            "ClusterName": "test", "SlurmctldHost": f"{host}(127.0.0.1)", "SlurmctldPort": controller,
            "SlurmUser": "root", "AuthType": "auth/munge", "CredType": "cred/munge",
            # A job that goes back into the queue waits for its credentials to expire: 121 s by default.
            "AuthInfo": f"socket={folder}/run/munge,cred_expire=5",
            "CommunicationParameters": "NoCtldInAddrAny,NoInAddrAny",
            "StateSaveLocation": folder / "state", "SlurmdSpoolDir": f"{folder}/spool/%n",
            "SlurmctldPidFile": f"{folder}/run/slurmctld.pid", "SlurmdPidFile": f"{folder}/run/%n.pid",
            "SlurmctldLogFile": f"{folder}/log/slurmctld", "SlurmdLogFile": f"{folder}/log/%n",
            "ProctrackType": "proctrack/linuxproc", "TaskPlugin": "task/none", "SwitchType": "switch/none",
            "JobAcctGatherType": "jobacct_gather/none", "AccountingStorageType": "accounting_storage/none",
            "MpiDefault": "pmix", "MailProg": "/bin/true", "SelectType": "select/cons_tres",
            "SelectTypeParameters": "CR_CPU", "SchedulerParameters": "sched_interval=2,bf_interval=2",
            "SlurmdParameters": "config_overrides", "ReturnToService": 2, "KillWait": 5, "MinJobAge": 3600,
        }
        lines = [f"{key}={value}" for key, value in settings.items()]
        for name, port in zip(nodes, rest):
            lines.append(f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={CPUS} State=UNKNOWN")
        lines.append("PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP")
        (folder / "slurm.conf").write_text("\n".join(lines) + "\n")
        (folder / "mpi.conf").write_text(f"PMIxCliTmpDirBase={folder}/pmix\n")
        (folder / "hosts").write_text(Path("/etc/hosts").read_text() + "".join(f"\n127.0.0.1 {name}" for name in nodes) + "\n")
        key = folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)

    def client_environment(self):
        """What users and jobs have. The nodes share one kernel and one loopback, which Open MPI cannot know."""
        values = environment(str(self.folder / "run"), launcher={})
        del values["OMPI_MCA_orte_tmpdir_base"]  # a folder of this machine, not of a node
        return values | {
            "PATH": f"{self.folder}/bin:{PATH}", "SLURM_CONF": f"{self.folder}/slurm.conf",
            "OMPI_MCA_btl_tcp_if_include": "lo", "OMPI_MCA_oob_tcp_if_include": "lo",
            "OMPI_MCA_btl_vader_single_copy_mechanism": "none", "OMPI_MCA_mpi_yield_when_idle": "1",
            "PMIX_MCA_psec": "native", "PMIX_MCA_ptl_tcp_if_include": "lo"}

    def daemon(self, name, *words):
        log = (self.folder / "log" / f"{name}.out").open("w")
        self.daemons.append(subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                             start_new_session=True, env=dict(self.environment)))

    def start(self):
        folder = self.folder
        self.daemon("munged", "munged", "--foreground", "--force", f"--key-file={folder}/munge.key",
                    f"--socket={folder}/run/munge", f"--pid-file={folder}/run/munged.pid",
                    f"--log-file={folder}/log/munged", f"--seed-file={folder}/state/munge.seed")
        wait_until((folder / "run/munge").exists, 20, "munged answers")
        self.daemon("slurmctld", "slurmctld", "-D", "-i", "-f", f"{folder}/slurm.conf")
        for k in range(NODES):
            self.daemon(f"node{k + 1}", "unshare", "--uts", "--mount", "--propagation", "private", "bash", "-c",
                        NODE_SETUP, "node", f"node{k + 1}", str(folder))
        idle = lambda: self.run("sinfo", "--noheader", "--Node", "--format=%t").stdout.split().count("idle") == NODES
        wait_until(idle, 60, lambda: f"all nodes idle: {self.run('sinfo').stdout} {self.logs()}")

    def logs(self):
        return "\n".join(f"{path.name}: {path.read_text(errors='replace')[-500:]}" for path in (self.folder / "log").iterdir())

    def run(self, *words, cwd=None, seconds=60, **extra):
        return subprocess.run([str(word) for word in words], cwd=cwd, env=self.environment | extra, text=True,
                              errors="replace", stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds)

    def stop(self):
        self.run("scancel", "--user=root")
        end = time.monotonic() + 10
        while self.run("squeue", "--noheader").stdout.strip() and time.monotonic() < end:
            time.sleep(0.2)
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in self.daemons:
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
        self.kill_steps()
        shutil.rmtree(self.folder, ignore_errors=True)

    def kill_steps(self):
        """The daemons of job steps outlive slurmd."""
        for process in Path("/proc").glob("[0-9]*"):
            try:
                ours = f"SLURM_CONF={self.folder}/".encode() in (process / "environ").read_bytes()
                if ours and (process / "comm").read_text().startswith("slurmstepd"):
                    os.kill(int(process.name), signal.SIGKILL)
            except (OSError, ProcessLookupError):
                continue


lock = threading.Lock()
clusters = []


def cluster():
    """The cluster of this test run, started when the first test asks for it. Skips the test where there can be none."""
    with lock:
        if not clusters:
            reason = why_not()
            if reason:
                raise Skip(reason)
            clusters.append(Cluster())
        return clusters[0]


def stop():
    """Ends the cluster if there is one."""
    while clusters:
        clusters.pop().stop()
