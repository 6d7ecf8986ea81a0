"""HyperQueue as a peer: so many no-op tasks of one job on two cores, without a journal. Prints tasks per second.

A program of its own: its server and worker are threads of the process that begins them.
"""

from __future__ import annotations

import sys
import tempfile
import time

from hyperqueue import Job
from hyperqueue.cluster import LocalCluster, WorkerConfig


def measure(count: int) -> float:
    with (
        tempfile.TemporaryDirectory(prefix="hyperqueue-bench-") as folder,
        LocalCluster(folder, WorkerConfig(cores=2)) as cluster,
    ):
        client = cluster.client()
        job = Job(default_workdir=folder)
        for _ in range(count):
            job.program(["true"])
        started = time.perf_counter()
        client.wait_for_jobs([client.submit(job)])
        return count / (time.perf_counter() - started)


if __name__ == "__main__":
    print(f"{measure(int(sys.argv[1])):.1f}")
