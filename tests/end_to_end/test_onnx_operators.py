"""The ONNX standard's own operator cases, on the batched path and on the plain reference: outputs and derivatives."""

import os
import re
import subprocess
import sys

from harness import BUILD, ROOT, STARTS_FAST, Skip, need
from scripts import script

SLOW = True

REFERENCE = ROOT / "tests" / "reference"
PROGRAM = BUILD / "tests" / "tangram_operator_cases"


def test_outputs_and_derivatives_of_every_operator_case_are_right(folder):
    need(module="onnx")
    need(module="torch")
    if not PROGRAM.exists():
        raise Skip(f"no {PROGRAM.name}: tangram was built without ONNX")
    cases, table = folder / "cases.h5", folder / "onnx_operators.md"
    made = script(REFERENCE / "onnx_operator_cases.py", cases, table, uses=["onnx", "torch"])
    assert made.returncode == 0, made.stderr
    done = subprocess.run([PROGRAM, cases], env=dict(os.environ, **STARTS_FAST), capture_output=True, text=True, timeout=120)
    failed = re.findall(r"^FAIL .*(?:\n {7}.*)*", done.stdout, re.MULTILINE)
    assert done.returncode == 0 and not failed, "\n".join(failed[:10]) or done.stderr[-500:]
    assert "FAIL" not in done.stdout and len(re.findall("^ok ", done.stdout, re.MULTILINE)) > 600
    version = f"onnx {sys.modules['onnx'].__version__}"
    committed = (REFERENCE / "onnx_operators.md").read_text()
    if version in committed:
        assert table.read_text() == committed, "onnx_operators.md is not what onnx_operator_cases.py writes"
