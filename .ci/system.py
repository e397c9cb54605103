"""Install what the system tests need and pip cannot bring: Debian's Chromium, and Playwright in a folder of its own.

Run by `make test-system` with the environment's Python; the folder is the one argument.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import venv as environment  # the file beside this one
from importlib.util import find_spec
from pathlib import Path

LOCK = environment.ROOT / "requirements-system.txt"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def main(folder):
    install_playwright(folder)
    places = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/bin"])  # where Debian puts what it installs
    if not os.environ.get("DQ_CHROMIUM") and not any(shutil.which(name, path=places) for name in BROWSERS):
        install_chromium()


def install_playwright(folder):
    """Whole, when the lock is another than the one it was installed from."""
    stamp, wanted = folder / "installed", hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"installing {LOCK.name}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    uv = environment.TOOL / "bin" / "uv"
    had_pip = find_spec("pip") is not None
    settings = environment.settings()  # pip says them, and may have been added for it
    install = [uv, "pip", "install", "--quiet", "--python", environment.PYTHON, "--target", folder, "--require-hashes"]
    environment.run([*install, "-r", LOCK], f"uv could not install {LOCK.name}.", settings)
    if not had_pip:  # the environment stays what requirements.txt says
        leave = [uv, "pip", "uninstall", "--quiet", "--python", environment.PYTHON, "pip", "setuptools"]
        environment.run(leave, "uv could not take pip out again.")
    stamp.write_text(wanted)


def install_chromium():
    rights = [] if os.getuid() == 0 else ["sudo", "-n"]
    if not shutil.which("apt-get") or (rights and subprocess.call(["sudo", "-n", "true"], stderr=subprocess.DEVNULL)):
        sys.exit(
            f"The system tests need a browser ({', '.join(BROWSERS)} in PATH, or its path in DQ_CHROMIUM); found none, "
            "and apt-get with the right to install is not at hand. Install Chromium by your system's means."
        )
    print("installing Chromium (a minute, once)", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = [*rights, "apt-get", "-qq", "-o", "Dpkg::Use-Pty=0"]
    environment.run([*apt, "update"], "apt-get could not read its lists.", quiet)
    advice = "apt-get could not install Chromium."
    with (environment.ROOT / ".venv" / "chromium.log").open("w") as log:
        if subprocess.call([*apt, "install", "-y", "--no-install-recommends", "chromium"], env=quiet, stdout=log):
            sys.exit(f"{advice} {log.name} says more.")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
