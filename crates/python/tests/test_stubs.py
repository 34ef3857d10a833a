"""The stubs say what the library has: the same names, the same parameters, and each with a docstring."""

import ast
import inspect
import pathlib

import hydralink
import mypy.api

STUB = pathlib.Path(hydralink.__file__).with_name("__init__.pyi")


def parameters(node):
    """Names by kind, and the defaults of those that have one."""
    names = node.args
    positional, keyword = names.posonlyargs + names.args, names.kwonlyargs
    last = positional[len(positional) - len(names.defaults) :]
    given = list(zip(last, names.defaults)) + [(one, default) for one, default in zip(keyword, names.kw_defaults) if default]
    defaults = {argument.arg: ast.literal_eval(default) for argument, default in given}
    return [argument.arg for argument in positional], [argument.arg for argument in keyword], defaults


def functions(body):
    """By name; of overloads the first, which has the defaults."""
    return {node.name: node for node in reversed(body) if isinstance(node, ast.FunctionDef)}


def agrees(name, node, real):
    positional, keyword, defaults = [], [], {}
    for parameter in inspect.signature(real).parameters.values():
        (keyword if parameter.kind is parameter.KEYWORD_ONLY else positional).append(parameter.name)
        if parameter.default is not parameter.empty:
            defaults[parameter.name] = parameter.default
    assert parameters(node) == (positional, keyword, defaults), name
    assert inspect.getdoc(real), f"{name} has no docstring"


def test_stubs_are_the_library():
    assert STUB.with_name("py.typed").exists()
    tree = ast.parse(STUB.read_text())
    public = {name for name in dir(hydralink) if not name.startswith("_")} - {"hydralink"}
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    names = functions(tree.body).keys() | (classes.keys() - {"ArrowStream", "Dataset", "LazyFrame", "Series"})
    assert names == public
    for name, node in functions(tree.body).items():
        agrees(name, node, getattr(hydralink, name))
    for name in ("Store", "Table"):
        methods = functions(classes[name].body)
        real = {method for method in vars(getattr(hydralink, name)) if not method.startswith("__")}
        assert {method for method in methods if not method.startswith("__")} == real
        for method, node in methods.items():
            if not any(isinstance(mark, ast.Name) and mark.id == "property" for mark in node.decorator_list):
                if not method.startswith("__"):
                    agrees(f"{name}.{method}", node, getattr(getattr(hydralink, name), method))


def test_stubs_take_what_the_library_takes(tmp_path):
    used = tmp_path / "used.py"
    used.write_text(
        "import datetime, hydralink, polars\n"
        "def use(store: hydralink.Store, names: polars.Series) -> None:\n"
        "    given: list[hydralink.Names] = [names, ['a'], ('a', 'b'), store.members(1), store.plan_bans(1), polars.DataFrame()]\n"
        "    for several in given:\n"
        "        store.expand(several, good=several), store.impact(several), store.assess(several), store.show(several)\n"
        "    for time in ('2026-03-03', datetime.date(2026, 3, 3), datetime.datetime(2026, 3, 3, 12)):\n"
        "        store.as_of(time, output='then'), store.expire(before=time)\n"
    )
    output, errors, code = mypy.api.run(["--strict", f"--cache-dir={tmp_path}", str(used)])
    assert code == 0, output + errors
