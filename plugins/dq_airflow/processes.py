"""The process files that a DAG file makes DAGs of.

A bad file stops its own process only: the generating DAG files leave it out, and `process_files.py` raises what is
wrong with it, so that Airflow shows it as an import error. Light to import: Airflow's parser does.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from airflow.configuration import conf
from airflow.sdk import get_parsing_context

from dq_pipeline.errors import ConfigurationError, ProcessFileError
from dq_pipeline.process import Process
from dq_pipeline.process_file import load, load_all


def folder() -> Path:
    """The folder of process files: `DQ_PROCESS_DIR`, else `processes` in Airflow's DAG folder."""
    return Path(os.environ.get("DQ_PROCESS_DIR") or Path(conf.get("core", "dags_folder")) / "processes")


def names() -> set[str]:
    """Every process that has a file, a bad one too."""
    return {path.stem for path in folder().glob("*.yaml")}


def valid(kind: str) -> Iterator[Process]:
    """The valid processes to make `<process>_<kind>` DAGs of.

    A task's own process parses the DAG file too; it is given the one process it belongs to, not all.
    """
    wanted = get_parsing_context().dag_id
    for path in sorted(folder().glob("*.yaml")):
        if wanted and wanted != f"{path.stem}_{kind}":
            continue
        try:
            yield load(path)
        except ProcessFileError:
            continue  # raised by `check`


def check() -> None:
    """Raise what is wrong with any process file.

    Raises
    ------
    ProcessFileError
        If one file is bad: file, key, what was expected and what was found.
    ConfigurationError
        If several are, with the same of each.
    """
    bad = list(load_all(folder())[1].values())
    if len(bad) == 1:
        raise bad[0]
    if bad:
        raise ConfigurationError("\n".join(str(error).rstrip() for error in bad))
