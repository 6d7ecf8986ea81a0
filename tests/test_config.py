"""Settings: defaults, variables, flags."""

from __future__ import annotations

from typing import Any

import pytest

from batchd.config import Settings, load_settings
from batchd.errors import ConfigError
from batchd.quotas import Quotas, exceeds


def test_flags_win_over_variables_and_those_over_defaults() -> None:
    environ = {"BATCHD_PORT": "1", "BATCHD_ENGINE": "fake", "BATCHD_THROTTLE": "2.5", "BATCHD_STRICT_ROLES": "yes"}
    found = load_settings({"port": 2, "engine": None, "quota": None}, environ)
    assert (found.port, found.engine, found.host) == (2, "fake", "127.0.0.1")
    assert (found.throttle, found.strict_roles) == (2.5, True)


def test_quotas_are_awss_unless_the_operator_says_otherwise() -> None:
    environ = {"BATCHD_QUOTA_JOB_QUEUES": "7", "BATCHD_QUOTA_ARRAY_SIZE": "8", "BATCHD_QUOTAS": "nonsense"}
    flags = {"quota": ["array-size=9", "dependencies_per_job=0"]}
    assert load_settings({}, {}).quotas == Settings().quotas == Quotas()
    assert load_settings(flags, environ).quotas == Quotas(job_queues=7, array_size=9, dependencies_per_job=0)


@pytest.mark.parametrize(
    ("flags", "environ", "text"),
    [
        ({"quota": ["queues=1"]}, {}, "--quota must be one of job-queues, .*, not 'queues'"),
        ({"quota": ["job-queues"]}, {}, "--quota job-queues must be a whole number, 0 for no limit, not ''"),
        ({"quota": ["job-queues=-1"]}, {}, "--quota job-queues must be a whole number"),
        ({}, {"BATCHD_QUOTA_JOB_QUEUES": "many"}, "BATCHD_QUOTA_JOB_QUEUES must be a whole number"),
        ({"throttle": -1.0}, {}, "--throttle must be 0..1000000000"),
        ({}, {"BATCHD_VCPUS": "nan"}, "--vcpus must be 0..1000000000, not nan"),
        ({}, {"BATCHD_RETENTION_DAYS": "inf"}, "--retention-days must be 0..1000000000, not inf"),
        ({}, {"BATCHD_THROTTLE": "fast"}, "BATCHD_THROTTLE must be a number, not 'fast'"),
        ({}, {"BATCHD_PORT": "many"}, "BATCHD_PORT must be a whole number, not 'many'"),
        ({"function_concurrency": 0}, {}, "--function-concurrency must be 1..1000000000, not 0"),
        ({}, {"BATCHD_STRICT_ROLES": "maybe"}, "BATCHD_STRICT_ROLES must be true or false"),
        ({"engine": "steam"}, {}, "--engine must be one of"),
        ({"account": "12"}, {}, "--account must be 12 digits"),
        ({"account": "\u00b9" * 12}, {}, "--account must be 12 digits"),
        ({"host": "0.0.0.0", "no_auth": True}, {}, "--no-auth is allowed only on a loopback host"),
        ({"port": 65536}, {}, "--port must be 0..65535"),
    ],
)
def test_a_setting_that_cannot_work_is_named(flags: dict[str, Any], environ: dict[str, str], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        load_settings(flags, environ)


def test_a_quota_of_zero_is_no_limit() -> None:
    assert [exceeds(number, 2) for number in (1, 2, 3)] == [False, False, True]
    assert not exceeds(10**9, 0)
