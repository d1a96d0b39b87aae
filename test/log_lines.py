#!/usr/bin/env python3
"""Each warning that the forwarder logs has a row in docs/operations.md.

A row is known by how the message begins: the rest may be left out there.
"""
import pathlib
import re
import sys

BEGINNING = 24      # so many characters, or the whole message
CALL = re.compile(r'log_warn\(\s*"(\w+)",\s*((?:"(?:[^"\\]|\\.)*"\s*)+)')
PIECE = re.compile(r'"((?:[^"\\]|\\.)*)"')

top = pathlib.Path(__file__).resolve().parent.parent
table = " ".join(line for line in
                 (top / "docs/operations.md").read_text().splitlines()
                 if line.startswith("| `"))
found = 0
missing = []
for source in sorted((top / "forwarder").glob("*.c")):
    if source.name == "fault.c":        # only in test builds
        continue
    for call in CALL.finditer(source.read_text()):
        message = "".join(PIECE.findall(call[2]))
        found += 1
        if message[:BEGINNING] not in table:
            missing.append(f"{source.name}: {call[1]}: {message}")
for line in missing:
    print("docs/operations.md has no row for:", line)
if found < 20:
    print("only", found, "warnings found in forwarder/: has log_warn() changed?")
sys.exit(bool(missing) or found < 20)
