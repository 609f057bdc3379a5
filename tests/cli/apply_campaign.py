"""``python -m tests.cli.apply_campaign``: ``descope-keys apply``, killed at random moments.

Each round lets a project follow a manifest through several versions: keys are created, changed, replaced,
switched off and removed, every second time with a service that misbehaves. `apply` and `resume` take turns
at going on. Every second kill is aimed at the state that was hit least, so that each is hit.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Final

from attrs import define, field

from descope_async import ApiError
from descope_async.emulator import Fault
from descope_sync import DescopeClient
from descope_sync.emulator import Emulator

from .forked_command import forked

#: What was on disk when a process died: the operation of its newest run, and the last line of the journal.
STATES: Final = (
    "nothing begun",
    *(f"create {kind}" for kind in ("folder", "plan", "begin", "intent", "made", "stored", "done")),
    *(f"replace {kind}" for kind in ("plan", "intent", "made", "stored", "waiting", "retired")),
    "update",
    "deactivate",
    "reported",
)
FAULTS: Final = (
    Fault("close", commit=True, probability=0.02),
    Fault("reset", commit=True, probability=0.02),
    Fault("status", status=502, commit=True, probability=0.02),
    Fault("status", status=503, retry_after=0, commit=True, probability=0.02),
    Fault("garbage", commit=True, probability=0.01),
    Fault("delay", seconds=0.2, probability=0.05),
)
_KEYS: Final = 24
#: Seconds that a process may take from its first trace on disk to its death.
_LONGEST: Final = 1.5
#: What `apply` and `resume` may say at their end: done, partial, unknown, or another one at work.
_ENDS: Final = frozenset({0, 3, 5, 7})
#: What `resume` says of a run of which nothing was done, where it leaves with 1.
_NEVER_BEGAN: Final = "nothing was done, so start it again"


@define
class Campaign:
    """Kills, and what was wrong after them.

    Attributes:
        draw: What is random is drawn with it.
        states: In which states processes died.
        problems: What must not have been.
    """

    draw: random.Random
    states: Counter[str] = field(factory=Counter[str])
    problems: list[str] = field(factory=list[str])

    def aim(self) -> str | None:
        """The state to kill at; None for any moment."""
        rarest = min(STATES, key=lambda state: (self.states[state], self.draw.random()))
        return rarest if self.draw.random() < 0.5 else None

    def round(self, kills: int, *, misbehaves: bool) -> None:
        """Take a project through its manifest's versions, with so many kills for each."""
        with Emulator(signing_algorithm="ES256") as emulator, tempfile.TemporaryDirectory() as name:
            project = _Project(self, emulator, Path(name))
            for version in _versions(self.draw):
                for fault in FAULTS if misbehaves else ():
                    emulator.faults.add(fault)
                project.manifest.write_text(json.dumps(version))  # JSON is YAML too
                for _ in range(kills):
                    if project.run_and_kill():
                        break
                emulator.faults.clear()
                project.finish()
                project.reckon(version)


@define
class _Project:
    campaign: Campaign
    emulator: Emulator
    folder: Path

    @property
    def manifest(self) -> Path:
        return self.folder / "keys.yaml"

    @property
    def runs(self) -> Path:
        return self.folder / "state" / "descope-keys" / "runs"

    def run_and_kill(self) -> bool:
        """Run `apply` or `resume`, and kill it. Whether it came to its end before."""
        before = self._trace()
        aim, draw = self.campaign.aim(), self.campaign.draw
        command = self._resume() if before and draw.random() < 0.5 else self._apply()
        process = self._started(command)
        if draw.random() < 0.95:  # else while it starts
            _wait(process, 60, lambda: self._trace() != before)
        if aim is None:
            _wait(process, draw.uniform(0, _LONGEST), lambda: False)
        else:
            _wait(process, _LONGEST, lambda: self._state() == aim)
        process.kill()
        if (code := self._end(command, process)) >= 0:
            return code == 0 and command[0] == "apply"
        self.campaign.states[self._state()] += 1
        return False

    def finish(self) -> None:
        """Go on until there is nothing to do."""
        for _ in range(20):
            codes, said = list[int](), list[str]()
            for command in (self._resume(), self._apply()):
                codes.append(self._run(command))
                said.append(self._said())
            left = [each.parent.name for each in self.runs.glob("*/run.json")]
            if codes == [0, 0] and not left:
                return
        self.campaign.problems.append("\n".join((f"it does not end: {codes} {left}", *said)))

    def reckon(self, version: Mapping[str, Any]) -> None:
        """Compare the project with its manifest, lock file and sink."""
        problems = self.campaign.problems
        if self._run(["drift", str(self.manifest), "--prune", "all"]):
            problems.append(f"drift: {self._said()}")
        ids: dict[str, str] = json.loads(self.manifest.with_name("keys.lock.json").read_text())[
            "keys"
        ]
        wanted: Mapping[str, Any] = version["keys"]
        if set(ids) != set(wanted):
            problems.append(f"the lock file knows {sorted(ids)}")
        with DescopeClient(
            self.emulator.project_id, self.emulator.management_key, base_url=self.emulator.base_url
        ) as client:
            active = {
                key.id: key.name
                for key in client.mgmt.access_key.search_all_access_keys()
                if key.status == "active"
            }
            expected = {label for label, about in wanted.items() if about.get("active", True)}
            if sorted(active.values()) != sorted(expected):
                problems.append(f"twins or losses: {sorted(active.values())}")
            for label in sorted(expected & set(ids)):
                secret = self.folder / "secrets" / f"{label}.json"
                try:
                    found = client.exchange_access_key(json.loads(secret.read_text())["cleartext"])
                except (ApiError, OSError) as error:
                    problems.append(f"the secret of {label} is lost: {error}")
                else:
                    if found.key_id != ids[label]:
                        problems.append(f"{label} means {ids[label]}, its secret {found.key_id}")

    def _run(self, command: Sequence[str]) -> int:
        return self._end(command, self._started(command))

    def _end(self, command: Sequence[str], process: ForkServerProcess) -> int:
        """The exit code of a command, which is negative when it was killed."""
        process.join(120)
        code, said = process.exitcode, self._said()
        is_known = code in _ENDS or (code == 1 and _NEVER_BEGAN in said)
        if code is None or (code >= 0 and not is_known) or "Traceback" in said:
            self.campaign.problems.append(f"{command[0]} ends with {code}: {said}")
        return 0 if code is None else code

    def _said(self) -> str:
        out = self.folder / "out"
        return out.read_text() if out.exists() else ""

    def _apply(self) -> list[str]:
        return [
            "apply", str(self.manifest), "--yes", "--rate", "none", "--prune", "removed",
            "--max-changes", "1000",
        ]  # fmt: skip

    def _resume(self) -> list[str]:
        return ["resume", "--rate", "none", "--settle-after", "1s"]

    def _started(self, command: Sequence[str]) -> ForkServerProcess:
        environment = {
            "DESCOPE_PROJECT_ID": self.emulator.project_id,
            "DESCOPE_MANAGEMENT_KEY": self.emulator.management_key,
            "DESCOPE_BASE_URI": self.emulator.base_url,
            "XDG_STATE_HOME": str(self.folder / "state"),
        }
        return forked(command, environment, self.folder / "out")

    def _trace(self) -> list[tuple[str, int]]:
        """What runs there are, and how long their journals."""
        found: list[tuple[str, int]] = []
        for run in sorted(self.runs.glob("*")):
            try:
                found.append((run.name, (run / "journal").stat().st_size))
            except OSError:
                found.append((run.name, 0))
        return found

    def _state(self) -> str:
        """What is on disk."""
        for run in sorted(self.runs.glob("*"), reverse=True):
            operation = run.name.split("-")[2]
            if operation in ("update", "deactivate"):
                return operation
            if (run / "journal.report.jsonl").exists():
                return "reported"
            try:
                lines = (run / "journal").read_bytes().split(b"\n")[:-1]
            except OSError:
                return f"{operation} folder"
            kind = json.loads(lines[-1]).get("k", "header") if lines else "header"
            return f"{operation} {_NEAR.get(kind, kind)}"
        return "nothing begun"


#: Kinds of lines that stand for others of the same moment.
_NEAR: Final = {
    "header": "folder",
    "open": "folder",
    "close": "done",
    "undone": "intent",
    "rotating": "intent",
}


def _versions(draw: random.Random) -> list[dict[str, Any]]:
    """A manifest as it changes from time to time."""
    settings = {
        "sinks": "file:secrets/{label}.json",
        "grace": "0s",
        "delete_after": draw.choice(["0s", "0s", "never"]),  # only what is deleted is retired first
    }
    keys: dict[str, dict[str, Any]] = {
        f"m-{number}": {"expires": "2037-01-01"} for number in range(_KEYS)
    }
    versions = [{**settings, "keys": dict(keys)}]
    for year in (2035, 2036):
        chosen = draw.sample(sorted(keys), 9)
        for label in chosen[:4]:
            keys[label] = {**keys[label], "expires": f"{year}-01-01"}
        for label in chosen[4:7]:
            keys[label] = {**keys[label], "description": f"since {year}"}
        keys[chosen[7]] = {**keys[chosen[7]], "active": False}
        del keys[chosen[8]]
        keys[f"n-{year}"] = {"expires": "2037-01-01"}
        versions.append({**settings, "keys": dict(keys)})
    return versions


def _wait(process: ForkServerProcess, seconds: float, until: Callable[[], bool]) -> None:
    """Wait until something is so, or the process has ended, and not for long."""
    deadline = time.monotonic() + seconds
    while process.is_alive() and time.monotonic() < deadline and not until():
        time.sleep(0.0005)


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill so many processes, print the states that they died in, and say what was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.cli.apply_campaign", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="at least")
    parser.add_argument("--most", type=int, default=400, help="kills to hit each state with")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    options = parser.parse_args(arguments)
    print("seed", options.seed, flush=True)
    campaign = Campaign(random.Random(options.seed))  # noqa: S311 - chooses when to kill
    began, number = time.monotonic(), 0
    missing: Sequence[str] = STATES
    with suppress(KeyboardInterrupt):  # the table says how far it came
        while not campaign.problems and campaign.states.total() < options.most:
            if campaign.states.total() >= options.kills and not missing:
                break
            number += 1
            campaign.round(8, misbehaves=number % 2 == 0)
            missing = [state for state in STATES if not campaign.states[state]]
            passed = f"{time.monotonic() - began:.0f} s, {campaign.states.total()} kills"
            print(f"{passed}; not yet at: {', '.join(missing) or 'none'}", flush=True)
    for state in sorted({*STATES, *campaign.states}):
        print(f"{state:<20}{campaign.states[state]:>6}")
    if missing:
        print(f"never killed at: {', '.join(missing)}")
    print("\n".join(campaign.problems) or "no secret lost, no twins")
    return int(bool(campaign.problems or missing))


if __name__ == "__main__":
    raise SystemExit(main())
