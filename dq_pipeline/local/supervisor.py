"""One supervisor per `var` folder: restarts what dies, keeps one log per program, and stops all of it.

Its configuration holds no path and no secret of a program: it runs in `var` and calls ``run/<program>``, a small shell
script. So a path with a space, a percent sign or a semicolon cannot be misread, and a person can run a script by hand.
"""

from __future__ import annotations

import http.client
import os
import shlex
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from supervisor.xmlrpc import Faults

from dq_pipeline.errors import ServerError
from dq_pipeline.local import orphans
from dq_pipeline.local.addresses import HOST
from dq_pipeline.local.record import Record, write_private

POLL_S = 0.1
_ALIVE = ("STARTING", "RUNNING")


@dataclass(frozen=True, slots=True)
class Slot:
    """A program's place in the supervisor, known before the program itself is."""

    name: str
    stop_signal: str = "TERM"
    stop_wait_s: int = 5


@dataclass(frozen=True, slots=True)
class Program:
    """One server process: what to run, and how to tell that it answers."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    ready: Callable[[float], bool]  # given when the process started (seconds since the epoch)
    ready_within_s: float = 120.0

    def script(self) -> str:
        """The shell script that becomes the server's process."""
        lines = [f"export {name}={shlex.quote(value)}" for name, value in sorted(self.environment.items())]
        return "\n".join(["#!/bin/sh", *lines, f"exec {shlex.join(self.argv)}", ""])


class Supervisor:
    """Talks to the supervisor of one folder, and starts it."""

    def __init__(self, var: Path, record: Record) -> None:
        self.var = var
        self.record = record

    def alive(self) -> bool:
        """Whether this folder's own supervisor answers."""
        try:
            return bool(self._call("getIdentification") == self.record.token)
        except (OSError, KeyError, xmlrpc.client.Error, http.client.HTTPException):
            return False

    def launch(self, slots: Sequence[Slot], environment: Mapping[str, str]) -> None:
        """End what an earlier supervisor left behind, then start a new one, with every program stopped."""
        orphans.end(orphans.find(self.record))
        (self.var / "log").mkdir(parents=True, exist_ok=True)
        write_private(self.var / "run" / "supervisord.conf", self._configuration(slots))
        command = [sys.executable, "-P", "-m", "supervisor.supervisord", "-c", "run/supervisord.conf"]
        started = subprocess.run(
            command,
            cwd=self.var,
            env={**environment, orphans.MARK: self.record.token},
            capture_output=True,
            text=True,
            check=False,
        )
        if started.returncode or not _until(self.alive, 15.0):
            raise ServerError(f"The supervisor did not start.\n{started.stderr}{tail(self.var, 'supervisord')}")
        pid = int(self._call("getPID"))
        self.record.session = (pid, psutil.Process(pid).create_time())
        self.record.save(self.var)

    def state(self, name: str) -> tuple[str, int, float]:
        """State name, process id (0 when it does not run) and start time of a program."""
        found = self._call("getProcessInfo", name)
        return str(found["statename"]), int(found["pid"]), float(found["start"])

    def running(self, name: str) -> bool:
        """Whether the program's process lives."""
        return self.state(name)[0] in _ALIVE

    def run(self, program: Program) -> None:
        """Bring a program up and wait until it answers; one that is up, as it would be started now, is left alone.

        Raises
        ------
        ServerError
            It died or did not answer in time; with the end of its log.
        """
        script = self.var / "run" / program.name
        text = program.script()
        if self.running(program.name) and (not script.exists() or script.read_text(encoding="utf-8") != text):
            self.stop([program.name])
        if not self.running(program.name):
            self.stop([program.name])
            write_private(script, text)
            self._ask("startProcess", program.name, unless=Faults.ALREADY_STARTED)
        self._wait(program)

    def stop(self, names: Sequence[str]) -> None:
        """Stop programs together, and wait until they are gone."""
        names = [name for name in names if self.state(name)[0] in (*_ALIVE, "BACKOFF")]
        for name in names:
            self._ask("stopProcess", name, unless=Faults.NOT_RUNNING)
        _until(lambda: not any(self.state(name)[1] for name in names), 20.0)

    def shutdown(self) -> None:
        """End the supervisor itself."""
        self._call("shutdown")
        _until(lambda: not self.alive(), 20.0)

    def _wait(self, program: Program) -> None:
        deadline = time.monotonic() + program.ready_within_s
        first = 0
        while time.monotonic() < deadline:
            state, pid, started = self.state(program.name)
            first = first or pid
            if state not in _ALIVE or pid != first:
                self.stop([program.name])
                raise ServerError(self._obituary(program.name, "died while it started"))
            if program.ready(started):
                return
            time.sleep(POLL_S)
        raise ServerError(self._obituary(program.name, f"did not answer within {program.ready_within_s:.0f} s"))

    def _obituary(self, name: str, what: str) -> str:
        log = self.var / "log" / f"{name}.log"
        return f"Expected {name} to come up; it {what}. The end of {log}:\n{tail(self.var, name)}"

    def _ask(self, method: str, name: str, unless: int) -> None:
        """Start or stop without waiting; the supervisor itself may have been quicker."""
        try:
            self._call(method, name, False)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != unless:
                raise

    def _call(self, method: str, *arguments: Any) -> Any:
        address = f"http://dq:{self.record.token}@{HOST}:{self.record.ports['supervisor']}/RPC2"
        with xmlrpc.client.ServerProxy(address, transport=_Transport()) as proxy:
            return getattr(proxy.supervisor, method)(*arguments)

    def _configuration(self, slots: Sequence[Slot]) -> str:
        sections = [
            "[supervisord]",
            f"identifier={self.record.token}",
            "logfile=log/supervisord.log",
            "logfile_maxbytes=10MB",
            "pidfile=run/supervisord.pid",
            "childlogdir=log",
            *(["user=root"] if os.getuid() == 0 else []),
            "[inet_http_server]",
            f"port={HOST}:{self.record.ports['supervisor']}",
            "username=dq",
            f"password={self.record.token}",
            "[rpcinterface:supervisor]",
            "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
        ]
        for slot in slots:
            sections += [
                f"[program:{slot.name}]",
                f"command=/bin/sh run/{slot.name}",
                "autostart=false",
                "autorestart=true",
                f"stopsignal={slot.stop_signal}",
                f"stopwaitsecs={slot.stop_wait_s}",
                "killasgroup=true",
                "redirect_stderr=true",
                f"stdout_logfile=log/{slot.name}.log",
                "stdout_logfile_maxbytes=20MB",
                "stdout_logfile_backups=1",
            ]
        return "\n".join(sections) + "\n"


class _Transport(xmlrpc.client.Transport):
    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = super().make_connection(host)
        connection.timeout = 10.0
        return connection


def tail(var: Path, name: str, lines: int = 25) -> str:
    """The last lines of a program's log."""
    try:
        with (var / "log" / f"{name}.log").open("rb") as stream:
            stream.seek(max(0, stream.seek(0, os.SEEK_END) - 20_000))
            return "\n".join(stream.read().decode("utf-8", "replace").splitlines()[-lines:])
    except FileNotFoundError:
        return "(no log)"


def _until(condition: Callable[[], bool], within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True
