import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from dq_pipeline.experiments.detection import checks, peers
from dq_pipeline.experiments.detection.kinds import EIGHT, case
from dq_pipeline.experiments.detection.protocol import Raised

PROGRAM = """
    import json, sys
    import numpy as np
    print(json.dumps({sys.argv[1]: "1.2"}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        reference, quiet, changed = (np.load(request[name]) for name in ("reference", "quiet", "changed"))
        assert abs(reference.mean()) < 1e-9 and abs(reference.std() - 1) < 1e-9
        watched = []
        for threshold in request["thresholds"]:
            over = [np.flatnonzero(one.max(axis=1) > threshold) for one in changed]
            first = [[int(i[0]) + request["before"], 3, None] if len(i) else None for i in over]
            alarms = int((quiet.max(axis=1) > threshold).sum())
            watched.append({"alarms": alarms, "first": first, "seconds": 0.5})
        print(json.dumps({"watched": watched}), flush=True)
"""


@pytest.fixture
def programs(tmp_path, monkeypatch):
    monkeypatch.setattr(peers, "PYTHON", Path(sys.executable))
    monkeypatch.setattr(peers, "PROGRAMS", tmp_path)
    return tmp_path


def test_a_peer_is_asked_in_a_process_of_its_own_and_answers_for_every_threshold(programs):
    (programs / "it.py").write_text(textwrap.dedent(PROGRAM), encoding="utf-8")
    made = case(1, 300, {"one mean": EIGHT["one mean"]})
    with peers.Peer("it.py", "lib") as peer:
        assert peer.version == "lib 1.2"
        low, high = peers.Columns("it", peer, (1.0, 9.0)).watch(made, [2.0, 50.0])
    center, scale = (f(peers.columns(made.reference), axis=0) for f in (np.mean, np.std))
    columns = (peers.columns(made.quiet) - center) / scale
    assert low.alarms == int((columns.max(axis=1) > 2.0).sum()) > 0
    assert isinstance(low.first[0], Raised)
    assert low.seconds == 0.5
    assert high.alarms == 0
    assert high.first == (None,)


def test_a_peer_that_is_not_installed_is_named_with_the_reason(programs):
    with pytest.raises(peers.PeerMissingError, match=r"python -m benchmarks\.peers"):
        peers.Peer("none.py", "x")
    (programs / "window_distances.py").write_text("raise SystemExit('no module named frouros')", encoding="utf-8")
    with pytest.raises(peers.PeerMissingError, match="no module named frouros"):
        peers.Peer("window_distances.py", "frouros")
    made = case(1, 50, EIGHT)
    rows = made.reference.reshape(-1, 8)
    told = checks.remote("frouros", "JS", checks.jensen_shannon, rows, rows[None, :1500])
    assert told.difference is None
    assert "no module named frouros" in told.note


def test_columns_are_what_was_read():
    values = np.arange(24.0).reshape(2, 4, 3)
    values[0, 1, 2] = np.nan
    found = peers.columns(values)
    assert found.shape == (2, 6)
    assert found[0, 2] == pytest.approx(np.mean([2.0, 8.0, 11.0]))
    assert found[0, 5] == pytest.approx(np.std([2.0, 8.0, 11.0]))
