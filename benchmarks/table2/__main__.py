"""Table 2 of the paper: train, score and write it, or show pictures side by side.

python -m benchmarks.table2 run OUT --pictures N [--size PX] [--seeds N] [options]
python -m benchmarks.table2 table OUT [--docs PAGE]
python -m benchmarks.table2 sheet OUT FILE.jpg [--scenes NAMES]
"""

import sys

from benchmarks.tables.command import main
from benchmarks.tables.systems import table2

if __name__ == "__main__":
    sys.exit(main(table2()))
