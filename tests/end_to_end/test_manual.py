"""Manual pages and completions against `--help`, and in the programs that read them."""

import gzip
import os
import pty
import re
import select
import shutil
import subprocess
import time

import h5py
import numpy

from harness import BUILD, DATA, Skip, each, environment, need, once, tangram

MANUAL = BUILD / "manual"
BASH, ZSH, FISH = MANUAL / "bash" / "tangram", MANUAL / "zsh" / "_tangram", MANUAL / "fish" / "tangram.fish"
SECTIONS = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "SEE ALSO"]


@once
def helps(folder):
    """{command: what its --help prints}, and of "" the overview."""
    overview = tangram("--help").stdout
    commands = list(dict.fromkeys(re.findall(r"^  tangram ([a-z]+) ", overview, re.MULTILINE)))
    assert len(commands) >= 8, overview
    return {"": overview} | {command: tangram(command, "--help").stdout for command in commands}


def commands():
    return [command for command in helps() if command]


def options_of(command):
    """{name: what stands beside it}, as --help has them: "INT", "a|b", "" of a flag."""
    found = re.findall(r"^  (?:-[a-z],)?(--[a-z][a-z-]*)(?: (\S*[^\s:]))?(?= |$)", helps()[command], re.MULTILINE)
    found = [(name, re.sub(r"=auto$", "", value)) for name, value in found]  # what is taken where the value is left out
    assert len(found) >= 2, helps()[command]
    return dict(found)


def page_of(command):
    return next((MANUAL / "man1").glob(f"tangram-{command}.1*" if command else "tangram.1*"))


def lines_of(command, script, begin, end):
    """The lines of a script that are about this command."""
    text = script.read_text()
    return text[text.index(begin.format(command)):].split(end)[0]


# ---- pages


def test_every_page_has_every_option_and_section_and_man_reads_it_without_a_warning(folder):
    need(program="man")
    for command in helps():
        shown = subprocess.run(["man", "--warnings", "-l", page_of(command)], capture_output=True, text=True,
                               env=dict(os.environ, MANWIDTH="100", LC_ALL="C.UTF-8", MAN_KEEP_FORMATTING=""))
        assert shown.returncode == 0 and not shown.stderr.strip(), (command, shown.stderr)
        text = re.sub(r".\x08|\x1b\[[0-9;]*m", "", shown.stdout)
        missing = [section for section in SECTIONS if not re.search(rf"^{section}$", text, re.MULTILINE)]
        assert not missing, (command, missing)
        names = options_of(command) if command else ["--help", "--version"]
        missing = [name for name in names if not re.search(rf"^ +(-[a-z], |--[a-z-]+, )?{name}(,| |$)", text, re.MULTILINE)]
        assert not missing, (command, missing)
        others = {"tangram", *(f"tangram-{other}" for other in commands())} - {f"tangram-{command}" if command else "tangram"}
        assert set(re.findall(r"(tangram[a-z-]*)\(1\)", text.split("SEE ALSO")[1].rsplit("\n", 2)[0])) == others, (command, text)


def test_a_stricter_reader_has_nothing_to_say_of_any_page(folder):
    need(program="mandoc")
    for command in helps():
        page = gzip.open(page_of(command)).read() if page_of(command).suffix == ".gz" else page_of(command).read_bytes()
        found = subprocess.run(["mandoc", "-Tlint", "-Wwarning"], input=page, capture_output=True)
        assert found.returncode == 0 and not found.stdout, (command, found.stdout)


def test_the_example_calls_of_all_pages_work_one_after_another(folder):
    """As their readers would try them: init first, since it makes a network; then in the order of the commands."""
    X = numpy.random.default_rng(0).standard_normal((40, 7))
    shutil.copy(DATA / "onnx" / "bn_mlp.onnx", folder / "model.onnx")
    numpy.save(folder / "X.npy", X)
    numpy.save(folder / "X_test.npy", X[:5] + 0.1)
    numpy.save(folder / "Y.npy", X[:, :3] ** 2)
    numpy.save(folder / "Y_test.npy", (X[:5, :3] + 0.1) ** 2)
    assert tangram("init", "--widths", f"{X[0].size},8,3", "--fan-in", "--output", folder / "model.safetensors").code == 0
    for step in (0, 100, 1000):
        assert tangram("init", "--widths", f"{X[0].size},8,3", "--seed", step, "--output", folder / f"step-{step}.safetensors").code == 0
        assert tangram("kernel", "--model", folder / f"step-{step}.safetensors", "--activation", "tanh", "--data", folder / "X.npy",
                       "--output", folder / f"step-{step}.h5").code == 0
    with_environment = environment(str(folder)) | {"PATH": f"{BUILD}:{os.environ['PATH']}"}
    tried = 0
    for command in helps():
        page = gzip.open(page_of(command), "rt").read() if page_of(command).suffix == ".gz" else page_of(command).read_text()
        for block in re.findall(r"^\.nf\n(.*?)\n\.fi", page, re.MULTILINE | re.DOTALL):
            for call in block.replace("\\-", "-").splitlines():
                if command == "compare" and not (folder / "other.npy").exists():
                    with h5py.File(folder / "ntk.h5") as file:
                        numpy.save(folder / "other.npy", file["ntk"][:])
                done = subprocess.run(["bash", "-c", call], cwd=folder, env=with_environment, capture_output=True, text=True, timeout=120)
                assert done.returncode == 0, (command, call, done.stderr)
                tried += 1
    assert tried >= len(commands()), tried


# ---- completions


def test_every_option_of_every_command_is_in_each_completion(folder):
    for command in commands():
        zsh = lines_of(command, ZSH, "    {})\n        _arguments", ";;")
        fish = [line for line in FISH.read_text().splitlines() if f"'__tangram_command {command}'" in line]
        bash = lines_of(command, BASH, "            {})\n                names=", ";;")
        for name, value in options_of(command).items():
            assert re.search(rf"[ ']{name}[ ']", bash), (command, name)
            assert f"'{name}{'=' if value else ''}[" in zsh or f"'*{name}=[" in zsh, (command, name)
            assert any(f" -l {name[2:]} " in line for line in fish), (command, name)


def bash_offers(*lines, folder):
    """What bash completes at the end of each list of words."""
    calls = "\n".join("offer " + " ".join(f"'{word}'" for word in line) for line in lines)
    script = f"""source '{BASH}'
        offer() {{ COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _tangram; echo "${{COMPREPLY[*]}}"; }}
        {calls}"""
    done = subprocess.run(["bash", "--norc", "-c", script], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


def test_bash_offers_commands_options_values_and_files_of_the_kind(folder):
    (folder / "sub").mkdir()
    for name in ("ntk.h5", "X.npy", "net.onnx"):
        (folder / name).touch()
    tables = {command: options_of(command) for command in commands()}
    lines = [["tangram", ""]] + [["tangram", command, "--"] for command in tables]
    offered = bash_offers(*lines, folder=folder)
    assert set(offered[0]) == set(tables) | {"--help", "--version"}, offered[0]
    for command, names in zip(tables, offered[1:]):
        assert set(names) == set(tables[command]), (command, set(names) ^ set(tables[command]))
    sets = [(command, name, value) for command in tables for name, value in tables[command].items() if "|" in value and "ACTIVATION" not in value]
    assert len(sets) > 15, sets
    for (command, name, value), words in zip(sets, bash_offers(*[["tangram", c, n, ""] for c, n, _ in sets], folder=folder)):
        assert words == value.split("|"), (command, name, words)
    some = bash_offers(["tangram", "verify", ""], ["tangram", "kernel", "--reduction", "=", "tr"], ["tangram", "kernel", "--reduction", "="],
                       ["tangram", "kernel", "--activation", "ta"], ["tangram", "kernel", "--tile", ""], ["tangram", "bench", "--directory", ""],
                       ["tangram", "ker"], ["tangram", "regress", "ntk.h5", "--eigen", "n"], folder=folder)
    assert sorted(some[0]) == ["ntk.h5", "sub"] and some[1] == ["trace"] and "full" in some[2] and some[3] == ["tanh"], some
    assert some[4:] == [[], ["sub"], ["kernel"], ["ntk.h5"]], some


def test_what_is_offered_where_the_program_has_its_own_words_is_taken(folder):
    for option in ("--reduction", "--parameterization"):
        for value in options_of("kernel")[option].split("|"):
            run = tangram("kernel", "--model", "no.h5", "--data", "no.npy", "--output", folder / "k.h5", option, value)
            assert run.code != 0 and not any("unknown" in error for error in run.errors), (option, value, run.errors)


def typed(shell, begun, keys, folder, expected):
    """What a shell on a terminal shows, from when the keys are pressed at its second prompt until `expected` has come."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.execvpe(shell[0], shell, dict(os.environ, TERM="dumb", PS1="> ", HISTFILE="", PATH=f"{BUILD}:{os.environ['PATH']}"))
    shown, lines = "", [begun, keys]
    try:
        until = time.monotonic() + 120  # where other tests have the cores, zsh takes half a minute
        while time.monotonic() < until and (lines or expected not in re.sub(r"[\x00-\x1f]", "", shown)):
            if select.select([terminal], [], [], 0.2)[0]:
                shown += os.read(terminal, 4096).decode(errors="replace")
            elif lines and re.search(r"> (\x1b\[\S*)?$", shown):  # it waits for us
                shown = ""
                os.write(terminal, lines.pop(0).encode())
    finally:
        os.kill(process, 9)
        os.close(terminal)
        os.waitpid(process, 0)
    return re.sub(r"[\x00-\x1f]", "", shown)  # without bells


BEGUN = {"bash": f"source {BASH}\n", "zsh": f"PS1='> '; fpath=({ZSH.parent} $fpath); autoload -U compinit; compinit -D -u\n"}


@each({"an option": ("tangram kernel --preci\t", "--precision"), "a value": ("tangram kernel --precision float6\t", "float64"),
       "a value behind =": ("tangram regress --solver=cho\t", "--solver=cholesky"), "a file": ("tangram kernel --model onl\t", "only.onnx"),
       "a command": ("tangram verif\t", "verify")})
def test_a_terminal_completes(folder, keys, expected):
    (folder / "only.onnx").touch()
    tried = 0
    for shell, words in {"bash": ["bash", "--norc", "-i"], "zsh": ["zsh", "-f", "-i"]}.items():
        if shutil.which(shell):
            shown = typed(words, BEGUN[shell], keys, folder, expected)
            assert expected in shown, (shell, shown)
            tried += 1
    if tried < 2:
        raise Skip("no zsh here: jobs/install-packages.sh --tests")


def test_fish_completes(folder):
    need(program="fish")
    (folder / "ntk.h5").touch()
    expected = {"tangram kernel --preci": "--precision", "tangram kernel --precision ": "float64", "tangram verify n": "ntk.h5",
                "tangram veri": "verify", "tangram kernel --model n": "ntk.h5", "tangram --ver": "--version"}
    script = f"source {FISH}\n" + "\n".join(f"complete -C '{line}'; echo ---" for line in expected)
    done = subprocess.run(["fish", "--no-config", "-c", script], cwd=folder, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and not done.stderr, done.stderr
    for (line, word), offered in zip(expected.items(), done.stdout.split("---\n")):
        assert word in [offer.split("\t")[0] for offer in offered.splitlines()], (line, offered)


def test_the_completion_of_bash_is_a_clean_script(folder):
    need(program="shellcheck")
    found = subprocess.run(["shellcheck", "--shell=bash", BASH], capture_output=True, text=True)
    assert found.returncode == 0, found.stdout
