"""Every error a user can cause, and the exit code each one ends the program with.

MSRNetError
├── UsageError     2   options or paths that cannot be carried out
│   ├── DeviceError    a device or number format this machine does not have
│   └── DataError      training or evaluation pictures that do not make pairs
├── PictureError   3   one picture cannot be read, relit or written
├── NothingDoneError    4   the job was sound, but no picture came out
├── WeightsError   5   a weights file is missing, malformed or refused
│   └── DownloadError  weights could not be fetched
├── TrainingError  6   a training run cannot go on
└── SlowerError    7   the bench fell behind its baseline

A message says what happened, why, and what to do about it, in one line.
"""


class MSRNetError(Exception):
    """A failure that the user can understand and mend.

    Args:
        reason: What is wrong, naming the value or the file.
        remedy: What to do about it; empty where nothing can be done.
    """

    exit_code = 1

    def __init__(self, reason: str, remedy: str = "") -> None:
        self.reason = _on_one_line(reason).removesuffix(".")
        self.remedy = _on_one_line(remedy)
        super().__init__("; ".join(filter(None, (self.reason, self.remedy))))

    def __reduce__(self) -> "tuple[type[MSRNetError], tuple[str, str]]":
        """Reason and remedy stay apart on the way from another process."""
        return type(self), (self.reason, self.remedy)


def _on_one_line(text: str) -> str:
    """Library messages may have several lines; file names may have several spaces."""
    return " ".join(filter(None, map(str.strip, text.splitlines())))


class UsageError(MSRNetError):
    """Options or paths that cannot be carried out as given."""

    exit_code = 2


class DeviceError(UsageError):
    """A device or a number format that this machine does not have."""


class DataError(UsageError):
    """Pictures that do not make the pairs that training or evaluation needs."""


class PictureError(MSRNetError):
    """One picture cannot be read, relit or written; others may still be."""

    exit_code = 3


class NothingDoneError(MSRNetError):
    """No picture came out of a job."""

    exit_code = 4


class WeightsError(MSRNetError):
    """A weights file is missing, malformed or refused."""

    exit_code = 5


class DownloadError(WeightsError):
    """Weights could not be fetched over the internet."""


class TrainingError(MSRNetError):
    """A training run cannot go on; its last checkpoint is still there."""

    exit_code = 6


class SlowerError(MSRNetError):
    """The bench found a row slower than its baseline allows."""

    exit_code = 7
