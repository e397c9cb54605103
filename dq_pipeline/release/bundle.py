"""A release: everything that decides, in one folder that a rollback restores whole.

The folder holds ``release.json`` (settings, manifest, figures, and the SHA-256 of every other file) and one file for
each fitted part. Nothing in it can run code when read.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from dq_pipeline.drift.detector import DETECTORS, Detector
from dq_pipeline.errors import DataError
from dq_pipeline.feedback.expected_error import ErrorModel
from dq_pipeline.feedback.flags import Rules
from dq_pipeline.model.features import Features
from dq_pipeline.model.inference import Model, Prediction
from dq_pipeline.process import Process, Quality
from dq_pipeline.quality.learned import LearnedScorer
from dq_pipeline.quality.scorer import QualityScorer
from dq_pipeline.release.forward import ForwardErrors
from dq_pipeline.release.parity import Trace
from dq_pipeline.samples import SampleBatch

FORMAT = 1
DESCRIPTION = "release.json"
FILES: Mapping[str, str] = {
    "features": "features.json",
    "model": "model.ubj",
    "horizon_scorer": "quality_horizon.npz",
    "completion_scorer": "quality_completion.npz",
    "learned_scorer": "quality_learned.npz",
    "detector": "detector.npz",
    "flags": "flags.npz",
    "error_model": "error.npz",
    "trace": "trace.npz",
    "forward_errors": "forward_errors.npz",
}
"""Part -> its file. All but features and model may be absent: an older release has neither flags nor a trace."""


@dataclass(frozen=True, slots=True)
class TrainingBatch:
    """Samples of one micro-batch (or chunk of history) that the model was fitted on.

    Attributes
    ----------
    batch, uri
        Its id, and where its values lie in the lake.
    samples, ids_hash
        How many were used, and SHA-256 of their ids (see :func:`ids_hash`).
    first, last
        Starts of the oldest and the newest, ISO 8601, UTC.
    weight_oldest, weight_newest
        What they counted for.
    """

    batch: str
    uri: str
    samples: int
    ids_hash: str
    first: str
    last: str
    weight_oldest: float
    weight_newest: float


@dataclass(frozen=True, slots=True, eq=False)
class Release:
    """Everything a rollback must restore.

    Attributes
    ----------
    process
        The process' name.
    settings
        Its settings that decide, as :meth:`dq_pipeline.process.Process.deciding` gave them.
    features, model
        Recording -> features -> prediction with its interval.
    horizon_scorer, completion_scorer
        Quality of the horizon rows and of the profile rows, each with its reference bins.
    detector
        The fitted drift detector with its null and thresholds; None while samples are too few for one. Its running
        state belongs to the ledger.
    manifest
        What the model was trained on.
    metrics
        Figures with their baselines, as nested JSON.
    created_at
        UTC.
    code_version, lock_hash
        The code, and the lock file its dependencies were installed from.
    stream_starts_at
        Number of the first sample of the stream that the detector has not been fitted on.
    reference_from
        Number of the sample where the reference of a drift's new regime begins; None if it is the history's.
    rebuilding
        The reference bins are still those of an earlier regime: too few samples of the new one have come.
    learned_scorer
        Gives the unified score of a recording where the settings ask for it; the direct one watches over it.
    swept_threshold
        What the sweep of an initialization chose, where the settings ask for one.
    flags
        Which samples a person should look at; None where samples were too few, and in releases made before.
    error_model
        What error is expected of an answer before its truth is known; None as for `flags`.
    trace
        What its steps made of a few recordings when it was made; None in releases made before.
    forward_errors
        Its errors on samples it had not learned from; None where none are of its regime, and in releases made before.
    """

    process: str
    settings: Mapping[str, Any]
    features: Features
    model: Model
    horizon_scorer: QualityScorer | None
    completion_scorer: QualityScorer | None
    detector: Detector[Any] | None
    manifest: tuple[TrainingBatch, ...]
    metrics: Mapping[str, Any]
    created_at: datetime
    code_version: str
    lock_hash: str
    stream_starts_at: int = 0
    reference_from: int | None = None
    rebuilding: bool = False
    learned_scorer: LearnedScorer | None = None
    swept_threshold: float | None = None
    flags: Rules | None = None
    error_model: ErrorModel | None = None
    trace: Trace | None = None
    forward_errors: ForwardErrors | None = None

    @property
    def threshold(self) -> float:
        """Unified score from which a recording is good enough."""
        stated = Quality.model_validate(self.settings["quality"])
        swept = self.swept_threshold if stated.threshold == "sweep" else None
        return stated.stated_threshold if swept is None else swept

    def predict(self, batch: SampleBatch) -> Prediction:
        """Predict every sample from its horizon rows."""
        return self.model.predict(self.features.transform(batch))

    def governs(self, process: Process) -> Process:
        """The process as this release decides it: its own settings, and today's for what merely operates.

        The names that its sensors and channels have had are today's too.
        """
        own = self.settings["sensors"]
        former = {name: [a for a in one.aliases if a not in own] for name, one in process.sensors.items()}
        sensors = {name: {**sensor, "aliases": former.get(name, [])} for name, sensor in own.items()}
        encoded = {
            name: {**entry, "aliases": process.encoded[name].aliases if name in process.encoded else ()}
            for name, entry in self.settings.get("encoded", {}).items()
        }
        today = process.model_dump(by_alias=True)
        return Process.model_validate({**today, **self.settings, "sensors": sensors, "encoded": encoded})

    def save(self, folder: Path) -> str:
        """Write the release into a folder and return its digest; ``release.json`` comes last.

        Raises
        ------
        DataError
            If the folder holds something already.
        """
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise DataError(f"an empty folder expected to save a release in, found files in {folder}")
        files = {}
        for part, name in FILES.items():
            component = getattr(self, part)
            if component is not None:
                data = component.to_bytes()
                (folder / name).write_bytes(data)
                files[name] = hashlib.sha256(data).hexdigest()
        document = {
            "format": FORMAT,
            "process": self.process,
            "settings": dict(self.settings),
            "manifest": [asdict(batch) for batch in self.manifest],
            "metrics": self.metrics,
            "created_at": self.created_at.isoformat(),
            "code_version": self.code_version,
            "lock_hash": self.lock_hash,
            "stream_starts_at": self.stream_starts_at,
            "reference_from": self.reference_from,
            "rebuilding": self.rebuilding,
            "swept_threshold": self.swept_threshold,
            "files": files,
        }
        text = json.dumps(_finite(document), allow_nan=False, indent=1)
        (folder / DESCRIPTION).write_text(text, encoding="utf-8")
        return digest(folder)

    @classmethod
    def load(cls, folder: Path, *, threads: int = 1) -> Release:
        """Read a release, every file verified against its SHA-256.

        Raises
        ------
        DataError
            If a file is missing or changed, or the folder was written in another format.
        """
        document = verify(folder)
        present = {part: (folder / name).read_bytes() for part, name in FILES.items() if name in document["files"]}
        detector = DETECTORS[document["settings"]["drift"]["detector"]]
        parts = (present.get(part) for part in list(FILES)[2:])
        horizon, completion, learned, drift, flags, errors, trace, forward = parts
        return cls(
            process=document["process"],
            settings=document["settings"],
            features=Features.from_bytes(present["features"]),
            model=Model.from_bytes(present["model"], threads=threads),
            horizon_scorer=None if horizon is None else QualityScorer.from_bytes(horizon),
            completion_scorer=None if completion is None else QualityScorer.from_bytes(completion),
            detector=None if drift is None else detector.from_bytes(drift),
            manifest=tuple(TrainingBatch(**batch) for batch in document["manifest"]),
            metrics=document["metrics"],
            created_at=datetime.fromisoformat(document["created_at"]),
            code_version=document["code_version"],
            lock_hash=document["lock_hash"],
            stream_starts_at=int(document["stream_starts_at"]),
            reference_from=document["reference_from"],
            rebuilding=bool(document["rebuilding"]),
            learned_scorer=None if learned is None else LearnedScorer.from_bytes(learned),
            swept_threshold=document["swept_threshold"],
            flags=None if flags is None else Rules.from_bytes(flags),
            error_model=None if errors is None else ErrorModel.from_bytes(errors),
            trace=None if trace is None else Trace.from_bytes(trace),
            forward_errors=None if forward is None else ForwardErrors.from_bytes(forward),
        )


def verify(folder: Path) -> dict[str, Any]:
    """The description of the release in a folder, once every file in it is what the description says.

    Raises
    ------
    DataError
        Naming the folder, the file, what was expected and what was found.
    """
    try:
        document: dict[str, Any] = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        written, files = document["format"], document["files"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"a release expected in {folder}, found none ({error}); fetch it again") from error
    if written != FORMAT:
        raise DataError(f"a release of format {FORMAT} expected in {folder}, found format {written}; train a new one")
    required = {FILES["features"], FILES["model"]}
    if not required <= set(files) <= set(FILES.values()):
        raise DataError(f"files {', '.join(FILES.values())} expected in {folder}, found {', '.join(files)}")
    for name, expected in files.items():
        try:
            found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        except OSError as error:
            raise DataError(f"{name} expected in the release {folder}, found none; fetch it again") from error
        if found != expected:
            raise DataError(f"SHA-256 {expected} of {name} expected in {folder}, found {found}; fetch it again")
    return document


def digest(folder: Path) -> str:
    """SHA-256 of a release's description, which holds that of every other file: it names the whole."""
    return hashlib.sha256((folder / DESCRIPTION).read_bytes()).hexdigest()


def ids_hash(ids: tuple[str, ...]) -> str:
    """SHA-256 over sample ids in their order."""
    return hashlib.sha256(json.dumps(ids).encode()).hexdigest()


def _finite(value: Any) -> Any:
    """JSON knows no NaN: a figure that could not be had is null."""
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
