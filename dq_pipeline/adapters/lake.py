"""The lake: immutable files under one URI, on a disk or an object store."""

from __future__ import annotations

import io
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import fsspec

from dq_pipeline.errors import ConfigurationError
from dq_pipeline.ports import Writer

# A put is whole or not at all on these already; elsewhere a file is written beside its place and renamed.
_ATOMIC = frozenset({"memory", "s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oci", "oss"})


class FsspecLake:
    """:class:`dq_pipeline.ports.Lake` on any file system that fsspec knows.

    Parameters
    ----------
    uri
        A folder, `file://...`, `s3://bucket/prefix`, ... Its driver (`s3fs` for s3) has to be installed.

    Examples
    --------
    >>> lake = FsspecLake("memory://doctest/lake")
    >>> lake.put("vacuum/a.bin", b"data")
    'memory://doctest/lake/vacuum/a.bin'
    >>> lake.get("vacuum/a.bin"), lake.list("vacuum")
    (b'data', ('vacuum/a.bin',))
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri.rstrip("/")
        self._pid = -1
        self._fs: Any = None
        self._root = ""

    def put(self, path: str, data: bytes | Writer) -> str:
        """Write a file whole or not at all and return its URI; writing the same path again replaces it."""
        path = _safe(path)
        with self._beside(self._full(path)) as draft:
            if self._is_local:
                with Path(draft).open("wb") as file:
                    _write(file, data)
                    file.flush()
                    os.fsync(file.fileno())
            else:
                whole = io.BytesIO()
                _write(whole, data)
                self._files.pipe_file(draft, whole.getvalue())
        return self._uri(path)

    def get(self, uri: str) -> bytes:
        """Read a file by URI or path. Raises FileNotFoundError."""
        full = self._full(self.path(uri))
        if self._is_local:
            return Path(full).read_bytes()
        data: bytes = self._files.cat_file(full)
        return data

    def exists(self, uri: str) -> bool:
        """Whether the file is there."""
        return bool(self._files.isfile(self._full(self.path(uri))))

    def remove(self, uri: str) -> None:
        """Remove a file or a folder with all in it; nothing happens if there is none."""
        full = self._full(self.path(uri))
        try:
            self._files.rm(full, recursive=self._files.isdir(full))
        except FileNotFoundError:
            return

    def list(self, path: str = "") -> tuple[str, ...]:
        """Paths of all files in a folder of the lake and in its subfolders, sorted; none if there is no folder."""
        full = self._full(self.path(path)) if path else self._full("")
        found = (name[len(self._root) :].lstrip("/") for name in self._files.find(full) if name != full)
        return tuple(sorted(name for name in found if not name.rpartition("/")[2].startswith(".draft-")))

    def put_folder(self, path: str, folder: Path) -> str:
        """Copy a local folder into the lake and return its URI; an older folder of that path is replaced.

        On a disk the folder appears whole. On an object store its files appear one by one: whoever must know that all
        are there puts a file that lists them in last.

        Raises
        ------
        FileNotFoundError
            There is no such local folder.
        """
        if not folder.is_dir():
            raise FileNotFoundError(f"Expected a folder to copy into the lake; found none at {folder}.")
        path = _safe(path)
        full = self._full(path)
        if self._is_local:
            _replace_folder(folder, Path(full))
        else:
            self.remove(path)
            for file in sorted(item for item in folder.rglob("*") if item.is_file()):
                self.put(f"{path}/{file.relative_to(folder).as_posix()}", file.read_bytes())
        return self._uri(path)

    def get_folder(self, uri: str, folder: Path) -> None:
        """Copy a folder of the lake to a local one, which appears whole and replaces an older one.

        Raises
        ------
        FileNotFoundError
            The lake has no such folder.
        """
        path = self.path(uri)
        if self._is_local and Path(self._full(path)).is_dir():
            _replace_folder(Path(self._full(path)), folder)
            return
        files = self.list(path)
        if not files:
            raise FileNotFoundError(f"Expected a folder {path!r} in the lake {self.uri}; found no file in it.")
        draft = _draft(folder)
        try:
            for name in files:
                target = draft / name[len(path) + 1 :]
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(self.get(name))
            _swap(draft, folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def path(self, uri: str) -> str:
        """A file's path in the lake, from its URI or path.

        Raises
        ------
        ConfigurationError
            It is outside this lake.
        """
        if "://" not in uri and not uri.startswith("/"):
            return _safe(uri)
        full = str(self._files._strip_protocol(uri))
        if not full.startswith(self._prefix):
            raise ConfigurationError(
                f"Expected a file of the lake {self.uri}; found {uri}. If the lake was moved, set DQ_LAKE_URI to where "
                "it is now, or move it back."
            )
        return _safe(full[len(self._prefix) :])

    @property
    def _files(self) -> Any:
        """The file system, connected once per process: drivers hold threads, which a fork does not copy."""
        if self._pid != os.getpid():
            try:
                self._fs, root = fsspec.url_to_fs(self.uri, use_listings_cache=False, skip_instance_cache=True)
            except (ImportError, ValueError) as error:
                raise ConfigurationError(
                    f"Lake {self.uri}: expected a folder or a URI that fsspec can open; found: {error}. "
                    "Install its driver, or correct DQ_LAKE_URI."
                ) from error
            self._root, self._pid = str(root).rstrip("/"), os.getpid()
        return self._fs

    @property
    def _is_local(self) -> bool:
        return "file" in _protocols(self._files)

    @property
    def _prefix(self) -> str:
        self._files  # noqa: B018 -- connecting finds the root
        return f"{self._root}/"

    def _full(self, path: str) -> str:
        return f"{self._prefix}{path}".rstrip("/")

    def _uri(self, path: str) -> str:
        return f"{self.uri}/{path}" if "://" in self.uri else self._full(path)

    @contextmanager
    def _beside(self, full: str) -> Iterator[str]:
        """Where to write so that `full` appears whole or not at all."""
        if _protocols(self._files) & _ATOMIC:
            yield full
            return
        folder = full.rpartition("/")[0]
        self._files.makedirs(folder, exist_ok=True)
        draft = f"{folder}/.draft-{secrets.token_hex(6)}"
        try:
            yield draft
            if self._is_local:
                Path(draft).replace(full)
            else:
                self._files.mv(draft, full)
        except BaseException:
            if self._files.exists(draft):
                self._files.rm(draft)
            raise


def _write(file: BinaryIO, data: bytes | Writer) -> None:
    if callable(data):
        data(file)
    else:
        file.write(data)


def _protocols(files: Any) -> frozenset[str]:
    return frozenset((files.protocol,) if isinstance(files.protocol, str) else files.protocol)


def _safe(path: str) -> str:
    parts = path.split("/")
    if any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in parts):
        raise ConfigurationError(
            f"Expected a path in the lake such as process/id.arrow, with no empty part, `.` or `..`; found {path!r}."
        )
    return path


def _draft(folder: Path) -> Path:
    draft = folder.parent / f".draft-{secrets.token_hex(6)}"
    draft.mkdir(parents=True)
    return draft


def _replace_folder(source: Path, target: Path) -> None:
    draft = _draft(target)
    try:
        shutil.copytree(source, draft, dirs_exist_ok=True)
        _swap(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _swap(draft: Path, target: Path) -> None:
    """Put a finished folder in its place; two who do it at once both succeed, and one's content stands."""
    while True:
        try:
            draft.rename(target)
        except OSError:
            if not target.is_dir():
                raise
            old = target.parent / f".draft-{secrets.token_hex(6)}"
            try:
                target.rename(old)
            except FileNotFoundError:
                continue
            shutil.rmtree(old, ignore_errors=True)
        else:
            return
