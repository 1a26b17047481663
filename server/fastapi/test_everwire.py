"""The server's half of everwire.v1 against the golden vectors."""

import pytest
import vectors


@pytest.mark.parametrize("scenario", vectors.scenarios(), ids=lambda scenario: scenario["name"])
def test_the_scenarios_of_the_protocol(scenario: dict) -> None:
    vectors.run_scenario(scenario)


@pytest.mark.parametrize(
    "frame", [f for f in vectors.load("frames")["frames"] if f["reader"] == "server"], ids=lambda frame: frame["name"]
)
def test_how_a_frame_is_read(frame: dict) -> None:
    readings = [frame["is"]] + ([frame["or"]] if "or" in frame else [])
    assert vectors.reading(vectors.joined(frame["text"])) in readings
