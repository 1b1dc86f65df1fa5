"""What the browser tests do on every page."""


def player(page):
    return page.locator(".player:visible")


def run(page):
    page.locator(".run-button:visible").click()


def invert(page):
    """Start the inversion and reconstruction of the last tab alone."""
    page.get_by_role("button", name="Invert", exact=True).locator("visible=true").click()


def wait_for_status(page, status):
    page.wait_for_selector(f".player[data-status={status}]:visible")


def stop_after(page, count):
    """Stop the run on the stage once it has more than so many frames; returns how many."""
    page.wait_for_function(
        "(count) => [...document.querySelectorAll('.player[data-status=running] .frame-count')]"
        ".some(e => e.offsetParent && parseInt(e.textContent.split(' ')[1]) > count)",
        arg=count,
    )
    page.keyboard.press("Escape")
    wait_for_status(page, "stopped")
    return frame_number(page)


def frame_number(page):
    text = player(page).locator(".frame-count").inner_text()
    return int(text.split()[1])


class Asked:
    """Whether the page waits for the server; to be made before the page asks for anything."""

    def __init__(self, page):
        self.page, self.open = page, set()
        page.on("request", self._sent)
        for end in ("requestfinished", "requestfailed"):
            page.on(end, self._ended)

    def _sent(self, request):
        if "/gradio_api/queue/" in request.url:
            self.open.add(request)

    def _ended(self, request):
        self.open.discard(request)

    def settle(self):
        """Wait until nothing has been awaited for a moment."""
        quiet = 0
        while quiet < 3:
            self.page.wait_for_timeout(50)
            quiet = 0 if self.open else quiet + 1


def set_steps(page, steps):
    field = page.get_by_label("Steps", exact=False).and_(
        page.locator("input[type=number]:visible")
    )
    field.first.fill(str(steps))
    field.first.press("Tab")


def compare(page, *counts):
    """Compare runs of so many steps, by x_t and step by step; the last one is on the stage."""
    for count in counts:
        set_steps(page, count)
        run(page)
        wait_for_status(page, "done")
        if count != counts[-1]:
            player(page).locator(".pin").click()
    player(page).get_by_label("aligned by").select_option("step")
    player(page).locator(".which").select_option("x_t")


def unfold(page, title):
    """Open what looks closer at the run; the section stays found in any language."""
    titles = page.locator(".closer:visible .label-wrap").all_inner_texts()
    place = next(k for k, text in enumerate(titles) if title in text)
    closer = page.locator(".closer:visible").nth(place)
    closer.locator(".label-wrap").click()
    return closer
