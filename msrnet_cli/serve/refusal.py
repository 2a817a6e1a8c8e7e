"""Why a request is refused: with a status for programs, and words for people."""

from __future__ import annotations

from msrnet_cli.errors import MSRNetError


class RefusedError(MSRNetError):
    """A request that is not carried out.

    Args:
        status: Of the answer, as HTTP counts them.
        reason: What is wrong.
        remedy: What to do about it.
        unread: Whether the request's body has not been read to its end.
    """

    def __init__(
        self, status: int, reason: str, remedy: str, *, unread: bool = False
    ) -> None:
        super().__init__(reason, remedy)
        self.status = status
        self.unread = unread
