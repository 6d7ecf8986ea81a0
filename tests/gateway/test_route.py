"""A request finds its operation by the scope, the target, the form or the path."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchd.gateway.faults import RequestFault
from batchd.gateway.operation import Service
from batchd.gateway.request import HttpRequest
from batchd.gateway.route import PathTable, Router
from batchd.gateway.spec import ServiceSpec
from tests.gateway.made_service import service_of, written_model

FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


def router_of(*services: Service) -> Router:
    return Router([ServiceSpec(service) for service in services])


def all_services() -> Router:
    return router_of(
        service_of("batch", ["SubmitJob", "TagResource", "UntagResource"]),
        service_of("logs", ["GetLogEvents"]),
        service_of("iam", ["ListRoles"]),
        service_of("ec2", ["DescribeVpcs"]),
        service_of("ecr", ["CreateRepository"]),
        service_of("stepfunctions", ["StartExecution"]),
        service_of("lambda", ["Invoke", "ListFunctions", "GetFunction"]),
    )


def get(path: str, query: str = "", **headers: str) -> HttpRequest:
    return HttpRequest("GET", path, query, headers, b"")


def post(path: str = "/", body: bytes = b"{}", query: str = "", headers: dict[str, str] | None = None) -> HttpRequest:
    return HttpRequest("POST", path, query, headers or {}, body)


def target(name: str) -> dict[str, str]:
    return {"x-amz-target": name}


@pytest.mark.parametrize(
    ("request_", "scope", "service", "operation"),
    [
        (post("/v1/submitjob"), "batch", "batch", "SubmitJob"),
        (post("/v1/submitjob/"), "batch", "batch", "SubmitJob"),
        (post(headers=target("Logs_20140328.GetLogEvents")), "logs", "logs", "GetLogEvents"),
        (post(headers=target("AWSStepFunctions.StartExecution")), "states", "stepfunctions", "StartExecution"),
        (
            post(headers=target("AmazonEC2ContainerRegistry_V20150921.CreateRepository")),
            "ecr",
            "ecr",
            "CreateRepository",
        ),
        (post(body=b"Action=ListRoles&Version=2010-05-08", headers=FORM), "iam", "iam", "ListRoles"),
        (post(body=b"Action=DescribeVpcs&Version=2016-11-15", headers=FORM), "ec2", "ec2", "DescribeVpcs"),
        (get("/", "Action=ListRoles&Version=2010-05-08"), "iam", "iam", "ListRoles"),
        (get("/2015-03-31/functions/"), "lambda", "lambda", "ListFunctions"),
        (get("/2015-03-31/functions/f%3A1"), "lambda", "lambda", "GetFunction"),
        (post("/2015-03-31/functions/f/invocations"), "lambda", "lambda", "Invoke"),
        # Signed for nobody we know: the request itself tells.
        (post("/v1/submitjob"), "", "batch", "SubmitJob"),
        (post(headers=target("Logs_20140328.GetLogEvents")), "", "logs", "GetLogEvents"),
        (post(body=b"Action=DescribeVpcs&Version=2016-11-15", headers=FORM), "", "ec2", "DescribeVpcs"),
    ],
)
def test_a_request_finds_its_operation(request_: HttpRequest, scope: str, service: str, operation: str) -> None:
    route = all_services().route(request_, scope)

    assert (route.operation.service.name, route.operation.name) == (service, operation)


def test_an_encoded_arn_is_one_label_and_stays_encoded() -> None:
    arn = "arn%3Aaws%3Abatch%3Aus-east-1%3A1%3Ajob-definition%2Fa%3A1"

    route = all_services().route(HttpRequest("DELETE", f"/v1/tags/{arn}", "tagKeys=a%20b&tagKeys=c", {}, b""), "batch")

    assert route.operation.name == "UntagResource"
    assert route.match.labels == {"resourceArn": arn}


@pytest.mark.parametrize(
    ("request_", "scope", "code", "status"),
    [
        (post("/v1/nothing"), "batch", "UnknownOperationException", 404),
        (get("/v1/submitjob"), "batch", "UnknownOperationException", 404),
        (post("/v1/describejobs"), "batch", "UnknownOperationException", 501),
        (post(headers=target("Logs_20140328.Nothing")), "logs", "UnknownOperationException", 400),
        (post(headers=target("Wrong.GetLogEvents")), "logs", "UnknownOperationException", 400),
        (post(), "logs", "UnknownOperationException", 400),
        (post(headers=target("Logs_20140328.PutLogEvents")), "logs", "UnknownOperationException", 501),
        (post(body=b"Action=Nothing&Version=2010-05-08", headers=FORM), "iam", "InvalidAction", 400),
        (post(body=b"Action=CreateRole&Version=2010-05-08", headers=FORM), "iam", "InvalidAction", 501),
        (post(body=b"Version=2010-05-08", headers=FORM), "iam", "MissingAction", 400),
        (post(body=b"", headers=FORM), "iam", "MissingAction", 400),
        (post(), "iam", "MissingAction", 400),
        (post(body=b"Action=\xff", headers=FORM), "iam", "MalformedInput", 400),
        (post(body=b"Action=Nothing&Version=2016-11-15", headers=FORM), "ec2", "InvalidAction", 400),
        (post("/x"), "s3", "UnknownOperationException", 501),
        (post(headers=target("AmazonSQS.SendMessage")), "sqs", "UnknownOperationException", 501),
        (post(body=b"Action=Publish&Version=2010-03-31", headers=FORM), "sns", "InvalidAction", 501),
        (post("/x"), "", "UnknownOperationException", 404),
    ],
)
def test_a_request_that_leads_nowhere_is_refused(request_: HttpRequest, scope: str, code: str, status: int) -> None:
    with pytest.raises(RequestFault) as refused:
        all_services().route(request_, scope)

    assert (refused.value.fault.code, refused.value.fault.status) == (code, status)


def test_services_that_share_a_signing_name_are_told_apart(tmp_path: Path) -> None:
    shared = {"protocol": "query", "signingName": "shared", "apiVersion": "2001-01-01"}
    old = written_model(tmp_path / "old", shared, [{"name": "Get"}], {})
    new = written_model(tmp_path / "new", {**shared, "apiVersion": "2002-02-02"}, [{"name": "Get"}], {})
    router = router_of(service_of("made", ["Get"], models=old), service_of("made", ["Get"], models=new))

    first = router.route(post(body=b"Action=Get&Version=2001-01-01", headers=FORM), "shared")
    second = router.route(post(body=b"Action=Get&Version=2002-02-02", headers=FORM), "shared")

    assert first.operation.service.api_version == "2001-01-01"
    assert second.operation.service.api_version == "2002-02-02"


def test_no_model_is_loaded_before_a_request_needs_it() -> None:
    specs = [ServiceSpec(service_of(name, [])) for name in ("batch", "ec2", "iam", "stepfunctions", "lambda")]

    Router(specs)

    assert [spec.name for spec in specs if "model" in vars(spec)] == []


@pytest.mark.parametrize(
    ("path", "query", "operation", "labels"),
    [
        ("/", "", "ListBuckets", {}),
        ("/b", "", "ListObjects", {"Bucket": "b"}),
        ("/b", "acl", "GetAcl", {"Bucket": "b"}),
        ("/b", "list-type=2", "ListObjectsV2", {"Bucket": "b"}),
        ("/b/a/b%2Fc", "", "GetObject", {"Bucket": "b", "Key": "a/b%2Fc"}),
        ("/b/special", "", "Special", {"Bucket": "b"}),
        ("/fixed/a", "", "Fixed", {"Key": "a"}),
        ("/v/%", "x=%FF", "GetObject", {"Bucket": "v", "Key": "%"}),
    ],
)
def test_the_most_literal_template_wins(path: str, query: str, operation: str, labels: dict[str, str]) -> None:
    table = PathTable(
        {
            "ListObjects": ("GET", "/{Bucket}"),
            "GetObject": ("GET", "/{Bucket}/{Key+}"),
            "GetAcl": ("GET", "/{Bucket}?acl"),
            "ListObjectsV2": ("GET", "/{Bucket}?list-type=2"),
            "Special": ("GET", "/{Bucket}/special"),
            "Fixed": ("GET", "/fixed/{Key}"),
            "ListBuckets": ("GET", "/"),
        }
    )

    assert table.find(get(path, query)) == (operation, labels)


def test_a_path_is_matched_as_it_came() -> None:
    table = PathTable({"Get": ("GET", "/a.b/{Name}")})

    assert table.find(get("/axb/n")) is None
    assert table.find(get("/a.b/n/m")) is None
    assert table.find(get("/a.b/")) is None
