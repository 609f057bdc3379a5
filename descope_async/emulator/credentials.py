"""ProjectCredentials: what a client needs to manage a project of an emulator."""

from __future__ import annotations

from attrs import field, frozen

__all__ = ["ProjectCredentials"]


@frozen
class ProjectCredentials:
    """What a client needs to manage a project.

    Attributes:
        project_id: The project's id.
        management_key: A key that manages this project.
    """

    project_id: str
    management_key: str = field(repr=False)
