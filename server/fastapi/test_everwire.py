"""The server's half of everwire.v1 against the golden vectors."""

import pytest
import storm
import vectors

STORMS = 60
"""Schedules for each kind of store."""


@pytest.mark.parametrize("scenario", vectors.scenarios(), ids=lambda scenario: scenario["name"])
def test_the_scenarios_of_the_protocol(scenario: dict) -> None:
    vectors.run_scenario(scenario)


@pytest.mark.parametrize(
    "frame", [f for f in vectors.load("frames")["frames"] if f["reader"] == "server"], ids=lambda frame: frame["name"]
)
def test_how_a_frame_is_read(frame: dict) -> None:
    readings = [frame["is"]] + ([frame["or"]] if "or" in frame else [])
    assert vectors.reading(vectors.joined(frame["text"])) in readings


@pytest.mark.parametrize("kind", ["atomic", "begun", "memory"])
def test_no_storm_breaks_a_promise(kind: str) -> None:
    for seed in range(STORMS):
        try:
            storm.Storm(seed, kind).run()
        except AssertionError as error:
            raise AssertionError(f"replay with storm.Storm({seed}, {kind!r}).run(): {error}") from error
