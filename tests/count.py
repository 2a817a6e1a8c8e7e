"""Say in one line how many tests ran, from pytest's --junitxml.

Usage: python tests/count.py FILE
"""

import sys
import xml.etree.ElementTree as ET

if __name__ == "__main__":
    suite = ET.parse(sys.argv[1]).getroot()[0]
    failed, skipped = (
        sum(int(suite.get(name, 0)) for name in names)
        for names in (("failures", "errors"), ("skipped",))
    )
    passed = int(suite.get("tests")) - failed - skipped
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(not passed)
