"""What the resources that change a site work on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import HTTPException

from crowdmask.errors import OutputError, UsageError
from crowdmask.serve.api.login import Audit
from crowdmask.serve.editing.edits import Edits
from crowdmask.serve.site import Site


@dataclass(frozen=True)
class ChangingParts:
    """What the resources work on.

    Attributes:
        site: returns the one in force.
        edits: take over changes.
        audit: is told who did what to what.
    """

    site: Callable[[], Site]
    edits: Edits
    audit: Audit

    @staticmethod
    def take_over(change: Callable[[], object]) -> None:
        """Make a change.

        Raises:
            HTTPException: 409: it does not fit, or cannot be kept.
        """
        try:
            change()
        except (UsageError, OutputError) as error:
            raise HTTPException(409, str(error)) from None
