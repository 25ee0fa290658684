"""The installer of `make deps`: what it hands on to pip and uv."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def install() -> ModuleType:
    spec = importlib.util.spec_from_file_location("install", CHECKOUT / ".ci" / "install.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _pip_says(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    done = subprocess.CompletedProcess([], 0, stdout=text, stderr="")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)


def test_uv_gets_the_index_and_certificate_of_pip(
    install: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pip_says(
        monkeypatch,
        "global.cert='/etc/company.pem'\n"
        "global.extra-index-url='\\nhttps://one.example/simple\\nhttps://two.example/simple'\n"
        "global.index-url='https://global.example/simple'\n"
        "install.index-url='https://mirror.example/simple'\n"
        ":env:.find-links='/wheels /more'\n",
    )
    assert install._as_uv_reads_it({"HOME": "/empty"}) == {
        "HOME": "/empty",
        "UV_DEFAULT_INDEX": "https://mirror.example/simple",
        "UV_INDEX": "https://one.example/simple https://two.example/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_FIND_LINKS": "/wheels,/more",
        "SSL_CERT_FILE": "/etc/company.pem",
    }


def test_what_was_set_for_uv_itself_is_kept(
    install: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pip_says(monkeypatch, "global.index-url='https://mirror.example/simple'\n")
    environment = {"UV_DEFAULT_INDEX": "https://own.example/simple"}
    assert install._as_uv_reads_it(environment) == environment


def test_caches_stay_inside_the_checkout(install: ModuleType, tmp_path: Path) -> None:
    environment = install._environment(tmp_path)
    for name in ("TMPDIR", "PIP_CACHE_DIR", "UV_CACHE_DIR"):
        if name not in install.os.environ:
            assert environment[name].startswith(str(tmp_path))
    assert environment["UV_PYTHON_DOWNLOADS"] == "never"


def test_the_lock_names_hashes_and_no_index() -> None:
    lock = (CHECKOUT / "requirements.lock").read_text("utf-8")
    entries = re.findall(r"^[A-Za-z0-9].*?(?=^\S|\Z)", lock, re.MULTILINE | re.DOTALL)
    assert len(entries) > 150
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in lock
    assert "index-url" not in lock
