"""Make .venv hold exactly what requirements.lock names, and this package itself.

Needs only Python with venv. Everything is written inside the checkout; packages come from the
index that pip is configured for, checked against the hashes of the lock.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
STAMP = VENV / ".installed"
PYTHON = VENV / "bin" / "python"
SYSTEM_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def main() -> None:
    """Install unless what is there was installed from this very lock."""
    wanted = _fingerprint()
    if STAMP.is_file() and STAMP.read_text() == wanted and _works():
        STAMP.touch()
        return
    _check_python()
    STAMP.unlink(missing_ok=True)
    caches = ROOT / ".rapport" / "install"
    caches.mkdir(parents=True, exist_ok=True)
    environment = _environment(caches)
    if not _works():
        print("Making .venv …", flush=True)
        _run([sys.executable, "-m", "venv", "--clear", VENV], environment)
    if not (VENV / "bin" / "uv").is_file():
        _install_uv(caches, environment)
    environment = _as_uv_reads_it(environment)
    print("Installing requirements.lock …", flush=True)
    uv = [VENV / "bin" / "uv", "pip"]
    target = ["--python", PYTHON, "--quiet"]
    _run([*uv, "sync", *target, "--require-hashes", LOCK], environment)
    offline = ["--no-build-isolation", "--no-deps", "--offline"]
    _run([*uv, "install", *target, *offline, "--editable", ROOT], environment)
    shutil.rmtree(caches, ignore_errors=True)
    STAMP.write_text(wanted)


def _fingerprint() -> str:
    files = (LOCK, ROOT / "pyproject.toml", Path(__file__))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _works() -> bool:
    """Whether .venv runs here (it does not after the checkout or the system Python moved)."""
    try:
        done = subprocess.run([PYTHON, "-c", "import sys; print(sys.prefix)"], capture_output=True)
    except OSError:
        return False
    return done.returncode == 0 and Path(os.fsdecode(done.stdout).strip()) == VENV


def _check_python() -> None:
    if not (3, 11) <= sys.version_info[:2] < (3, 13):
        found = ".".join(map(str, sys.version_info[:3]))
        sys.exit(f"Rapport needs Python 3.11 or 3.12; {sys.executable} is {found}. "
                 "Name another one: make PYTHON=python3.12 …")  # fmt: skip
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        sys.exit(f"{sys.executable} cannot make virtual environments. On Debian or Ubuntu: "
                 f"apt install {package}; or name another one: make PYTHON=…")  # fmt: skip


def _environment(caches: Path) -> dict[str, str]:
    """The caller's environment, with every cache inside the checkout unless he chose another."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    defaults = {
        "TMPDIR": str(caches),
        "PIP_CACHE_DIR": str(caches / "pip"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "UV_CACHE_DIR": str(caches / "uv"),
        "UV_COMPILE_BYTECODE": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
        "UV_HTTP_TIMEOUT": "180",
        # Own roots only, otherwise: a company's proxy would not be trusted.
        "UV_SYSTEM_CERTS": "1",
    }
    if SYSTEM_CERTIFICATES.is_file():
        defaults["PIP_CERT"] = environment.get("SSL_CERT_FILE") or str(SYSTEM_CERTIFICATES)
    return defaults | environment


def _install_uv(caches: Path, environment: dict[str, str]) -> None:
    """uv itself, by pip, at the version and with the hashes of the lock."""
    entry = re.search(r"^uv==.*?(?=^\S)", LOCK.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    if entry is None:
        sys.exit(f"{LOCK} has no entry for uv.")
    requirement = caches / "uv.txt"
    requirement.write_text(entry.group(), "utf-8")
    options = ["--quiet", "--require-hashes", "--no-deps", "--requirement", requirement]
    _run([PYTHON, "-m", "pip", "install", *options], environment)


def _as_uv_reads_it(environment: dict[str, str]) -> dict[str, str]:
    """Hand pip's configuration (index, mirror, certificate) on to uv, which does not read it."""
    listed = subprocess.run(
        [PYTHON, "-m", "pip", "config", "list"],
        env=environment,
        capture_output=True,
        text=True,
    ).stdout
    configured: dict[str, str] = {}
    # Environment outranks [install], which outranks [global].
    for section in ("global", "install", ":env:"):
        for name, value in re.findall(rf"^{section}\.([\w-]+)=(.*)$", listed, re.MULTILINE):
            configured[name] = str(ast.literal_eval(value))
    handed_on = {
        "UV_DEFAULT_INDEX": configured.get("index-url", ""),
        "UV_INDEX": " ".join(configured.get("extra-index-url", "").split()),
        "UV_FIND_LINKS": ",".join(configured.get("find-links", "").split()),
        "UV_INSECURE_HOST": " ".join(configured.get("trusted-host", "").split()),
        "SSL_CERT_FILE": configured.get("cert", ""),
        "ALL_PROXY": configured.get("proxy", ""),
    }
    if handed_on["UV_INDEX"]:
        # Like pip: the best version of all indexes. The hashes decide what is let in.
        handed_on["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return {name: value for name, value in handed_on.items() if value} | environment


def _run(command: list[str | Path], environment: dict[str, str]) -> None:
    done = subprocess.run(command, env=environment, cwd=ROOT)
    if done.returncode != 0:
        shown = " ".join(map(str, command[:4]))
        sys.exit(f"Installing failed at `{shown} …`; the message stands above. "
                 "Behind a proxy or mirror, configure pip for it first (pip config).")  # fmt: skip


if __name__ == "__main__":
    main()
