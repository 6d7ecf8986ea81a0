from __future__ import annotations

from batchd.store.store import Store


def test_a_blob_is_there_whole_until_it_is_deleted(store: Store) -> None:
    data = bytes(range(256)) * 4096
    store.transact(lambda tx: tx.blobs.put("code/a", data))
    store.transact(lambda tx: tx.blobs.put("code/b", b""))
    with store.read() as tx:
        assert (tx.blobs.get("code/a"), tx.blobs.get("code/b"), tx.blobs.get("code/c")) == (data, b"", None)
    store.transact(lambda tx: tx.blobs.put("code/a", b"new"))
    assert store.transact(lambda tx: tx.blobs.get("code/a")) == b"new"
    assert store.transact(lambda tx: [tx.blobs.delete("code/a"), tx.blobs.delete("code/a")]) == [True, False]
    with store.read() as tx:
        assert tx.blobs.get("code/a") is None
