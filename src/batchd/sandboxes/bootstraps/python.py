"""Runs a Python handler: sets up the paths and leaves the rest to AWS's own runtime interface client. [lambda.md 2]"""

from __future__ import annotations

import os
import resource
import sys

ROOT = os.environ["LAMBDA_TASK_ROOT"]
LAYERS = os.environ.pop("BATCHD_LAYERS", "/opt")
VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"

# The function's own modules win over those of layers, and these over what is installed here.
sys.path[:1] = [ROOT, f"{LAYERS}/python", f"{LAYERS}/python/lib/{VERSION}/site-packages"]
os.chdir(ROOT)

from awslambdaric import bootstrap  # noqa: E402
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient  # noqa: E402


class Client(LambdaRuntimeClient):  # type: ignore[misc]  # it has no types
    """Tells with each result how much memory the process has had at the most."""

    def post_invocation_result(self, invoke_id: str, result_data: object, content_type: str, *more: object) -> None:
        peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        super().post_invocation_result(invoke_id, result_data, f"{content_type}; peak-mib={peak_mib}", *more)


bootstrap.run(os.environ["_HANDLER"], Client(os.environ["AWS_LAMBDA_RUNTIME_API"]))
