"""README and CONTRIBUTING, and the snippets in them."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = {name: (ROOT / name).read_text("utf-8") for name in ("README.md", "CONTRIBUTING.md")}
SERVER_MARK = "<!-- needs a running server -->\n"


def snippet(document, heading):
    """The Python snippet under a heading, and whether it is marked as needing a server."""
    text = DOCUMENTS[document]
    section = text[text.index(f"\n## {heading}\n") + 1 :]
    section = section[: end if (end := section.find("\n## ")) > 0 else None]
    found = re.findall(rf"({re.escape(SERVER_MARK)})?```python\n(.*?)```", section, re.DOTALL)
    assert len(found) == 1, f"{heading}: {len(found)} Python snippets"
    mark, code = found[0]
    assert len(code.splitlines()) <= 10, f"{heading}: more than ten lines"
    return code, bool(mark)


def run(code, **names):
    exec(compile(code, "snippet", "exec"), names)
    return names
