"""A whole server under a clock of our own: real store, scheduler and controllers, pretended tasks, real trouble.

A seed decides everything: what clients submit, what operators change, how tasks behave, when reports are late or come
twice, when the store refuses a group, and between which two instructions the server dies. After each step and at the
end these must hold: nothing acknowledged is lost, what ended stays as it ended, an attempt is started at most once,
nothing runs that nobody knows of, no capacity is exceeded, what is in memory is what is stored, and every job ends.

    python tests/simulation/simulate.py --seeds 200 --start 0 --processes 2

A failing seed is printed and replayed with its story.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

if __package__ in (None, ""):  # run as a script: the tests are not on the path
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.simulation.disk import Disk
from tests.simulation.world import Trouble, World

PART = 50  # seeds that one process takes at a time


def silence(line: str) -> None:
    """Tell nobody."""


def run(seed: int, trouble: Trouble | None = None, tell: Callable[[str], None] = silence) -> World:
    """One life of a server (or of many, one after the other). Raises Violation."""
    disk = Disk()
    try:
        world = World(seed, disk, trouble or Trouble(), tell)
        for _ in range(world.trouble.steps):
            world.step()
        world.come_to_an_end()
        return world
    finally:
        disk.destroy()


def first_failure(seeds: range, trouble: Trouble, tell: Callable[[str], None]) -> int | None:
    """The first seed whose life is not sound, after telling its story; None if all are."""
    for seed in seeds:
        try:
            run(seed, trouble)
        except Exception as error:  # noqa: BLE001 - whatever it is, the seed is the news
            tell(f"seed {seed} failed with {type(error).__name__}: {error}")
            tell("its story:")
            _replay(seed, trouble, tell)
            return seed
    return None


def _replay(seed: int, trouble: Trouble, tell: Callable[[str], None]) -> None:
    try:
        run(seed, trouble, tell)
    except Exception as error:  # noqa: BLE001 - expected: it is what was found
        tell(f"{type(error).__name__}: {error}")
    else:
        tell("no failure this time: something outside the seed decides")


def whole_story(trouble: Trouble, seeds: range) -> list[str]:
    """What there is to tell of the first failure among these seeds; nothing if all is well."""
    story: list[str] = []
    first_failure(seeds, trouble, story.append)
    return story


def main() -> int:
    parser = argparse.ArgumentParser(description="Simulate servers, one a seed.")
    parser.add_argument("--seeds", type=int, default=200, help="how many")
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--steps", type=int, default=Trouble().steps, help="steps of random life in each")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="how many work at it")
    wanted = parser.parse_args()
    end = wanted.start + wanted.seeds
    parts = [range(first, min(first + PART, end)) for first in range(wanted.start, end, PART)]
    with ProcessPoolExecutor(wanted.processes) as pool:
        for story in pool.map(partial(whole_story, Trouble(steps=wanted.steps)), parts):
            if story:
                print("\n".join(story))
                pool.shutdown(cancel_futures=True)
                return 1
    print(f"{wanted.seeds} seeds: all is well")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
