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
from dq_pipeline.records.flags import UNBUDGETED, Flag, FlagKind, FlagRow, Recorded
from dq_pipeline.records.incidents import Ending, Incident
from dq_pipeline.records.notices import Notice
from dq_pipeline.records.outcome import BatchOutcome
from dq_pipeline.records.releases import Change, Hold, ReleaseRow, Stage
from dq_pipeline.records.reviews import Action, Candidate, Opinion, Review, Ruling, State
from dq_pipeline.records.samples import Expected, Judged, PredictionRow, Role, SampleScore, TargetRow
from dq_pipeline.records.sensors import Audited, Correction, SensorFacts
from dq_pipeline.records.training import Message, TrainingSample, TrainingSet

__all__ = [
    "UNBUDGETED",
    "Action",
    "Alert",
    "AlertRow",
    "Audited",
    "BatchOutcome",
    "BatchState",
    "Candidate",
    "Cause",
    "Change",
    "Claim",
    "CommittedBatch",
    "ContractResult",
    "ContractVersion",
    "Correction",
    "DetectorState",
    "DriftAlarm",
    "DriftEvent",
    "Ending",
    "EventState",
    "Expected",
    "Flag",
    "FlagKind",
    "FlagRow",
    "Hold",
    "Incident",
    "Judged",
    "Loss",
    "Message",
    "Notice",
    "Observation",
    "OffsetRange",
    "Opinion",
    "Outgoing",
    "PredictionRow",
    "Quarantined",
    "RawMessage",
    "Recorded",
    "ReleaseRow",
    "Review",
    "Role",
    "Ruling",
    "SampleScore",
    "SensorFacts",
    "Severity",
    "Stage",
    "State",
    "TargetRow",
    "TrainingSample",
    "TrainingSet",
]
