"""Find and end the processes that a killed supervisor left behind."""

from __future__ import annotations

import os

import psutil

from dq_pipeline.local.record import Record

MARK = "DQ_STACK"


def find(record: Record) -> list[psutil.Process]:
    """Every living process that this folder's supervisor started, itself and all descendants included.

    A process is recognised by the mark in its environment, and where it has overwritten that with its title (PostgreSQL
    and Airflow do), by its session: ids are reused, so the session counts only while its leader is the remembered one
    or gone.
    """
    session = _session(record)
    return [process for process in psutil.process_iter() if _ours(process, record.token, session)]


def end(processes: list[psutil.Process], patience_s: float = 3.0) -> None:
    """Ask each process to stop, and kill what is left after `patience_s` seconds."""
    for ask, wait_s in ((psutil.Process.terminate, patience_s), (psutil.Process.kill, 5.0)):
        for process in processes:
            try:
                ask(process)
            except psutil.NoSuchProcess:
                continue
        _, processes = psutil.wait_procs(processes, timeout=wait_s)


def _session(record: Record) -> int | None:
    if record.session is None:
        return None
    pid, created = record.session
    try:
        reused = abs(psutil.Process(pid).create_time() - created) > 1.0
    except psutil.NoSuchProcess:
        reused = created < psutil.boot_time()
    return None if reused else pid


def _ours(process: psutil.Process, token: str, session: int | None) -> bool:
    if process.pid == os.getpid():
        return False
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        mark = process.environ().get(MARK)
        return mark == token if mark is not None else session is not None and os.getsid(process.pid) == session
    except (psutil.Error, ProcessLookupError, PermissionError):
        return False
