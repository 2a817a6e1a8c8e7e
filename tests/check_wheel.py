"""Check an installed msrnet: its weights are inside, and it is not a checkout."""

from pathlib import Path

import msrnet_cli
from msrnet_cli import weights

folder = Path(msrnet_cli.__file__).parent
assert "site-packages" in folder.parts, f"this is a checkout: {folder}"
assert (folder / "py.typed").is_file()
entries = weights.built_in()
assert any(entry.default for entry in entries), "no default weights"
for entry in entries:
    assert weights.load(entry.name).path.is_relative_to(folder)
print(f"{len(entries)} weights inside {folder}")
