"""A value that is made when it is first asked for, once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Once(Generic[T]):
    """Makes a value when it is first called; safe to share between threads.

    Copies make the value anew.

    Args:
        make: Makes the value; where it raises, the next call tries again.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: list[T] = []

    def __reduce__(self) -> tuple[type[Once[T]], tuple[Callable[[], T]]]:
        return type(self), (self._make,)

    def __call__(self) -> T:
        """The value."""
        with self._lock:
            if not self._made:
                self._made.append(self._make())
            return self._made[0]
