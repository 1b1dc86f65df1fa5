"""What the menu "Save, share" of every player asks the server for."""

from __future__ import annotations

from collections.abc import Mapping

from demos.exports.code import Writer
from demos.ui.codes import codes
from demos.ui.exports import exporter
from demos.ui.recorded import Shared


def menu(shared: Shared, writers: Mapping[str, Writer]) -> None:
    """Links, films and tables, code by the event of a run; after all tabs were laid out."""
    shared.links.connect(shared.tabs)
    exporter()
    codes(writers)
