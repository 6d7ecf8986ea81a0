"""What a target must be like to be put. [events.md 7, 8]"""

from __future__ import annotations

from typing import Any

import orjson

from batchd.arns import Arn, parse_arn
from batchd.services.events.faults import invalid
from batchd.services.events.shaping import RESERVED, placeholders

Target = dict[str, Any]  # of the model

# Services that act in the role which the target names.
_WITH_ROLE = {
    *("batch", "ecs", "states", "kinesis", "codebuild", "codepipeline", "firehose", "ssm"),
    *("redshift", "redshift-data", "sagemaker", "execute-api", "appsync"),
}
_PARAMETERS = {"batch": "BatchParameters", "ecs": "EcsParameters"}
_INPUTS = ("Input", "InputPath", "InputTransformer")


def check_target(target: Target) -> None:
    """ValidationException."""
    arn = parse_arn(target["Arn"])
    if arn is None:
        raise invalid(f"Parameter {target['Arn']} is not valid. Reason: Provided Arn is not in correct format.")
    if _needs_role(arn) and not target.get("RoleArn"):
        raise invalid(f"RoleArn is required for target {target['Arn']}.")
    _check_parameters(target, arn)
    _check_input(target)
    _check_dead_letters(target)


def _needs_role(arn: Arn) -> bool:
    return arn.service in _WITH_ROLE or (arn.service == "events" and arn.kind == "api-destination")


def _check_parameters(target: Target, arn: Arn) -> None:
    needed = _PARAMETERS.get(arn.service)
    if arn.service == "sqs" and arn.resource.endswith(".fifo"):
        needed = "SqsParameters"
    if needed and not target.get(needed):
        raise invalid(f"Parameter(s) {needed} must be specified for target: {target['Id']}.")
    if needed == "SqsParameters" and not target[needed].get("MessageGroupId"):
        raise invalid(f"Parameter MessageGroupId must be specified for target: {target['Id']}.")
    size = target.get("BatchParameters", {}).get("ArrayProperties", {}).get("Size")
    if size is not None and not (size == 0 or 2 <= size <= 10_000):
        raise invalid(f"Parameter ArrayProperties.Size of target {target['Id']} must be between 2 and 10000.")
    attempts = target.get("BatchParameters", {}).get("RetryStrategy", {}).get("Attempts")
    if attempts is not None and not (attempts == 0 or 1 <= attempts <= 10):
        raise invalid(f"Parameter RetryStrategy.Attempts of target {target['Id']} must be between 1 and 10.")


def _check_input(target: Target) -> None:
    given = [member for member in _INPUTS if target.get(member)]
    if len(given) > 1:
        raise invalid(f"Only one of Input, InputPath, or InputTransformer must be provided for target {target['Id']}.")
    if target.get("Input"):
        try:
            orjson.loads(target["Input"])
        except orjson.JSONDecodeError:
            raise invalid(f"Parameter Input of target {target['Id']} is not valid JSON text.") from None
    if "InputTransformer" in target:
        _check_transformer(target)


def _check_transformer(target: Target) -> None:
    transformer = target["InputTransformer"]
    known = {*transformer.get("InputPathsMap", {}), *RESERVED}
    for name in transformer.get("InputPathsMap", {}):
        if name.upper().startswith("AWS"):
            raise invalid(f"InputPathsMap for target {target['Id']} contains reserved name {name}.")
    for name in placeholders(transformer["InputTemplate"]):
        if name not in known:
            raise invalid(f"InputTemplate for target {target['Id']} contains invalid placeholder {name}.")


def _check_dead_letters(target: Target) -> None:
    text = target.get("DeadLetterConfig", {}).get("Arn")
    if not text:
        return
    arn = parse_arn(text)
    if arn is None or arn.service != "sqs":
        raise invalid(f"Parameter DeadLetterConfig.Arn of target {target['Id']} must be the ARN of an SQS queue.")
    if arn.resource.endswith(".fifo"):
        raise invalid(f"Parameter DeadLetterConfig.Arn of target {target['Id']} must not be a FIFO queue.")
