"""The tasks of the DAG `dq_experiments`; they belong to no process."""

from __future__ import annotations

from typing import Any

from airflow.sdk import get_current_context, task

from dq_airflow import pools


@task
def chosen() -> list[str]:
    """The experiments that were asked for."""
    return list(get_current_context()["params"]["experiments"])


@task(pool=pools.LEARN)
def make(name: str) -> dict[str, Any]:
    """Make one experiment."""
    from dq_pipeline.experiments import results
    from dq_pipeline.experiments.experiment import Asked
    from dq_pipeline.settings import Settings

    settings = Settings.resolve()
    asked = Asked(bool(get_current_context()["params"]["quick"]), settings.process_dir, settings.variables)
    made = results.make(name, asked, settings.var / "experiments")
    return {"experiment": name, "seconds": made["seconds"], "tables": [table["name"] for table in made["tables"]]}


@task
def report(_made: list[dict[str, Any]]) -> str:
    """Write the page of all that were made, and say where."""
    from dq_pipeline.cli.experiments import write_page
    from dq_pipeline.settings import Settings

    return str(write_page(Settings.resolve().var / "experiments"))
