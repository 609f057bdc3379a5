"""Carries out a plan, action by action, so that it can be interrupted and made again at any moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from attrs import define, field

import descope_async
from descope_async.cli import bulk
from descope_async.cli.bulk import Work
from descope_async.cli.exit_codes import ExitCode
from descope_async.cli.run_folders import RunFolder

from .changes import Action, Change
from .comparison import arguments, arguments_of_create
from .lock_file import LockFile
from .plan import Plan
from .under_way import UnderWay

_APPLY: Final = "descope-keys apply"


@define
class Applying:
    """Carries out a plan.

    What makes keys has a run whose folder stays until all is done, and `resume` goes on with it. The rest is not
    kept: to do it again does no harm, and the next plan finds what is left.

    Attributes:
        client: The project.
        lock: Learns which keys the labels mean.
        rate: Calls per second, as `Batch` takes it.
        keys: A JSON object for each key that was worked on.
    """

    client: descope_async.DescopeClient
    lock: LockFile
    rate: Any
    keys: list[dict[str, Any]] = field(factory=list[dict[str, Any]])

    async def carry_out(self, plan: Plan, under_way: UnderWay) -> ExitCode:
        """Do what a plan says. The first action that does not come to its end is the last one."""
        self.lock.set(under_way.learned)
        for folder, labels in under_way.not_begun:
            code = await self._carry(folder, _giving_up(labels))
            if code is not ExitCode.DONE:
                return code
        for action in Action:
            changes = [each for each in plan.changes if each.action is action]
            if action is Action.DEACTIVATE:
                changes += self._made_inactive(plan)
            if changes:
                code = await self._act(plan, action, changes)
                if code is not ExitCode.DONE:
                    return code
        self.lock.set({}, without=plan.difference.forgotten)
        return ExitCode.DONE

    async def _act(self, plan: Plan, action: Action, changes: Sequence[Change]) -> ExitCode:
        if action is Action.CREATE:
            new = _to_create(changes)
            folder = RunFolder.new(plan.project, "create", plan.sinks, self.lock.path)
            return await self._carry(folder, lambda batch: batch.create(new))
        if action is Action.REPLACE:
            old = _to_replace(changes)
            retiring: dict[str, Any] = {"grace": plan.grace, "delete_after": plan.delete_after}
            folder = RunFolder.new(plan.project, "replace", plan.sinks, self.lock.path)
            return await self._carry(folder, lambda batch: batch.replace(old, **retiring))
        folder = RunFolder.new(plan.project, action.value, ())
        try:
            if action is Action.UPDATE:
                new = [{"id": each.key_id, **arguments(each.after)} for each in changes]
                return await self._carry(folder, lambda batch: batch.update(new), go_on=_APPLY)
            named = [{"id": each.key_id, "label": each.label or each.name} for each in changes]
            return await self._carry(
                folder, lambda batch: getattr(batch, action.value)(named), go_on=_APPLY
            )
        finally:
            folder.remove()

    async def _carry(self, folder: RunFolder, work: Work, *, go_on: str = "") -> ExitCode:
        try:
            return await bulk.carry(
                self.client,
                folder,
                work,
                collected=self.keys,
                go_on=go_on,
                rate=self.rate,
            )
        finally:
            self.lock = LockFile.open(self.lock.path, self.lock.project)

    def _made_inactive(self, plan: Plan) -> list[Change]:
        """New keys are active. Those that are not to be are deactivated at the end."""
        return [
            Change(Action.DEACTIVATE, each.label, self.lock.keys[each.label], each.name, {}, {})
            for each in plan.changes
            if each.action is Action.CREATE and each.after.get("active") is False
        ]


async def examine(client: descope_async.DescopeClient, plan: Plan) -> None:
    """Refuse what carrying a plan out would refuse because of its sinks. Nothing is changed.

    Raises:
        InvalidArgument: Two keys would share a place.
        SecretStoreError: A sink cannot keep secrets.
        ConfigurationError: There is no sink.
    """
    by_action = {
        action: [each for each in plan.changes if each.action is action] for action in Action
    }
    if created := by_action[Action.CREATE]:
        await bulk.examine(client, "create", _to_create(created), plan.sinks)
    if replaced := by_action[Action.REPLACE]:
        await bulk.examine(client, "replace", _to_replace(replaced), plan.sinks)


def _to_create(changes: Sequence[Change]) -> list[dict[str, Any]]:
    return [
        {**arguments_of_create(each.label, each.after), "label": each.label} for each in changes
    ]


def _to_replace(changes: Sequence[Change]) -> list[dict[str, Any]]:
    return [
        {
            "id": each.key_id,
            "label": each.label,
            "successor": arguments_of_create(each.label, each.after),
        }
        for each in changes
    ]


def _giving_up(labels: Sequence[str]) -> Work:
    return lambda batch: batch.give_up(labels)
