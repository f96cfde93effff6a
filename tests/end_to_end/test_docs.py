"""What the pages say: every command in them runs, every option, link and version is one that there is. (README's own walk: test_walk.py;
readers of a kernel file: test_tools.py.)"""

import os
import re
import subprocess
import sys
import tempfile

from docs_pages import PAGES, as_repository, blocks_of, smaller
from harness import JOBS, ROOT, TANGRAM, each, environment, need, once, tangram
from scripts import script

SLOW = True
RUN = [page for page in PAGES if page != "README.md" and any(block.is_run for block in blocks_of(page, "sh", "python"))]
MODULES = ("torch", "onnx", "sklearn", "xarray", "h5netcdf", "matplotlib")


def run_shell(block, folder, session):
    words = environment(session) | {"PATH": f"{folder}/bin:{os.path.dirname(sys.executable)}:{os.environ['PATH']}", "TANGRAM": str(TANGRAM), "OMP_NUM_THREADS": "1"}
    return subprocess.run(["bash", "-euo", "pipefail", "-c", smaller(block.text)], cwd=folder, env=words, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=120)


def run_python(block, folder, modules):
    path = folder / f"block_{block.line}.py"
    path.write_text(block.text)
    return script(path, cwd=folder, uses=modules)


@each({page: (page,) for page in RUN})
def test_every_command_of_a_page_runs(folder, page):
    blocks = [block for block in blocks_of(page, "sh", "python") if block.is_run]
    text = "".join(block.text for block in blocks) + ("matplotlib" if any("plot.py" in block.text for block in blocks) else "")
    modules = [name for name in MODULES if name in text]
    for name in modules:
        need(name)
    as_repository(folder)
    with tempfile.TemporaryDirectory(prefix="ompi-") as session:
        for block in blocks:
            done = run_python(block, folder, modules) if block.language == "python" else run_shell(block, folder, session)
            assert done.returncode == 0, f"{page}, line {block.line}: {done.stderr[-600:]}"


def test_a_block_that_is_not_run_says_why(folder):
    """Every sh and python block is run, or its first line says why not; nothing else stands in such a line."""
    for page in PAGES:
        for block in blocks_of(page, "sh", "python"):
            first = block.text.split("\n", 1)[0]
            assert block.is_run == ("not run" not in first), f"{page}, line {block.line}: {first}"


# ---- options

OTHERS = {  # of other programs that the pages name
    "--preset", "--build", "--parallel", "--target", "--install",  # cmake
    "--mca", "--mpi",  # mpirun, srun
    "--saved-model",  # tf2onnx
    "--prefix", "--no-checksum", "--sourcepath", "--robot",  # cmake, spack, eb
}


@once
def options_of_the_program(folder):
    """{command: its options, by --help}"""
    commands = set(re.findall(r"^  tangram ([a-z]+) ", tangram("--help").stdout, re.MULTILINE))
    helps = {command: tangram(command, "--help").stdout for command in commands}
    assert commands >= {"kernel", "spectrum"} and all(helps.values()), helps
    return {command: set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)) for command, text in helps.items()}


def options_of_scripts():
    text = "".join(path.read_text() for path in [*JOBS.glob("*.py"), ROOT / "tests/end_to_end/run.py", JOBS / "digits/train.py"])
    shell = "".join(path.read_text() for path in [JOBS / "install-packages.sh", ROOT / "tests/run.sh"])
    return set(re.findall(r'add_argument\("(--[\w-]+)"', text)) | set(re.findall(r"--[a-z][a-z-]+", shell))


def options_in(text):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*[a-z]", text))


def test_every_option_that_the_pages_name_is_there(folder):
    known = set().union(*options_of_the_program().values()) | options_of_scripts() | OTHERS | {"--help", "--version"}
    told = {page: options_in(re.sub(r"<!--.*?-->", "", path.read_text(), flags=re.DOTALL)) for page, path in PAGES.items()}
    unknown = {page: sorted(options - known) for page, options in told.items() if options - known}
    assert not unknown and all(told[page] for page in ("README.md", "docs/kernels.md")), unknown


def test_every_option_of_the_program_is_in_the_docs(folder):
    told = options_in("".join(path.read_text() for path in PAGES.values()))
    missing = {command: sorted(options - told) for command, options in options_of_the_program().items() if options - told}
    assert not missing, missing


# ---- links, versions


def anchors_of(path):
    """As GitHub and others make them of headings."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leads_nowhere(page, target):
    if target.startswith("https://"):
        return False
    file, _, anchor = target.partition("#")
    path = (PAGES[page].parent / file).resolve() if file else PAGES[page]
    return not path.exists() or (anchor and anchor not in anchors_of(path))


def test_every_link_leads_somewhere(folder):
    texts = {page: re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL) for page, path in PAGES.items()}
    links = [(page, target) for page, text in texts.items() for target in re.findall(r"\]\(([^)\s]+)\)", text)]
    lost = [link for link in links if leads_nowhere(*link)]
    assert len(links) > 60 and not lost, lost


def test_every_page_is_in_the_index(folder):
    index = (ROOT / "docs/README.md").read_text()
    forms = {"docs/README.md", "docs/issue_template.md", "docs/pull_request_template.md"}
    missing = [page for page in PAGES if page.startswith("docs/") and page not in forms and f"({page[5:]})" not in index]
    assert not missing, missing


def test_the_version_is_the_same_everywhere(folder):
    version = re.search(r"project\(tangram VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]
    assert re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)[1] == version
    assert re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1] == version
    assert version in tangram("--version").stdout.split(), tangram("--version")
