"""Aliases of releases in MLflow: what code reads where people see stages."""

from __future__ import annotations

from collections.abc import Mapping

from mlflow import MlflowClient

from dq_pipeline.records import Stage

ALIASES: Mapping[Stage, str] = {"Production": "production", "Staging": "staging"}
"""What people see -> what code reads. Each stage here holds one version at most."""
ROLLED_OUT = ("canary", "shadow")
"""Aliases of releases that predict beside the one in Production begin so."""


def rolled_out(client: MlflowClient, process: str, pointing: Mapping[str, str], wanted: Mapping[str, str]) -> None:
    """Let the aliases of what is rolled out point to the versions in `wanted`, and no other of them anywhere.

    Parameters
    ----------
    pointing
        All aliases as they are.
    """
    now = {alias: version for alias, version in pointing.items() if alias.startswith(ROLLED_OUT)}
    for alias in sorted(set(now) - set(wanted)):
        client.delete_registered_model_alias(process, alias)
    for alias, version in wanted.items():
        if now.get(alias) != version:
            client.set_registered_model_alias(process, alias, version)
