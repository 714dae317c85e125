"""Other versions of the service: copies of this one, each with a few places of its code changed.

Where a place is no longer found, the code has moved on: change it here too.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, NamedTuple

from ops.version import VERSION
from store.users.document import SCHEMA
from tests.forking import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

ADDED = "added"
"""What the newer version calls whatever it adds."""


class Edit(NamedTuple):
    """One place of the code, which is there once, and what stands there instead."""

    path: str
    here: str
    instead: str


def copied(folder: Path, edits: Iterable[Edit]) -> Path:
    """Return a source tree in ``folder`` that has these edits."""
    for package in ("actors", "bus", "ops", "store"):
        # With what is compiled, which holds for files that keep their time: starts are quicker.
        shutil.copytree(ROOT / package, folder / package)
    shutil.copy(ROOT / "main.py", folder)
    for path, here, instead in edits:
        code = (folder / path).read_text()
        assert code.count(here) == 1, f"{path} has {code.count(here)} places {here!r}"
        (folder / path).write_text(code.replace(here, instead))
    return folder


_FIGURES, _MICRO = "ops/monitoring/figures.py", "ops/inquiries/micro.py"
_FORM, _ANSWERS = "ops/inquiries/form.py", "ops/inquiries/answering.py"
_HOMES, _INSTANCES = "store/homes/statements.py", "store/homes/document.py"
_LAYOUT, _USERS = "store/homes/layout.py", "store/users/document.py"
_REPORT = "ops/users/report.py"

_LISTED = """
        answer = orjson.dumps({"live": live, "users": lines})
        while"""


def _beside(path: str, field: str) -> Edit:
    """Have one field more stand before this one."""
    return Edit(path, field, f'"added": 1, {field}')


NEWER_VERSION = "99.0.0"
NEWER = (
    Edit("ops/version.py", f'"{VERSION}"', f'"{NEWER_VERSION}"'),
    # Of a user: behind each alarm, in the cursor, in what is owed, in the document.
    Edit(_USERS, "if more else alarm", 'if more else (*alarm, "added", {"more": 2**40})'),
    Edit(_USERS, '"cursor.number": ', '"cursor.added": 1, "cursor.number": '),
    _beside(_USERS, '"id": digest.digest_id,'),
    Edit(_USERS, "[list(item) for", '[[*item, "added"] for'),
    _beside(_USERS, '"schema": SCHEMA, "base"'),
    # Of homes: in each instance, partition and position, and in the layout.
    _beside(_INSTANCES, '"_id": instance.instance_id,'),
    _beside(_INSTANCES, '"sequence": sequence,'),
    _beside(_HOMES, '"home": me, "epoch": partition.epoch + 1'),
    Edit(_LAYOUT, '{"$setOnInsert": _FIXED}', '{"$setOnInsert": _FIXED, "$set": {"added": 1}}'),
    # In questions and answers.
    Edit(
        _REPORT,
        "class Source(StrEnum):",
        "@dataclass(frozen=True, slots=True, kw_only=True)\nclass Added:\n    added: int = 1\n\n\n"
        "class Source(StrEnum):",
    ),
    *(
        Edit(_REPORT, f"class {name}:\n", f"class {name}(Added):\n")
        for name in ("AlarmReport", "OwedDigest", "UserReport", "UserLine")
    ),
    Edit(_ANSWERS, _LISTED, _LISTED.replace("{", '{"added": 1, ')),
    _beside(_FIGURES, '"instance_id": me,'),
    Edit(_MICRO, '"queue_group": self', '"added": "1", "queue_group": self'),
    _beside(_FORM, '"UserID": self.user_id,'),
    _beside(_FORM, '"UserIDs": self.user_ids,'),
)
"""Writes one field more wherever it writes fields."""

OLDER = (
    *(
        Edit(_INSTANCES, f'        "{field}": instance.{source},\n', "")
        for field, source in (
            ("reading", "reading"),
            ("schema", "schema"),
            ("address", "address"),
            ("version", "version"),
            ("started", "started_at_s"),
        )
    ),
    Edit(_USERS, "if digest.traceparent is not None:", "if False:"),
    Edit(_HOMES, '"$max": {"schema": SCHEMA},', ""),
    Edit(
        _REPORT,
        "        return dataclasses.asdict(self)\n\n    @classmethod\n"
        "    def from_fields(cls, fields: Mapping[str, Any]) -> Self:\n"
        '        """Read what ``to_fields`` has written, perhaps',
        "        later = ('note', 'partition', 'home')\n"
        "        fields = dataclasses.asdict(self).items()\n"
        "        return {name: value for name, value in fields if name not in later}\n\n"
        "    @classmethod\n"
        "    def from_fields(cls, fields: Mapping[str, Any]) -> Self:\n"
        '        """Read what ``to_fields`` has written, perhaps',
    ),
    Edit(
        _ANSWERS,
        _LISTED,
        """
        known = [line.to_fields() for line in lines]
        for one in known:
            del one["instance"], one["unsaved"]
        answer = orjson.dumps({"users": known})
        while""",
    ),
    Edit(
        _FIGURES,
        '    return {\n        "instance_id"',
        "    return {'instance_id': me}\n    {\n        \"instance_id\"",
    ),
    Edit(_MICRO, '"host": socket.gethostname(),', ""),
    Edit(_MICRO, '"pid": str(os.getpid()),', ""),
    Edit(_FORM, ', "AlarmID": self.alarm_id, "Limit": self.limit or 0}', "}"),
    Edit(_FORM, ', "Limit": self.limit}', "}"),
)
"""Leaves out whatever a version may leave out: what came later, and what has a default."""

RAISED = (Edit(_USERS, f"\nSCHEMA = {SCHEMA}\n", f"\nSCHEMA = {SCHEMA + 1}\n"),)
"""Writes checkpoints that this version cannot read."""
