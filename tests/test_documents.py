"""README and CONTRIBUTING say what is true: their snippets run, what they name exists."""

import importlib.metadata
import re

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from tests.documents import DOCUMENTS, ROOT, run, snippet
from tests.server import running

MAKEFILE = (ROOT / "Makefile").read_text("utf-8")

FLOORS = {
    "gradio": "6.31",
    "diffusers": "0.42",
    "transformers": "5.3",
    "pillow": "12.3",
    "torch": "2.8",
}
SPACE_COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}


def requirements(file):
    lines = (ROOT / file).read_text("utf-8").splitlines()
    kept = [line for line in lines if line and not line.startswith(("#", "-"))]
    return {requirement.name: requirement for requirement in map(Requirement, kept)}


# ---- the snippets of README ---------------------------------------------------------------------


def test_the_library_snippet_samples_four_digits(capsys):
    code, needs_server = snippet("README.md", "The library")
    assert not needs_server
    images = run(code)["images"]
    assert len(images) == 4
    assert {image.size for image in images} == {(28, 28)}
    assert len(capsys.readouterr().out.splitlines()) == 20


def test_the_api_names_exist():
    import app

    endpoints = app.page().get_api_info()["named_endpoints"]
    assert {"/schedule", "/noise", "/sample", "/invert", "/edit"} <= set(endpoints)
    code, needs_server = snippet("README.md", "The API")
    assert needs_server
    called = re.findall(r"\.predict\((.*?)\)\n", code, re.DOTALL)
    assert called
    for arguments in called:
        names = re.findall(r"(\w+)=", arguments)
        (endpoint,) = re.findall(r'api_name="(/\w+)"', arguments)
        known = {parameter["parameter_name"] for parameter in endpoints[endpoint]["parameters"]}
        assert set(names) - {"api_name"} <= known


@pytest.mark.slow
def test_the_api_snippet_runs():
    code, _ = snippet("README.md", "The API")
    with running() as url:
        assert run(code.replace("http://127.0.0.1:7860", url))["run"]["frames"]


# ---- what the documents name --------------------------------------------------------------------


def test_front_matter_is_what_a_space_reads():
    _, front, _ = DOCUMENTS["README.md"].split("---\n", 2)
    keys = yaml.safe_load(front)
    assert keys["title"] == "Stepwise"
    assert keys["emoji"]
    assert {keys["colorFrom"], keys["colorTo"]} <= SPACE_COLOURS
    assert (keys["sdk"], keys["app_file"], keys["license"]) == ("gradio", "app.py", "apache-2.0")
    assert keys["python_version"] == "3.12"
    assert len(keys["short_description"]) <= 60
    assert (ROOT / keys["app_file"]).is_file()
    assert Version(keys["sdk_version"]) in requirements("requirements.txt")["gradio"].specifier


@pytest.mark.parametrize("document", DOCUMENTS)
def test_named_make_targets_exist(document):
    code = re.findall(r"```sh\n(.*?)```|`([^`\n]+)`", DOCUMENTS[document], re.DOTALL)
    named = {target for pair in code for target in re.findall(r"^make (\w+)", "".join(pair), re.M)}
    assert named
    assert named <= set(re.findall(r"^(\w+):", MAKEFILE, re.M))


@pytest.mark.parametrize("text", [*DOCUMENTS.values(), MAKEFILE], ids=[*DOCUMENTS, "Makefile"])
def test_named_modules_exist(text):
    modules = re.findall(r"python -m ((?:core|demos|tests)\b[\w.]*)", text)
    paths = [ROOT / module.replace(".", "/") for module in modules]
    files = [(path.with_suffix(".py"), path / "__main__.py") for path in paths]
    assert not [pair for pair in files if not any(file.is_file() for file in pair)]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_named_files_exist(document):
    text = re.sub(r"```.*?```", "", DOCUMENTS[document], flags=re.DOTALL)
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    named = re.findall(r"`((?:core|demos|tests|assets)/[\w./]*)`", text)
    assert not [path for path in {*links, *named} if not (ROOT / path).exists()]


@pytest.mark.parametrize("package", FLOORS)
def test_requirements_keep_their_floors(package):
    specifier = requirements("requirements.txt")[package].specifier
    floors = [Version(part.version) for part in specifier if part.operator == ">="]
    assert floors == [Version(FLOORS[package])]


def test_torch_is_bounded_above():
    assert Version("2.14") not in requirements("requirements.txt")["torch"].specifier
    assert Version("2.13.1") in requirements("requirements.txt")["torch"].specifier


def test_ray_is_an_extra():
    specifier = requirements("requirements-cluster.txt")["ray"].specifier
    assert [each in specifier for each in ("2.59", "2.60", "3.0")] == [False, True, False]
    assert not any("ray" in requirements(f"requirements{part}.txt") for part in ("", "-dev"))


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_installed_packages_meet_the_requirements(file):
    for package, requirement in requirements(file).items():
        assert Version(importlib.metadata.version(package)) in requirement.specifier, package


def test_python_versions_agree():
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    assert 'requires-python = ">=3.11"' in text
    assert "(3, 11)" in MAKEFILE


def test_continuous_integration_runs_the_suite():
    script = ROOT / ".ci/run"
    assert script.stat().st_mode & 0o111
    assert "make test" in script.read_text("utf-8")
