from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats
from typer.testing import CliRunner

from dq_pipeline.cli.main import app

ROWS, VALVE = 20, np.array(["closed", "open", "fault", "ajar"])


def _write(path, rng, n, share):
    """Recordings in which the valve stays for five rows, and p follows it."""
    code = np.repeat(rng.choice(4, (n, ROWS // 5), p=share), 5, axis=1)
    p = 5.0 * (code == 1) + rng.normal(size=code.shape)
    columns = {"id": np.repeat(np.arange(n), ROWS), "t_s": np.tile(np.arange(float(ROWS)), n)}
    columns |= {"p": p.ravel(), "q": rng.normal(size=code.size), "valve": VALVE[code.ravel()], "y": p.ravel()}
    pq.write_table(pa.table(columns), path)
    return np.bincount(code.ravel(), minlength=4)


@pytest.fixture
def shares(files):
    text = (files / "processes" / "small.yaml").read_text(encoding="utf-8")
    valve = "encoded: {valve: {encoder: categories, categories: [closed, open, fault]}}\ntarget:"
    (files / "processes" / "small.yaml").write_text(text.replace("target:", valve), encoding="utf-8")
    rng = np.random.default_rng(0)
    before = _write(files / "before.parquet", rng, 120, (0.69, 0.31, 0.0, 0.0))
    after = _write(files / "after.parquet", rng, 60, (0.35, 0.52, 0.09, 0.04))
    return files, before, after


def test_the_categories_that_moved_are_told(shares):
    files, before, after = shares
    arguments = ["drift", str(files / "before.parquet"), str(files / "after.parquet"), "-p", "small"]
    result = CliRunner().invoke(app, [*arguments, "--json"], env={"COLUMNS": "160"})
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    (valve,) = told["mixes"]
    assert valve["statistic"] == pytest.approx(stats.chi2_contingency([before, after], correction=False).statistic)
    assert 4.0 < valve["design_effect"] < 6.0  # five equal rows count as one
    assert valve["new"] == ["fault", "other values"]
    found = {row["category"]: (row["before"], row["after"]) for row in valve["shares"]}
    assert found["open"] == pytest.approx((before[1] / before.sum(), after[1] / after.sum()))
    named = [one for verdict in told["verdicts"] for one in verdict["named"]]
    assert any(one.startswith("valve: ") and "open 36 % -> 47 %" in one for one in named), named
    shown = CliRunner().invoke(app, arguments, env={"COLUMNS": "160"})
    assert "Categorical sensors" in shown.stdout
    assert "fault 0 % -> " in shown.stdout


def test_the_same_mix_is_not_told(shares):
    files, *_ = shares
    _write(files / "again.parquet", np.random.default_rng(1), 60, (0.69, 0.31, 0.0, 0.0))
    arguments = ["drift", str(files / "before.parquet"), str(files / "again.parquet"), "-p", "small", "--json"]
    told = json.loads(CliRunner().invoke(app, arguments).stdout)
    assert told["mixes"][0]["p"] > 0.01
    assert told["mixes"][0]["new"] == []
