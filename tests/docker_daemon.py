"""A Docker daemon for tests, with sockets and data of its own, and images made from busybox: no registry is asked."""

from __future__ import annotations

import atexit
import functools
import io
import json
import os
import resource
import shutil
import signal
import subprocess
import tarfile
import tempfile
from pathlib import Path
from socket import AF_UNIX, SOCK_DGRAM, socket

import pytest

from batchd.engines.docker_api import docker_available, docker_url
from tests.patience import LONG_S

IMAGE = "batchd-test/busybox:latest"
GREETER = "batchd-test/greeter:latest"
WORKER = "batchd-test/worker:latest"
_CHANGES = {
    IMAGE: (),
    GREETER: ('ENTRYPOINT ["/bin/echo", "hello"]', 'CMD ["world"]'),
    WORKER: ('ENTRYPOINT ["/bin/sh"]', "WORKDIR /tmp", "ENV FROM_IMAGE=yes"),
}
_REMOVE_TRIES = 50


class DockerDaemon:
    """dockerd in a temporary directory, as root only. Its containers end with it, unless `live_restore` is set."""

    def __init__(self, *, live_restore: bool = False) -> None:
        self._live_restore = live_restore
        self._root = Path(tempfile.mkdtemp(prefix="bd-"))  # short: a socket's path has 107 bytes at most
        self._socket = self._root / "docker.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{self._socket}"

    def start(self) -> None:
        """It answers on return."""
        settings = self._root / "daemon.json"
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        nofile = {"Name": "nofile", "Soft": min(1024, hard), "Hard": hard}
        settings.write_text(json.dumps({"default-ulimits": {"nofile": nofile}, "live-restore": self._live_restore}))
        with socket(AF_UNIX, SOCK_DGRAM) as ready, (self._root / "dockerd.log").open("wb") as log:
            notify = self._root / "ready.sock"
            notify.unlink(missing_ok=True)
            ready.bind(str(notify))
            ready.settimeout(LONG_S)
            self._process = subprocess.Popen(
                [*_dies_with_us(), "dockerd", "--iptables=false", "--bridge=none", *self._options(settings)],
                env={**os.environ, "NOTIFY_SOCKET": str(notify)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            self._await_ready(ready)

    def _await_ready(self, ready: socket) -> None:
        """dockerd tells systemd, and us, that it is ready."""
        try:
            ready.recv(100)
        except TimeoutError:
            self.stop()
            raise RuntimeError(f"dockerd does not start:\n{(self._root / 'dockerd.log').read_text()[-2000:]}") from None

    def _options(self, settings: Path) -> list[str]:
        return [
            f"--config-file={settings}",
            f"--data-root={self._root / 'data'}",
            f"--exec-root={self._root / 'exec'}",
            f"--pidfile={self._root / 'docker.pid'}",
            f"--host={self.url}",
        ]

    def stop(self) -> None:
        """As `systemctl stop docker`: containers are stopped, in up to ten seconds each."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(timeout=LONG_S)
            self._process = None

    def kill(self) -> None:
        """As a crash of the daemon: containers run on without it, until the next daemon ends them."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None
        for stale in (self._root / "docker.pid", self._root / "exec/containerd/containerd.pid"):
            stale.unlink(missing_ok=True)

    def close(self) -> None:
        """Nothing is left of it."""
        if self._process is not None:
            remove_containers(self.url)
        self.stop()
        for line in Path("/proc/mounts").read_text().splitlines():  # a daemon that was killed leaves some
            if (mounted := line.split()[1]).startswith(f"{self._root}/"):
                subprocess.run(["umount", "--lazy", mounted], check=True)
        shutil.rmtree(self._root)


def docker(url: str, *arguments: str, stdin: bytes = b"") -> str:
    """What the Docker client prints."""
    command = ["docker", "--host", url, *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, check=True).stdout.decode().strip()


def remove_containers(url: str, *filters: str) -> None:
    """Those that match, running or not; all of them without a filter."""
    options = [f"--filter={wanted}" for wanted in filters]
    for _ in range(_REMOVE_TRIES):
        containers = docker(url, "ps", "--all", "--quiet", *options).split()
        if not containers:
            return
        # fails for one that an engine is removing at this moment: look again
        subprocess.run(["docker", "--host", url, "rm", "-fv", *containers], capture_output=True, check=False)
    raise RuntimeError(f"containers cannot be removed: {containers}")


def make_images(url: str) -> None:
    archive = _busybox_root()
    for image, changes in _CHANGES.items():
        options = [f"--change={change}" for change in changes]
        docker(url, "import", *options, "-", image, stdin=archive)


def _busybox_root() -> bytes:
    """A tar of a root file system: busybox under all its names, two users, /tmp."""
    busybox = shutil.which("busybox")
    assert busybox is not None
    applets = subprocess.run([busybox, "--list"], capture_output=True, check=True).stdout.decode().split()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.add(busybox, "bin/busybox")
        for applet in applets:
            if applet != "busybox":
                _add(tar, f"bin/{applet}", type=tarfile.SYMTYPE, linkname="busybox")
        _add(tar, "tmp", type=tarfile.DIRTYPE, mode=0o1777)
        users = b"root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"
        _add(tar, "etc/passwd", users)
        _add(tar, "etc/group", b"root:x:0:\nnogroup:x:65534:\n")
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, name: str, data: bytes = b"", **fields: object) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    entry.mode = 0o644
    for field, value in fields.items():
        setattr(entry, field, value)
    tar.addfile(entry, io.BytesIO(data))


def _dies_with_us() -> list[str]:
    """Should the tests be killed, the daemon ends as well."""
    return ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []


def why_no_own_daemon() -> str | None:
    """What is missing to start a DockerDaemon; None if nothing is."""
    if os.geteuid() != 0:
        return "only root can start a Docker daemon"
    missing = [program for program in ("dockerd", "docker", "busybox") if shutil.which(program) is None]
    return f"{', '.join(missing)} not installed (.ci/install)" if missing else None


def skip_without_docker(reason: str) -> None:
    """A laptop may lack Docker; CI may not."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"Docker tests must run in CI: {reason}")
    pytest.skip(f"no Docker: {reason}")


@functools.cache
def _shared_daemon() -> str | None:
    """Started once a session, for all who ask; None when it cannot be."""
    if why_no_own_daemon() is not None:
        return None
    daemon = DockerDaemon()
    atexit.register(daemon.close)
    daemon.start()
    make_images(daemon.url)
    return daemon.url


_make_images_once = functools.cache(make_images)


def docker_or_skip() -> str:
    """URL of a daemon that has the test images: of BATCHD_TEST_DOCKER_HOST, else one of our own, else the machine's."""
    given = os.environ.get("BATCHD_TEST_DOCKER_HOST")
    if given is None and (own := _shared_daemon()):
        return own
    url = docker_url(given)
    reason = docker_available(url)
    if reason is None and (shutil.which("docker") is None or shutil.which("busybox") is None):
        reason = "the test images need the docker client and a static busybox"
    if reason is not None:
        skip_without_docker(reason)
    _make_images_once(url)
    return url


@pytest.fixture(scope="session")
def docker_host() -> str:
    return docker_or_skip()
