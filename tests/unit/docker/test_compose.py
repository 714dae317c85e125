"""compose.yaml: held to the settings of the service and to the files beside it."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from ops.cli.command_line import Parsed, command_line
from ops.cli.commands.demo import demo
from ops.cli.options import options_of
from ops.settings import Settings
from tests.unit.docker.files import DOCKER, ROOT, SERVICE, compose, image_environment, part

OPTIONS = {option.name: option for option in options_of(Settings)}
SERVERS = ("nats", "mongodb")
WATCHERS = ("nats-exporter", "prometheus", "grafana")


def _seconds(duration: str) -> float:
    units = {"s": 1, "m": 60, "h": 3600}
    pieces = re.findall(r"(\d+)([smh])", duration)
    assert "".join(number + unit for number, unit in pieces) == duration
    return sum(int(number) * units[unit] for number, unit in pieces)


def _mounts(name: str) -> dict[str, str]:
    mounts = (mount.split(":") for mount in part(name)["volumes"])
    return {source: target for source, target, *_ in mounts}


def test_every_setting_in_compose_is_one_of_the_service() -> None:
    """A name that the code has renamed would be ignored in silence."""
    assert part(SERVICE)["environment"].keys() <= OPTIONS.keys()


def test_the_operators_token_comes_from_the_environment_and_may_be_missing() -> None:
    """Empty is none; a token in the file would be everybody's."""
    assert part(SERVICE)["environment"]["OPERATOR_TOKEN"] == "${OPERATOR_TOKEN:-}"
    tokens: list[str | None] = []

    def note(parsed: Parsed[Settings]) -> int:
        tokens.append(parsed.settings.http.operator_token)
        return 0

    program = command_line(Settings, "main.py", "", note, ())
    CliRunner(env={"OPERATOR_TOKEN": ""}).invoke(program, [])
    assert tokens == [None]


def test_each_instances_console_is_published_on_this_computer_only() -> None:
    """As many ports as there are instances."""
    [published] = part(SERVICE)["ports"]
    address, ports, inside = published.rsplit(":", 2)
    first, last = map(int, ports.split("-"))
    assert address == "127.0.0.1"
    assert last - first + 1 == part(SERVICE)["deploy"]["replicas"] == 3
    assert part(SERVICE)["environment"]["HTTP_ADDRESS"].endswith(f":{inside}")


def test_the_servers_that_the_service_is_told_of_are_in_compose() -> None:
    """By their names, at their ports, as the replica set that is initiated."""
    environment = part(SERVICE)["environment"]
    assert environment["NATS_URL"] == "nats://nats:4222"
    assert environment["MONGODB_URI"] == "mongodb://mongodb:27017/?replicaSet=rs0"
    assert compose()["services"].keys() == {*SERVERS, SERVICE, *WATCHERS, "demo"}


def test_the_demo_is_a_command_of_the_service_that_takes_these_options() -> None:
    """And runs only when its profile is asked for."""
    name, *options = part("demo")["command"]
    assert name == demo.name
    with demo.make_context(name, options) as context:
        assert context.params["users"] > 0
    assert part("demo")["profiles"] == ["demo"]
    assert part("demo")["image"] == part(SERVICE)["image"]
    assert part("demo")["environment"].items() <= part(SERVICE)["environment"].items()


def test_the_service_is_built_from_the_root_with_the_dockerfile() -> None:
    """Both are relative to compose.yaml, the Dockerfile to the context."""
    build = part(SERVICE)["build"]
    context = (DOCKER / build["context"]).resolve()
    assert context == ROOT
    assert (context / build["dockerfile"]).is_file()


@pytest.mark.parametrize("name", [*SERVERS, SERVICE, *WATCHERS])
def test_every_part_is_restarted_when_it_ends(name: str) -> None:
    """Also when the computer starts again."""
    assert part(name)["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVERS)
def test_every_server_is_checked_without_a_shell_and_awaited(name: str) -> None:
    """The service would wait by itself; its log is quieter so."""
    assert part(name)["healthcheck"]["test"][0] == "CMD"
    assert part(SERVICE)["depends_on"][name] == {"condition": "service_healthy"}


def test_an_orderly_stop_is_given_more_time_than_it_may_take() -> None:
    """Else Docker kills what is about to end well."""
    timeout = OPTIONS["SHUTDOWN_TIMEOUT"].default
    environment = {"SHUTDOWN_TIMEOUT": timeout, **part(SERVICE)["environment"]}
    grace_s = _seconds(part(SERVICE)["stop_grace_period"])
    assert grace_s >= float(environment["SHUTDOWN_TIMEOUT"]) + 5


def test_the_service_can_write_to_its_heartbeats_folder_only() -> None:
    """Everything else it keeps is in MongoDB."""
    service = part(SERVICE)
    assert service["read_only"] is True
    [folder] = [mount.split(":")[0] for mount in service["tmpfs"]]
    assert image_environment()["HEARTBEAT_FILE"].startswith(f"{folder}/")
    assert "volumes" not in service


def test_the_service_has_no_privileges_and_gains_none() -> None:
    """It opens connections, no more."""
    assert part(SERVICE)["cap_drop"] == ["ALL"]
    assert part(SERVICE)["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in part(SERVICE)


@pytest.mark.parametrize(("name", "folder"), [("nats", "/data"), ("mongodb", "/data/db")])
def test_what_a_server_keeps_is_in_a_volume(name: str, folder: str) -> None:
    """A container that is made anew finds it again."""
    [volume] = [source for source, target in _mounts(name).items() if target == folder]
    assert volume in compose()["volumes"]


def test_nats_is_started_with_the_configuration_beside() -> None:
    """Mounted where its command looks."""
    command = part("nats")["command"]
    assert _mounts("nats")["./nats.conf"] == command[command.index("--config") + 1]
    assert (DOCKER / "nats.conf").is_file()


def test_mongodb_is_a_replica_set_that_its_health_check_initiates() -> None:
    """One name throughout, and the member's address is one that the service can reach."""
    command = part("mongodb")["command"]
    name = command[command.index("--replSet") + 1]
    script = part("mongodb")["healthcheck"]["test"][-1]
    assert f'rs.initiate({{ _id: "{name}", members: [{{ _id: 0, host: "mongodb:27017" }}] }})' in (
        script
    )
    assert part(SERVICE)["environment"]["MONGODB_URI"].endswith(f"?replicaSet={name}")


def test_nothing_is_published_beyond_this_computer() -> None:
    """The servers have no passwords here, and Grafana no accounts."""
    ports = [port for one in compose()["services"].values() for port in one.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_compose_says_how_far_it_was_checked() -> None:
    """Until somebody has run it on a Docker engine, and takes this test out."""
    assert "not yet run on a Docker engine" in (DOCKER / "compose.yaml").read_text()
