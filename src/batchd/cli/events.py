"""`batchd events`: what happens on the event buses, and what could not be delivered."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

app = typer.Typer(no_args_is_help=True, help="Look at what happens on the event buses, and at what was not delivered.")
DataDir = Annotated[Path | None, typer.Option(help="Where the server keeps everything.", show_default=False)]
Numbers = Annotated[list[int] | None, typer.Argument(help="Numbers of dead deliveries.", show_default=False)]
_EVERY_S = 0.5
_NOTHING = "batchd: no events yet: those of AWS's services, as what becomes of jobs, are kept where a rule wants them"
_AT_ONCE = 1000


@app.command()
def tail(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as events come.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The last so many.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Print what happened on the event buses of late: events, the rules that matched, what became of each delivery.
    Of what AWS's services tell (`aws.batch` and others) only what a rule or an archive wanted is here."""
    own = _own(data_dir)
    show = _as_json if as_json else _line
    try:
        page = own.list_bus_records(maxResults=limit)
        if not page["records"]:
            print(_NOTHING, file=sys.stderr)
        while True:
            for record in page["records"]:
                print(show(record), flush=follow)
            if not follow:
                return
            page = _next_page(own, page["last"])
    except KeyboardInterrupt:
        return


@app.command()
def dead(
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each.")] = False,
    data_dir: DataDir = None,
) -> None:
    """List what could not be delivered and has no dead-letter queue."""
    from batchd.cli.tables import console, cut, table

    own = _own(data_dir)
    if as_json:
        for one in _dead(own):
            print(_as_json(one))
        return
    made = table("NUMBER", "SINCE", "TRIES", "TARGET", "PROBLEM", right=("NUMBER", "TRIES"), cut=("TARGET", "PROBLEM"))
    for one in _dead(own):
        cells = (str(one["number"]), _time(one["since"]), str(one["attempts"]))
        made.add_row(*cells, cut(_short(one["target"])), cut(one.get("problem", "")))
    console().print(made)


@app.command()
def redrive(
    numbers: Numbers = None,
    every: Annotated[bool, typer.Option("--all", help="Every dead delivery.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Try dead deliveries again."""
    own = _own(data_dir)
    _print_count(_each(own.redrive_deliveries, _chosen(own, numbers, every)), "will be tried again")


@app.command()
def discard(
    numbers: Numbers = None,
    every: Annotated[bool, typer.Option("--all", help="Every dead delivery.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Forget dead deliveries."""
    own = _own(data_dir)
    _print_count(_each(own.discard_deliveries, _chosen(own, numbers, every)), "forgotten")


def _own(data_dir: Path | None) -> Any:  # batchd's own service has no stubs
    from batchd.cli.connect import Clients, access

    return Clients(access(data_dir)).own


def _next_page(own: Any, last: int) -> dict[str, Any]:
    import time

    from batchd.cli.follow import patiently

    while True:
        page: dict[str, Any] = patiently(lambda: own.list_bus_records(after=last))
        if page["records"]:
            return page
        time.sleep(_EVERY_S)


def _dead(own: Any) -> Iterator[dict[str, Any]]:
    after = 0
    while page := own.list_dead_deliveries(after=after)["deliveries"]:
        yield from page
        after = page[-1]["number"]


def _chosen(own: Any, numbers: list[int] | None, every: bool) -> list[int]:
    if bool(numbers) is every:
        raise typer.BadParameter("give numbers, or --all", param_hint="NUMBERS")
    return numbers or [one["number"] for one in _dead(own)]


def _each(call: Any, numbers: list[int]) -> int:
    """How many there were."""
    return sum(
        len(call(numbers=numbers[start : start + _AT_ONCE])["numbers"]) for start in range(0, len(numbers), _AT_ONCE)
    )


def _print_count(count: int, what: str) -> None:
    print(f"{count} {'delivery' if count == 1 else 'deliveries'} {what}")


def _line(record: dict[str, Any]) -> str:
    """One line for a person."""
    import json

    body, at = json.loads(record["body"]), _time(record["at"])
    if record["kind"] in ("event", "schedule"):
        return f"{at}  {record['bus']}  {_event(body)}"
    where = f"{_short(body['rule'])} -> {body['target']} ({_short(body['arn'])})"
    tries = f"attempt {body['attempts']}" if body["attempts"] > 1 or record["kind"] != "delivered" else ""
    letter = f"to {_short(body['letter'])}" if "letter" in body else body.get("letterProblem", "")
    told = ", ".join(filter(None, (tries, body.get("problem", ""), letter)))
    return f"{at}  {record['bus']}    {record['kind']}  {body['event'][:8]}  {where}{': ' if told else ''}{told}"


def _event(body: dict[str, Any]) -> str:
    event, rules = body["event"], ", ".join(body["rules"]) or "no rule"
    how = f" ({body['how']})" if body.get("how", "on time") != "on time" else ""
    return f"{event['source']}  {event['detail-type']}  {event['id'][:8]}  {rules}{how}"


def _as_json(record: dict[str, Any]) -> str:
    import json

    return json.dumps({**record, "body": json.loads(record["body"])})


def _short(arn: str) -> str:
    """The part of an ARN that differs."""
    return arn.split(":", 5)[-1]


def _time(ms: int) -> str:
    from datetime import datetime

    return f"{datetime.fromtimestamp(ms / 1000).astimezone():%Y-%m-%d %H:%M:%S}"
