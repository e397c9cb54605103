from __future__ import annotations

from typing import Any

import pytest

from dq_airflow import trust
from dq_pipeline.errors import StateError


@pytest.mark.parametrize("params", [{"first": 3}, {"stop": 9}, {"first": 0, "stop": None}])
def test_half_a_window_is_not_taken_for_the_newest_samples(
    params: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trust, "get_current_context", lambda: {"params": params})
    with pytest.raises(StateError, match="expected together"):
        trust.reconcile.function("vacuum")
