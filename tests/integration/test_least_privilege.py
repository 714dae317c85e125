"""The permission lists of docs/security.md: enough to serve, and none of them too many."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.access import ALARM, NO_ALARM, REQUEST, refused, send, serves
from tests.deployment import Deployment
from tests.integration.test_mongodb_access import administered
from tests.servers import prepare_mongodb, prepare_nats, running
from tests.service import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers import Server

PASSWORD = "hunter2-do-not-tell"
DEFAULT_NAMES = dict.fromkeys(
    [
        "QUEUE_GROUP",
        "ALARM_STATUS_CHANGED_SUBJECT",
        "SEND_ALARM_DIGEST_SUBJECT",
        "ALARM_DIGEST_SUBJECT",
        "DEAD_LETTER_SUBJECT",
        "INPUT_STREAM",
        "DIGEST_STREAM",
        "DEAD_LETTER_STREAM",
    ]
)
SECURITY = (ROOT / "docs" / "security.md").read_text()


def listed(mark: str) -> str:
    """Return the block of the page that is marked so."""
    found = re.search(rf"<!-- {mark} -->\n```\w*\n(.*?)```", SECURITY, re.DOTALL)
    assert found is not None
    return found[1]


JETSTREAM = listed("nats: jetstream")
PERMISSIONS = re.findall(r'^  "(.*)"$', JETSTREAM, re.MULTILINE)


def account(number: int, permissions: str) -> str:
    """Return an account with a user of these permissions, and one that may do anything."""
    return (
        f"A{number}: {{ jetstream: enabled, users: [ {{ user: u{number}, password: {PASSWORD}, "
        f"permissions: {{ {permissions} }} }}, {{ user: admin{number}, password: {PASSWORD} }} ] }}"
    )


@pytest.fixture(scope="module")
def permitting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A NATS server with an account for each permission, whose user lacks just that one.

    After those come the users with all of them, with what core NATS needs, and with the tools.
    """
    # Not left out: an empty list would permit everything.
    lacking = [JETSTREAM.replace(f'"{name}"', '"nothing"') for name in PERMISSIONS]
    accounts = [account(number, text) for number, text in enumerate([*lacking, JETSTREAM])]
    accounts.append(account(len(accounts), listed("nats: core")))
    tools = listed("nats: micro").replace("subscribe: [", "")
    accounts.append(account(len(accounts), JETSTREAM.rstrip().removesuffix("]") + tools))
    configuration = "accounts: {\n" + "\n".join(accounts) + "\n}\n"
    with running(prepare_nats(tmp_path_factory.mktemp("nats"), configuration)) as server:
        yield server


def user(number: int, name: str = "u") -> dict[str, object]:
    """Return the settings of an account's user."""
    identity = {"NATS_USER": f"{name}{number}", "NATS_PASSWORD": PASSWORD}
    return {
        **DEFAULT_NAMES,
        **identity,
        "NATS_INBOX_PREFIX": "_INBOX_alarm_digest",
        "NATS_MICRO": "off",
    }


@pytest.fixture
def permitted(permitting: Server, mongodb_uri: str, tmp_path: Path) -> Iterator[Deployment]:
    """A deployment on that server."""
    deployment = Deployment(permitting.url, mongodb_uri, tmp_path)
    yield deployment
    deployment.end()


@pytest.mark.parametrize("delivery", ["jetstream", "core"])
def test_what_is_listed_for_nats_is_enough(permitted: Deployment, delivery: str) -> None:
    """From the creation of the streams to dead letters and answers."""
    number = len(PERMISSIONS) + (delivery == "core")
    admin = {**user(number, "admin"), "DELIVERY": delivery}
    assert serves(permitted, admin, **{**user(number), "DELIVERY": delivery})


def test_what_is_listed_for_the_tools_is_enough(permitted: Deployment) -> None:
    """Who asks gets an answer from a service that is permitted no more than to give it."""
    number = len(PERMISSIONS) + 2
    service = permitted.start(**{**user(number), "NATS_MICRO": "on"})
    admin = user(number, "admin")
    send(permitted, *ALARM, **admin)
    for command in ("list",), ("show", "u"):
        told = permitted.command("user", *command, "--json", text="", **admin)
        assert told.status == 0, told.stderr
        assert '"u"' in told.text
        assert '"live"' in told.text
    assert service.events("nats.not_permitted") == []
    assert service.terminate() == 0


@pytest.mark.parametrize(("number", "name"), list(enumerate(PERMISSIONS)), ids=PERMISSIONS)
def test_what_is_listed_for_nats_is_needed(permitted: Deployment, number: int, name: str) -> None:
    """Without it a warning names the subject, and where it is described."""
    service = permitted.launch(**user(number))
    if not name.startswith(("$JS.API", "_INBOX")):
        service.wait_for("service.ready")
        for what in (ALARM, NO_ALARM, REQUEST):
            send(permitted, *what, **user(number, "admin"))
    service.wait_for("nats.not_permitted")
    warning = service.events("nats.not_permitted")[0]
    assert warning["level"] == "warning"
    assert name.removesuffix(">").lower() in warning["error"].lower()
    assert "docs/security.md" in warning["mend"]


@pytest.fixture
def role(tmp_path: Path, nats_url: str) -> Iterator[Role]:
    """A MongoDB server where we may do what the page lists, or less."""
    with running(prepare_mongodb(tmp_path / "mongodb", "--auth")) as server:
        with administered(server.url) as client:
            client.admin.command("createUser", "root", pwd=PASSWORD, roles=["root"])
        with administered(server.url.replace("//", f"//root:{PASSWORD}@")) as client:
            deployment = Deployment(
                nats_url, server.url.replace("//", f"//ours:{PASSWORD}@"), tmp_path
            )
            yield Role(client, deployment)
            deployment.end()


class Role:
    """Our role and user, and who may change them."""

    def __init__(self, client: Any, deployment: Deployment) -> None:
        """Create them as the page has it, for the deployment's database."""
        self.client = client
        self.deployment = deployment
        self.database = deployment.names.database
        text = listed("mongodb").partition("runCommand(")[2].rpartition(")")[0]
        self._command = json.loads(text.replace("alarm_digest", self.database))
        client.admin.command(self._command)
        client.admin.command("createUser", "ours", pwd=PASSWORD, roles=["alarmDigest"])

    def without(self, action: str) -> None:
        """Take an action away, giving back what was taken before."""
        command = json.loads(json.dumps(self._command))
        command["updateRole"] = command.pop("createRole")
        command = {"updateRole": command["updateRole"], "privileges": command["privileges"]}
        for privilege in command["privileges"]:
            privilege["actions"] = [one for one in privilege["actions"] if one != action]
        command["privileges"] = [one for one in command["privileges"] if one["actions"]]
        self.client.admin.command(command)


def test_what_is_listed_for_mongodb_is_enough(role: Role) -> None:
    """Also to put the validator back on a collection that has lost it meanwhile."""
    assert serves(role.deployment)
    users = role.client[role.database]
    service = role.deployment.start()
    users.command("collMod", "users", validator={})
    send(role.deployment, "alarm", "u", "memory-full", "WARNING")
    send(role.deployment, *REQUEST)
    service.wait_for("digest.published")
    assert service.events("store.fence_missing")
    assert "validator" in users.get_collection("users").options()
    assert service.terminate() == 0


def test_what_is_listed_for_mongodb_is_needed(role: Role) -> None:
    """Without it the start ends with one line that names what was refused."""
    commands = {
        "find": "find",
        "listCollections": "listCollections",
        "insert": "create",
        "update": "update",
    }
    for action, command in commands.items():
        role.without(action)
        line = refused(role.deployment)
        assert line.startswith(
            f"MONGODB_URI: the server refused {command} on {role.database}.users"
        )
        assert "docs/security.md" in line
    role.client[role.database].drop_collection("users")
    role.client[role.database].create_collection("users")
    role.without("collMod")
    assert refused(role.deployment).startswith("MONGODB_URI: the server refused collMod on ")
