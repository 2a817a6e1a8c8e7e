"""Table 1 of the paper: train, score and write it, or show pictures side by side.

python -m benchmarks.table1 run OUT --pictures N [--size PX] [--seeds N] [options]
python -m benchmarks.table1 table OUT [--docs PAGE]
python -m benchmarks.table1 sheet OUT FILE.jpg [--scenes NAMES]
"""

import sys

from benchmarks.tables.command import main
from benchmarks.tables.systems import table1

if __name__ == "__main__":
    sys.exit(main(table1()))
