"""The whole flow on a server of its own, from the clock to the last job's result, and then all is stopped.

    python examples/feeds/run.py [boto3|aws]

A rule with a cron expression starts a function, which submits a job; the job tells a topic what has changed in a feed;
the topic starts a second function, which submits a second job with the message. It waits for the next full minute.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import boto3

HERE = Path(__file__).resolve().parent
READY = "batchd ready on "
PATIENCE_S = 150


def main(way: str) -> int:
    with tempfile.TemporaryDirectory(prefix="batchd-feeds-") as folder:
        data = f"{folder}/data"
        serve = [sys.executable, "-m", "batchd.cli", "serve", "--port", "0", "--engine", "process", "--data-dir", data]
        server = subprocess.Popen(serve, stdout=subprocess.PIPE, text=True)
        try:
            await_ready(server)
            os.environ.update(access(data))
            begin(way, f"{folder}/store")
            return follow()
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()


def await_ready(server: subprocess.Popen[str]) -> None:
    assert server.stdout is not None
    for line in server.stdout:
        print(line, end="")
        if line.startswith(READY):
            return
    raise SystemExit("the server did not start")


def access(data: str) -> dict[str, str]:
    """What `batchd env` says."""
    lines = subprocess.check_output([sys.executable, "-m", "batchd.cli", "env", "--data-dir", data], text=True)
    pairs = [line.removeprefix("export ").split("=", 1) for line in lines.splitlines() if line.startswith("export ")]
    return {name: value.strip("'") for name, value in pairs}


def begin(way: str, store: str) -> None:
    schedule = "cron(* * * * ? *)"  # a daily one would be missed where setting up takes longer than thought
    print(f"rule feeds-daily: {schedule}, set up with {way}")
    program = [sys.executable, str(HERE / "with_boto3.py")] if way == "boto3" else [str(HERE / "with_aws.sh")]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environ = {**os.environ, "PYTHON": sys.executable, "PATH": path}
    subprocess.run([*program, schedule, store], check=True, env=environ)


def follow() -> int:
    """Tell what happens until the second job has ended."""
    batch, seen, until = boto3.client("batch"), {}, time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        ended = [{"name": "AFTER_CREATED_AT", "values": ["0"]}]
        for job in batch.list_jobs(jobQueue="feeds", filters=ended)["jobSummaryList"]:
            if seen.get(job["jobId"]) != job["status"]:
                seen[job["jobId"]] = job["status"]
                print(f"{job['jobName']}: {job['status']}")
            if job["jobName"].startswith("analyse") and job["status"] in ("SUCCEEDED", "FAILED"):
                print(output(batch, job["jobId"]))
                return 0 if job["status"] == "SUCCEEDED" else 1
        time.sleep(0.2)
    print("nothing came of it")
    return 1


def output(batch, job_id: str) -> str:
    stream = batch.describe_jobs(jobs=[job_id])["jobs"][0]["container"]["logStreamName"]
    page = boto3.client("logs").get_log_events(logGroupName="/aws/batch/job", logStreamName=stream, startFromHead=True)
    return "\n".join(event["message"] for event in page["events"])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1] if len(sys.argv) > 1 else "boto3"))
