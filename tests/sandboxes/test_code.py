from __future__ import annotations

import time
from pathlib import Path

import pytest

from batchd.clock import ManualClock
from batchd.sandboxes.code import Code, CodeFolders, CodeMissing, unpack
from batchd.store.sqlite import MEMORY, open_sqlite
from tests.zips import zipped


def test_later_zips_lie_over_earlier_ones_and_programs_stay_programs(tmp_path: Path) -> None:
    unpack([zipped({"a.py": "1", "b/c.py": "2"}), zipped({"a.py": "3", "bootstrap": "#!"}, 0o755)], tmp_path / "code")
    assert (tmp_path / "code/a.py").read_text() == "3"
    assert (tmp_path / "code/b/c.py").read_text() == "2"
    assert (tmp_path / "code/bootstrap").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("name", ["../out.py", "/out.py", "a/../../out.py"])
def test_nothing_is_written_outside(tmp_path: Path, name: str) -> None:
    unpack([zipped({name: "1"})], tmp_path / "deep" / "code")
    assert sorted(p.relative_to(tmp_path).parts[:2] for p in tmp_path.rglob("out.py")) == [("deep", "code")]


async def test_a_zip_is_unpacked_once_and_found_again(tmp_path: Path) -> None:
    store = open_sqlite(MEMORY, ManualClock())
    store.transact(lambda tx: tx.blobs.put("one", zipped({"a.py": "1"})))
    folders = CodeFolders(store, tmp_path / "functions")
    folder = await folders.folder("one")
    assert (folder / "a.py").read_text() == "1"
    store.transact(lambda tx: tx.blobs.delete("one"))
    assert await folders.folder("one") == folder
    with pytest.raises(CodeMissing, match="two"):
        await folders.folder("two")
    folders.prune([Code(folder)], time.monotonic() + 7200)
    folders.prune([], time.monotonic())
    assert folder.is_dir(), "something runs from it, or it was wanted a moment ago"
    folders.prune([], time.monotonic() + 7200)
    assert not folder.exists()
    folders.clear()
    with pytest.raises(CodeMissing, match="one"):
        await folders.folder("one")
    store.close()
