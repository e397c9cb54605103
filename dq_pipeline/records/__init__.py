"""What the ledger keeps, as plain records: the language that steps and adapters share."""

from dq_pipeline.records.alerts import Alert, AlertRow, Cause, Severity
from dq_pipeline.records.batches import (
    BatchState,
    Claim,
    CommittedBatch,
    Loss,
    OffsetRange,
    Outgoing,
    Quarantined,
    RawMessage,
)
from dq_pipeline.records.contracts import ContractResult, ContractVersion, Observation
from dq_pipeline.records.drift import DetectorState, DriftAlarm, DriftEvent, EventState
from dq_pipeline.records.drills import DrillRow
from dq_pipeline.records.flags import UNBUDGETED, Flag, FlagKind, FlagRow, Recorded
from dq_pipeline.records.gauges import METRICS, RECENT_BATCHES, RECENT_SAMPLES, Metric, Reading
from dq_pipeline.records.incidents import WITHHELD, Diagnosis, Ending, Incident
from dq_pipeline.records.notices import SEVERITIES, Dispatch, Notice, NoticeRow, RuleCount, runbook
from dq_pipeline.records.outcome import AsOf, BatchOutcome
from dq_pipeline.records.overview import Glance
from dq_pipeline.records.releases import Change, Hold, ReleaseRow, Stage
from dq_pipeline.records.replays import Answered
from dq_pipeline.records.reviews import WHY_CHARACTERS, Action, Candidate, Opinion, Review, Ruling, State
from dq_pipeline.records.rollouts import LIVE, Pair, Rollout, RolloutState, Step
from dq_pipeline.records.samples import ACTING, Delivered, Expected, Judged, PredictionRow, Role, SampleScore, TargetRow
from dq_pipeline.records.sensors import Audited, Correction, SensorFacts
from dq_pipeline.records.training import Message, TrainingSample, TrainingSet
from dq_pipeline.records.watching import Both, OpenClaim, Scored

__all__ = [
    "ACTING",
    "LIVE",
    "METRICS",
    "RECENT_BATCHES",
    "RECENT_SAMPLES",
    "SEVERITIES",
    "UNBUDGETED",
    "WHY_CHARACTERS",
    "WITHHELD",
    "Action",
    "Alert",
    "AlertRow",
    "Answered",
    "AsOf",
    "Audited",
    "BatchOutcome",
    "BatchState",
    "Both",
    "Candidate",
    "Cause",
    "Change",
    "Claim",
    "CommittedBatch",
    "ContractResult",
    "ContractVersion",
    "Correction",
    "Delivered",
    "DetectorState",
    "Diagnosis",
    "Dispatch",
    "DriftAlarm",
    "DriftEvent",
    "DrillRow",
    "Ending",
    "EventState",
    "Expected",
    "Flag",
    "FlagKind",
    "FlagRow",
    "Glance",
    "Hold",
    "Incident",
    "Judged",
    "Loss",
    "Message",
    "Metric",
    "Notice",
    "NoticeRow",
    "Observation",
    "OffsetRange",
    "OpenClaim",
    "Opinion",
    "Outgoing",
    "Pair",
    "PredictionRow",
    "Quarantined",
    "RawMessage",
    "Reading",
    "Recorded",
    "ReleaseRow",
    "Review",
    "Role",
    "Rollout",
    "RolloutState",
    "RuleCount",
    "Ruling",
    "SampleScore",
    "Scored",
    "SensorFacts",
    "Severity",
    "Stage",
    "State",
    "Step",
    "TargetRow",
    "TrainingSample",
    "TrainingSet",
    "runbook",
]
