"""Functions in containers: an image with a runtime of its own, on a real daemon."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.clients.worlds import fresh
from tests.conftest import Running
from tests.docker_daemon import IMAGE, docker_host

__all__ = ["docker_host"]

ROLE = "arn:aws:iam::123456789012:role/function"
RUNTIME = """
API=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation
cd /tmp
while :; do
  wget -q -S -O event $API/next 2>headers || exit 1
  ID=$(sed -n 's/^ *Lambda-Runtime-Aws-Request-Id: //p' headers | tr -d '\\r')
  echo "serving $AWS_LAMBDA_FUNCTION_NAME"
  wget -q -O answer --post-file event $API/$ID/response
done
"""


def test_an_image_is_a_function(serve: Callable[..., Running], docker_host: str) -> None:
    server = serve(engine="docker", docker_host=docker_host)
    client, name = server.client("lambda"), fresh("image")
    client.create_function(
        FunctionName=name,
        Role=ROLE,
        PackageType="Image",
        Code={"ImageUri": IMAGE},
        ImageConfig={"EntryPoint": ["sh", "-c"], "Command": [RUNTIME]},
        Timeout=300,
    )
    for number in range(2):
        answer = client.invoke(FunctionName=name, Payload=json.dumps({"number": number}), LogType="Tail")
        assert answer.get("FunctionError") is None, answer["Payload"].read()
        assert json.loads(answer["Payload"].read()) == {"number": number}


def test_an_image_that_cannot_be_had_says_so(serve: Callable[..., Running], docker_host: str) -> None:
    server = serve(engine="docker", docker_host=docker_host)
    client, name = server.client("lambda"), fresh("image")
    code: dict[str, Any] = {"ImageUri": "127.0.0.1:1/no/such:image"}
    client.create_function(FunctionName=name, Role=ROLE, PackageType="Image", Code=code)
    answer = client.invoke(FunctionName=name)
    failed = json.loads(answer["Payload"].read())
    assert (answer["FunctionError"], failed["errorType"]) == ("Unhandled", "Runtime.InvalidEntrypoint")
    assert "CannotPullContainerError" in failed["errorMessage"]
