"""Every migration only adds, so that the version before runs on; what takes away is a `contract` of its own."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from fractus.store import migrate

VERSIONS = sorted((Path(migrate.__file__).parent / "migrations" / "versions").glob("[0-9]*.py"))

#: What adds. A column is looked at more closely.
EXPANDING = {
    "create_table",
    "create_index",
    "add_column",
    "batch_alter_table",
    "bulk_insert",
    "get_bind",
    "f",
}


def faults(source: str) -> list[str]:
    """What in a revision does more than add, outside of its `contract` and its `downgrade`."""
    tree = ast.parse(source)
    outside = [
        node
        for node in tree.body
        if not (isinstance(node, ast.FunctionDef) and node.name in ("contract", "downgrade"))
    ]
    calls = [node for part in outside for node in ast.walk(part) if isinstance(node, ast.Call)]
    ours = [call for call in calls if _is_op(call)]
    made = {_first(call) for call in ours if _name(call) == "create_table"}
    found = []
    for call in ours:
        name = _name(call)
        if name not in EXPANDING:
            found.append(f"{name} does not only add")
        elif name == "add_column":
            found += _column_faults(call)
        elif name == "create_index" and _is_unique(call) and not _on_new(call, made):
            found.append("a unique index on a table that old code writes")
    has_contract = any(isinstance(node, ast.FunctionDef) and node.name == "contract" for node in tree.body)
    declared = any(
        isinstance(node, ast.Assign)
        and any(isinstance(t, ast.Name) and t.id == "contracts" for t in node.targets)
        for node in tree.body
    )
    if has_contract != declared:
        found.append("contract() and contracts = '<version>' belong together")
    return found


def _is_op(call: ast.Call) -> bool:
    function = call.func
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id in ("op", "batch_op")
    )


def _name(call: ast.Call) -> str:
    assert isinstance(call.func, ast.Attribute)
    return call.func.attr


def _first(call: ast.Call) -> object:
    return call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None


def _is_unique(call: ast.Call) -> bool:
    return any(
        word.arg == "unique" and isinstance(word.value, ast.Constant) and word.value.value is True
        for word in call.keywords
    )


def _on_new(call: ast.Call, made: set[object]) -> bool:
    return len(call.args) > 1 and isinstance(call.args[1], ast.Constant) and call.args[1].value in made


def _column_faults(call: ast.Call) -> list[str]:
    """Old code does not know the column, so it inserts rows without it."""
    columns = [one for one in ast.walk(call) if isinstance(one, ast.Call) and _is_column(one)]
    found = []
    for column in columns:
        words = {word.arg: word.value for word in column.keywords}
        nullable = words.get("nullable")
        required = isinstance(nullable, ast.Constant) and nullable.value is False
        if required and "server_default" not in words:
            found.append(f"column {_first(column)} has to be given, and old code does not give it")
        if "unique" in words:
            found.append(f"column {_first(column)} is unique")
    return found or ([] if columns else ["a column that cannot be read here"])


def _is_column(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "Column"


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem[:4])
def test_a_migration_only_adds(path: Path) -> None:
    assert faults(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('op.drop_table("a")', "drop_table"),
        ('op.rename_table("a", "b")', "rename_table"),
        ('op.alter_column("a", "b", nullable=False)', "alter_column"),
        ('op.execute("DELETE FROM a")', "execute"),
        ('op.drop_column("a", "b")', "drop_column"),
        ('op.add_column("a", sa.Column("b", sa.Text(), nullable=False))', "has to be given"),
        ('op.add_column("a", sa.Column("b", sa.Text(), unique=True))', "is unique"),
        ('op.create_index("i", "a", ["b"], unique=True)', "unique index"),
    ],
)
def test_what_does_more_than_add_is_seen(line: str, fault: str) -> None:
    assert fault in "".join(faults(f"def upgrade():\n    {line}\n"))
    assert faults(f"contracts = '1'\ndef contract():\n    {line}\n") == []
    assert faults(f"def contract():\n    {line}\n") != []


@pytest.mark.parametrize(
    "line",
    [
        'op.create_table("a", sa.Column("b", sa.Text())); op.create_index("i", "a", ["b"], unique=True)',
        'op.add_column("a", sa.Column("b", sa.Text(), nullable=True))',
        'op.add_column("a", sa.Column("b", sa.Text(), nullable=False, server_default=""))',
    ],
)
def test_what_only_adds_is_let_through(line: str) -> None:
    assert faults(f"def upgrade():\n    {line}\n") == []
