"""Steps: one function per task of the platform. Core and ports, no Airflow: what DAGs, the CLI and replay call."""

from dq_pipeline.steps.act import act, drain
from dq_pipeline.steps.adapt import adapt, retrain
from dq_pipeline.steps.agenda import let_go
from dq_pipeline.steps.assess import assess
from dq_pipeline.steps.audit import audit
from dq_pipeline.steps.contracts import contracts, contracts_hold, reconcile, sync
from dq_pipeline.steps.decide import decide
from dq_pipeline.steps.error_estimate import error_estimate
from dq_pipeline.steps.flag_export import export_rows
from dq_pipeline.steps.flags import flags, report
from dq_pipeline.steps.govern import ask, govern, governor
from dq_pipeline.steps.held import Held
from dq_pipeline.steps.incidents import close as close_incident
from dq_pipeline.steps.initialize import annotate, plan, train, unify
from dq_pipeline.steps.judge import judge
from dq_pipeline.steps.label_studio import from_label_studio, to_label_studio
from dq_pipeline.steps.labels import add_labels, label_state, take_labels
from dq_pipeline.steps.lineage import lineage, would_refuse
from dq_pipeline.steps.promote import promote, reject
from dq_pipeline.steps.pull import pull
from dq_pipeline.steps.readiness import Readiness, Watch, readiness
from dq_pipeline.steps.redrive import redrive
from dq_pipeline.steps.review_queue import fill_queue
from dq_pipeline.steps.reviews import review, reviews
from dq_pipeline.steps.rollback import resume, roll_back
from dq_pipeline.steps.sensors import note_sensor, sensors
from dq_pipeline.steps.staging import evaluate, stage
from dq_pipeline.steps.status import status

__all__ = [
    "Held",
    "Readiness",
    "Watch",
    "act",
    "adapt",
    "add_labels",
    "annotate",
    "ask",
    "assess",
    "audit",
    "close_incident",
    "contracts",
    "contracts_hold",
    "decide",
    "drain",
    "error_estimate",
    "evaluate",
    "export_rows",
    "fill_queue",
    "flags",
    "from_label_studio",
    "govern",
    "governor",
    "judge",
    "label_state",
    "let_go",
    "lineage",
    "note_sensor",
    "plan",
    "promote",
    "pull",
    "readiness",
    "reconcile",
    "redrive",
    "reject",
    "report",
    "resume",
    "retrain",
    "review",
    "reviews",
    "roll_back",
    "sensors",
    "stage",
    "status",
    "sync",
    "take_labels",
    "to_label_studio",
    "train",
    "unify",
    "would_refuse",
]
