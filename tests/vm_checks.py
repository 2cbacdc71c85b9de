"""Runs in the VM: the tests of one check_ file, one line of JSON for each.

Arguments: the module, then its tests. MICROPYPATH holds the folders to import from.
"""

import io
import json
import sys

MARK = "\x02"  # no test prints this
del sys.path[0]  # this file's own folder

import hal_start  # noqa: E402

hal_start.replace_builtins()
checks = __import__(sys.argv[1])


def failure_of(test):
    """Run one test; return its traceback, or an empty string."""
    try:
        test()
    except Exception as error:
        text = io.StringIO()
        sys.print_exception(error, text)
        return text.getvalue()
    return ""


for name in sys.argv[2:]:
    print(MARK + json.dumps([name, failure_of(getattr(checks, name))]))
