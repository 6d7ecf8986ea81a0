"""Multi-node parallel jobs: a row for each node, in the table of arrays' children. The main node's says what the job's
own does: it is there for lists of nodes."""

from __future__ import annotations

from collections.abc import Iterable

from batchd.errors import StoreError
from batchd.scheduler.events import JobStatus
from batchd.scheduler.gangs import new_nodes, node_spec
from batchd.scheduler.identity import gang_of, node_id
from batchd.scheduler.state import Job
from batchd.store.named import named_queries
from batchd.store.parts import job_of, own_of, part_row, state_of
from batchd.store.session import Row, Session
from batchd.store.store import JobRow

_SQL = named_queries("arrays")
_SAVE = _SQL["save_child"]
_GET = _SQL["get_child"]
_GET_STATUS = _SQL["get_child_status"]
_PAGE = _SQL["page_nodes"]
_ALL = _SQL["all_nodes"]
_STATUSES = {status.value: status for status in JobStatus}


class NodeRows:
    """The nodes of gangs over a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def save(self, node: Job) -> None:
        """Raises StoreError where there is no such job."""
        place = gang_of(node.spec.job_id)
        if place is None or not self._session.change(_SAVE, (place[1], *state_of(node), place[0])):
            raise StoreError(f"there is no job of {node.spec.job_id}")

    def save_main(self, gang: Job) -> None:
        """The job is this node."""
        if gang.spec.gang is not None:
            self._session.change(_SAVE, (gang.spec.gang.main, *state_of(gang), gang.spec.job_id))

    def get(self, gang: JobRow, index: int) -> JobRow | None:
        row = self._session.row(_GET, (gang.job_id, index))
        return _node_row(gang, row) if row is not None and gang.children is None else None

    def status_of(self, gang_id: str, index: int) -> JobStatus | None:
        row = self._session.row(_GET_STATUS, (gang_id, index, False))
        return _STATUSES[row[0]] if row is not None else None

    def page(self, gang: JobRow, status: JobStatus, after: int, limit: int) -> list[JobRow]:
        """Nodes of this status by index, from behind `after` on."""
        rows = self._session.rows(_PAGE, (gang.job_id, after, status.value, limit))
        return [_node_row(gang, row) for row in rows]

    def live(self, gangs: Iterable[Job]) -> None:
        """Give these jobs that have not ended their nodes."""
        for gang in gangs:
            gang.nodes = new_nodes(gang)
            for row in self._session.rows(_ALL, (gang.spec.job_id,)):
                if row[0] in gang.nodes:
                    gang.nodes[row[0]] = job_of(node_spec(gang.spec, row[0]), gang, row)


def _node_row(gang: JobRow, row: Row) -> JobRow:
    return part_row(gang, node_id(gang.job_id, row[0]), node=row[0], **own_of(row))
