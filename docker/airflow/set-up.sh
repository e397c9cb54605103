#!/bin/sh
# Once everything answers: pools, and the topics of every process.
set -eu
python -m dq_pipeline.cli.main airflow setup
for file in "$DQ_PROCESS_DIR"/*.yaml; do
    python -m dq_pipeline.cli.main topics "$(basename "$file" .yaml)"
done
