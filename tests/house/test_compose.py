import copy
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

PROJECT = Path(__file__).parents[2]
COMPOSE = YAML(typ="safe").load((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
VARIABLE = re.compile(r"(?<!\$)\$\{(?P<name>[A-Z_]+)(?P<mark>:[?-])?[^}]*\}")


def checked(document, tmp_path):
    """The exit code of the schema check on a document."""
    file = tmp_path / "docker-compose.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    program = shutil.which("check-jsonschema", path=str(Path(sys.executable).parent))
    command = [program, "--builtin-schema", "vendor.compose-spec", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).returncode


def test_the_file_follows_the_compose_specification(tmp_path):
    """The published schema takes the file, and refuses a misspelt key: the check can fail."""
    assert checked(COMPOSE, tmp_path) == 0
    broken = copy.deepcopy(COMPOSE)
    broken["services"]["postgres"]["helthcheck"] = broken["services"]["postgres"].pop("healthcheck")
    assert checked(broken, tmp_path) != 0


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned(name):
    """An image is named with a version, never with `latest` or without a tag."""
    image, _, tag = SERVICES[name]["image"].rpartition(":")
    assert image
    assert re.search(r"\d+\.\d+", tag), SERVICES[name]["image"]


def test_the_engines_images_belong_together():
    """The schema job's tool and the server are of one version."""
    versions = {
        service["image"].rpartition(":")[2]
        for service in SERVICES.values()
        if service["image"].startswith(("temporalio/server", "temporalio/admin-tools"))
    }
    assert versions == {"1.32.0"}


@pytest.mark.parametrize("name", SERVICES)
def test_only_the_web_view_is_published_and_on_loopback_only(name):
    """Neither the database nor the engine, which has no sign-in, can be reached from outside."""
    ports = SERVICES[name].get("ports", [])
    assert SERVICES[name].get("network_mode") is None
    if name == "ui":
        assert ports
        assert all(isinstance(port, str) and port.startswith("127.0.0.1:") for port in ports)
    else:
        assert ports == []


def test_no_password_has_a_value_or_a_default():
    """Every password comes from a required variable: a forgotten one stops the start with a sentence."""
    seen = 0
    for service in SERVICES.values():
        for key, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|PWD|SECRET|TOKEN", key):
                seen += 1
                assert re.fullmatch(r"\$\{[A-Z_]+:\?[^}]+\}", value), key
            elif "://" in str(value) and "@" in str(value):
                seen += 1
                assert re.search(r"://[a-z]+:\$\{[A-Z_]+:\?[^}]+\}@", value), key
    assert seen >= 8


def test_the_example_names_every_variable_and_no_secret():
    """`.env.example` is complete, has no stale entry, and leaves each required one empty."""
    used = {match["name"]: match["mark"] for match in VARIABLE.finditer(json.dumps(COMPOSE))}
    example = {}
    for line in (PROJECT / ".env.example").read_text(encoding="utf-8").splitlines():
        if match := re.fullmatch(r"(#?)([A-Z_]+)=(.*)", line):
            example[match[2]] = (match[1], match[3])
    assert example.keys() == used.keys()
    for name, mark in used.items():
        if mark == ":?":
            assert example[name] == ("", ""), name
        else:
            assert mark == ":-", name
            assert example[name][0] == "#", name


def test_the_example_shows_the_true_defaults():
    """The value after each optional variable is the one the compose file falls back on."""
    text = json.dumps(COMPOSE)
    for line in (PROJECT / ".env.example").read_text(encoding="utf-8").splitlines():
        if match := re.fullmatch(r"#([A-Z_]+)=(.*)", line):
            assert set(re.findall(rf"\$\{{{match[1]}:-([^}}]*)\}}", text)) == {match[2]}, match[1]


def test_data_lives_in_named_volumes():
    """Nothing that must survive sits in a container or in somebody's working directory."""
    mounted = {name: [volume.split(":")[0] for volume in SERVICES[name].get("volumes", [])] for name in SERVICES}
    assert mounted["postgres"] == ["postgres"]
    assert mounted["worker"] == ["data"]
    assert {source for sources in mounted.values() for source in sources} == set(COMPOSE["volumes"])


def test_each_service_waits_for_what_it_needs():
    """Conditions name services that exist; a healthy one has a health check, a completed one is a one-shot job."""
    for name, service in SERVICES.items():
        for needed, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[needed], (name, needed)
            else:
                assert how["condition"] == "service_completed_successfully"
                assert SERVICES[needed]["restart"].startswith("on-failure"), (name, needed)


def test_the_order_is_database_schema_server_namespace_worker():
    """Following the dependencies from the worker leads to the database, through every job once."""
    chain, name = [], "worker"
    while name:
        chain.append(name)
        (name,) = SERVICES[name].get("depends_on", {}) or [None]
    assert chain == ["worker", "namespace", "temporal", "schema", "databases", "postgres"]


def test_every_mounted_script_exists():
    """A one-shot job's script stands in the same file, and none is left over."""
    mounted = {config["source"] for service in SERVICES.values() for config in service.get("configs", [])}
    assert mounted == set(COMPOSE["configs"])


def test_the_search_attributes_the_project_uses_are_registered():
    """A workflow that sets an unregistered search attribute would not start."""
    script = COMPOSE["configs"]["namespace"]["content"]
    assert "DiversionCampaign DiversionSchool DiversionStage DiversionStatus" in script


@pytest.mark.parametrize("name", ["schema", "namespace"])
def test_the_shell_jobs_are_sound(name, tmp_path):
    """Shellcheck finds nothing in the scripts that compose mounts."""
    script = tmp_path / f"{name}.sh"
    text = COMPOSE["configs"][name]["content"]
    assert "$" not in text.replace("$$", ""), "an unescaped $ would be filled in by compose"
    script.write_text(text.replace("$$", "$"), encoding="utf-8")
    program = shutil.which("shellcheck", path=str(Path(sys.executable).parent))
    done = subprocess.run([program, "--shell=sh", str(script)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout


def test_the_image_does_not_run_as_root_and_installs_the_lock():
    """The last USER is not root; the lock is installed with its hashes; base images are pinned."""
    text = (PROJECT / "Dockerfile").read_text(encoding="utf-8")
    assert re.findall(r"^USER (.+)$", text, re.MULTILINE)[-1] not in {"root", "0"}
    assert "--require-hashes -r /requirements.lock" in text
    assert all(re.search(r":\d+\.\d+\.\d+", line) for line in re.findall(r"^FROM (.+)$", text, re.MULTILINE))


def test_secrets_and_data_stay_out_of_repository_and_image():
    """`.env` and var/ are ignored by git, and the image takes only what is listed."""
    assert {".env", "var/"} <= set((PROJECT / ".gitignore").read_text(encoding="utf-8").splitlines())
    assert (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()[0] == "*"
