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
MICRO = listed("nats: micro")
PERMISSIONS = list(dict.fromkeys(re.findall(r'^  "(.*)"$', JETSTREAM, re.MULTILINE)))
NEEDED_LATER = ("$JS.API.STREAM.PURGE.", "$JS.API.CONSUMER.DELETE.")
"""After half a minute, and when reading begins anew."""
WITH_MICRO = len(PERMISSIONS) + 2


def together(one: str, other: str) -> str:
    """Return both lists in one, as the server wants it."""
    lists = [
        dict(re.findall(r"^(\w+): \[\n(.*?)\]", text, re.MULTILINE | re.DOTALL))
        for text in (one, other)
    ]
    verbs = dict.fromkeys([*lists[0], *lists[1]])
    return "\n".join(
        f"{verb}: [\n{''.join(some.get(verb, '') for some in lists)}]" for verb in verbs
    )


def account(number: int, permissions: str) -> str:
    """Return an account with a user of these permissions, and one that may do anything."""
    return (
        f"A{number}: {{ jetstream: enabled, users: [ {{ user: u{number}, password: {PASSWORD}, "
        f"permissions: {{ {permissions} }} }}, {{ user: admin{number}, password: {PASSWORD} }} ] }}"
    )


@pytest.fixture(scope="module")
def permitting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A NATS server with an account for each permission, whose user lacks just that one.

    Of the last three users the first has all of them, the second what core NATS needs, the third
    what answering NATS micro needs as well.
    """
    # Not left out: an empty list would permit everything.
    lacking = [JETSTREAM.replace(f'"{name}"', '"nothing"') for name in PERMISSIONS]
    accounts = [account(number, text) for number, text in enumerate([*lacking, JETSTREAM])]
    accounts.append(account(len(accounts), listed("nats: core")))
    accounts.append(account(len(accounts), together(JETSTREAM, MICRO)))
    configuration = "accounts: {\n" + "\n".join(accounts) + "\n}\n"
    with running(prepare_nats(tmp_path_factory.mktemp("nats"), configuration)) as server:
        yield server


def user(number: int, name: str = "u") -> dict[str, object]:
    """Return the settings of an account's user."""
    identity = {"NATS_USER": f"{name}{number}", "NATS_PASSWORD": PASSWORD}
    about = {"NATS_INBOX_PREFIX": "_INBOX_alarm_digest", "NATS_MICRO": "off"}
    return {**DEFAULT_NAMES, **identity, **about}


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


@pytest.mark.parametrize(
    ("number", "name"),
    [(at, name) for at, name in enumerate(PERMISSIONS) if not name.startswith(NEEDED_LATER)],
)
def test_what_is_listed_for_nats_is_needed(permitted: Deployment, number: int, name: str) -> None:
    """Without it a warning names the subject, and where it is described."""
    if name.startswith("$JS.API.STREAM.INFO."):  # of streams that are there
        assert permitted.start(**user(number, "admin")).terminate() == 0
    service = permitted.launch(**user(number))
    if not name.startswith(("$JS.API", "_INBOX")) or ".MSG.GET." in name:
        service.wait_for("service.ready")
        for what in (ALARM, NO_ALARM, REQUEST):
            send(permitted, *what, **user(number, "admin"))
    service.wait_for("nats.not_permitted")
    warning = service.events("nats.not_permitted")[0]
    assert warning["level"] == "warning"
    assert name.removesuffix(">").lower() in warning["error"].lower()
    assert "docs/security.md" in warning["mend"]


def test_what_is_listed_for_nats_micro_is_enough(permitted: Deployment) -> None:
    """Nothing is refused, and a user is told as it lives."""
    admin = {**user(WITH_MICRO, "admin"), "NATS_INBOX_PREFIX": "_INBOX"}
    service = permitted.start(**{**user(WITH_MICRO), "NATS_MICRO": "on"})
    send(permitted, *ALARM, **admin)
    shown = permitted.command("user", "show", "u", "--json", **admin)
    assert (shown.status, shown.json["source"]) == (0, "live"), shown.json["note"]
    assert service.terminate() == 0
    assert service.events("nats.not_permitted") == []


def test_without_what_micro_needs_the_service_serves_with_a_warning(permitted: Deployment) -> None:
    """The messages are what it is for."""
    number = WITH_MICRO - 2
    settings = {**user(number), "NATS_MICRO": "on"}
    assert serves(permitted, {**user(number, "admin")}, **settings)


def test_the_doctor_sees_no_risk_in_the_least_permissions(permitted: Deployment) -> None:
    """It needs no more than the service does; what it may not see is a note."""
    number = WITH_MICRO - 2
    service = permitted.start(**user(number))
    ended = permitted.command("doctor", "--json", **user(number))
    risks = [one["says"] for one in ended.json["findings"] if one["level"] in ("risk", "away")]
    assert ["sync_interval" in risk for risk in risks] == [True], risks
    assert service.terminate() == 0


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


def test_the_doctor_sees_no_risk_in_the_least_role(role: Role) -> None:
    """And names what is missing from a lesser one."""
    service = role.deployment.start()

    def about_mongodb() -> list[str]:
        findings = role.deployment.command("doctor", "--json").json["findings"]
        bad = [one for one in findings if one["level"] in ("risk", "away")]
        return [one["says"] for one in bad if "nats" not in one["mend"]]

    assert [says for says in about_mongodb() if "sync_interval" not in says] == []
    role.without("update")
    lacking = [says for says in about_mongodb() if "sync_interval" not in says]
    collections = ("users", "partitions", "instances", "layout")
    names = [f"{role.database}.{collection}" for collection in collections]
    assert lacking == [f"our user lacks update on {name}" for name in names]
    role.without("nothing")  # for the stop: to free what is at home here is an update
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
