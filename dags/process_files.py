"""Shows what is wrong with a process file as an import error of this file, in Airflow's list of broken DAG files.

The files that generate DAGs leave a bad process out, so that all others go on.
"""

from __future__ import annotations

from dq_airflow import processes

processes.check()
