"""Images chosen at submit: the tags `batchd:image` and `batchd:image:<container>`."""

from __future__ import annotations

import pytest

from batchd.services.batch.images import chosen_images
from batchd.task import decode_task
from tests.services.batch import pods, tasks
from tests.services.batch.worlds import World


def images(world: World, job_id: str) -> list[str]:
    """Of the containers that will run."""
    return [container.image for container in decode_task(world.row(job_id).task).containers]


@pytest.mark.parametrize("tag", ["batchd:image", "batchd:image:default"])
def test_a_job_runs_another_image_than_its_definition_names(world: World, tag: str) -> None:
    world.ready()
    job_id = world.submit(tags={tag: "registry.example.com:5000/feed@sha256:0a", "team": "night"})
    assert images(world, job_id) == ["registry.example.com:5000/feed@sha256:0a"]
    assert world.job(job_id)["container"]["image"] == "registry.example.com:5000/feed@sha256:0a"
    assert images(world, world.submit(tags={"batchd:images": "x"})) == ["busybox:latest"]


def test_of_several_containers_each_may_have_its_own(world: World) -> None:
    world.ready()
    tasks.register(world, tasks.container("main"), tasks.helper("helper"), tasks.helper("other"))
    job_id = world.submit(jobDefinition="task", tags={"batchd:image:main": "a:1", "batchd:image:helper": "b:2"})
    assert images(world, job_id) == ["a:1", "b:2", "busybox"]
    (task,) = world.job(job_id)["ecsProperties"]["taskProperties"]
    assert [one["image"] for one in task["containers"]] == ["a:1", "b:2", "busybox"]


def test_pods_have_it_too(world: World) -> None:
    pods.ready(world, pods.container("main"), pod={"initContainers": [pods.container("first")]})
    job_id = world.submit(jobDefinition="pod", tags={"batchd:image:main": "a:1", "batchd:image:first": "b:2"})
    assert images(world, job_id) == ["b:2", "a:1"]


def test_an_image_for_nobody_and_one_that_cannot_be_are_refused(world: World) -> None:
    world.ready()
    tasks.register(world, tasks.container("main"), tasks.helper("helper"))

    def text(**tags: str) -> str:
        request = {"jobName": "a", "jobQueue": "night", "jobDefinition": "task"}
        return world.refusal(
            "submit_job", **request, tags={f"batchd:image{name}": image for name, image in tags.items()}
        )

    assert text(**{":never": "a"}) == "tag batchd:image:never: there is no container never"
    several = "tag batchd:image: of several containers one must be named, batchd:image:<name>"
    assert text(**{"": "a"}) == several
    assert text(**{":": "a"}) == several.replace("image: of", "image:: of")
    assert "Container image should match valid pattern" in text(**{":main": "two words"})
    assert "Container image should match valid pattern" in text(**{":main": ""})


def test_tags_that_mean_something_else_are_passed_over() -> None:
    assert chosen_images({"image": "a", "batchd:imagery": "b", "batchd:client-token": "c"}, ["default"]) == {}
