#!/bin/sh
# Before anything starts: Airflow's tables, its log-in, the ledger's tables.
set -eu
umask 077
python -m airflow db migrate
python - "$AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE" <<'PROGRAM'
import json, os, sys
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump({"admin": os.environ["DQ_AIRFLOW_PASSWORD"]}, file)
PROGRAM
python -m dq_pipeline.cli.main migrate
