from __future__ import annotations

import sys

import pytest

from dq_airflow import plugin


def test_only_the_web_server_has_the_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["airflow", "scheduler"])
    assert plugin._apps() == []
    monkeypatch.setattr(sys, "argv", ["airflow", "api-server", "--port", "8080"])
    (found,) = plugin._apps()
    assert found["url_prefix"] == "/dq"


@pytest.mark.parametrize(
    ("address", "home"), [("http://localhost:8080", ""), ("https://plant.example/airflow/", "/airflow")]
)
def test_the_navigation_heeds_where_airflow_lives(monkeypatch: pytest.MonkeyPatch, address: str, home: str) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", address)
    view = plugin._view()
    assert (view["href"], view["icon"]) == (f"{home}/dq/", f"{home}/dq/static/icon.svg")
