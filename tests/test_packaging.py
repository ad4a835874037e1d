"""What a wheel carries, what is pinned, and what the configuration says."""

from __future__ import annotations

import itertools
import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import headviz

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PINNED = dict(
    line.split("==")
    for name in ("requirements.txt", "requirements-dev.txt")
    for line in (ROOT / name).read_text("utf-8").splitlines()
    if line and not line.startswith(("#", "-r"))
)


def test_version_is_the_same_everywhere() -> None:
    assert PROJECT["project"]["version"] == headviz.__version__
    assert f"## {headviz.__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_wheel_carries_the_app_beside_the_package() -> None:
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["packages"] == ["headviz"]
    assert wheel["force-include"] == {
        "app.py": "headviz/_app/app.py",
        "pages": "headviz/_app/pages",
        ".streamlit/config.toml": "headviz/_app/.streamlit/config.toml",
    }
    for source in wheel["force-include"]:
        assert (ROOT / source).exists(), f"{source} is to go into the wheel and is not there"


def test_wheel_carries_the_demo_model() -> None:
    from headviz.demo.reviews import MODEL_FOLDER

    assert MODEL_FOLDER.is_relative_to(ROOT / "headviz")
    weights = list(MODEL_FOLDER.glob("*.safetensors"))
    assert weights and sum(path.stat().st_size for path in weights) <= 8 * 2**20
    assert (MODEL_FOLDER / "config.json").is_file()


def test_torch_stands_first_among_the_pins() -> None:
    assert next(iter(PINNED.items())) == ("torch", "2.13.0")


@pytest.mark.parametrize("name", sorted(PINNED))
def test_installed_version_is_the_pinned_one(name: str) -> None:
    assert version(name).split("+")[0] == PINNED[name]


def test_every_dependency_is_pinned_and_explained() -> None:
    project = PROJECT["project"]
    lines = [*project["dependencies"], *itertools.chain(*project["optional-dependencies"].values())]
    declared = {re.split(r"[<>=]", line)[0].replace("-", "_") for line in lines}
    assert declared <= {name.replace("-", "_") for name in PINNED}
    explained = (ROOT / "docs" / "dependencies.md").read_text("utf-8").lower()
    assert [name for name in PINNED if f"`{name.lower()}`" not in explained] == []


def test_app_is_for_this_machine_alone_and_silent_unless_told_otherwise() -> None:
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))
    assert config["server"]["address"] == "localhost"
    assert config["server"]["maxUploadSize"] == 50
    assert config["browser"]["gatherUsageStats"] is False
    assert config["client"]["showErrorDetails"] == "none"
    assert config["runner"]["postScriptGC"] is False
    assert {"enableXsrfProtection", "enableCORS", "enableStaticServing"}.isdisjoint(config["server"])


def _contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("ink", ["textColor", "primaryColor", "linkColor"])
@pytest.mark.parametrize("ground", ["backgroundColor", "secondaryBackgroundColor"])
def test_theme_text_has_enough_contrast(theme: str, ink: str, ground: str) -> None:
    colours = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))["theme"][theme]
    assert _contrast(colours[ink], colours[ground]) >= 4.5
