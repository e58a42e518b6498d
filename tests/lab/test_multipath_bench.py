"""The arithmetic of `./dev bench multipath`: what it asks of links, how it judges, what it chooses."""

from __future__ import annotations

import re

import pytest

from lab import topology
from lab.stream import Watched
from tests.bench.multipath.cell import Limit, Line, Settings
from tests.bench.multipath.cells import cells
from tests.bench.multipath.command import main
from tests.bench.multipath.failing import _lines, _Trials
from tests.bench.multipath.rig import Over
from tests.bench.multipath.together import pairs
from tests.bench.multipath.wan import Wan


class TestLinks:
    def test_the_queue_is_one_bandwidth_delay_product(self) -> None:
        assert "rate=100mbit,delay=10ms,queue=250000," in Wan(100, 20).parameters

    @pytest.mark.parametrize(("loss", "burst"), [(1, 4), (5, 2), (10, 4)])
    def test_bursts_lose_as_much_as_they_should(self, loss: float, burst: float) -> None:
        parameters = Wan(100, 20, loss, burst).parameters
        found = re.search(r"loss=0%,gilbert=([\d.]+)%:([\d.]+)%$", parameters)
        assert found is not None, parameters
        to_bad, to_good = map(float, found.groups())
        assert 100 / to_good == pytest.approx(burst)
        assert 100 * to_bad / (to_bad + to_good) == pytest.approx(loss, rel=1e-3)

    def test_the_emulator_takes_them_all(self, pair: topology.Pair) -> None:
        for wan in (Wan(100, 20), Wan(12.5, 33, 1.5, jitter_ms=3.3), Wan(200, 20, 10, burst=4), Wan(200, 20)):
            pair.link.set(wan.parameters)

    def test_pairs_are_the_same_by_their_seed_and_within_their_bounds(self) -> None:
        grid = pairs(5)
        assert grid == pairs(5) != pairs(6)
        assert len(grid) == 16
        wans = [wan for pair in grid for wan in pair]
        assert all(10 <= wan.mbps <= 300 and 10 <= wan.rtt_ms <= 120 and 0 <= wan.loss <= 2 for wan in wans)
        assert sum(any(wan.loss for wan in pair) for pair in grid) == sum(any(wan.jitter_ms for wan in pair) for pair in grid) == 8


class TestVerdicts:
    @pytest.mark.parametrize(
        ("limit", "value", "met"),
        [
            (Limit(0.85), 0.85, True), (Limit(0.85), 0.849, False), (Limit(0.85), None, False),
            (Limit(150, at_least=False), 150, True), (Limit(150, at_least=False), 151, False), (None, 5, None),
        ],
    )  # fmt: skip
    def test_what_is_wanted(self, limit: Limit | None, value: float | None, met: bool | None) -> None:
        line = Line("cell", value, limit)
        assert line.met is met
        assert ("NOT met" in str(line)) == (met is False)

    def test_the_worst_trial_counts(self) -> None:
        good, bad = Watched(700, 0, 0, 0.02, 0), Watched(700, 2, 1, 0.16, 0)
        trials = _Trials({"up": [good, bad], "down": [good, good]}, [0.2, 1.5], [])
        lines = {line.name: line for line in _lines("f", trials, 150)}
        assert {name: line.met for name, line in lines.items()} == {
            "f: stream up, packets lost": False, "f: stream up, longest gap, ms": False,
            "f: stream down, packets lost": True, "f: stream down, longest gap, ms": True,
            "f: TCP at 90% of the survivor, s": False, "f: connections broken": True,
        }  # fmt: skip
        assert lines["f: stream up, longest gap, ms"].value == pytest.approx(160)
        assert lines["f: TCP at 90% of the survivor, s"].value == 1.5

    def test_a_flow_that_never_came_back_meets_nothing(self) -> None:
        trials = _Trials({"up": [Watched(1, 0, 0, 0, 0)]}, [0.2, None], ["broken: reset"])
        lines = _lines("f", trials, 150)
        assert [line.met for line in lines[2:]] == [False, False]
        assert "not at all in 1 of 2" in lines[2].note


class TestChoice:
    def test_every_cell_has_a_name_of_its_own_and_a_length(self) -> None:
        made = cells(5)
        assert len({cell.name for cell in made}) == len(made) == 35
        assert all(cell.seconds(Settings()) > cell.seconds(Settings(rounds=1, trials=1)) > 0 for cell in made)

    @pytest.mark.parametrize(
        ("only", "count"), [(["failover"], 4), (["loss/random/1"], 1), (["single/two", "return"], 3), (["worse/03"], 1)]
    )
    def test_cells_are_chosen_by_the_parts_of_their_names(
        self, only: list[str], count: int, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["--list", "--only", *only]) == 0
        assert len(capsys.readouterr().out.splitlines()) == count + 1

    def test_a_name_that_nothing_has(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--only", "failovers"]) == 2
        assert "no cell is named failovers" in capsys.readouterr().err

    def test_tunnels(self) -> None:
        assert Over((1, 2)).configuration(3) == {
            "links": ["wan1", "wan2"], "address": "10.203.3.1/24", "policy": "bonded"
        }  # fmt: skip
        assert "policy" not in Over((1,), None).configuration(1)
