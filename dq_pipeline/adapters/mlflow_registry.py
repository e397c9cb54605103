"""Releases in MLflow: one registered model a process, one version a release, stages and aliases kept in step.

The ledger leads and this follows: every call can be repeated, and ends in what was asked for.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, RunStatus, RunTag
from mlflow.exceptions import MlflowException

from dq_pipeline.adapters.mlflow_aliases import ALIASES, rolled_out
from dq_pipeline.adapters.release_cache import keep, only_copy, sound
from dq_pipeline.errors import RegistryError
from dq_pipeline.records import Stage
from dq_pipeline.release.bundle import digest, verify

_MODEL = "model"  # the model's folder among the run's artifacts
_RELEASE = f"{_MODEL}/data/release"  # where MLflow puts what the model is loaded from
_KEY, _KEY_HASH, _DIGEST = "dq.key", "dq.key_hash", "dq.digest"
_ENVIRONMENT = {  # MLflow reads these at every request
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",  # of 7: it would try a dead server for minutes
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


@dataclass(frozen=True, slots=True)
class Version:
    """One registered release.

    Attributes
    ----------
    process, version, run_id
        The registered model's name, the version's number as text, the run it was logged in.
    stage
        What people see.
    key
        The idempotency key it was logged under.
    digest
        SHA-256 of its description, which holds that of every other file.
    """

    process: str
    version: str
    run_id: str
    stage: Stage
    key: str
    digest: str


class MlflowRegistry:
    """The registry behind :class:`dq_pipeline.ports.Registry`.

    Parameters
    ----------
    tracking_uri
        Of the MLflow server.
    cache
        Folder that fetched releases are kept in, keyed by process, version and run.
    """

    def __init__(self, tracking_uri: str, cache: Path) -> None:
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        self._uri = tracking_uri
        self._cache = cache
        self._client = MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)

    def log_release(
        self,
        process: str,
        folder: Path,
        *,
        key: str,
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
        params: Mapping[str, str] | None = None,
    ) -> tuple[str, str]:
        """Register the release in a folder as a loadable model; the same key twice gives the same version.

        Parameters
        ----------
        key
            What the release is for (a drift event and its attempt, an initialization).

        Returns
        -------
        version, run_id

        Raises
        ------
        RegistryError
            If the server refuses.
        DataError
            If the folder holds no sound release.
        """
        description = verify(folder)
        name = digest(folder)
        with self._speaking(f"log a release of {process}"):
            run_id = self._run(process, key)
            known = self._versions_of_run(process, run_id)
            if known:
                return known[0].version, run_id
            figures = [Metric(k, float(v), 0, 0) for k, v in metrics.items() if v == v]
            labels = {**tags, _KEY: key, _KEY_HASH: _hash(key), _DIGEST: name}
            self._client.log_batch(run_id, metrics=figures, tags=[RunTag(k, str(v)) for k, v in labels.items()])
            for k, v in (params or {}).items():
                self._client.log_param(run_id, k, v)
            self._upload(run_id, folder, description)
            self._register_model(process)
            created = self._client.create_model_version(
                process, f"runs:/{run_id}/{_MODEL}", run_id, tags={_KEY: key, _DIGEST: name}, await_creation_for=60
            )
            self._client.set_terminated(run_id, RunStatus.to_string(RunStatus.FINISHED))
            return str(created.version), run_id

    def set_stage(self, process: str, version: str, stage: Stage) -> None:
        """Move a version, to any stage from any other; aliases follow.

        A version that enters Production or Staging sends the one there to Archived.
        """
        with self._speaking(f"move version {version} of {process} to {stage}"):
            current = self._client.get_model_version(process, version)
            if current.current_stage != stage:
                self._transition(process, version, stage)
            pointing = self._aliases(process)
            alias = ALIASES.get(stage)
            if alias is not None and pointing.get(alias) != version:
                self._client.set_registered_model_alias(process, alias, version)
            for other, target in pointing.items():
                if target == version and other != alias and other in ALIASES.values():
                    self._client.delete_registered_model_alias(process, other)

    def reconcile(
        self, process: str, stages: Mapping[str, Stage], aliases: Mapping[str, str] | None = None
    ) -> tuple[str, ...]:
        """Set stages and aliases to what the ledger says, `stages` by version; returns the versions that differed.

        A version that `stages` does not name was never recorded: it goes to Archived. `aliases`: what is rolled out.
        """
        known = self.versions(process)
        wanted = {found.version: stages.get(found.version, "Archived") for found in known}
        if unknown := sorted(set(stages) - set(wanted)):
            raise RegistryError(
                f"versions {', '.join(unknown)} of {process} expected in MLflow at {self._uri}, found "
                f"{', '.join(wanted) or 'none'}; restore MLflow's database from a backup, or initialize {process} anew"
            )
        differing = [found.version for found in known if found.stage != wanted[found.version]]
        held = [version for version, stage in wanted.items() if stage in ALIASES]
        # those that leave go first: entering Production or Staging archives whatever is still there
        for version in (*(v for v in differing if v not in held), *held):
            self.set_stage(process, version, wanted[version])
        with self._speaking(f"set aliases of {process}"):
            rolled_out(self._client, process, self._aliases(process), aliases or {})
        return tuple(differing)

    def versions(self, process: str) -> tuple[Version, ...]:
        """All versions of a process, oldest first; none if nothing was ever registered."""
        with self._speaking(f"list the versions of {process}"):
            found = [self._version(v) for v in self._client.search_model_versions(f"name = '{process}'")]
            return tuple(sorted(found, key=lambda v: int(v.version)))

    def get(self, process: str, alias: str) -> Version | None:
        """The version an alias (`production`, `staging`) points to; None if it points nowhere."""
        with self._speaking(f"read the alias {alias} of {process}"):
            version = self._aliases(process).get(alias)
            return None if version is None else self._version(self._client.get_model_version(process, version))

    def fetch(self, process: str, version: str, run_id: str = "") -> Path:
        """The release's folder on this machine: downloaded once, verified every time.

        With its `run_id` a release fetched before is used without asking the server, for versions never change; and
        without it while the server does not answer: the stream goes on.

        Raises
        ------
        RegistryError
            If there is no such version, or what is stored is not what was registered.
        """
        known = self._cache / process / f"{version}-{run_id}"
        if run_id and sound(known):
            return known
        try:
            with self._speaking(f"fetch version {version} of {process}"):
                found = self._version(self._client.get_model_version(process, version))
        except RegistryError as error:
            kept = only_copy(self._cache / process, version)
            if _absent(error.__cause__) or kept is None:
                raise
            return kept
        folder = self._cache / process / f"{version}-{found.run_id}"
        if sound(folder, found.digest):
            return folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".fetching-", dir=folder.parent))
        try:
            with self._speaking(f"download version {version} of {process}"):
                arrived = Path(self._client.download_artifacts(found.run_id, _RELEASE, str(scratch)))
            if not sound(arrived, found.digest):
                raise RegistryError(
                    f"a release with digest {found.digest} expected as version {version} of {process}, found other "
                    f"content in MLflow at {self._uri}; roll back to another version and restore the artifacts"
                )
            keep(arrived, folder, found.digest)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        return folder

    def _run(self, process: str, key: str) -> str:
        """The run of this key: the one an earlier attempt left, or a new one."""
        experiment_id = self._experiment(process)
        runs = self._client.search_runs(
            [experiment_id], f"tags.`{_KEY_HASH}` = '{_hash(key)}'", order_by=["attributes.start_time ASC"]
        )
        if runs:
            return str(runs[0].info.run_id)
        run = self._client.create_run(experiment_id, tags={_KEY: key, _KEY_HASH: _hash(key)}, run_name=key[:200])
        return str(run.info.run_id)

    def _experiment(self, process: str) -> str:
        try:
            return str(self._client.create_experiment(process))
        except MlflowException as error:
            experiment = self._client.get_experiment_by_name(process)
            if experiment is None:
                raise error from None
            return str(experiment.experiment_id)

    def _upload(self, run_id: str, folder: Path, description: dict[str, Any]) -> None:
        from dq_pipeline.adapters import mlflow_model  # takes a second, and only logging needs it

        with tempfile.TemporaryDirectory(prefix="dq-release-") as scratch:
            copy = Path(scratch) / Path(_RELEASE).name
            shutil.copytree(folder, copy)
            packed = Path(scratch) / _MODEL
            mlflow_model.pack(copy, packed, description)
            self._client.log_artifacts(run_id, str(packed), _MODEL)

    def _register_model(self, process: str) -> None:
        try:
            self._client.create_registered_model(process)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _versions_of_run(self, process: str, run_id: str) -> list[Version]:
        found = [self._version(v) for v in self._client.search_model_versions(f"run_id = '{run_id}'")]
        return sorted((v for v in found if v.process == process), key=lambda v: int(v.version))

    def _aliases(self, process: str) -> dict[str, str]:
        try:
            model = self._client.get_registered_model(process)
        except MlflowException as error:
            if _absent(error):
                return {}
            raise
        return {alias: str(version) for alias, version in model.aliases.items()}

    def _transition(self, process: str, version: str, stage: Stage) -> None:
        with warnings.catch_warnings():
            # stages are deprecated; people still see them, code reads the aliases
            warnings.filterwarnings("ignore", message=".*transition_model_version_stage.*", category=FutureWarning)
            self._client.transition_model_version_stage(process, version, stage, stage in ALIASES)

    @staticmethod
    def _version(found: Any) -> Version:
        key, name = found.tags.get(_KEY, ""), found.tags.get(_DIGEST, "")
        return Version(found.name, str(found.version), found.run_id, found.current_stage, key, name)

    @contextmanager
    def _speaking(self, doing: str) -> Iterator[None]:
        """Whatever MLflow raises becomes one error that says what to do."""
        try:
            yield
        except MlflowException as error:
            what = "check the process and the version with `dq releases`"
            if not _absent(error):
                what = "check that the server runs and MLFLOW_TRACKING_URI names it (`dq doctor`)"
            raise RegistryError(f"could not {doing} in MLflow at {self._uri}: {error}; {what}") from error


def _absent(error: BaseException | None) -> bool:
    return isinstance(error, MlflowException) and error.error_code in {"RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"}


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
