"""Collects check_*.py: MicroPython tests, run in one VM process per file.

A check_ file is plain functions and asserts. It imports the firmware's sources, what stands beside
it, and the simulated ESP32's modules. A module-level `ENV = {"FG_SPEED": 20}` sets its VM's
environment.
"""

import ast
import json
import os
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

import pytest
from firegrid import words
from vm import HAL, ROOT, new_board, run_vm

os.environ["LC_ALL"] = "C.UTF-8"  # what people read is tested in English, wherever we run

MARK = "\x02"  # begins a result in the VM's output; vm_checks.py writes it


@pytest.fixture(autouse=True)
def _english():
    """A test that speaks another language does so alone."""
    yield
    words.use("en")


def pytest_collect_file(file_path, parent):
    if file_path.match("check_*.py") and not parent.session.isinitpath(file_path):
        return CheckFile.from_parent(parent, path=file_path)
    return None


def pytest_pycollect_makemodule(module_path, parent):
    """A file named on the command line comes to Python's own collector: take it from there."""
    if module_path.match("check_*.py"):
        return CheckFile.from_parent(parent, path=module_path)
    return None


class CheckFile(pytest.File):
    """One file of checks; its VM runs when the first of them is wanted."""

    def collect(self):
        body = ast.parse(self.path.read_text(), str(self.path)).body
        functions = [node for node in body if isinstance(node, ast.FunctionDef)]
        self._env = _environment(body)
        self._lines = {f.name: f.lineno for f in functions if f.name.startswith("test_")}
        self._failures = None
        for name, line in self._lines.items():
            yield Check.from_parent(self, name=name, line=line)

    def failure_of(self, name):
        """Return the traceback of one test, empty if it passed."""
        if self._failures is None:
            self._failures = self._run()
        return self._failures[name]

    def _run(self):
        path = f"{ROOT / 'firmware'}:{self.path.parent}:{HAL}:.frozen"
        with tempfile.TemporaryDirectory() as place:
            env = {"FG_BOARD": new_board(Path(place) / "board"), "MICROPYPATH": path}
            script = ROOT / "tests" / "vm_checks.py"
            try:
                done = run_vm(script, self.path.stem, *self._lines, cwd=place, **env, **self._env)
                output = done.stdout + done.stderr
            except subprocess.TimeoutExpired as error:
                output = os.fsdecode(error.stdout or b"")  # bytes, whatever was asked for
                output += f"\nthe VM was still running after {error.timeout} s"
        lines = output.splitlines()
        results = dict(json.loads(line[1:]) for line in lines if line.startswith(MARK))
        printed = "\n".join(line for line in lines if not line.startswith(MARK))
        return defaultdict(lambda: f"no result from the VM:\n{printed}", results)


def _environment(body):
    for node in body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ENV":
            return ast.literal_eval(node.value)
    return {}


class Check(pytest.Item):
    """One test of a check_ file."""

    def __init__(self, *, line, **kwargs):
        super().__init__(**kwargs)
        self._line = line

    def runtest(self):
        failure = self.parent.failure_of(self.name)
        if failure:
            pytest.fail(failure, pytrace=False)

    def reportinfo(self):
        return self.path, self._line - 1, self.name
