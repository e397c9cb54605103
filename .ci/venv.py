"""Build `.venv` from requirements.txt with nothing but Python: a pinned uv, fetched by pip, does the work.

uv does not read pip's settings (index, mirror folder, certificates): they are translated, so that a machine on which
pip works needs no second configuration. Run again after requirements.txt changed: only the difference is installed.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

UV = "uv==0.13.9"
ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
TOOL = VENV / "uv"  # apart from the packages: `uv pip sync` removes what requirements.txt does not name

# pip's setting to uv's variable
TRANSLATED = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
    "trusted-host": "UV_INSECURE_HOST",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "timeout": "UV_HTTP_TIMEOUT",
}

DQ = """#!/bin/sh
exec "$(dirname "$0")/python" -m dq_pipeline.cli.main "$@"
"""


def main():
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        found = ".".join(map(str, sys.version_info[:2]))
        sys.exit(
            f"Expected Python 3.11 to 3.13; found {found} ({sys.executable}). Name another: make PYTHON=python3.12 ..."
        )
    if not works(PYTHON):
        shutil.rmtree(VENV, ignore_errors=True)
        run([sys.executable, "-m", "venv", VENV], "Could not make .venv. On Debian: apt install python3-venv")
    uv = TOOL / "bin" / "uv"
    if not uv.exists():
        print(f"fetching {UV}", flush=True)
        add_pip()
        run(
            [PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--target", TOOL, UV],
            "pip could not fetch uv.",
        )
    print("installing requirements.txt (a minute, once)", flush=True)
    sync = [uv, "pip", "sync", "--quiet", "--python", PYTHON, "--require-hashes", "--compile-bytecode"]
    run([*sync, ROOT / "requirements.txt"], "uv could not install requirements.txt.", settings())
    install_project()


def works(python):
    """Whether the environment is there and of the Python that was asked for."""
    ask = "import sys; print(sys.version_info[:2])"
    try:
        return subprocess.check_output([python, "-c", ask], text=True).strip() == str(sys.version_info[:2])
    except (OSError, subprocess.CalledProcessError):
        return False


def add_pip():
    """Put pip where it is not: another tool made the environment, or it was in sync with a lock, which has no pip."""
    if subprocess.call([PYTHON, "-c", "import pip"], stderr=subprocess.DEVNULL):
        run([PYTHON, "-m", "ensurepip"], "Could not add pip to .venv. Remove .venv and try again.")


def settings():
    """This process' environment, with pip's settings under the names by which uv reads them."""
    environment = dict(os.environ)
    add_pip()
    lines = subprocess.check_output([PYTHON, "-m", "pip", "config", "list"], text=True).splitlines()
    weight = {"global": 0, ":env:": 2}  # a variable outweighs `[install]`, which outweighs `[global]`
    for line in sorted(lines, key=lambda line: weight.get(line.split(".")[0], 1)):
        name, _, value = line.partition("=")
        variable = TRANSLATED.get(name.partition(".")[2])
        if variable and variable not in os.environ:
            words = value.strip("'\"").replace("\\n", " ").split()
            environment[variable] = (" " if variable == "UV_INDEX" else ",").join(words)
    home = os.environ.get("XDG_CACHE_HOME") or Path.home()
    if "UV_CACHE_DIR" not in os.environ and not os.access(home, os.W_OK):
        environment["UV_CACHE_DIR"] = str(VENV / "cache")
    return environment


def install_project():
    """Make the checkout importable, and `.venv/bin/dq` a command that a long path does not break."""
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(subprocess.check_output([PYTHON, "-c", ask], text=True).strip())
    (packages / "dq_pipeline.pth").write_text(f"{ROOT}\n{ROOT / 'plugins'}\n")
    command = VENV / "bin" / "dq"
    command.write_text(DQ)
    command.chmod(0o755)


def run(command, advice, environment=None):
    if subprocess.call(command, env=environment):
        sys.exit(f"{advice}\nThe command was: {' '.join(map(str, command))}")


if __name__ == "__main__":
    main()
