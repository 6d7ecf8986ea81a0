"""`batchd`: one door, a command each. The command line is a client like any other."""

from __future__ import annotations

import gc
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from batchd import __version__
from batchd.cli import events
from batchd.errors import BatchdError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="AWS Batch on your own machines: `batchd serve` starts a server, the rest are its clients.",
)
app.add_typer(events.app, name="events")
DataDir = Annotated[Path | None, typer.Option(help="Where the server keeps everything.", show_default=False)]
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]
Job = Annotated[str, typer.Argument(help="A job's id, or the name of the newest job so called.")]


def main() -> None:
    """The console script. Errors of ours, of the service and of usage are one line, not a traceback."""
    from batchd.cli.connect import complaint

    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a job may write what this terminal cannot show
    try:
        code = app(standalone_mode=False)
    except BatchdError as error:
        sys.exit(f"batchd: {error}")
    except _UsageError as error:
        _refuse_usage(error)
    except typer.Abort:  # an answer was wanted, and Ctrl-C or Ctrl-D came
        sys.exit(130)
    except Exception as error:
        if text := complaint(error):
            sys.exit(f"batchd: {text}")
        raise
    sys.exit(code)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[  # what every program is asked for; the command says the same
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


def _refuse_usage(error: Any) -> NoReturn:  # Any: typer does not name the class that its errors share
    """The help where nothing was asked for, else what is wrong and where to read on."""
    command = error.ctx.command_path if error.ctx else "batchd"
    text = " ".join(error.format_message().split())
    if not text:  # the help has been printed instead
        sys.exit(0)
    print(f"batchd: {text} (see `{command} --help`)", file=sys.stderr)
    sys.exit(error.exit_code)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.  [127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one.  [4580]")] = None,
    data_dir: DataDir = None,
    engine: Annotated[str | None, typer.Option(help="auto, process, docker or fake.  [auto]")] = None,
    account: Annotated[str | None, typer.Option(help="The account's twelve digits.  [123456789012]")] = None,
    vcpus: Annotated[float | None, typer.Option(help="vCPUs jobs may use.  [all]")] = None,
    memory_mib: Annotated[int | None, typer.Option(help="Memory jobs may use.  [nearly all]")] = None,
    retention_days: Annotated[float | None, typer.Option(help="How long ended jobs are kept.  [7]")] = None,
    docker_host: Annotated[str | None, typer.Option(help="The Docker Engine's socket.")] = None,
    docker_network: Annotated[str | None, typer.Option(help="Network mode of containers.  [host]")] = None,
    throttle: Annotated[float | None, typer.Option(help="Requests of each operation a second; 0: all.  [0]")] = None,
    function_concurrency: Annotated[
        int | None, typer.Option(help="Invocations of functions that run at once; more wait.  [100]")
    ] = None,
    quota: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, 0 for no limit.  [AWS's]")] = None,
    strict_roles: Annotated[
        bool | None, typer.Option("--strict-roles", help="Environments with unknown roles are INVALID.")
    ] = None,
    leave_out_missed: Annotated[
        bool | None,
        typer.Option("--leave-out-missed", help="Do not fire what was due while no server ran; else it fires once."),
    ] = None,
    no_auth: Annotated[bool | None, typer.Option("--no-auth", help="Accept unsigned requests.")] = None,
) -> None:
    """Run the server."""
    flags = dict(locals())
    gc.disable()  # until the server is ready: nothing that is loaded or made before then is garbage
    from batchd.cli.serve import serve as run_server

    run_server(flags)


@app.command()
def env(data_dir: DataDir = None) -> None:
    """Print the variables that lead AWS's tools to the server: eval "$(batchd env)"."""
    import os
    import shlex

    from batchd.cli.connect import local_access
    from batchd.config import load_settings

    for name, value in local_access(load_settings({"data_dir": data_dir}, os.environ)).variables.items():
        print(f"export {name}={shlex.quote(value)}")
    print("unset AWS_SESSION_TOKEN AWS_PROFILE")


@app.command(context_settings={"allow_interspersed_args": False})
def run(
    command: Annotated[list[str], typer.Argument(help="The command and its arguments, after --.")],
    queue: Annotated[str, typer.Option(help="Made if missing.")] = "default",
    name: Annotated[str, typer.Option(help="The job's name.", show_default=False)] = "",
    image: Annotated[str, typer.Option(help="For engines that run containers.")] = "python:3-slim",
    vcpus: Annotated[int, typer.Option(help="vCPUs it asks for.")] = 1,
    memory: Annotated[int, typer.Option(help="Memory it asks for, MiB.")] = 512,
    attempts: Annotated[int, typer.Option(help="How often to try.")] = 1,
    timeout: Annotated[int | None, typer.Option(help="Seconds an attempt may take.", show_default=False)] = None,
    environment: Annotated[list[str] | None, typer.Option("--env", "-e", help="NAME=VALUE.")] = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Print the job's id and leave.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Run a command as a job, follow its output, exit with its code."""
    from batchd.cli.jobs import run_command
    from batchd.cli.submit import Work

    variables = dict(_pair(text) for text in environment or [])
    work = Work(command, queue, name, image, vcpus, memory, attempts, timeout, variables, Path.cwd())
    sys.exit(run_command(data_dir, work, detach))


@app.command(context_settings={"allow_interspersed_args": False})
def schedule(
    expression: Annotated[str, typer.Argument(help="cron(0 2 * * ? *), rate(5 minutes) or at(2026-12-24T18:00:00).")],
    command: Annotated[list[str], typer.Argument(help="The command and its arguments, after --.")],
    timezone: Annotated[str, typer.Option(help="Whose clock it is.")] = "UTC",
    queue: Annotated[str, typer.Option(help="Made if missing.")] = "default",
    name: Annotated[str, typer.Option(help="The job's and the schedule's name.", show_default=False)] = "",
    image: Annotated[str, typer.Option(help="For engines that run containers.")] = "python:3-slim",
    vcpus: Annotated[int, typer.Option(help="vCPUs it asks for.")] = 1,
    memory: Annotated[int, typer.Option(help="Memory it asks for, MiB.")] = 512,
    attempts: Annotated[int, typer.Option(help="How often to try.")] = 1,
    timeout: Annotated[int | None, typer.Option(help="Seconds an attempt may take.", show_default=False)] = None,
    environment: Annotated[list[str] | None, typer.Option("--env", "-e", help="NAME=VALUE.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Run a command as a job, each time a schedule says; one of the same name is replaced."""
    from batchd.cli.schedule import schedule_command
    from batchd.cli.submit import Work

    variables = dict(_pair(text) for text in environment or [])
    words = command[1:] if command[0] == "--" else command  # behind another argument it is not taken away
    work = Work(words, queue, name, image, vcpus, memory, attempts, timeout, variables, Path.cwd())
    schedule_command(data_dir, expression, timezone, work)


@app.command()
def schedules(data_dir: DataDir = None) -> None:
    """List schedules."""
    from batchd.cli.schedule import list_schedules

    list_schedules(data_dir)


@app.command()
def unschedule(
    name: Annotated[str, typer.Argument(help="A schedule's name.")],
    data_dir: DataDir = None,
) -> None:
    """Delete a schedule; what it has submitted goes on."""
    from batchd.cli.schedule import unschedule as delete

    delete(data_dir, name)


@app.command()
def jobs(
    queue: Annotated[str | None, typer.Option(help="Only this queue.", show_default=False)] = None,
    status: Annotated[str | None, typer.Option(help="Only this status.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(help="How many, newest first.", min=1)] = 30,
    data_dir: DataDir = None,
) -> None:
    """List jobs, newest first."""
    from batchd.cli.jobs import list_jobs

    list_jobs(data_dir, queue, status, limit)


@app.command()
def logs(
    job: Job,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Until the job ends.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Print a job's output."""
    from batchd.cli.jobs import print_logs

    print_logs(data_dir, job, follow)


@app.command()
def why(
    job: Job,
    as_json: Annotated[bool, typer.Option("--json", help="Print it for programs.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Say why a job is where it is."""
    from batchd.cli.jobs import explain

    explain(data_dir, job, as_json=as_json)


@app.command()
def top(
    once: Annotated[bool, typer.Option("--once", help="Print once and leave.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Show queues, environments and the machine, live."""
    from batchd.cli.top import show

    show(data_dir, once)


@app.command()
def search(
    name: Annotated[str | None, typer.Argument(help="A job's name; a trailing * is any ending.")] = None,
    queue: Annotated[str | None, typer.Option(help="Only this queue.", show_default=False)] = None,
    tag: Annotated[list[str] | None, typer.Option(help="KEY=VALUE, KEY=VAL* or KEY.")] = None,
    exit_code: Annotated[int | None, typer.Option(help="The last attempt's.", show_default=False)] = None,
    status: Annotated[str | None, typer.Option(help="SUCCEEDED or FAILED.", show_default=False)] = None,
    since: Annotated[
        str | None, typer.Option(help="Ended after: 2h, 7d, 2026-11-23T14:00.", show_default=False)
    ] = None,
    until: Annotated[str | None, typer.Option(help="Ended before.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(help="How many, the latest end first.", min=1)] = 30,
    data_dir: DataDir = None,
) -> None:
    """Find jobs that ended, in all queues."""
    from batchd.cli.search import Wish
    from batchd.cli.search import search as find

    find(data_dir, Wish(name, queue, tag or [], exit_code, status, since, until), limit)


@app.command()
def purge(
    queue: Annotated[str, typer.Argument(help="A queue's name.")],
    reason: Annotated[str | None, typer.Option(help="What the jobs' statusReason says.", show_default=False)] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    data_dir: DataDir = None,
) -> None:
    """End every job of a queue, waiting or running."""
    from batchd.cli.search import purge as end_all

    end_all(data_dir, queue, reason, yes)


@app.command()
def rerun(job: Job, data_dir: DataDir = None) -> None:
    """Submit a job that failed again, as it was; of an array only the children that failed."""
    from batchd.cli.jobs import run_again

    run_again(data_dir, job)


@app.command()
def doctor(data_dir: DataDir = None) -> None:
    """Check what this machine allows, and say what is missing."""
    from batchd.cli.doctor import examine

    sys.exit(examine(data_dir))


@app.command()
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Keep the demo's data directory.")] = False,
) -> None:
    """Start a server, measure Python's standard library in nine jobs, print the result, stop the server."""
    from batchd.cli.demo import run_demo

    sys.exit(run_demo(keep))


@app.command()
def simulate(
    trace: Annotated[Path | None, typer.Argument(help="In the Standard Workload Format; .gz is fine.")] = None,
    model: Annotated[str | None, typer.Option(help="Make the jobs up: lublin.", show_default=False)] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Of a model.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Of a model: the same seed, the same jobs.")] = 1,
    largest: Annotated[int, typer.Option(min=1, help="Of a model: vCPUs of the largest job.")] = 128,
    load: Annotated[float | None, typer.Option(help="Of a model: work offered, 1 fills the machine.")] = None,
    write: Annotated[Path | None, typer.Option(help="Write the model's jobs here, and leave.")] = None,
    vcpus: Annotated[int | None, typer.Option(min=1, help="Of the machine.  [as the trace says]")] = None,
    memory: Annotated[int | None, typer.Option(min=1, help="Of the machine, MiB.  [enough]")] = None,
    queues: Annotated[
        str, typer.Option(help="What queue a job goes to: queue, user, group, partition, none.")
    ] = "queue",
    shares: Annotated[str, typer.Option(help="What share a job counts for: user, group, queue, partition.")] = "user",
    priority: Annotated[list[str] | None, typer.Option(help="QUEUE=NUMBER, higher first.  [all 1]")] = None,
    weight: Annotated[list[str] | None, typer.Option(help="SHARE=NUMBER, lower gets more.  [all 1]")] = None,
    limits: Annotated[bool, typer.Option("--limits", help="Stop jobs after the time they requested.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
    plots: Annotated[Path | None, typer.Option(help="Draw plots into this folder.", show_default=False)] = None,
) -> None:
    """Replay a recorded or modelled workload through the scheduler, in no time, and report what came of it."""
    from batchd.cli import simulate as command

    source = command.Source(trace, model, jobs, seed, largest, load)
    machine = command.Machine(vcpus, memory)
    if write is not None:
        command.write_trace(source, machine, write)
        return
    mapping = command.Mapping(queues, shares, priority or [], weight or [], limits)
    command.simulate(source, machine, mapping, command.Output(as_json, plots))


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--env")
    return name, value
