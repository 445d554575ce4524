"""Write the next migration: the difference between the tables in the code and those that the migrations make.

    python tools/new_migration.py "what changes"     fractus/store/migrations/versions/NNNN_what_changes.py
    python tools/new_migration.py --first            0001_first.py anew, as long as nothing is released

Read what it wrote before you commit it: Alembic sees what is added and removed, not what is renamed or moved.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext

from fractus.addressing import tables as addressing
from fractus.app import registry
from fractus.store import migrate
from fractus.store.schema import METADATA

ROOT = Path(__file__).parents[1]
VERSIONS = ROOT / "fractus" / "store" / "migrations" / "versions"

#: What `fractus.store.schema.resource_table` gives to every kind.
SHARED = METADATA.tables["flavor"].c.keys()[:15]
SHARED_INDEXES = ("by_project", "by_creation", "by_change")

HEAD = '''"""{title}"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision: str | None = {before!r}

'''


def tables() -> list[sa.Table]:
    """Every table there is; naming the modules says that they were imported."""
    assert registry.TABLES
    assert addressing.MAC is not None
    return sorted(METADATA.tables.values(), key=lambda table: table.name)


def column(one: sa.Column[object]) -> str:
    """As it is written in a migration; what this tool does not know how to write stops it."""
    assert one.server_default is None, one
    assert not one.foreign_keys, one
    rest = ", primary_key=True" if one.primary_key else f", nullable={one.nullable}"
    rest += ", unique=True" if one.unique else ""
    return f'sa.Column("{one.name}", sa.{one.type!r}{rest}),'


def is_resource(table: sa.Table) -> bool:
    """Whether it was made by `resource_table`."""
    return table.c.keys()[:15] == SHARED


def making(table: sa.Table) -> Iterator[str]:
    """The lines that make one table and its indexes."""
    name = table.name
    for one in table.constraints:
        unique = isinstance(one, sa.UniqueConstraint) and all(each.unique for each in one.columns)
        assert unique or isinstance(one, sa.PrimaryKeyConstraint), one
    if is_resource(table):
        yield f'_resource("{name}",'
        yield from (column(one) for one in list(table.c)[15:])
    else:
        yield f'op.create_table("{name}",'
        yield from (column(one) for one in table.c)
    yield ")"
    left_out = [f"{name}_{end}" for end in SHARED_INDEXES] if is_resource(table) else []
    for index in sorted(table.indexes, key=lambda one: str(one.name)):
        if index.name not in left_out:
            yield indexing(index, name)


def indexing(index: sa.Index, table: str) -> str:
    """The line that makes an index."""
    columns = [one.name for one in index.columns]
    assert len(columns) == len(index.expressions), index
    assert not any(index.dialect_kwargs.values()), index
    return f'op.create_index("{index.name}", "{table}", {columns!r}, unique={bool(index.unique)})'


def first() -> str:
    """The whole schema as one migration."""
    flavor = METADATA.tables["flavor"]
    lines = ["def _resource(kind: str, *columns: sa.Column[object]) -> None:"]
    lines += ['"""What every kind has, and its own columns."""', "op.create_table(kind,"]
    lines += [column(one) for one in list(flavor.c)[:15]] + ["*columns,", ")"]
    for end in SHARED_INDEXES:
        index = next(one for one in flavor.indexes if one.name == f"flavor_{end}")
        columns = [one.name for one in index.columns]
        lines.append(f'op.create_index(f"{{kind}}_{end}", kind, {columns!r}, unique=False)')
    body = indented(lines)
    for table in tables():
        body += f"\n\ndef _{table.name}() -> None:\n" + "".join(f"    {line}\n" for line in making(table))
    calls = "".join(f"    _{table.name}()\n" for table in tables())
    body += f'\n\ndef upgrade() -> None:\n    """Make all tables."""\n{calls}'
    drops = "".join(f'    op.drop_table("{table.name}")\n' for table in reversed(tables()))
    body += f'\n\ndef downgrade() -> None:\n    """Drop them."""\n{drops}'
    return HEAD.format(title="The tables of the first version.", revision="0001", before=None) + body


def indented(lines: list[str]) -> str:
    """A function of its first line and the rest."""
    return lines[0] + "\n" + "".join(f"    {line}\n" for line in lines[1:])


def following(what: str) -> tuple[str, str]:
    """Number and text of the next migration; no text where there is no difference."""
    before = migrate.known()[-1]
    number = f"{int(before) + 1:04}"
    tables()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "now.db"
        migrate.upgrade(path)
        engine = sa.create_engine(sa.URL.create("sqlite", database=str(path)))
        with engine.connect() as connection:
            settings = {"compare_type": True, "render_as_batch": True}
            found = produce_migrations(MigrationContext.configure(connection, opts=settings), METADATA)
        engine.dispose()
    if found.upgrade_ops is None or found.upgrade_ops.is_empty() or found.downgrade_ops is None:
        return number, ""
    up = render_python_code(found.upgrade_ops, render_as_batch=True)
    down = render_python_code(found.downgrade_ops, render_as_batch=True)
    head = HEAD.format(title=f"{what[0].upper()}{what[1:]}.", revision=number, before=before)
    return number, f"{head}\ndef upgrade() -> None:\n    {up}\n\n\ndef downgrade() -> None:\n    {down}\n"


def main(arguments: list[str]) -> int:
    """Write the file and say where it is."""
    if len(arguments) != 1:
        print(__doc__)
        return 2
    if arguments == ["--first"]:
        path, text = VERSIONS / "0001_first.py", first()
    else:
        number, text = following(arguments[0].rstrip("."))
        if not text:
            print("The migrations make all tables as they are in the code.")
            return 0
        slug = re.sub(r"[^a-z0-9]+", "_", arguments[0].lower()).strip("_")[:40]
        path = VERSIONS / f"{number}_{slug}.py"
    path.write_text(text, encoding="utf-8")
    subprocess.run([sys.executable, "-m", "ruff", "format", "-q", str(path)], check=True)
    print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
