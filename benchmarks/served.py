"""Servers to measure: batchd, and moto's as a peer. Each in a process of its own, stopped by its pid."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import psutil
from signed import Signer

REGION = "us-east-1"


@contextmanager
def batchd(*flags: str) -> Iterator[tuple[Signer, psutil.Process, float]]:
    """(signer of its root key, its process, seconds from start to the ready line)."""
    with tempfile.TemporaryDirectory(prefix="batchd-bench-") as folder:
        command = [sys.executable, "-m", "batchd.cli", "serve", "--port", "0", "--engine", "process"]
        started = time.perf_counter()
        with (Path(folder) / "server.log").open("wb") as log:
            process = subprocess.Popen(
                [*command, "--data-dir", folder, *flags], stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            took = time.perf_counter() - started
            if not line.startswith("batchd ready on "):
                raise RuntimeError((Path(folder) / "server.log").read_text())
            keys = json.loads((Path(folder) / "keys.json").read_text())
            signer = Signer(line.split()[-1], keys["accessKeyId"], keys["secretAccessKey"])
            yield signer, psutil.Process(process.pid), took
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
            process.stdout.close()


@contextmanager
def moto() -> Iterator[Signer]:
    """moto's server with its simple Batch backend, which marks jobs as done without running them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environ = {**os.environ, "MOTO_ACCOUNT_ID": "123456789012", "MOTO_IAM_LOAD_MANAGED_POLICIES": "false"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([sys.executable, "-m", "moto.server", "-p", str(port)], env=environ, **quiet)
    try:
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        _simple(port)
        yield Signer(f"http://127.0.0.1:{port}", "AKIAIOSFODNN7EXAMPLE", "secret")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _simple(port: int) -> None:
    """Without Docker moto marks jobs as done; with it every submit would start a thread."""
    body = json.dumps({"batch": {"use_docker": False}}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/moto-api/config", body, method="POST")
    request.add_header("Content-Type", "application/json")
    urllib.request.urlopen(request, timeout=10).close()


def client(signer: Signer, service: str):
    return boto3.client(
        service,
        endpoint_url=signer.endpoint,
        region_name=REGION,
        aws_access_key_id=signer.access_key,
        aws_secret_access_key=signer.secret_key,
    )


def prepare(signer: Signer, command: list[str]) -> None:
    """Environment, queue and definition, all called `bench`; jobs of 1 vCPU and 64 MiB."""
    batch, iam, ec2 = client(signer, "batch"), client(signer, "iam"), client(signer, "ec2")
    allowed = {"Effect": "Allow", "Principal": {"Service": "batch.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [allowed]}
    role = iam.create_role(RoleName="bench", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    profile = iam.create_instance_profile(InstanceProfileName="bench")["InstanceProfile"]["Arn"]
    batch.create_compute_environment(
        computeEnvironmentName="bench",
        type="MANAGED",
        serviceRole=role,
        computeResources={
            "type": "EC2",
            "minvCpus": 0,
            "maxvCpus": 4096,
            "instanceTypes": ["m5.large"],
            "instanceRole": profile,
            "subnets": [ec2.describe_subnets()["Subnets"][0]["SubnetId"]],
            "securityGroupIds": [ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]],
        },
    )
    order = [{"order": 1, "computeEnvironment": "bench"}]
    batch.create_job_queue(jobQueueName="bench", state="ENABLED", priority=1, computeEnvironmentOrder=order)
    sizes = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "64"}]
    batch.register_job_definition(
        jobDefinitionName="bench",
        type="container",
        containerProperties={"image": "busybox", "command": command, "resourceRequirements": sizes},
    )


def job(name: str) -> dict[str, str]:
    return {"jobName": name, "jobQueue": "bench", "jobDefinition": "bench"}
