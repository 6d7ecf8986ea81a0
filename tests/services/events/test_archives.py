"""Archives, and replays of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from batchd.services import events
from batchd.services.events.archives import expire_archives
from batchd.services.events.replays import replay_some
from batchd.store.store import Body, Tx
from tests.contexts import ACCOUNT, context
from tests.services.direct import Direct, direct

ARN = f"arn:aws:events:us-east-1:{ACCOUNT}"
BUS = f"{ARN}:event-bus/default"
DAY = 86_400_000


@pytest.fixture
def service() -> Iterator[Direct]:
    with direct(events.SERVICE) as service:
        yield service


def put(service: Direct, number: int, **more: Any) -> None:
    """An event of the second with this number."""
    time = datetime.fromtimestamp(1_700_000_000 + number, UTC)
    detail = json.dumps({"n": number})
    service("put_events", Entries=[{"Source": "my.app", "DetailType": "x", "Detail": detail, "Time": time, **more}])


def archive(service: Direct, name: str = "all", **more: Any) -> str:
    arn: str = service("create_archive", ArchiveName=name, EventSourceArn=BUS, **more)["ArchiveArn"]
    return arn


def start(service: Direct, name: str, arn: str, first: int, last: int, **destination: Any) -> Any:
    return service(
        "start_replay",
        ReplayName=name,
        EventSourceArn=arn,
        EventStartTime=datetime.fromtimestamp(1_700_000_000 + first, UTC),
        EventEndTime=datetime.fromtimestamp(1_700_000_000 + last, UTC),
        Destination={"Arn": BUS, **destination},
    )


def work(service: Direct, steps: int = 100) -> None:
    """What the deliveries of replays do."""
    for _ in range(steps):
        with service.store.read() as tx:
            lanes = [lane for lane in tx.deliveries.lanes() if ":replay/" in lane]
            due = [one for lane in lanes for one in tx.deliveries.due(lane, 2**62, 1)]
        if not due:
            return
        delivery = due[0]

        def unit(tx: Tx, delivery: Any = delivery) -> None:
            replay_some(context(tx, now_ms=service.clock.now_ms()), delivery)
            tx.deliveries.remove(delivery.number)

        service.store.transact(unit)


def replayed(service: Direct) -> list[Body]:
    with service.store.read() as tx:
        lanes = [lane for lane in tx.deliveries.lanes() if ":sns:" in lane]
        found = [one.body for lane in lanes for one in tx.deliveries.due(lane, 2**62, 1000)]
    return [body for body in found if "replay-name" in body["event"]]


def watch(service: Direct, name: str) -> str:
    arn: str = service("put_rule", Name=name, EventPattern='{"source":["my.app"]}')["RuleArn"]
    service("put_targets", Rule=name, Targets=[{"Id": "t", "Arn": f"arn:aws:sns:us-east-1:{ACCOUNT}:t"}])
    return arn


def test_an_archive_keeps_what_its_pattern_matches(service: Direct) -> None:
    archive(service)
    archive(service, "some", EventPattern='{"detail":{"n":[{"numeric":[">",1]}]}}', Description="few")
    for number in range(4):
        put(service, number)

    found = service("describe_archive", ArchiveName="some")
    assert found["SizeBytes"] > 100
    assert {**found, "SizeBytes": 0} == {
        "ArchiveArn": f"{ARN}:archive/some",
        "ArchiveName": "some",
        "EventSourceArn": BUS,
        "EventPattern": '{"detail":{"n":[{"numeric":[">",1]}]}}',
        "Description": "few",
        "State": "ENABLED",
        "RetentionDays": 0,
        "SizeBytes": 0,
        "EventCount": 2,
        "CreationTime": service.clock.now_ms() / 1000,
    }
    assert [one["EventCount"] for one in service("list_archives")["Archives"]] == [4, 2]
    assert [one["ArchiveName"] for one in service("list_archives", NamePrefix="so")["Archives"]] == ["some"]


def test_archives_that_cannot_work_are_refused(service: Direct) -> None:
    archive(service)
    given = {"ArchiveName": "all", "EventSourceArn": BUS}
    for params, code, message in (
        (given, "ResourceAlreadyExistsException", "Archive all already exists."),
        (
            {"ArchiveName": "x", "EventSourceArn": f"{ARN}:event-bus/none"},
            "ResourceNotFoundException",
            "Event bus none does not exist.",
        ),
        (
            {**given, "ArchiveName": "x", "EventPattern": '{"a":[]}'},
            "InvalidEventPatternException",
            "Event pattern is not valid. Reason: Empty arrays are not allowed",
        ),
    ):
        assert service.error("create_archive", **params) == (code, message)
    assert service.error("update_archive", ArchiveName="all") == (
        "ValidationException",
        "At least one of EventPattern, RetentionDays or Description must be provided.",
    )
    missing = ("ResourceNotFoundException", "Archive none does not exist.")
    assert service.error("describe_archive", ArchiveName="none") == missing
    assert service.error("delete_archive", ArchiveName="none") == missing


def test_events_leave_an_archive_after_its_days_or_with_it(service: Direct) -> None:
    archive(service)
    archive(service, "old")
    for number in range(3):
        put(service, number)
    service("update_archive", ArchiveName="all", RetentionDays=2)
    service("delete_archive", ArchiveName="old")
    now = 1_700_000_000_000

    assert service.store.transact(lambda tx: expire_archives(tx, now + 2 * DAY + 1)) == 1 + 3
    assert service.store.transact(lambda tx: expire_archives(tx, now + 2 * DAY + 1)) == 0
    archive(service, "old")
    assert service("describe_archive", ArchiveName="old")["EventCount"] == 0
    assert service("describe_archive", ArchiveName="all")["EventCount"] == 2


def test_a_replay_gives_a_stretch_of_time_to_the_rules_again_in_order(service: Direct) -> None:
    arn = archive(service)
    for number in reversed(range(250)):
        put(service, number)
    watch(service, "orders")

    answer = start(service, "again", arn, 10, 240)
    assert answer["State"] == "STARTING"
    work(service, 1)
    assert service("describe_replay", ReplayName="again")["State"] == "RUNNING"
    work(service)

    events_again = [body["event"] for body in replayed(service)]
    assert [event["detail"]["n"] for event in events_again] == list(range(10, 240))
    assert {event["replay-name"] for event in events_again} == {"again"}
    found = service("describe_replay", ReplayName="again")
    assert (found["State"], found["EventLastReplayedTime"]) == ("COMPLETED", 1_700_000_239)
    assert service("describe_archive", ArchiveName="all")["EventCount"] == 250, "nothing is archived twice"
    assert [one["ReplayName"] for one in service("list_replays", State="COMPLETED")["Replays"]] == ["again"]
    assert service("list_replays", State="RUNNING")["Replays"] == []


def test_a_replay_may_be_for_some_rules_only(service: Direct) -> None:
    arn = archive(service)
    put(service, 1)
    watch(service, "orders")
    wanted = watch(service, "others")

    start(service, "again", arn, 0, 5, FilterArns=[wanted])
    work(service)

    assert [body["rule"] for body in replayed(service)] == [wanted]


def test_a_replay_can_be_cancelled_while_it_runs(service: Direct) -> None:
    arn = archive(service)
    for number in range(150):
        put(service, number)
    start(service, "again", arn, 0, 500)
    work(service, 1)
    assert service("cancel_replay", ReplayName="again")["State"] == "CANCELLING"
    work(service)
    assert service("describe_replay", ReplayName="again")["State"] == "CANCELLED"
    assert service.error("cancel_replay", ReplayName="again")[0] == "IllegalStatusException"


def test_replays_that_cannot_work_are_refused(service: Direct) -> None:
    service("create_event_bus", Name="shop")
    arn = archive(service)
    start(service, "again", arn, 0, 5)

    def refusal(name: str = "x", source: str = arn, last: int = 5, bus: str = BUS) -> tuple[str, str]:
        return service.error(
            "start_replay",
            ReplayName=name,
            EventSourceArn=source,
            EventStartTime=datetime.fromtimestamp(0, UTC),
            EventEndTime=datetime.fromtimestamp(last, UTC),
            Destination={"Arn": bus},
        )

    assert refusal(name="again") == ("ResourceAlreadyExistsException", "Replay again already exists.")
    assert refusal(source=f"{ARN}:archive/none") == ("ResourceNotFoundException", "Archive none does not exist.")
    assert refusal(bus=f"{ARN}:event-bus/shop") == (
        "ValidationException",
        "Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted.",
    )
    assert refusal(last=0)[0] == "ValidationException"
    for number in range(9):
        start(service, f"r-{number}", arn, 0, 5)
    assert refusal()[0] == "LimitExceededException"
    assert service.error("describe_replay", ReplayName="none")[0] == "ResourceNotFoundException"
