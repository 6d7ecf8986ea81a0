"""A check that never fails proves nothing: each one is shown a world that breaks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from batchd.scheduler import invariants
from batchd.scheduler.children import RECORDED, SUCCEEDED, Children
from batchd.scheduler.commands import StartTask, StopTask
from batchd.scheduler.events import CapacityLimit, JobStatus, Resources, TaskExited, TerminateRequested
from batchd.scheduler.state import Environment, Job, Queue, State, Step, Tier, Transition
from tests.scheduler.test_quota_shares import a_world, in_share
from tests.scheduler.test_quota_shares import reserve as a_share
from tests.scheduler.test_service_jobs import M5
from tests.scheduler.worlds import World, after, array, each, fair, gang, limited, of, queue, spec


def busy() -> World:
    """`run` runs with a limit of time, `new` starts, `line` and `next` wait in line, `dep` waits for `run`."""
    world = World(vcpus=2)
    world.submit(limited(spec("run"), 60), spec("new"), spec("line"), spec("next"), after(spec("dep"), "run"))
    world.start("run")
    return world


def arrays() -> World:
    """Of the array `a` one child runs, one starts and one waits; the array `b` follows it."""
    world = World(vcpus=2)
    world.submit(array("a", 3), each(array("b", 3), "a"))
    world.start("a:0")
    return world


def gangs() -> World:
    """The main node of `g` has ended, of the others one stops; `h` has started its main node; `i` waits."""
    world = World(vcpus=5)
    world.submit(gang("g", 3), gang("h", 2), gang("i", 2))
    world.start("g")
    world.start("g#1")
    world.exit("g")
    world.exit("g#2", 143)
    return world


def node(state: State, name: str, index: int = 1) -> Job:
    nodes = state.jobs[name].nodes
    assert nodes is not None
    return nodes[index]


def lose_a_node(state: State) -> None:
    nodes = state.jobs["g"].nodes
    assert nodes is not None
    del nodes[2]


def be_a_gang_without_nodes(state: State) -> None:
    state.jobs["i"].nodes = None


def start_too_early(state: State) -> None:
    node(state, "h").status = JobStatus.STARTING


def go_on_alone(state: State) -> None:
    node(state, "g").stop_reason = None


def run_unknown(state: State) -> None:
    del state.tasks[str(node(state, "g").task_id)]


def run_as_another(state: State) -> None:
    node(state, "g").task_id = "x"


def drain_for_ever(state: State) -> None:
    node(state, "g").status = JobStatus.FAILED


def fall_behind(state: State) -> None:
    node(state, "i").status = JobStatus.PENDING


@pytest.mark.parametrize(
    ("harm", "complaint"),
    [
        (lose_a_node, "g does not have its nodes"),
        (be_a_gang_without_nodes, "i does not have its nodes"),
        (start_too_early, "h#1 is STARTING while its gang is STARTING"),
        (fall_behind, "i#1 is PENDING while its gang is RUNNABLE"),
        (go_on_alone, "g#1 goes on although its gang does not"),
        (run_unknown, "g#1 is RUNNING and not in hand"),
        (run_as_another, "g#1 runs under another attempt's task id"),
        (drain_for_ever, "g waits for nodes to stop and there are none"),
    ],
)
def test_what_is_wrong_with_nodes_is_said(harm: Callable[[State], None], complaint: str) -> None:
    world = gangs()
    harm(world.scheduler.state)
    assert complaint in invariants.check(world.scheduler.state)


def children(state: State, name: str) -> Children:
    found = state.jobs[name].children
    assert found is not None
    return found


def lose_the_array(state: State) -> None:
    del state.jobs["a"]


def miscount_children(state: State) -> None:
    children(state, "a").counts[0] += 1


def miscount_fresh(state: State) -> None:
    children(state, "a").fresh += 1


def look_too_far_on(state: State) -> None:
    children(state, "a").first = 3


def forget_the_place(state: State) -> None:
    children(state, "a").in_line = False


def miscount_standing(state: State) -> None:
    state.queues["q"].line("").standing += 1


def hold_without_cause(state: State) -> None:
    children(state, "a").states[0] = SUCCEEDED


def run_too_early(state: State) -> None:
    children(state, "b").states[0] = RECORDED
    state.jobs["b:0"] = state.jobs["a:1"]


def follow_the_dead(state: State) -> None:
    state.followers["ghost"] = state.followers["a"]


def follow_in_death(state: State) -> None:
    del state.jobs["b"]


@pytest.mark.parametrize(
    ("harm", "complaint"),
    [
        (lose_the_array, "a:0 is the child of no live array"),
        (miscount_children, "a miscounts its children"),
        (miscount_fresh, "a miscounts its children that are ready"),
        (look_too_far_on, "a miscounts its children that are ready"),
        (forget_the_place, "a does not know whether it stands in line"),
        (miscount_standing, "q miscounts the jobs that stand in its line"),
        (hold_without_cause, "child 0 of b waits for nothing"),
        (follow_the_dead, "somebody follows ghost, which is over"),
        (follow_in_death, "b follows a and is over"),
    ],
)
def test_a_broken_array_is_found_out(harm: Callable[[State], None], complaint: str) -> None:
    state = arrays().scheduler.state
    assert invariants.check(state) == []
    harm(state)
    assert complaint in "\n".join(invariants.check(state))


def job(state: State, name: str) -> Job:
    return state.jobs[name]


def forget_task(state: State) -> None:
    del state.tasks[str(job(state, "run").task_id)]


def leave_an_orphan(state: State) -> None:
    del state.jobs["new"]


def rename_task(state: State) -> None:
    job(state, "new").task_id = "other"


def end_quietly(state: State) -> None:
    job(state, "line").status = JobStatus.FAILED


def use_up_attempts(state: State) -> None:
    job(state, "line").spec = replace(job(state, "line").spec, attempts=0)


def forget_start(state: State) -> None:
    job(state, "run").started_at = None


def stand_twice(state: State) -> None:
    state.queues["q"].line("").tiers[0].waiting.append(job(state, "line"))


def stand_elsewhere(state: State) -> None:
    state.queues["q"].line("").tiers[0].waiting.remove(job(state, "line"))
    state.queues["r"] = Queue("r", known=True)
    state.queues["r"].line("").tiers[0].waiting.append(job(state, "line"))


def stand_unknown(state: State) -> None:
    state.queues["q"].line("").tiers[0].waiting.append(Job(spec("ghost"), JobStatus.RUNNABLE, 1))


def miscount_stale(state: State) -> None:
    state.queues["q"].line("").stale += 1


def stand_below(state: State) -> None:
    state.queues["q"].line("").tiers.append(Tier(1))


def miscount_live(state: State) -> None:
    state.queues["q"].live += 1


def keep_dead_queue(state: State) -> None:
    state.queues["r"] = Queue("r")


def miscount_unmet(state: State) -> None:
    state.unmet["dep"] = 7


def wait_while_running(state: State) -> None:
    state.unmet["run"] = 1


def run_before_the_other(state: State) -> None:
    job(state, "line").spec = job(state, "dep").spec


def wait_for_the_dead(state: State) -> None:
    state.dependents["gone"] = {"dep": job(state, "dep")}


def wait_without_count(state: State) -> None:
    state.dependents["new"] = {"line": job(state, "line")}


def miscount_machine(state: State) -> None:
    state.machine.used_gpus += 1


def miscount_environment(state: State) -> None:
    state.environments["main"].running += 1


def keep_dead_environment(state: State) -> None:
    state.environments["gone"] = Environment("gone")


def clamp_in_company(state: State) -> None:
    job(state, "run").clamped = True
    state.machine.used_vcpus_milli -= 1000
    state.machine.used_memory_mib -= 512
    state.machine.taken = "run"


def forget_deadline(state: State) -> None:
    state.deadlines.clear()


def leave_room(state: State) -> None:
    assert state.machine.capacity is not None
    state.machine.capacity = replace(state.machine.capacity, vcpus_milli=9000)


@pytest.mark.parametrize(
    ("harm", "complaint"),
    [
        (forget_task, "run is RUNNING and not in hand"),
        (leave_an_orphan, "is of no live job"),
        (rename_task, "new runs under another attempt's task id"),
        (end_quietly, "line is FAILED and still remembered"),
        (use_up_attempts, "line has used up its attempts and is RUNNABLE"),
        (forget_start, "run is RUNNING since never"),
        (stand_twice, "line is RUNNABLE and stands in line wrongly"),
        (stand_elsewhere, "line stands in r, not in its own queue"),
        (stand_unknown, "ghost stands in line and is not live"),
        (miscount_stale, "q miscounts the jobs that left its line"),
        (stand_below, "q is not in order of priority"),
        (miscount_live, "q counts 6 live jobs of 5"),
        (keep_dead_queue, "r is gone and still remembered"),
        (miscount_unmet, "dep waits for 1 jobs and counts 7"),
        (wait_while_running, "run is RUNNING and still waits for others"),
        (run_before_the_other, "line is RUNNABLE and did not wait for ['run']"),
        (wait_for_the_dead, "somebody waits for gone, which is over"),
        (wait_without_count, "line waits and is not PENDING"),
        (miscount_machine, "the machine miscounts what is used"),
        (miscount_environment, "main miscounts what is used"),
        (keep_dead_environment, "gone is gone and still remembered"),
        (clamp_in_company, "['run'] should run alone"),
        (forget_deadline, "nobody watches the time of run"),
        (leave_room, "line waits at the head of q although there is room"),
    ],
)
def test_a_broken_world_is_found_out(harm: Callable[[State], None], complaint: str) -> None:
    state = busy().scheduler.state
    assert invariants.check(state) == []
    harm(state)
    assert complaint in "\n".join(invariants.check(state))


def overfill_environment(state: State) -> None:
    state.environments["main"].max_vcpus_milli = 1000


def close_environment(state: State) -> None:
    state.environments["main"].available = False


def shrink_instances(state: State) -> None:
    state.environments["main"].largest = (Resources(500, 512),)


def forget_machine(state: State) -> None:
    state.machine.capacity = None


def share_with_the_huge(state: State) -> None:
    state.machine.taken = "run"


@pytest.mark.parametrize("member", ["vcpus_milli", "memory_mib", "gpus"])
def test_a_start_that_overfills_the_machine_is_found_out(member: str) -> None:
    state = busy().scheduler.state
    assert state.machine.capacity is not None
    state.machine.capacity = replace(state.machine.capacity, **{member: -1})
    assert "the machine is overfull" in "\n".join(invariants.check_step(state, a_start(state)))


@pytest.mark.parametrize(
    ("harm", "complaint"),
    [
        (overfill_environment, "main is overfull: 2000 of 1000"),
        (close_environment, "main was given a job although it is not available"),
        (shrink_instances, "new is larger than every instance type of main"),
        (forget_machine, "a job was started on a machine of unknown size"),
        (share_with_the_huge, "run does not run alone"),
    ],
)
def test_a_start_where_there_is_no_room_is_found_out(harm: Callable[[State], None], complaint: str) -> None:
    state = busy().scheduler.state
    harm(state)
    assert invariants.check_step(state, a_start(state)) == [complaint]


def a_start(state: State) -> Step:
    return the_start_of(job(state, "new"))


def the_start_of(new: Job) -> Step:
    return Step([new], [StartTask(str(new.task_id), new.job_id, 1, str(new.environment))], [])


def test_a_step_that_tells_lies_is_found_out() -> None:
    state = busy().scheduler.state
    run = job(state, "run")
    said = "\n".join(
        invariants.check_step(
            state,
            Step(
                [run, run],
                [StartTask("nobody", "run", 1, "main"), StopTask(str(run.task_id), "run")],
                [Transition("run", JobStatus.STARTING, 1, 1, None)],
            ),
        )
    )
    assert "a job is reported as changed twice" in said
    assert "is for no task in hand" in said
    assert "has no reason" in said
    assert "run moved to RUNNING unseen" in said


def test_a_task_that_ended_in_the_step_that_stops_it_is_in_nobodys_way() -> None:
    world = busy()
    task = world.task("run")

    step = world.tell(TerminateRequested("run", "enough"), TaskExited(task, world.now, 0))

    assert StopTask(task, "run") in step.commands
    assert invariants.check_step(world.scheduler.state, step) == []
    untold = replace(step, commands=[StopTask(task, "run")], transitions=[])
    assert "is for no task in hand" in "\n".join(invariants.check_step(world.scheduler.state, untold))


# Shares


def trained() -> State:
    """Of the quota share `a` the job `new` starts, and `next` waits until it has ended."""
    world = a_world(a_share("a", 1))
    world.submit(in_share("new", "a"), in_share("next", "a"))
    return world.scheduler.state


def miscount_instances_of_the_environment(state: State) -> None:
    state.environments["se"].instances[M5] += 1


def miscount_instances_of_the_share(state: State) -> None:
    state.queues["training"].lines["a"].instances[M5] += 1


def own_more(state: State) -> None:
    state.queues["training"].quota = {"a": a_share("a", 2)}


def miscount_live_jobs_of_the_share(state: State) -> None:
    state.queues["training"].lines["a"].live += 1


def miscount_what_the_share_holds(state: State) -> None:
    state.queues["training"].lines["a"].held += 1


def miscount_what_all_shares_hold(state: State) -> None:
    state.queues["training"].held += 1


def lose_the_share(state: State) -> None:
    del state.queues["training"].lines["a"]


@pytest.mark.parametrize(
    ("harm", "complaint"),
    [
        (miscount_instances_of_the_environment, "se miscounts its instances"),
        (miscount_instances_of_the_share, "a of training miscounts its instances"),
        (own_more, "next waits in training although there is room"),
        (miscount_live_jobs_of_the_share, "share a of training miscounts its jobs: 3 live, 10 held"),
        (miscount_what_the_share_holds, "share a of training miscounts its jobs: 2 live, 11 held"),
        (miscount_what_all_shares_hold, "training miscounts what its shares hold"),
        (lose_the_share, "share a of training is gone and has jobs"),
    ],
)
def test_what_is_wrong_with_shares_is_said(harm: Callable[[State], None], complaint: str) -> None:
    state = trained()
    assert invariants.check(state) == []

    harm(state)

    assert complaint in invariants.check(state)


def lower_the_capacity(state: State) -> None:
    state.environments["se"].capacity = (CapacityLimit(M5, 0),)


def own_nothing(state: State) -> None:
    state.queues["training"].quota = {"a": a_share("a", 0)}


@pytest.mark.parametrize(
    ("harm", "complaint"),
    [
        (lower_the_capacity, "se is overfull: {'ml.m5.large': 1}"),
        (own_nothing, "share a of training is overfull: 1 of ml.m5.large"),
    ],
)
def test_a_start_of_more_instances_than_there_are_is_found_out(harm: Callable[[State], None], complaint: str) -> None:
    state = trained()
    step = the_start_of(job(state, "new"))
    assert invariants.check_step(state, step) == []

    harm(state)

    assert invariants.check_step(state, step) == [complaint]


def test_a_start_that_takes_what_is_reserved_is_found_out() -> None:
    world = World()
    world.tell(queue("q", "main", fair=fair()))
    world.submit(of("a", spec("old")), of("a", spec("new")))
    state = world.scheduler.state
    assert invariants.check_step(state, a_start(state)) == []

    policy = state.queues["q"].fair
    assert policy is not None
    policy.limit = 1500

    assert invariants.check_step(state, a_start(state)) == ["new took what is reserved in q: 2000 of 1500 are held"]
