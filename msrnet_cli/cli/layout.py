"""How help looks: usage, groups of options, examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from typer.core import TyperCommand

if TYPE_CHECKING:
    from collections.abc import Mapping

WIDEST = 100
"""Columns; a narrower terminal has its own width."""

GENERAL = "General"
"""Title of what is the same in every command; it stands last."""


class Command(TyperCommand):
    """A command whose help has its options in groups, and ends with examples."""

    examples: ClassVar[Mapping[str, str]] = {}

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 Typer's own
        """As Typer's; an error names the command whose help tells more."""
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            if getattr(error, "ctx", self) is None:  # of options, not of values
                error.ctx = ctx  # type: ignore[attr-defined]
            raise

    def format_usage(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 Typer's own
        """The command, then what it is about."""
        arguments = (p for p in self.params if p.param_type_name == "argument")
        metavars = [str(p.metavar or p.name) for p in arguments]
        formatter.write_usage(ctx.command_path, " ".join(["[OPTIONS]", *metavars]))

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 Typer's own
        """Arguments, then options by group: those without a group first."""
        groups: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):
            title, row = _row(parameter)
            groups.setdefault(title, []).append(row)
        groups[GENERAL] = groups.pop(GENERAL, [])
        for title, rows in groups.items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows, col_max=32)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 Typer's own
        """Command lines that can be copied, each with what it does."""
        del ctx
        if self.examples:
            with formatter.section("Examples"):
                for line, what in self.examples.items():
                    formatter.write(f"{'':{formatter.current_indent}}# {what}\n")
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")


def _row(parameter: Any) -> tuple[str, tuple[str, str]]:  # noqa: ANN401 Typer's own
    """Title of its group; how it is written, and what it does."""
    if parameter.param_type_name == "argument":
        return "Arguments", (parameter.metavar or parameter.name, parameter.help or "")
    flags = sorted([*parameter.opts, *parameter.secondary_opts], key=len)
    written = ", ".join(flags)
    if not parameter.is_flag:
        written = f"{written} {parameter.metavar or parameter.name.upper()}"
    title = getattr(parameter, "rich_help_panel", None) or (
        GENERAL if parameter.name == "help" else "Options"
    )
    return title, (written, parameter.help or "")
