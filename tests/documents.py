"""The commands and examples that the documents tell people to copy."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILES = sorted(
    [ROOT / "README.md"]
    + [
        path
        for name in ("docs", "weights", "benchmarks")
        for path in (ROOT / name).rglob("*.md")
    ]
)


@dataclass(frozen=True)
class Block:
    """Lines of one language that stand together.

    Attributes:
        file: Relative to the root.
        line: Where it begins in its file, from 1.
        language: As written behind the fence; `row` for a command in a table.
        text: Without the fence.
    """

    file: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """Its lines of shell without comments, continued ones joined."""
        joined = re.sub(r"\\\n\s*", "", self.text)
        bare = (re.sub(r"(^|\s+)#.*", "", line).strip() for line in joined.split("\n"))
        return [part for line in bare if line for part in line.split(" && ")]

    @property
    def is_script(self) -> bool:
        """Whether it is one program for a shell, not lines that stand alone."""
        return bool(re.search(r"<<|\$", self.text))


def blocks() -> list[Block]:
    """All fenced blocks, and all commands in tables."""
    found = []
    for path in FILES:
        text, file = path.read_text(), str(path.relative_to(ROOT))
        for match in re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.M | re.S):
            line = text.count("\n", 0, match.start()) + 2
            found.append(Block(file, line, match[1], match[2]))
        for match in re.finditer(r"^\|.*\| `(msrnet [^`]+)` \|$", text, re.M):
            line = text.count("\n", 0, match.start()) + 1
            found.append(Block(file, line, "row", match[1]))
    return found


def spans() -> list[tuple[str, str]]:
    """All `code` in running text with the file it stands in, on one line each."""
    found = []
    for path in FILES:
        text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.M | re.S)
        code = re.findall(r"`([^`]+)`", text)
        found += [
            (str(path.relative_to(ROOT)), " ".join(span.split())) for span in code
        ]
    return found


@dataclass(frozen=True)
class Rule:
    """How a command becomes small enough for a test, and why it has to.

    Attributes:
        of: The subcommand that it is for.
        setting: An option and its value.
        why: What the real thing would take.
        where: Only in commands in which this is found.
        instead_of: An option that goes, with its value.
    """

    of: str
    setting: str
    why: str
    where: str = ""
    instead_of: str = ""

    def concerns(self, command: str) -> bool:
        """Whether the command is one of those."""
        ours = re.search(rf"(^|-m )msrnet(_cli)? {self.of}( |$)", command)
        return bool(ours and re.search(self.where, command))

    def applied(self, command: str) -> str:
        """The command with the option set."""
        main, redirected, file = command.partition(" > ")
        option = self.setting.split()[0]
        for gone in filter(None, (option, self.instead_of)):
            main = re.sub(rf" {gone}( [^-\s]\S*)?(?= |$)", "", main)
        return f"{main} {self.setting}{redirected}{file}"
