"""A function's configuration: AWS's defaults, what may not be, and how it is shown. [lambda.md 1]"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from batchd.gateway.operation import Context
from batchd.services.lambda_.code import Code
from batchd.services.lambda_.documents import find_layer
from batchd.services.lambda_.faults import invalid
from batchd.services.lambda_.references import LATEST, function_arn
from batchd.store.store import Body

_RUNTIME = re.compile(r"python3\.\d{1,2}|nodejs\d{1,2}\.x|provided(\.al2|\.al2023)?")
_RETIRED = re.compile(r"python2\.7|python3\.[0-7]|nodejs(\d\.x|0\..*|4\.3|6\.10)?")
_MOST_ENVIRONMENT = 4096
_MOST_LAYERS = 5
_RESERVED = frozenset(
    (
        "_HANDLER",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    )
)
_KEPT = ("VpcConfig", "DeadLetterConfig", "FileSystemConfigs", "KMSKeyArn")  # shown as they came


def new_configuration(ctx: Context, params: Mapping[str, Any], name: str) -> Body:
    """The FunctionConfiguration of a CreateFunction, without its code."""
    aws: Body = {
        "FunctionName": name,
        "FunctionArn": function_arn(ctx, name),
        "Role": params["Role"],
        "Description": "",
        "Timeout": 3,
        "MemorySize": 128,
        "Version": LATEST,
        "PackageType": params.get("PackageType", "Zip"),
        "Architectures": params.get("Architectures", ["x86_64"]),
        "TracingConfig": {"Mode": "PassThrough"},
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"},
    }
    if aws["PackageType"] == "Zip":
        for member in ("Runtime", "Handler"):
            if not params.get(member):
                raise invalid(f"{member} is mandatory for functions created with deployment packages.")
    return changed_configuration(ctx, aws, params)


def changed_configuration(ctx: Context, aws: Body, params: Mapping[str, Any]) -> Body:
    """With what a CreateFunction or UpdateFunctionConfiguration says; the rest stays."""
    changed = dict(aws)
    for member in ("Role", "Handler", "Description", "Timeout", "MemorySize", "EphemeralStorage", *_KEPT):
        if member in params:
            changed[member] = params[member]
    if "Runtime" in params:
        changed["Runtime"] = _checked_runtime(params["Runtime"])
        changed["RuntimeVersionConfig"] = {"RuntimeVersionArn": _runtime_arn(ctx, params["Runtime"])}
    if "TracingConfig" in params:
        changed["TracingConfig"] = {"Mode": params["TracingConfig"].get("Mode", "PassThrough")}
    if "SnapStart" in params:
        changed["SnapStart"] = {"ApplyOn": params["SnapStart"].get("ApplyOn", "None"), "OptimizationStatus": "Off"}
    if "LoggingConfig" in params:
        changed["LoggingConfig"] = _logging(params["LoggingConfig"], changed["FunctionName"])
    if "Environment" in params:
        _set(changed, "Environment", _environment(params["Environment"].get("Variables", {})))
    if "Layers" in params:
        _set(changed, "Layers", _layers(ctx, params["Layers"]))
    if "ImageConfig" in params:
        changed["ImageConfigResponse"] = {"ImageConfig": params["ImageConfig"]}
    if not changed.get("DeadLetterConfig", {}).get("TargetArn"):
        changed.pop("DeadLetterConfig", None)
    return touched(ctx, changed)


def with_code(aws: Body, code: Code) -> Body:
    return {**aws, "CodeSize": code.size, "CodeSha256": code.sha256}


def touched(ctx: Context, aws: Body) -> Body:
    """Each change has a revision of its own."""
    at = datetime.fromtimestamp(ctx.now_ms / 1000, UTC)
    modified = at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}+0000"
    return {**aws, "LastModified": modified, "RevisionId": ctx.new_id()}


def shown(aws: Body) -> Body:
    """As GetFunctionConfiguration has it: nothing takes time here, so that it is ready at the second look."""
    return {**aws, "State": "Active", "LastUpdateStatus": "Successful"}


def being_created(ctx: Context, aws: Body) -> Body:
    reason = "The function is being created."
    pending = {"State": "Pending", "StateReason": reason, "StateReasonCode": "Creating"}
    return {**aws, **pending, "RevisionId": ctx.new_id()}


def being_updated(ctx: Context, aws: Body) -> Body:
    reason = "The function is being created."
    under_way = {
        "LastUpdateStatus": "InProgress",
        "LastUpdateStatusReason": reason,
        "LastUpdateStatusReasonCode": "Creating",
    }
    return {**aws, "State": "Active", **under_way, "RevisionId": ctx.new_id()}


def _set(aws: Body, member: str, value: Any) -> None:
    """A member that says nothing is not shown."""
    if value:
        aws[member] = value
    else:
        aws.pop(member, None)


def _checked_runtime(runtime: str) -> str:
    if _RETIRED.fullmatch(runtime):
        raise invalid(
            f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda "
            "functions. We recommend you use a supported runtime while creating or updating functions."
        )
    if not _RUNTIME.fullmatch(runtime):
        raise invalid(
            f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
            "[python3.8, python3.9, python3.10, python3.11, python3.12, python3.13, python3.14, nodejs10.x, "
            "nodejs12.x, nodejs14.x, nodejs16.x, nodejs18.x, nodejs20.x, nodejs22.x, nodejs24.x, provided, "
            "provided.al2, provided.al2023] or be a valid ARN"
        )
    return runtime


def _runtime_arn(ctx: Context, runtime: str) -> str:
    return f"arn:aws:lambda:{ctx.region}::runtime:{runtime}"


def _logging(wanted: Mapping[str, Any], name: str) -> Body:
    logging = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}", **wanted}
    if logging["LogFormat"] == "JSON":
        logging = {"ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO", **logging}
    return logging


def _environment(variables: Mapping[str, str]) -> Body:
    reserved = sorted(_RESERVED & variables.keys())
    if reserved:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided contains reserved keys that are currently not supported for modification. Reserved keys used in "
            f"this request: {', '.join(reserved)}"
        )
    text = orjson.dumps(dict(variables)).decode()
    if len(text) > _MOST_ENVIRONMENT:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            f"provided exceeded the 4KB limit. String measured: {text}"
        )
    return {"Variables": dict(variables)} if variables else {}


def _layers(ctx: Context, arns: list[str]) -> list[Body]:
    if len(arns) > _MOST_LAYERS:
        raise invalid(f"Cannot reference more than {_MOST_LAYERS} layers.")
    layers = []
    for arn in arns:
        layer = find_layer(ctx, arn)
        if layer is None:
            raise invalid(f"Layer version {arn} does not exist.")
        layers.append({"Arn": arn, "CodeSize": layer["content"]["CodeSize"]})
    return layers
