# SPDX-License-Identifier: Apache-2.0
"""A run that is to become a page when it is over."""

from __future__ import annotations

import os
import shutil
import tempfile

from mobula._trace import page, read


class Recording:
    """Where a run is recorded, and what becomes of that."""

    def __init__(self, trace: str, html: str, title: str, *, folder: bool = False) -> None:
        """Finds a place for the trace: the user's own, or a temporary one for the page only.

        Raises:
            ValueError: The page cannot be written.
        """
        self._html = html
        self._title = title
        self._temporary = ""
        self.path = trace
        if not html:
            return
        try:
            # Before a run of an hour, not after it.
            with open(html, "w"):
                pass
        except OSError as error:
            raise ValueError(f"cannot write the page to {html}: {error.strerror}") from error
        if not trace:
            self._temporary = tempfile.mkdtemp(prefix="mobula-trace-")
            self.path = self._temporary if folder else os.path.join(self._temporary, "run.jsonl")

    def finish(self) -> None:
        """Writes the page, if one is wanted, and removes what was temporary."""
        if self._html:
            page.write(read.load(self.path), self._html, self._title)
        if self._temporary:
            shutil.rmtree(self._temporary, ignore_errors=True)
