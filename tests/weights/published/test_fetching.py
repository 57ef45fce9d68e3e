"""Downloads from a real server that breaks off, lies, stalls and refuses."""

from __future__ import annotations

import errno
import fcntl
import io
import os
import resource
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from random import Random
from types import SimpleNamespace
from urllib.error import HTTPError, URLError
from urllib.request import Request

import pytest

from resnet_viz.errors import WeightsError
from resnet_viz.weights.published import downloading, fetching, web
from resnet_viz.weights.published.fetching import cached, fetch
from resnet_viz.weights.published.file_lock import FileLock
from resnet_viz.weights.published.imagenet import URL_VARIABLE, WeightsFile
from resnet_viz.weights.published.partial_file import PartialFile
from tests.helpers.http_server import (
    Answer,
    Server,
    chunked,
    raw,
    redirect,
    serving,
    silent,
    status,
    whole,
    wrong_range,
)

DATA = Random(0).randbytes(300_000)
OTHER = Random(1).randbytes(len(DATA))
PREFIX = sha256(DATA).hexdigest()[:8]
FILE = WeightsFile(f"tiny-{PREFIX}.pth", PREFIX, len(DATA))
DATE = "Mon, 02 Jan 2023 03:04:05 GMT"

Serve = Callable[..., Server]


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "STALL_SECONDS", 10.0)
    monkeypatch.setattr(downloading, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(fetching, "PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(fetching, "POLL_SECONDS", 0.001)
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Start a server with the answers given, and download from it."""
    running = []

    def start(*answers: Answer) -> Server:
        context = serving(*answers)
        running.append(context)
        server = context.__enter__()
        monkeypatch.setenv(URL_VARIABLE, server.url)
        return server

    yield start
    for context in running:
        context.__exit__(None, None, None)


def _part(folder: Path) -> Path:
    return folder / f"{FILE.name}.part"


def _assert_whole(folder: Path) -> None:
    assert (folder / FILE.name).read_bytes() == DATA
    assert {path.name for path in folder.iterdir()} <= {FILE.name, f"{FILE.name}.lock"}


def _refused(folder: Path, said: str) -> str:
    """The sentence with which a download fails; no file is there afterwards."""
    with pytest.raises(WeightsError, match=said) as caught:
        fetch(FILE, folder=folder)
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text
    assert not (folder / FILE.name).exists()
    return text


def _interrupted(folder: Path, size: int, mark: str = '"one"') -> None:
    """Leave the folder as a download leaves it that ended after `size` bytes."""
    part = PartialFile(folder / FILE.name)
    part.begin(mark)
    with part.appending() as append:
        append(DATA[:size])


# What is there already.


def test_a_file_that_is_there_is_not_downloaded(serve: Serve, tmp_path: Path) -> None:
    server = serve(status(500))
    (tmp_path / FILE.name).write_bytes(DATA)
    assert cached(FILE, tmp_path) == fetch(FILE, folder=tmp_path) == tmp_path / FILE.name
    assert server.requests == []
    assert [path.name for path in tmp_path.iterdir()] == [FILE.name]


def test_nothing_is_there(tmp_path: Path) -> None:
    assert cached(FILE, tmp_path) is None
    assert cached(FILE, tmp_path / "nowhere") is None
    (tmp_path / FILE.name).mkdir()
    assert cached(FILE, tmp_path) is None


@pytest.mark.parametrize("damaged", [b"", DATA[:-1], DATA + b"x", OTHER])
def test_a_damaged_file_is_replaced(serve: Serve, tmp_path: Path, damaged: bytes) -> None:
    serve(whole(DATA))
    (tmp_path / FILE.name).write_bytes(damaged)
    assert cached(FILE, tmp_path) is None
    assert fetch(FILE, folder=tmp_path) == tmp_path / FILE.name
    _assert_whole(tmp_path)


def test_a_file_that_changes_is_checked_again(tmp_path: Path) -> None:
    path = tmp_path / FILE.name
    path.write_bytes(DATA)
    assert cached(FILE, tmp_path) == path
    path.write_bytes(OTHER)
    os.utime(path, ns=(0, 0))  # surely another time than before
    assert cached(FILE, tmp_path) is None


def test_the_folder_of_torch_hub(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(whole(DATA))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert cached(FILE) is None
    assert fetch(FILE) == tmp_path / "hub" / "checkpoints" / FILE.name == cached(FILE)
    _assert_whole(tmp_path / "hub" / "checkpoints")


# Servers that behave.


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(whole(DATA), id="ranges"),
        pytest.param(whole(DATA, ranges=False), id="no ranges"),
        pytest.param(whole(DATA, marks={}), id="no marks"),
        pytest.param(chunked(DATA), id="chunked"),
        pytest.param(raw(b"HTTP/1.0 200 OK\r\n\r\n" + DATA), id="no length"),
    ],
)
def test_a_download(serve: Serve, tmp_path: Path, answer: Answer) -> None:
    server = serve(answer)
    calls: list[tuple[int, int]] = []
    path = fetch(FILE, lambda done, total: calls.append((done, total)), tmp_path / "a" / "b")
    assert path == tmp_path / "a" / "b" / FILE.name == cached(FILE, tmp_path / "a" / "b")
    _assert_whole(tmp_path / "a" / "b")
    assert server.ranges() == [None]
    sizes = [done for done, _ in calls]
    assert sizes == sorted(sizes)
    assert sizes[0] == 0
    assert calls[-1] == (len(DATA), len(DATA))
    assert [done for done, total in calls if done >= total] == [len(DATA)]


def test_progress_is_seldom(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(chunked(DATA, piece_bytes=100))
    monkeypatch.setattr(fetching, "PROGRESS_SECONDS", 60.0)
    calls: list[tuple[int, int]] = []
    fetch(FILE, lambda done, total: calls.append((done, total)), tmp_path)
    assert [done for done, _ in calls] == [0, len(DATA)]


def test_a_redirection(serve: Serve, tmp_path: Path) -> None:
    elsewhere = serve(whole(DATA))
    server = serve(redirect(f"{elsewhere.url}/other/place"))
    _interrupted(tmp_path, 1000)
    fetch(FILE, folder=tmp_path)
    _assert_whole(tmp_path)
    assert server.ranges() == elsewhere.ranges() == ["bytes=1000-"]


def test_a_slow_server_is_waited_for(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "STALL_SECONDS", 0.6)
    serve(whole(DATA, pause_seconds=0.1, piece_bytes=40_000))
    before = time.monotonic()
    fetch(FILE, folder=tmp_path)
    assert time.monotonic() - before > 0.6
    _assert_whole(tmp_path)


# Going on.


@pytest.mark.parametrize("marks", [{"ETag": '"one"'}, {"Last-Modified": DATE}, {}])
def test_a_part_is_continued(serve: Serve, tmp_path: Path, marks: dict[str, str]) -> None:
    server = serve(whole(DATA, marks=marks, stop_after=100_000), whole(DATA, marks=marks))
    calls: list[tuple[int, int]] = []
    fetch(FILE, lambda done, total: calls.append((done, total)), tmp_path)
    _assert_whole(tmp_path)
    assert server.ranges() == [None, "bytes=100000-"]
    assert server.requests[1].get("if-range") == next(iter(marks.values()), None)
    assert calls == sorted(calls)
    assert {total for _, total in calls} == {len(DATA)}


def test_a_weak_etag_is_not_asked_with(serve: Serve, tmp_path: Path) -> None:
    marks = {"ETag": 'W/"one"', "Last-Modified": DATE}
    server = serve(whole(DATA, marks=marks, stop_after=1000), whole(DATA, marks=marks))
    fetch(FILE, folder=tmp_path)
    assert server.requests[1]["if-range"] == DATE
    _assert_whole(tmp_path)


def test_a_part_is_continued_in_another_call(serve: Serve, tmp_path: Path) -> None:
    server = serve(whole(DATA, stop_after=60_000))
    text = _refused(tmp_path, "it goes on from there")
    assert "180.0 kB of about 300.0 kB" in text
    assert server.ranges() == [None, "bytes=60000-", "bytes=120000-"]
    assert _part(tmp_path).read_bytes() == DATA[:180_000]
    server = serve(whole(DATA))
    calls: list[tuple[int, int]] = []
    fetch(FILE, lambda done, total: calls.append((done, total)), tmp_path)
    assert server.ranges() == ["bytes=180000-"]
    assert calls[0] == (180_000, len(DATA))
    _assert_whole(tmp_path)


def test_chunks_that_break_off(serve: Serve, tmp_path: Path) -> None:
    serve(chunked(DATA[:5000], finished=False), whole(DATA, marks={}))
    fetch(FILE, folder=tmp_path)
    _assert_whole(tmp_path)


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([whole(DATA, ranges=False)], id="ignores ranges"),
        pytest.param([whole(DATA, marks={"ETag": '"two"'})], id="another version"),
        pytest.param([wrong_range(OTHER, 1000, '"two"'), whole(DATA)], id="ignores the condition"),
        pytest.param([wrong_range(DATA, 999), whole(DATA)], id="another range"),
        pytest.param([status(416), whole(DATA)], id="no such range"),
        pytest.param([status(204), whole(DATA)], id="a status that makes no sense"),
    ],
)
def test_a_part_that_cannot_be_continued(
    serve: Serve, tmp_path: Path, answers: list[Answer]
) -> None:
    server = serve(*answers)
    _interrupted(tmp_path, 1000)
    fetch(FILE, folder=tmp_path)
    _assert_whole(tmp_path)
    assert server.ranges() == ["bytes=1000-", None][: len(answers)]
    assert server.requests[0]["if-range"] == '"one"'


def test_a_whole_part_needs_no_server(serve: Serve, tmp_path: Path) -> None:
    server = serve(status(500))
    _interrupted(tmp_path, len(DATA))
    fetch(FILE, folder=tmp_path)
    _assert_whole(tmp_path)
    assert server.requests == []


def test_a_part_that_is_too_long(serve: Serve, tmp_path: Path) -> None:
    server = serve(whole(DATA))
    _part(tmp_path).write_bytes(2 * DATA)
    fetch(FILE, folder=tmp_path)
    _assert_whole(tmp_path)
    assert server.ranges() == [None]


@pytest.mark.parametrize("mark", [b"\xff\x00", b"a\r\nX: y", "é".encode()])
def test_a_damaged_mark_is_not_sent(serve: Serve, tmp_path: Path, mark: bytes) -> None:
    server = serve(whole(DATA, marks={}))
    _interrupted(tmp_path, 1000)
    (tmp_path / f"{FILE.name}.part.version").write_bytes(mark)
    fetch(FILE, folder=tmp_path)
    _assert_whole(tmp_path)
    assert server.ranges() == ["bytes=1000-"]
    assert "if-range" not in server.requests[0]


# Servers that lie.


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(whole(OTHER), id="other bytes"),
        pytest.param(whole(b"<html>Please log in</html>"), id="a page"),
        pytest.param(whole(DATA, announced=len(DATA) - 1), id="announced too short"),
        pytest.param(chunked(DATA[:-1]), id="one byte short"),
        pytest.param(whole(b""), id="nothing"),
    ],
)
def test_other_bytes_are_thrown_away(serve: Serve, tmp_path: Path, answer: Answer) -> None:
    serve(answer)
    text = _refused(tmp_path, f"its SHA-256 begins with [0-9a-f]{{8}}, not {PREFIX}")
    assert FILE.name in text
    assert str(tmp_path) in text
    assert [path.name for path in tmp_path.iterdir()] == [f"{FILE.name}.lock"]


def test_a_wrong_beginning_is_noticed_at_the_end(serve: Serve, tmp_path: Path) -> None:
    server = serve(whole(DATA, marks={}))
    _part(tmp_path).write_bytes(OTHER[:1000])
    _refused(tmp_path, "not the published file")
    assert server.ranges() == ["bytes=1000-"]
    fetch(FILE, folder=tmp_path)
    assert server.ranges() == ["bytes=1000-", None]
    _assert_whole(tmp_path)


def test_an_announced_length_that_never_comes(serve: Serve, tmp_path: Path) -> None:
    server = serve(whole(DATA[:-10], announced=len(DATA)), whole(DATA[:-10]))
    _refused(tmp_path, "is not the published file")  # asked for the rest: there is none
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(whole(DATA, announced=10**12), id="announced"),
        pytest.param(chunked(2 * DATA), id="not announced"),
    ],
)
def test_more_than_published_is_refused(serve: Serve, tmp_path: Path, answer: Answer) -> None:
    serve(answer)
    _refused(tmp_path, "it is longer than 330.0 kB")
    assert not _part(tmp_path).exists()


@pytest.mark.parametrize("text", [b"", b"not HTTP at all\r\n\r\n", b"HTTP/1.1 2"])
def test_what_is_not_http(serve: Serve, tmp_path: Path, text: bytes) -> None:
    server = serve(raw(text))
    _refused(tmp_path, "had come to 0 B of about 300.0 kB when the connection broke off")
    assert len(server.requests) == downloading.RETRIES + 1


# Servers that refuse.


@pytest.mark.parametrize("code", [401, 403, 404, 416, 429, 500, 503])
def test_a_status(serve: Serve, tmp_path: Path, code: int) -> None:
    server = serve(status(code))
    text = _refused(tmp_path, rf"127\.0\.0\.1:\d+ does not give out .* \(status {code}\)")
    assert f"put {FILE.name} into {tmp_path}" in text
    assert len(server.requests) == 1


def test_a_status_leaves_the_part(serve: Serve, tmp_path: Path) -> None:
    serve(status(503))
    _interrupted(tmp_path, 1000)
    _refused(tmp_path, "status 503")
    assert _part(tmp_path).read_bytes() == DATA[:1000]


@pytest.mark.parametrize(
    "location", ["", "/round/and/round", "file:///etc/passwd", "ftp://127.0.0.1/a"]
)
def test_redirections_that_are_not_followed(serve: Serve, tmp_path: Path, location: str) -> None:
    serve(redirect(location))
    _refused(tmp_path, r"redirects .* in a circle, or out of encrypted HTTP \(status 302\)")


@pytest.mark.parametrize(
    ("old", "new", "followed"),
    [
        *(("https", "https", True), ("http", "https", True), ("http", "http", True)),
        *(("https", "http", False), ("http", "ftp", False), ("https", "file", False)),
    ],
)
def test_encryption_is_not_given_up(old: str, new: str, followed: bool) -> None:
    request = Request(f"{old}://a.example/", headers={"Range": "bytes=1-"})

    def redirected() -> Request | None:
        return web._RedirectHandler().redirect_request(
            request, io.BytesIO(), 302, "", HTTPMessage(), f"{new}://b.example/"
        )

    if followed:
        target = redirected()
        assert target is not None
        assert target.get_header("Range") == "bytes=1-"
    else:
        with pytest.raises(HTTPError, match="another protocol") as caught:
            redirected()
        caught.value.close()


# Nobody there, or nobody who speaks.


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


def _no_such_name(*_: object, **__: object) -> None:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@pytest.mark.parametrize("host", ["127.0.0.1", "weights.example"])
def test_offline(host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URL_VARIABLE, f"http://{host}:{_free_port()}")
    monkeypatch.setenv("no_proxy", "*")
    if host == "weights.example":
        monkeypatch.setattr(socket, "getaddrinfo", _no_such_name)
    _interrupted(tmp_path, 1000)
    text = _refused(tmp_path, "downloaded once, and .* cannot be reached")
    assert "offline" in text
    assert f"put {FILE.name} into {tmp_path}" in text
    assert "random or patterns" in text
    assert _part(tmp_path).stat().st_size == 1000


def test_a_connection_that_is_never_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[float] = []

    def create_connection(_: tuple[str, int], timeout: float, *__: object) -> None:
        limits.append(timeout)
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", create_connection)
    monkeypatch.setenv(URL_VARIABLE, "http://127.0.0.1:1")
    _refused(tmp_path, "cannot be reached")
    assert limits == [web.CONNECT_SECONDS]


def test_a_certificate_that_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def untrusted(*_: object) -> None:
        raise URLError(ssl.SSLCertVerificationError("self-signed"))

    monkeypatch.setattr(web, "open_url", untrusted)
    _refused(tmp_path, "certificate of .* is not trusted .* SSL_CERT_FILE")


@pytest.mark.parametrize("size", [None, 0, 100_000])
def test_a_server_that_falls_silent(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int | None
) -> None:
    monkeypatch.setattr(web, "STALL_SECONDS", 0.2)
    released = threading.Event()
    before = None if size is None else whole(DATA, stop_after=size)
    server = serve(silent(released, before))
    started = time.monotonic()
    _refused(tmp_path, r"when nothing more came for 0\.2 s; try again, and it goes on")
    assert time.monotonic() - started < 2
    released.set()
    assert len(server.requests) == 1
    if size:
        assert _part(tmp_path).read_bytes() == DATA[:size]
        server = serve(whole(DATA))
        fetch(FILE, folder=tmp_path)
        assert server.ranges() == [f"bytes={size}-"]
        _assert_whole(tmp_path)


# The disk.


def test_not_enough_space(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(whole(DATA))
    free = SimpleNamespace(free=1234)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    _interrupted(tmp_path, 1000)
    _refused(tmp_path, r"needs 299\.0 kB more on the disk of .*, where 1\.234 kB are free")
    assert server.requests == []
    free.free = 299_000
    fetch(FILE, folder=tmp_path)
    _assert_whole(tmp_path)


@pytest.fixture
def longest_file() -> Iterator[Callable[[int], None]]:
    """Set the size in bytes at which this process can write no more to a file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [100_000, len(DATA) - 1])
def test_a_disk_that_fills_up(
    serve: Serve, tmp_path: Path, longest_file: Callable[[int], None], size: int
) -> None:
    server = serve(whole(DATA))
    longest_file(size)
    _refused(tmp_path, r"cannot be kept in .* \(File too large\); make room there")
    assert _part(tmp_path).read_bytes() == DATA[:size]
    longest_file(len(DATA))
    fetch(FILE, folder=tmp_path)
    assert server.ranges() == [None, f"bytes={size}-"]
    _assert_whole(tmp_path)


def test_a_folder_that_cannot_be_made(serve: Serve, tmp_path: Path) -> None:
    serve(whole(DATA))
    (tmp_path / "file").write_text("not a folder")
    _refused(tmp_path / "file", "cannot be kept in .*TORCH_HOME")
    _refused(tmp_path / "file" / "below", "cannot be kept in .*TORCH_HOME")


@pytest.mark.parametrize("suffix", ["", ".lock", ".part", ".part.version"])
def test_folders_in_the_way(serve: Serve, tmp_path: Path, suffix: str) -> None:
    serve(whole(DATA))
    (tmp_path / f"{FILE.name}{suffix}" / "full").mkdir(parents=True)
    with pytest.raises(WeightsError, match=r"cannot be kept in .*TORCH_HOME"):
        fetch(FILE, folder=tmp_path)


# Several at once, and visitors who leave.


def test_threads_that_ask_at_once_share_one_download(serve: Serve, tmp_path: Path) -> None:
    others_wait = threading.Event()
    waiting: set[int] = set()
    whole_for: list[int] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        assert others_wait.wait(10)
        whole(DATA)(handler)

    def one(index: int) -> Path:
        def progress(done: int, total: int) -> None:
            waiting.add(index)
            if len(waiting) == 5:
                others_wait.set()
            if done >= total:
                whole_for.append(index)

        return fetch(FILE, progress, tmp_path)

    server = serve(answer)
    with ThreadPoolExecutor(6) as pool:
        paths = set(pool.map(one, range(6)))
    assert paths == {tmp_path / FILE.name}
    assert len(server.requests) == 1
    # Those who wait hear of it as well, but only one is told that it is whole: the downloader.
    assert len(waiting) == 6
    assert len(whole_for) == 1
    _assert_whole(tmp_path)


def test_files_of_other_names_do_not_wait(serve: Serve, tmp_path: Path) -> None:
    serve(whole(DATA))
    with FileLock(tmp_path / "another.pth.lock") as lock:
        assert lock.acquire()
        assert fetch(FILE, folder=tmp_path).read_bytes() == DATA


HOLDER = """
import sys
from pathlib import Path
from resnet_viz.weights.published.file_lock import FileLock
with FileLock(Path(sys.argv[1])) as lock:
    print(lock.acquire(), flush=True)
    sys.stdin.read()
"""


@contextmanager
def _another_process(lock: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds a lock until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        try:
            yield process
        finally:
            process.kill()


def test_processes_wait_for_each_other(serve: Serve, tmp_path: Path) -> None:
    server = serve(status(500))
    waiting = threading.Event()
    with (
        _another_process(tmp_path / f"{FILE.name}.lock") as process,
        ThreadPoolExecutor(1) as pool,
    ):
        fetched = pool.submit(fetch, FILE, lambda *_: waiting.set(), tmp_path)
        assert waiting.wait(10)
        (tmp_path / FILE.name).write_bytes(DATA)
        assert process.stdin is not None
        process.stdin.close()
        assert fetched.result(10) == tmp_path / FILE.name
    assert server.requests == []


def test_a_process_that_is_killed_leaves_no_lock(serve: Serve, tmp_path: Path) -> None:
    serve(whole(DATA))
    with _another_process(tmp_path / f"{FILE.name}.lock") as process:
        process.kill()
        process.wait()
        fetch(FILE, folder=tmp_path)
    _assert_whole(tmp_path)


def test_a_download_that_stands_still_elsewhere(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "PATIENCE_SECONDS", 0.2)
    server = serve(whole(DATA))
    with FileLock(tmp_path / f"{FILE.name}.lock") as lock:
        assert lock.acquire()
        _refused(tmp_path, r"Another download .* has not moved on for 0\.2 s")
    assert server.requests == []
    fetch(FILE, folder=tmp_path)
    _assert_whole(tmp_path)


def test_a_slow_download_elsewhere_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = 0.0
    monkeypatch.setattr(fetching, "time", SimpleNamespace(monotonic=lambda: seconds, sleep=id))
    elsewhere = ExitStack()
    assert elsewhere.enter_context(FileLock(tmp_path / f"{FILE.name}.lock")).acquire()
    seen: list[int] = []

    def come(done: int, _: int) -> None:
        nonlocal seconds
        seconds += 0.9 * fetching.PATIENCE_SECONDS
        seen.append(done)
        _part(tmp_path).write_bytes(DATA[: len(seen) // 2])  # every other time nothing comes
        if len(seen) == 8:
            _part(tmp_path).rename(tmp_path / FILE.name).write_bytes(DATA)
            elsewhere.close()

    fetch(FILE, come, tmp_path)
    assert seen == [0, 0, 1, 1, 2, 2, 3, 3]
    _assert_whole(tmp_path)


def test_a_lock_is_one_holder_s(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with FileLock(path) as first, FileLock(path) as second:
        assert first.acquire()
        assert first.acquire()
        assert not second.acquire()
        with FileLock(path) as third:
            assert not third.acquire()
        assert not second.acquire()
    with FileLock(path) as fourth:
        assert fourth.acquire()


def test_a_disk_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(fcntl, "flock", unsupported)
    with FileLock(tmp_path / "lock") as first, FileLock(tmp_path / "lock") as second:
        assert first.acquire()
        assert not second.acquire()


class Left(BaseException):
    """How Streamlit ends a run whose visitor has gone: no Exception."""


@pytest.mark.parametrize("kind", [Left, KeyboardInterrupt, ValueError, OSError])
def test_a_visitor_who_leaves(serve: Serve, tmp_path: Path, kind: type[BaseException]) -> None:
    def leave(done: int, _: int) -> None:
        if done > 100_000:
            raise kind

    server = serve(whole(DATA, piece_bytes=10_000))
    with pytest.raises(kind):
        fetch(FILE, leave, tmp_path)
    came = _part(tmp_path).read_bytes()
    assert len(came) > 100_000
    assert DATA.startswith(came)
    fetch(FILE, folder=tmp_path)
    _assert_whole(tmp_path)
    assert server.ranges() == [None, f"bytes={len(came)}-"]


def test_a_visitor_who_leaves_the_queue(serve: Serve, tmp_path: Path) -> None:
    def leave(*_: int) -> None:
        raise Left

    serve(whole(DATA))
    with FileLock(tmp_path / f"{FILE.name}.lock") as lock:
        assert lock.acquire()
        with pytest.raises(Left):
            fetch(FILE, leave, tmp_path)
    fetch(FILE, folder=tmp_path)
    _assert_whole(tmp_path)
