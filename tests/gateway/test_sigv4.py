from __future__ import annotations

import email.utils
import hashlib
import hmac
import http.client
import io
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import botocore.session
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from batchd.clock import ManualClock, SystemClock
from batchd.gateway.canonical import canonical_path, canonical_query, canonical_request
from batchd.gateway.credentials import SessionIssuer, secret_of
from batchd.gateway.keyring import Keyring
from batchd.gateway.operation import Caller
from batchd.gateway.request import AuthFailure, AuthFault, HttpRequest
from batchd.gateway.sigv4 import OpenAuthenticator, SigV4Authenticator, derive_signing_key
from tests.botocore_sdist import sdist_tests
from tests.gateway.signing import as_sent, header_signer, presigner, sign

ACCOUNT = "123456789012"
NOW_MS = 1_440_938_160_000  # 2015-08-30T12:36:00Z
KEYRING = Keyring("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", b"m" * 32)
ROOT = Credentials(KEYRING.access_key, KEYRING.secret_key)
ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/Worker"
URL = "http://127.0.0.1:8000"


def authenticator(now_ms: int = NOW_MS, **parts: Any) -> SigV4Authenticator:
    return SigV4Authenticator(KEYRING, ManualClock(now_ms), ACCOUNT, **parts)


def submit_job(credentials: Credentials = ROOT, now_ms: int = NOW_MS, **parts: Any) -> HttpRequest:
    """A SubmitJob as botocore signs it."""
    request = AWSRequest(
        method=parts.get("method", "POST"),
        url=parts.get("url", f"{URL}/v1/submitjob"),
        headers=parts.get("headers", {"Content-Type": "application/json"}),
        data=parts.get("data", b'{"jobName": "a", "jobQueue": "q", "jobDefinition": "d"}'),
    )
    return sign(header_signer(credentials, parts.get("service", "batch")), request, now_ms)


def presigned(credentials: Credentials = ROOT, expires_s: int = 60, now_ms: int = NOW_MS, **parts: Any) -> HttpRequest:
    """A GET whose signature is in its query."""
    url = parts.get("url", f"{URL}/?Action=GetCallerIdentity&Version=2011-06-15")
    request = AWSRequest(method="GET", url=url, headers=parts.get("headers", {}))
    return sign(presigner(credentials, "sts", expires_s), request, now_ms)


def session_credentials(seconds: int = 900, now_ms: int = NOW_MS) -> Credentials:
    made = SessionIssuer(KEYRING.master_key).issue(ROLE, "AROAEXAMPLE", "nightly", seconds, now_ms)
    return Credentials(made.access_key, made.secret_key, made.token)


def refusal(request: HttpRequest, now_ms: int = NOW_MS) -> AuthFailure:
    with pytest.raises(AuthFailure) as caught:
        authenticator(now_ms).authenticate(request)
    return caught.value


def with_header(request: HttpRequest, name: str, value: str | None) -> HttpRequest:
    headers = {**request.headers, name: value or ""}
    if value is None:
        del headers[name]
    return replace(request, headers=headers)


class TestPublicVectors:
    """The published signature test suite, as botocore carries it."""

    @staticmethod
    def cases() -> list[Path]:
        return sorted(path.parent for path in (sdist_tests() / "auth" / "aws4_testsuite").rglob("*.req"))

    @staticmethod
    def read(folder: Path, suffix: str) -> bytes:
        return (folder / f"{folder.name}.{suffix}").read_bytes().replace(b"\r", b"")

    @classmethod
    def request(cls, folder: Path) -> HttpRequest:
        head, _, body = cls.read(folder, "req").partition(b"\n\n")
        line, _, fields = head.partition(b"\n")
        method, target = line.decode("latin-1").removesuffix(" HTTP/1.1").split(" ", 1)
        path, _, query = target.partition("?")
        headers: dict[str, str] = {}
        for name, value in http.client.parse_headers(io.BytesIO(fields + b"\n\n")).items():
            known = headers.get(name.lower())
            headers[name.lower()] = value.strip() if known is None else f"{known},{value.strip()}"
        signed = cls.read(folder, "creq").decode()
        if "x-amz-security-token:" in signed:  # one of the cases leaves it to the signer to send it
            headers["x-amz-security-token"] = signed.partition("x-amz-security-token:")[2].partition("\n")[0]
        headers["authorization"] = cls.read(folder, "authz").decode("latin-1")
        return HttpRequest(method, path, query, headers, body)

    def test_every_signature_of_the_suite_is_accepted(self) -> None:
        seen = 0
        for folder in self.cases():
            request = self.request(folder)
            if "x-amz-security-token" not in request.headers:
                assert authenticator().authenticate(request).region == "us-east-1", folder.name
                seen += 1
        assert seen > 25

    def test_every_canonical_request_of_the_suite_is_rebuilt_to_the_octet(self) -> None:
        for folder in self.cases():
            request = self.request(folder)
            expected = self.read(folder, "creq")
            signed, payload = expected.decode().split("\n")[-2:]
            made = canonical_request(request, canonical_query(request.query), signed, payload)
            assert made == expected, folder.name

    def test_every_string_to_sign_of_the_suite_gives_its_signature(self) -> None:
        key = derive_signing_key(KEYRING.secret_key, "20150830", "us-east-1", "service")
        for folder in self.cases():
            signature = hmac.digest(key, self.read(folder, "sts"), "sha256").hex()
            assert self.read(folder, "authz").decode().endswith(f"Signature={signature}"), folder.name


class TestBotocoreSigns:
    def test_the_root_key_is_the_account_itself(self) -> None:
        identity = authenticator().authenticate(submit_job())
        assert identity.caller == Caller(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, KEYRING.access_key)
        assert (identity.region, identity.service) == ("us-east-1", "batch")

    def test_an_arn_in_the_path_is_signed_twice_encoded(self) -> None:
        arn = quote(f"arn:aws:batch:us-east-1:{ACCOUNT}:job-queue/night shift", safe="")
        request = submit_job(method="GET", url=f"{URL}/v1/tags/{arn}", data=b"", headers={})
        assert "%3A" in request.path
        assert authenticator().authenticate(request).service == "batch"

    def test_odd_keys_in_the_query_are_signed_as_they_stand(self) -> None:
        keys = "&".join(f"tagKeys={quote(key, safe='')}" for key in ("b", "a", "a b", "ä", "a+b=c&d", "", "*~'"))
        request = submit_job(method="DELETE", url=f"{URL}/v1/tags/x?{keys}&flag", data=b"")
        assert authenticator().authenticate(request).service == "batch"

    def test_headers_with_odd_spaces_are_signed(self) -> None:
        request = submit_job(headers={"X-Amz-Meta": "  a   b  "})
        assert authenticator().authenticate(with_header(request, "x-amz-meta", "a b ")).service == "batch"

    def test_octets_above_ascii_in_headers_are_signed_as_they_were_sent(self) -> None:
        sent = "\u00e0 la  carte ".encode().decode("latin-1")
        request = HttpRequest("GET", "/", "", {"host": "h", "x-amz-name": sent}, b"")
        assert "x-amz-name:\u00e0 la carte\n".encode() in canonical_request(request, "", "host;x-amz-name", "")

    def test_a_date_header_will_do_for_a_date(self) -> None:
        request = submit_job(headers={"Date": "now"})
        assert "x-amz-date" not in request.headers
        assert request.headers["date"] == email.utils.formatdate(NOW_MS // 1000)
        assert authenticator().authenticate(request).service == "batch"

    def test_a_session_is_the_assumed_role(self) -> None:
        request = submit_job(session_credentials())
        caller = authenticator().authenticate(request).caller
        assert caller.arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/Worker/nightly"
        assert caller.user_id == "AROAEXAMPLE:nightly"

    def test_a_users_key_is_the_user(self) -> None:
        user = Caller(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/ann", "AIDAANN", "AKIAANN")
        credentials = Credentials("AKIAANN", secret_of(KEYRING.master_key, "AKIAANN"))
        users = {"AKIAANN": user}
        assert authenticator(find_user=users.get).authenticate(submit_job(credentials)).caller == user

    def test_a_presigned_url_is_accepted(self) -> None:
        identity = authenticator().authenticate(presigned())
        assert (identity.service, identity.caller.user_id) == ("sts", ACCOUNT)

    def test_a_presigned_url_of_a_session_is_accepted(self) -> None:
        request = presigned(session_credentials())
        assert "X-Amz-Security-Token=" in request.query
        assert authenticator().authenticate(request).caller.user_id == "AROAEXAMPLE:nightly"

    def test_a_cluster_token_url_with_a_signed_header_is_accepted(self) -> None:
        request = presigned(headers={"x-k8s-aws-id": "cluster"})
        assert authenticator().authenticate(request).service == "sts"
        assert refusal(with_header(request, "x-k8s-aws-id", "other")).fault is AuthFault.BAD_SIGNATURE

    def test_a_body_that_is_declared_unsigned_is_not_part_of_the_signature(self) -> None:
        for literal in ("UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"):
            request = submit_job(headers={"X-Amz-Content-SHA256": literal})
            assert authenticator().authenticate(replace(request, body=b"other")).service == "batch"

    def test_a_declared_body_hash_is_accepted_when_it_is_the_bodys(self) -> None:
        body = b"{}"
        request = submit_job(data=body, headers={"X-Amz-Content-SHA256": hashlib.sha256(body).hexdigest()})
        assert authenticator().authenticate(request).service == "batch"

    def test_many_days_and_regions_do_not_confuse_the_keys_kept(self) -> None:
        clock = ManualClock(NOW_MS)
        subject = SigV4Authenticator(KEYRING, clock, ACCOUNT)
        for region in [f"local-{number}" for number in range(1100)] + ["local-0"]:
            date = "20150830"
            scope = f"{date}/{region}/batch/aws4_request"
            request = HttpRequest("GET", "/", "", {"host": "h", "x-amz-date": f"{date}T123600Z"}, b"")
            empty = hashlib.sha256(b"").hexdigest()
            canonical = canonical_request(request, "", "host", empty)
            to_sign = f"AWS4-HMAC-SHA256\n{date}T123600Z\n{scope}\n{hashlib.sha256(canonical).hexdigest()}"
            key = derive_signing_key(KEYRING.secret_key, date, region, "batch")
            signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
            request.headers["authorization"] = (
                f"AWS4-HMAC-SHA256 Credential={KEYRING.access_key}/{scope}, SignedHeaders=host, Signature={signature}"
            )
            assert subject.authenticate(request).region == region


class TestBotocoreClients:
    """Whole clients: what they put on the wire is caught before it leaves."""

    CALLS: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("batch", "submit_job", {"jobName": "a", "jobQueue": "q", "jobDefinition": "d", "tags": {"ä:/": "b c"}}),
        (
            "batch",
            "untag_resource",
            {"resourceArn": f"arn:aws:batch:r:{ACCOUNT}:job-queue/a", "tagKeys": ["a b", "ü&="]},
        ),
        ("iam", "get_role", {"RoleName": "a"}),
        ("sts", "get_caller_identity", {}),
        ("logs", "get_log_events", {"logGroupName": "/aws/batch/job", "logStreamName": "a/b/c"}),
        ("ec2", "describe_subnets", {"Filters": [{"Name": "vpc-id", "Values": ["a", "b"]}]}),
        ("ecr", "get_authorization_token", {}),
        ("stepfunctions", "list_state_machines", {}),
        ("lambda", "invoke", {"FunctionName": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f:1", "Payload": b"{}"}),
    )

    @pytest.mark.parametrize(("service", "method", "params"), CALLS, ids=[f"{c[0]}-{c[1]}" for c in CALLS])
    @pytest.mark.parametrize("temporary", [False, True], ids=["root", "session"])
    def test_a_clients_call_is_accepted(
        self, service: str, method: str, params: dict[str, Any], temporary: bool
    ) -> None:
        now_ms = SystemClock().now_ms()
        used = session_credentials(now_ms=now_ms) if temporary else ROOT
        client = boto3.session.Session().client(
            service,
            region_name="eu-west-1",
            endpoint_url=URL,
            aws_access_key_id=used.access_key,
            aws_secret_access_key=used.secret_key,
            aws_session_token=used.token,
            config=Config(retries={"max_attempts": 0}),
        )
        caught: list[AWSPreparedRequest] = []

        def keep(request: AWSPreparedRequest, **_: object) -> None:
            caught.append(request)
            raise KeyboardInterrupt

        client.meta.events.register("before-send.*.*", keep)
        with pytest.raises(KeyboardInterrupt):
            getattr(client, method)(**params)
        identity = SigV4Authenticator(KEYRING, SystemClock(), ACCOUNT).authenticate(as_sent(caught[0]))
        assert identity.region == "eu-west-1"

    def test_a_clients_presigned_url_is_accepted(self) -> None:
        client = botocore.session.Session().create_client(
            "sts",
            region_name="us-east-1",
            endpoint_url=URL,
            aws_access_key_id=ROOT.access_key,
            aws_secret_access_key=ROOT.secret_key,
        )
        url = client.generate_presigned_url("get_caller_identity", HttpMethod="GET")
        request = as_sent(AWSRequest(method="GET", url=url).prepare())
        assert SigV4Authenticator(KEYRING, SystemClock(), ACCOUNT).authenticate(request).service == "sts"


class TestRefusals:
    def test_no_signature_at_all(self) -> None:
        failure = refusal(with_header(submit_job(), "authorization", None))
        assert (failure.fault, failure.message) == (AuthFault.MISSING, "Missing Authentication Token")

    def test_two_signatures(self) -> None:
        request = replace(submit_job(), query=presigned().query)
        assert refusal(request).fault is AuthFault.INCOMPLETE

    def test_a_bearer_token(self) -> None:
        failure = refusal(with_header(submit_job(), "authorization", "Bearer xyz"))
        assert failure.fault is AuthFault.INCOMPLETE
        assert failure.message == (
            "'xyz' not a valid key=value pair (missing equal-sign) in Authorization header: 'Bearer xyz'."
        )

    def test_another_algorithm(self) -> None:
        request = submit_job()
        header = request.headers["authorization"].replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256")
        failure = refusal(with_header(request, "authorization", header))
        assert failure.fault is AuthFault.INCOMPLETE
        assert failure.message == "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'."

    def test_a_header_without_its_parts_lists_all_that_is_missing(self) -> None:
        request = with_header(submit_job(), "x-amz-date", None)
        failure = refusal(with_header(request, "authorization", "AWS4-HMAC-SHA256 Credential=a"))
        assert failure.fault is AuthFault.INCOMPLETE
        assert failure.message == (
            "Authorization header requires 'Signature' parameter. "
            "Authorization header requires 'SignedHeaders' parameter. "
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
            "Authorization=AWS4-HMAC-SHA256 Credential=a"
        )

    def test_a_credential_without_five_parts(self) -> None:
        request = submit_job()
        header = request.headers["authorization"].replace("/aws4_request", "")
        failure = refusal(with_header(request, "authorization", header))
        assert failure.fault is AuthFault.INCOMPLETE
        assert failure.message.startswith("Credential must have exactly 5 slash-delimited elements")

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("aws4_request", "aws_request", "Credential should be scoped with a valid terminator: 'aws4_request'"),
            ("us-east-1", "US_EAST", "Credential should be scoped to a valid Region, not US_EAST"),
            ("/batch/", "/b@tch/", "Credential should be scoped to correct service"),
            (
                "20150830/",
                "20150829/",
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
                "'20150829' != '20150830', from '20150830T123600Z'.",
            ),
        ],
    )
    def test_a_wrong_scope_is_named(self, old: str, new: str, message: str) -> None:
        request = submit_job()
        failure = refusal(with_header(request, "authorization", request.headers["authorization"].replace(old, new)))
        assert (failure.fault, failure.message) == (AuthFault.BAD_SIGNATURE, message)

    @pytest.mark.parametrize(
        "date", ["yesterday", "20151330T123600Z", "20150830T123600", "20150830T123600.5Z", "\u0662"]
    )
    def test_a_date_that_is_none(self, date: str) -> None:
        failure = refusal(with_header(submit_job(), "x-amz-date", date))
        assert failure.fault is AuthFault.INCOMPLETE
        assert failure.message.startswith(f"Date must be in ISO-8601 'basic format'. Got '{date}'.")

    def test_a_late_request(self) -> None:
        authenticator(NOW_MS + 900_000).authenticate(submit_job())
        failure = refusal(submit_job(), NOW_MS + 901_000)
        assert failure.fault is AuthFault.CLOCK
        assert failure.message == (
            "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T125101Z - 15 min.)"
        )

    def test_an_early_request(self) -> None:
        authenticator(NOW_MS - 900_000).authenticate(submit_job())
        failure = refusal(submit_job(), NOW_MS - 901_000)
        assert failure.fault is AuthFault.CLOCK
        assert failure.message == (
            "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z "
            "(20150830T122059Z + 15 min.)"
        )

    def test_an_unknown_key(self) -> None:
        failure = refusal(submit_job(Credentials("AKIASOMEBODYELSE", "secret")))
        assert failure.fault is AuthFault.UNKNOWN_KEY
        assert failure.message == "The security token included in the request is invalid."

    def test_a_wrong_secret_shows_what_should_have_been_signed(self) -> None:
        failure = refusal(submit_job(Credentials(KEYRING.access_key, "guess")))
        assert failure.fault is AuthFault.BAD_SIGNATURE
        assert failure.message.startswith("The request signature we calculated does not match the signature you")
        assert "\n\nThe Canonical String for this request should have been\n'POST\n/v1/submitjob\n" in failure.message
        assert "The String-to-Sign should have been\n'AWS4-HMAC-SHA256\n20150830T123600Z\n" in failure.message
        assert KEYRING.secret_key not in failure.message

    def test_a_temporary_key_without_its_token(self) -> None:
        request = with_header(submit_job(session_credentials()), "x-amz-security-token", None)
        assert refusal(request).fault is AuthFault.UNKNOWN_KEY

    def test_a_lasting_key_with_a_token(self) -> None:
        token = session_credentials().token
        assert refusal(submit_job(Credentials(ROOT.access_key, ROOT.secret_key, token))).fault is AuthFault.UNKNOWN_KEY

    def test_a_token_of_another_session(self) -> None:
        mine, other = session_credentials(), session_credentials()
        request = submit_job(Credentials(mine.access_key, mine.secret_key, other.token))
        assert refusal(request).fault is AuthFault.UNKNOWN_KEY

    def test_a_session_past_its_end(self) -> None:
        later = NOW_MS + 900_000
        failure = refusal(submit_job(session_credentials(), now_ms=later), later)
        assert failure.fault is AuthFault.EXPIRED
        assert failure.message == "The security token included in the request is expired"

    def test_a_host_that_is_not_signed(self) -> None:
        signer = header_signer(ROOT, "batch")
        date = http.client.HTTPMessage()
        date["x-amz-date"] = "20150830T123600Z"
        signer.headers_to_sign = lambda request: date
        failure = refusal(sign(signer, AWSRequest(method="GET", url=URL), NOW_MS))
        assert failure.fault is AuthFault.BAD_SIGNATURE
        assert failure.message == "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."

    @pytest.mark.parametrize("value", ["0" * 64, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "x"])
    def test_a_declared_hash_that_is_not_the_bodys(self, value: str) -> None:
        failure = refusal(submit_job(headers={"X-Amz-Content-SHA256": value}))
        assert failure.fault is AuthFault.BAD_SIGNATURE
        assert failure.message == "The provided 'x-amz-content-sha256' header does not match what was computed."


class TestTampering:
    """Any part changed on the way breaks the signature."""

    def changed(self, request: HttpRequest) -> dict[str, HttpRequest]:
        return {
            "method": replace(request, method="PUT"),
            "path": replace(request, path="/v1/terminatejob"),
            "query": replace(request, query=request.query + "&x=1" if request.query else "x=1"),
            "body": replace(request, body=request.body + b" "),
            "host": with_header(request, "host", "elsewhere"),
        }

    @pytest.mark.parametrize("part", ["method", "path", "query", "body", "host"])
    def test_of_a_signed_request(self, part: str) -> None:
        assert refusal(self.changed(submit_job())[part]).fault is AuthFault.BAD_SIGNATURE

    @pytest.mark.parametrize("part", ["method", "path", "query", "body", "host"])
    def test_of_a_presigned_request(self, part: str) -> None:
        assert refusal(self.changed(presigned())[part]).fault is AuthFault.BAD_SIGNATURE

    @pytest.mark.parametrize("name", ["content-type", "x-amz-date", "x-amz-target"])
    def test_of_a_signed_header(self, name: str) -> None:
        headers = {"Content-Type": "application/json", "X-Amz-Target": "A.B"}
        value = "20150830T123601Z" if name == "x-amz-date" else "C.D"
        assert refusal(with_header(submit_job(headers=headers), name, value)).fault is AuthFault.BAD_SIGNATURE

    @pytest.mark.parametrize(("old", "new"), [("us-east-1", "us-east-2"), ("/batch/", "/iam/")])
    def test_of_the_scope(self, old: str, new: str) -> None:
        request = submit_job()
        header = request.headers["authorization"].replace(old, new)
        assert refusal(with_header(request, "authorization", header)).fault is AuthFault.BAD_SIGNATURE

    @given(st.integers(0, 63), st.sampled_from("0123456789abcdefABCXYZ \u00e9"))
    def test_of_the_signature(self, at: int, digit: str) -> None:
        request = submit_job()
        head, _, signature = request.headers["authorization"].rpartition("=")
        if signature[at] != digit:
            forged = f"{head}={signature[:at]}{digit}{signature[at + 1 :]}"
            assert refusal(with_header(request, "authorization", forged)).fault is AuthFault.BAD_SIGNATURE


class TestPresigned:
    def test_it_ends_after_its_seconds(self) -> None:
        authenticator(NOW_MS + 60_000).authenticate(presigned())
        failure = refusal(presigned(), NOW_MS + 61_000)
        assert failure.fault is AuthFault.CLOCK
        assert failure.message == (
            "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T123701Z - 1 min.)"
        )

    def test_it_may_live_longer_than_a_header(self) -> None:
        assert authenticator(NOW_MS + 604_800_000).authenticate(presigned(expires_s=604_800)).service == "sts"

    def test_it_does_not_begin_before_its_date(self) -> None:
        assert refusal(presigned(), NOW_MS - 901_000).fault is AuthFault.CLOCK

    @pytest.mark.parametrize("expires_s", [0, -1, 604_801])
    def test_its_seconds_are_between_one_and_a_week(self, expires_s: int) -> None:
        assert refusal(presigned(expires_s=expires_s)).fault is AuthFault.INCOMPLETE

    @pytest.mark.parametrize("name", ["Algorithm", "Credential", "Signature", "SignedHeaders", "Date", "Expires"])
    def test_each_of_its_parts_is_required(self, name: str) -> None:
        request = presigned()
        kept = [pair for pair in request.query.split("&") if not pair.startswith(f"X-Amz-{name}=")]
        failure = refusal(replace(request, query="&".join(kept)))
        assert failure.fault is AuthFault.INCOMPLETE
        assert f"X-Amz-{name}" in failure.message

    def test_another_algorithm_is_refused(self) -> None:
        request = presigned()
        failure = refusal(replace(request, query=request.query.replace("AWS4-HMAC-SHA256", "MD5")))
        assert (failure.fault, failure.message) == (AuthFault.INCOMPLETE, "Unsupported AWS 'algorithm': 'MD5'.")

    def test_a_longer_life_written_in_afterwards_breaks_the_signature(self) -> None:
        request = presigned()
        longer = replace(request, query=request.query.replace("X-Amz-Expires=60", "X-Amz-Expires=600"))
        assert refusal(longer).fault is AuthFault.BAD_SIGNATURE


wire_text = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60)
PIECES = (
    *("AWS4-HMAC-SHA256 ", "Credential=", "AKIDEXAMPLE/20150830/us-east-1/batch/aws4_request", ", ", ",", "=", "/"),
    *("SignedHeaders=host", "host;x-amz-date", "Signature=", "0" * 64, " ", "20150830", ";"),
)
near_misses = st.lists(st.one_of(st.sampled_from(PIECES), wire_text), max_size=12).map("".join)
headers_text = st.one_of(st.text(max_size=60), wire_text, near_misses)


class TestGarbage:
    @given(headers_text, st.sampled_from(["20150830T123600Z", "", None]), wire_text)
    def test_no_authorization_header_does_more_than_fail(self, header: str, date: str | None, token: str) -> None:
        request = with_header(submit_job(), "authorization", header)
        request = with_header(request, "x-amz-date", date)
        refusal(with_header(request, "x-amz-security-token", token))

    @given(headers_text)
    def test_no_date_does_more_than_fail(self, date: str) -> None:
        refusal(with_header(with_header(submit_job(), "x-amz-date", None), "date", date))

    @given(st.lists(st.tuples(st.sampled_from(["Algorithm", "Credential", "Date", "Expires"]), wire_text)), wire_text)
    def test_no_query_does_more_than_fail(self, parts: list[tuple[str, str]], rest: str) -> None:
        query = "&".join([f"X-Amz-{name}={quote(value)}" for name, value in parts] + [rest])
        refusal(replace(presigned(), query=f"X-Amz-Signature=0&{query}"))

    @given(wire_text, wire_text)
    def test_every_path_and_query_has_a_canonical_form(self, path: str, query: str) -> None:
        made = canonical_path(path)
        assert made.startswith("/")
        assert not {"", ".", ".."} & set(made.split("/")[1:-1])
        assert canonical_query(canonical_query(query)) == canonical_query(query)


class TestOpen:
    def test_everybody_is_root(self) -> None:
        identity = OpenAuthenticator(ACCOUNT, "AKIAROOT").authenticate(HttpRequest("GET", "/", "", {}, b""))
        assert identity.caller == Caller(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, "AKIAROOT")
        assert (identity.region, identity.service) == ("us-east-1", "")

    @pytest.mark.parametrize(
        "request_made", [submit_job(Credentials("any", "thing")), presigned()], ids=["header", "url"]
    )
    def test_the_scope_is_taken_without_verifying(self, request_made: HttpRequest) -> None:
        identity = OpenAuthenticator(ACCOUNT, "AKIAROOT").authenticate(request_made)
        assert identity.region == "us-east-1"
        assert identity.service in ("batch", "sts")

    @given(headers_text)
    def test_any_header_will_do(self, header: str) -> None:
        request = HttpRequest("GET", "/", "", {"authorization": header}, b"")
        assert OpenAuthenticator(ACCOUNT, "AKIAROOT").authenticate(request).caller.user_id == ACCOUNT
