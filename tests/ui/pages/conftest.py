"""AppTest, made to stand for a server whose pages have been visited, and whose media stay."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import MagicMock

import pytest
from streamlit.components.v2.component_manager import BidiComponentManager
from streamlit.runtime import Runtime
from streamlit.runtime.caching.storage.dummy_cache_storage import MemoryCacheStorageManager
from streamlit.runtime.dataframe_source_manager import DataframeSourceManager
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import app_test
from streamlit.testing.v1.util import patch_config_options

from tests.ui.pages import driver


class _PagesOfOneServer(PagesManager):
    """AppTest makes each run the first of a server, by resetting a flag of this class.

    The flag that counts is that of the base class.
    """


@pytest.fixture(autouse=True)
def media(monkeypatch: pytest.MonkeyPatch, components: None) -> MemoryMediaFileStorage:
    """The pictures that pages send; and `st.navigation` has been called on this server."""
    storage = MemoryMediaFileStorage("/mock/media")
    monkeypatch.setattr(driver, "MEDIA", storage)
    monkeypatch.setattr(app_test, "MemoryMediaFileStorage", lambda _: storage)
    monkeypatch.setattr(app_test, "PagesManager", _PagesOfOneServer)
    monkeypatch.setattr(PagesManager, "uses_pages_directory", False)
    return storage


@pytest.fixture
def cold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has visited this server yet."""
    monkeypatch.setattr(PagesManager, "uses_pages_directory", None)


class _PrivateRuntime:
    """Takes what AppTest would do to the `Runtime` of the whole process."""

    _instance: object = None


@pytest.fixture
def concurrent(monkeypatch: pytest.MonkeyPatch, media: MemoryMediaFileStorage) -> Iterator[None]:
    """One runtime for all threads; AppTest would take it away when the first of them ends."""
    # To AppTest all sessions are one, and the files of an older run are let go.
    monkeypatch.setattr(media, "delete_file", lambda _: None)
    runtime = MagicMock(spec=Runtime)
    runtime.media_file_mgr = MediaFileManager(media)
    runtime.dataframe_source_mgr = DataframeSourceManager()
    runtime.cache_storage_manager = MemoryCacheStorageManager()
    runtime.bidi_component_registry = BidiComponentManager()
    monkeypatch.setattr(app_test, "Runtime", _PrivateRuntime)
    monkeypatch.setattr(Runtime, "_instance", runtime)
    with patch_config_options({"global.appTest": True}):
        yield
