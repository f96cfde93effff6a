"""What `cmake --install` makes in a prefix of its own, and what is packed."""

import ast
import re
import shutil
import subprocess

import numpy

from harness import BUILD, DATA, JOBS, ROOT, Skip, environment, once, tangram


@once
def installed(folder):
    """A prefix."""
    done = subprocess.run(["cmake", "--install", BUILD, "--prefix", folder], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return folder


def test_everything_lies_where_systems_look_for_it(folder):
    prefix = installed()
    for name in ("bin/tangram", "share/bash-completion/completions/tangram", "share/fish/vendor_completions.d/tangram.fish",
                 "share/tangram/jobs/plot.py", "share/tangram/jobs/digits/digits.h5", "share/tangram/jobs/kernel.sbatch",
                 "share/doc/tangram/README.md", "share/doc/tangram/copyright", "share/doc/tangram/docs/install.md"):
        assert (prefix / name).is_file(), name
    assert list((prefix / "share").glob("zsh/*/_tangram")) and list((prefix / "share/man/man1").glob("tangram-kernel.1*"))
    assert not list(prefix.rglob("__pycache__")) and not (prefix / "share/tangram/jobs/quickstart.sh").exists()
    sources = {path.relative_to(JOBS) for path in JOBS.rglob("*.py")} - {path for path in JOBS.rglob("__pycache__")}
    assert sources <= {path.relative_to(prefix / "share/tangram/jobs") for path in (prefix / "share/tangram/jobs").rglob("*.py")}


def test_the_installed_program_finds_its_own_library_and_no_other(folder):
    """A copy of the prefix elsewhere: the library is looked for from the program, not where it was meant to be."""
    if not (BUILD / "libtangram_krylov.so").exists():
        raise Skip("built without SLEPc: jobs/install-packages.sh --tests")
    prefix = folder / "elsewhere"
    shutil.copytree(installed(), prefix)
    assert tangram("init", "--widths", "3,4,1", "--output", folder / "m.safetensors", "--samples", 9, "--data", folder / "d.h5").code == 0
    words = ["spectrum", "--model", folder / "m.safetensors", "--activation", "tanh", "--data", f"{folder}/d.h5:x", "--top", 2, "--output"]
    run = tangram(*words, folder / "s.h5", program=prefix / "bin" / "tangram")
    assert run.code == 0, run
    for library in prefix.rglob("libtangram_krylov.so"):
        library.unlink()
    run = tangram(*words, folder / "t.h5", program=prefix / "bin" / "tangram")
    assert run.code == 2 and "libtangram_krylov.so" in run.errors[0], run


def test_installed_scripts_find_the_program_beside_them_and_write_where_they_are_called(folder):
    prefix = installed()
    jobs = prefix / "share" / "tangram" / "jobs"
    said = subprocess.run(["bash", "-c", f"unset TANGRAM; source {jobs}/environment.sh; find_tangram; echo $results"], cwd=folder,
                          capture_output=True, text=True, timeout=120).stdout.split()
    assert (prefix / "bin" / "tangram").samefile(said[0]) and said[1] == str(folder), said
    values = environment(str(folder)) | {"ROWS": "0:12", "TANGRAM": ""}
    done = subprocess.run([jobs / "images" / "run.sh"], cwd=folder, env=values, capture_output=True, text=True, timeout=120)
    assert (folder / "digits_cnn_ntk.h5").exists() and not list(prefix.rglob("*_ntk.h5")), done.stdout + done.stderr


def test_an_archive_of_the_sources_says_which_commit_it_is_of(folder):
    if not (ROOT / ".git").exists():
        raise Skip("no git clone")
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    archive = subprocess.run(["git", "-C", ROOT, "archive", "HEAD", "cmake/GitCommit.cmake"], capture_output=True, check=True).stdout
    text = subprocess.run(["tar", "-xO"], input=archive, capture_output=True, check=True).stdout.decode()
    assert commit.startswith(re.search(r'set\(TANGRAM_GIT_COMMIT "([0-9a-f]+)"\)', text)[1]), text


def test_recipes_can_be_read_and_set_only_what_the_build_knows(folder):
    known = "".join(path.read_text() for path in [ROOT / "CMakeLists.txt", *(ROOT / "cmake").glob("*.cmake")])
    spack = (ROOT / "packaging" / "spack" / "package.py").read_text()
    easybuild = next((ROOT / "packaging" / "easybuild").glob("*.eb")).read_text()
    for recipe in (spack, easybuild):
        ast.parse(recipe)
    names = re.findall(r'define\("(\w+)"', spack) + re.findall(r"-D(\w+)=", easybuild)
    assert len(names) >= 8, names
    for name in names:
        package = name.removeprefix("CMAKE_DISABLE_FIND_PACKAGE_")
        assert re.search(rf"\b{package}\b", known), name
