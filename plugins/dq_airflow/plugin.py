"""What Airflow's plugin system is told of."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from dq_airflow import listener


class DQPlugin(AirflowPlugin):
    """The listener that preloads modules for tasks."""

    name = "dq"
    listeners = [listener]  # noqa: RUF012 - Airflow's own form
