"""Steps: one function per task of the platform. Core and ports, no Airflow: what DAGs, the CLI and replay call."""

from dq_pipeline.steps.act import act, drain
from dq_pipeline.steps.adapt import adapt, retrain
from dq_pipeline.steps.agenda import let_go
from dq_pipeline.steps.assess import assess
from dq_pipeline.steps.audit import audit
from dq_pipeline.steps.batch_pages import batch, batch_list, sample
from dq_pipeline.steps.catalog import catalog, review_entry
from dq_pipeline.steps.compare import compare
from dq_pipeline.steps.contracts import contracts, contracts_hold, reconcile, sync
from dq_pipeline.steps.decide import decide
from dq_pipeline.steps.deliver import deliver, deliver_aside
from dq_pipeline.steps.drill import drill, drills
from dq_pipeline.steps.error_estimate import error_estimate
from dq_pipeline.steps.flag_export import export_rows
from dq_pipeline.steps.flags import flags, report
from dq_pipeline.steps.govern import ask, govern, governor
from dq_pipeline.steps.held import Held
from dq_pipeline.steps.incidents import close as close_incident
from dq_pipeline.steps.incidents import incident, incident_list
from dq_pipeline.steps.initialize import annotate, plan, train, unify
from dq_pipeline.steps.judge import judge
from dq_pipeline.steps.label_studio import from_label_studio, to_label_studio
from dq_pipeline.steps.labels import add_labels, label_state, take_labels
from dq_pipeline.steps.lineage import lineage
from dq_pipeline.steps.notices import judge_notice, notices, precision, prune, send_test
from dq_pipeline.steps.overview import overview
from dq_pipeline.steps.post import post
from dq_pipeline.steps.promote import promote, reject
from dq_pipeline.steps.pull import pull
from dq_pipeline.steps.readiness import Readiness, Watch, readiness
from dq_pipeline.steps.redrive import redrive
from dq_pipeline.steps.release_pages import compare_releases, pending_settings, release_list, restorable
from dq_pipeline.steps.replay import replay_period
from dq_pipeline.steps.review_queue import fill_queue
from dq_pipeline.steps.reviews import review, reviews, waiting_for
from dq_pipeline.steps.rollback import resume, roll_back
from dq_pipeline.steps.rollout import pause as pause_rollout
from dq_pipeline.steps.rollout import rollouts, shadow
from dq_pipeline.steps.sensors import note_sensor, sensors
from dq_pipeline.steps.staging import evaluate, stage
from dq_pipeline.steps.status import status
from dq_pipeline.steps.step_up import abort as abort_rollout
from dq_pipeline.steps.timeline import timeline
from dq_pipeline.steps.training_gate import would_refuse
from dq_pipeline.steps.triage import triage
from dq_pipeline.steps.watch import look, watch

__all__ = [
    "Held",
    "Readiness",
    "Watch",
    "abort_rollout",
    "act",
    "adapt",
    "add_labels",
    "annotate",
    "ask",
    "assess",
    "audit",
    "batch",
    "batch_list",
    "catalog",
    "close_incident",
    "compare",
    "compare_releases",
    "contracts",
    "contracts_hold",
    "decide",
    "deliver",
    "deliver_aside",
    "drain",
    "drill",
    "drills",
    "error_estimate",
    "evaluate",
    "export_rows",
    "fill_queue",
    "flags",
    "from_label_studio",
    "govern",
    "governor",
    "incident",
    "incident_list",
    "judge",
    "judge_notice",
    "label_state",
    "let_go",
    "lineage",
    "look",
    "note_sensor",
    "notices",
    "overview",
    "pause_rollout",
    "pending_settings",
    "plan",
    "post",
    "precision",
    "promote",
    "prune",
    "pull",
    "readiness",
    "reconcile",
    "redrive",
    "reject",
    "release_list",
    "replay_period",
    "report",
    "restorable",
    "resume",
    "retrain",
    "review",
    "review_entry",
    "reviews",
    "roll_back",
    "rollouts",
    "sample",
    "send_test",
    "sensors",
    "shadow",
    "stage",
    "status",
    "sync",
    "take_labels",
    "timeline",
    "to_label_studio",
    "train",
    "triage",
    "unify",
    "waiting_for",
    "watch",
    "would_refuse",
]
