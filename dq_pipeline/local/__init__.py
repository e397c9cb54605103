"""Servers for a laptop and for the tests: Kafka, PostgreSQL, MLflow and Airflow under one supervisor."""

from dq_pipeline.local.endpoints import Endpoints
from dq_pipeline.local.stack import PARTS, ProgramStatus, down, status, up

__all__ = ["PARTS", "Endpoints", "ProgramStatus", "down", "status", "up"]
