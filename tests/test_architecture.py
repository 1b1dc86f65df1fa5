"""The rules of the house, checked on the source text: who imports whom, sizes, randomness."""

import ast
import io
import os
import re
import subprocess
import sys
import tokenize
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CORE = sorted((ROOT / "core").rglob("*.py"))
DEMOS = sorted((ROOT / "demos").rglob("*.py"))
APP = ROOT / "app.py"
TESTS = sorted((ROOT / "tests").rglob("*.py"))

HUB_LIBRARIES = {"diffusers", "transformers", "accelerate"}
HUB_MODULES = ("core/models/", "core/bridge/", "core/training/")
PLOTTING = {"matplotlib", "plotly", "altair", "bokeh", "seaborn"}
FORBIDDEN_IN_CORE = {"gradio", "gradio_client", "demos", "app"} | PLOTTING
RANDOM_FUNCTIONS = {"rand", "randn", "randint", "randperm", "normal", "bernoulli", "multinomial"}
LIKE_FUNCTIONS = {"rand_like", "randn_like", "randint_like"}
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINITION = (*FUNCTION, ast.ClassDef)

MAX_APP_LINES = 60
MAX_CODE_LINES = 250  # of a file, without blank lines, comments and docstrings
MAX_FUNCTION_LINES = 40  # the same, of a function
MAX_COLUMNS = 99
MAX_FILE_BYTES, MAX_TREE_BYTES = 9.5 * 1024**2, 60 * 1024**2


def name(path):
    return path.relative_to(ROOT).as_posix()


def each(paths):
    return pytest.mark.parametrize("path", paths, ids=name)


@cache
def parse(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(tree, on_import_only=False):
    """Dotted names that a tree imports; `from a import b` gives a and a.b."""
    deferred = set()
    if on_import_only:
        functions = [node for node in ast.walk(tree) if isinstance(node, FUNCTION)]
        deferred = {child for function in functions for child in ast.walk(function)}
    for node in ast.walk(tree):
        if node in deferred:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, f"line {node.lineno}: write imports in full"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def packages(tree, on_import_only=False):
    return {dotted.split(".")[0] for dotted in imported(tree, on_import_only)}


def calls(tree):
    """(dotted name, call node) of every call by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            yield ast.unparse(node.func), node


def code_lines(source):
    """Numbers of the lines that hold code: not blank, no comment, no docstring."""
    lines = set()
    skip = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in skip and token.type != tokenize.ENDMARKER:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (*DEFINITION, ast.Module)) and ast.get_docstring(node):
            docstring = node.body[0]
            lines.difference_update(range(docstring.lineno, (docstring.end_lineno or 0) + 1))
    return lines


def tab_modules():
    """Names of the modules in demos.TABS, read without importing gradio."""
    for node in parse(ROOT / "demos/__init__.py").body:
        if not isinstance(node, ast.Assign | ast.AnnAssign):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if "TABS" in map(ast.unparse, targets) and isinstance(node.value, ast.Tuple):
            return [ast.unparse(value).strip("'") for value in node.value.elts]
    raise AssertionError("demos/__init__.py defines no tuple TABS")


# ---- who imports whom ---------------------------------------------------------------------------


@each(CORE)
def test_core_knows_no_page_and_no_plots(path):
    assert not packages(parse(path)) & FORBIDDEN_IN_CORE


@each(CORE)
def test_hub_libraries_stay_in_their_modules_and_inside_functions(path):
    tree = parse(path)
    if not name(path).startswith(HUB_MODULES):
        assert not packages(tree) & HUB_LIBRARIES
    assert not packages(tree, on_import_only=True) & HUB_LIBRARIES


@each(DEMOS)
def test_demos_reach_hub_libraries_only_through_core(path):
    assert not packages(parse(path)) & (HUB_LIBRARIES | {"app"})


def test_tabs_are_packages_of_demos():
    tabs = tab_modules()
    assert len(tabs) >= 4
    for tab in tabs:
        for module in ("__init__", "page", "request", "run"):
            assert (ROOT / f"demos/{tab}/{module}.py").is_file(), f"{tab} has no {module}"


@each(DEMOS)
def test_a_tab_never_imports_another_tab(path):
    tabs, (_, *folders) = tab_modules(), path.relative_to(ROOT).parts
    for module in imported(parse(path)):
        found = re.match(r"demos\.(\w+)", module)
        if found and found[1] in tabs and folders != ["__init__.py"]:
            assert folders[0] == found[1], f"{name(path)} imports {module}"


# The pages of two tabs are more than one file.
PAGES = {
    "demos/inversion/layout.py",
    "demos/inversion/methods/section.py",
    "demos/sampling/closer.py",
    "demos/schedules/exchange.py",
}


@each(DEMOS)
def test_only_pages_and_what_they_share_know_gradio(path):
    """Rule 1: whoever imports gradio is a tab's page, or in ui."""
    if path.name == "page.py" or name(path) in PAGES or name(path).startswith("demos/ui/"):
        return
    assert not packages(parse(path)) & {"gradio", "gradio_client"}


RUNS = {"core", "demos.runs", "demos.views", "demos.pictures", "demos.words", "demos.shipped"}


@each([path for path in DEMOS if path.name in ("run.py", "request.py")])
def test_what_computes_knows_neither_page_nor_language(path):
    """Rule 2: a run needs its own tab, the rooms without a page, and core."""
    own = f"demos.{path.relative_to(ROOT).parts[1]}"
    for module in imported(parse(path)):
        if module.startswith(("demos.", "core.")):
            assert any(module.startswith(room) for room in {*RUNS, own}), module
            assert not module.endswith((".page", ".section", ".layout")), module


# Rule 9: what only the runner passes to an event; the queue behind it reads it again.
RUNNER = ("concurrency_id", "cancels")


@each(DEMOS)
def test_only_the_runner_knows_lanes_and_what_stops(path):
    if name(path).startswith(("demos/ui/runner.py", "demos/ui/server/")):
        return
    for _, node in calls(parse(path)):
        used = {keyword.arg for keyword in node.keywords} & set(RUNNER)
        assert not used, f"{name(path)}:{node.lineno}: {used}"


# Rule 10: what Gradio keeps to itself, with the version it was seen in and a test that fails
# when it moves.
PRIVATE = {"_queue", "active_jobs", "_frontend", "_id", "_type", "data_model", "get_block_name"}
OVERRIDES = {"data_model", "get_block_name"}  # of our components: tests/demos/test_uploads.py


@each(DEMOS)
def test_what_gradio_keeps_to_itself_is_touched_in_one_place(path):
    if name(path).startswith("demos/ui/server/"):
        return
    allowed = OVERRIDES if name(path) == "demos/ui/uploads.py" else set()
    for node in ast.walk(parse(path)):
        used = {getattr(node, "attr", None), getattr(node, "name", None)}
        used |= {getattr(node, "id", None)}
        assert not used & (PRIVATE - allowed), f"{name(path)}:{getattr(node, 'lineno', 0)}"


def test_importing_core_prints_nothing_starts_no_thread_opens_no_socket():
    modules = [name(path).removesuffix(".py").replace("/", ".") for path in CORE]
    modules = [module.removesuffix(".__init__") for module in modules]
    script = f"""
import sys
seen = []
watched = ("_thread.start_new_thread", "socket.__new__", "socket.connect", "subprocess.Popen")
sys.addaudithook(lambda event, args: seen.append(event) if event in watched else None)
import importlib, threading
import torch
del seen[:]  # what torch itself does on import is not ours
for module in {modules!r}:
    importlib.import_module(module)
    assert not seen, f"importing {{module}}: {{seen}}"
assert threading.active_count() == 1, threading.enumerate()
loaded = {sorted(HUB_LIBRARIES | PLOTTING | {"gradio", "ray"})!r}
assert not [package for package in loaded if package in sys.modules]
"""
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


# ---- what a model can do is on its card ---------------------------------------------------------

CARDS = [path for path in [APP, *CORE, *DEMOS] if not name(path).startswith("core/models/")]


@cache
def model_names():
    """The names of the cards in the registry, Stable Diffusion's aside."""
    named = (
        keyword.value
        for called, node in calls(parse(ROOT / "core/models/registry.py"))
        for keyword in node.keywords
        if called == "ModelCard" and keyword.arg == "name"
    )
    return {value.value for value in named if isinstance(value, ast.Constant)}


def asks_what_kind_of_model(node):
    """isinstance(model, SomeModel), card.kind == ..., or a comparison with a model's name."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance":
        return re.search(r"Model\b", ast.unparse(node.args[1]))
    if not isinstance(node, ast.Compare):
        return False
    sides = [node.left, *node.comparators]
    constants = {
        each.value for side in sides for each in ast.walk(side) if isinstance(each, ast.Constant)
    }
    equal = any(isinstance(each, ast.Eq | ast.NotEq) for each in node.ops)
    kind = equal and any(isinstance(s, ast.Attribute) and s.attr == "kind" for s in sides)
    return kind or constants & model_names()


@each(CARDS)
def test_nobody_asks_what_kind_of_model_it_is(path):
    """Its card has the answer: condition, space, noise, schedules, denoiser, data."""
    asking = [ast.unparse(node) for node in ast.walk(parse(path)) if asks_what_kind_of_model(node)]
    assert not asking, f"{name(path)} asks what kind of model it is: {asking}"


def test_the_registry_is_where_this_test_reads_it():
    assert {"digits", "emoji", "exact", "basic"} <= model_names()
    for code in ('m == "exact"', "isinstance(m, (A, LatentModel))", 'card.kind != "latent"'):
        assert asks_what_kind_of_model(ast.parse(code, mode="eval").body), code


# ---- what core may not do -----------------------------------------------------------------------


@each(CORE)
def test_randomness_is_an_argument(path):
    for called, node in calls(parse(path)):
        where = f"{name(path)}:{node.lineno}: {called}"
        last = called.split(".")[-1]
        assert last not in {"manual_seed_all", "seed_everything"}, where
        assert called not in {"torch.manual_seed", "torch.seed", "torch.set_rng_state"}, where
        assert not called.startswith(("random.", "np.random.", "numpy.random.")), where
        if called.startswith("torch.") and last in RANDOM_FUNCTIONS:
            assert any(keyword.arg == "generator" for keyword in node.keywords), where
        assert last not in LIKE_FUNCTIONS, f"{where} takes no generator"


@each(CORE)
def test_float64_is_made_on_the_cpu(path):
    """GPUs of Apple have no float64: there `x.double()` raises."""
    for called, node in calls(parse(path)):
        if called.endswith(".double") or called == "double":
            assert called.endswith(".cpu().double"), f"{name(path)}:{node.lineno}: {called}"


@each(CORE)
def test_core_refuses_plainly_and_stays_silent(path):
    tree = parse(path)
    for node in ast.walk(tree):
        assert not isinstance(node, ast.Assert), f"{name(path)}:{node.lineno}: assert"
        bare = isinstance(node, ast.ExceptHandler) and node.type is None
        assert not bare, f"{name(path)}:{getattr(node, 'lineno', 0)}: bare except"
    if name(path) in ("core/remote/__main__.py", "core/training/__main__.py"):  # commands
        tree.body = [n for n in tree.body if not (isinstance(n, FUNCTION) and n.name == "main")]
    printing = [node.lineno for called, node in calls(tree) if called == "print"]
    assert not printing, f"{name(path)} prints in lines {printing}"


@each(CORE)
def test_public_names_of_core_have_a_docstring(path):
    tree = parse(path)
    assert ast.get_docstring(tree), f"{name(path)} has no docstring"
    for node in tree.body:
        if isinstance(node, DEFINITION) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{name(path)}:{node.lineno}: {node.name}"


# ---- sizes --------------------------------------------------------------------------------------


def test_app_is_short():
    assert len(APP.read_text(encoding="utf-8").splitlines()) <= MAX_APP_LINES


@each([APP, *CORE, *DEMOS])
def test_files_and_functions_are_short(path):
    source = path.read_text(encoding="utf-8")
    lines = code_lines(source)
    assert len(lines) <= MAX_CODE_LINES
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, FUNCTION):
            length = sum(node.lineno <= line <= node.end_lineno for line in lines)
            assert length <= MAX_FUNCTION_LINES, (
                f"{name(path)}:{node.lineno}: {node.name} has {length} lines"
            )


@each([APP, *CORE, *DEMOS, *TESTS])
def test_lines_are_short(path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        assert len(line) <= MAX_COLUMNS, f"{name(path)}:{number} has {len(line)} columns"


def test_the_tree_is_small():
    """No file above 9.5 MiB (a Space takes 10 MB without LFS), the whole below 60 MiB."""
    sizes = {}
    for folder, folders, files in os.walk(ROOT):
        base = Path(folder)
        left = {"checkpoints", "__pycache__"}  # and what tools leave in folders like .git
        seen = (f for f in folders if f == ".ci" or not (f.startswith(".") or f in left))
        folders[:] = [f for f in seen if not (base / f / "pyvenv.cfg").exists()]
        kept = (base / file for file in files if not file.endswith(".pyi"))  # Gradio writes those
        sizes.update((file, file.lstat().st_size) for file in kept)
    large = [name(path) for path, size in sizes.items() if size > MAX_FILE_BYTES]
    assert not large
    assert sum(sizes.values()) < MAX_TREE_BYTES


def test_every_script_and_style_of_the_page_is_loaded():
    from demos.ui.player import SCRIPTS, STYLES

    ui, pages = ROOT / "assets" / "ui", ("css/room.css", "js/teacher.js")
    loaded = {*(f"js/{name}.js" for name in SCRIPTS), *(f"css/{name}.css" for name in STYLES)}
    named = "".join(path.read_text(encoding="utf-8") for path in ui.glob("*.html"))
    assert all(f"/* {each} */" in named for each in pages)
    found = {str(path.relative_to(ui)) for path in [*ui.glob("js/*"), *ui.glob("css/*")]}
    assert found == loaded | set(pages)
