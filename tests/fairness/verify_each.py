"""Runs docs/fairness/verify.py over many exports in one process: verify_each.py FOLDER_OF_VERIFY EXPORT...

Prints what it says about each, and after each a line "exit N".
"""
import sys

sys.path.insert(0, sys.argv[1])
import verify  # noqa: E402

for path in sys.argv[2:]:
    print(f"exit {verify.main([path])}")
