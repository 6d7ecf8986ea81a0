"""What a function finds in its environment. Pure. [lambda.md 3]"""

from __future__ import annotations

from batchd.gateway.credentials import SessionCredentials
from batchd.invocation import FunctionSpec


def environment_of(
    function: FunctionSpec, address: str, stream: str, endpoint: str, keys: SessionCredentials
) -> dict[str, str]:
    """`address` is of the Runtime API, `endpoint` where AWS's SDKs find this server."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        **function.environment,
        "AWS_ACCESS_KEY_ID": keys.access_key,
        "AWS_SECRET_ACCESS_KEY": keys.secret_key,
        "AWS_SESSION_TOKEN": keys.token,
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}" if function.runtime else "AWS_Lambda_Image",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mib),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "AWS_LAMBDA_RUNTIME_API": address,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "LAMBDA_TASK_ROOT": "/var/task",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "LANG": "en_US.UTF-8",
        "TZ": function.environment.get("TZ", ":UTC"),
        "_HANDLER": function.handler,
    }
