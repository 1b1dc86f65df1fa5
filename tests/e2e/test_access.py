"""Who sees little, has a keyboard alone, or reads Chinese can use every tab."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from core.inversion import INVERSIONS
from core.models import MODELS
from core.samplers import SAMPLERS
from core.schedules import SCHEDULES, SPACINGS
from tests.e2e import Asked, player, run, set_steps, wait_for_status

TABS = {
    "en": ("Schedule", "Noise", "Sample", "Invert & edit", "Experiments", "Train"),
    "zh": ("噪声调度", "前向加噪", "采样", "反演与编辑", "实验", "训练"),
}
EACH_TAB = pytest.mark.parametrize("index", range(6), ids=TABS["en"])
LOCALES = {"en": "en-GB", "zh": "zh-CN"}


@pytest.fixture
def opened(open_page):
    """The page in a language and theme, at one of its tabs by number, without animations."""

    def open_it(language="en", theme="light", index=2):
        page = open_page(theme=theme, locale=LOCALES[language], reduced_motion="reduce")
        show_tab(page, TABS[language][index])
        return page

    return open_it


def show_tab(page, name):
    page.get_by_role("tab", name=name, exact=True).last.click()
    page.wait_for_selector(f"[role=tab][aria-selected=true]:has-text('{name}')")
    page.wait_for_selector(".player:visible .panel img:visible")
    page.wait_for_timeout(600)  # help and terms are marked after the rest stands


def open_all(page):
    """Unfold what is folded on the tab in view."""
    for button in page.locator(".label-wrap:not(.open)").locator("visible=true").all()[::-1]:
        button.click()
    page.wait_for_timeout(400)


def faults(page):
    """What axe finds serious or critical: rule, and where."""
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']} ({each['impact']}): {node['target']} {node['html'][:160]}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", TABS)
def test_axe_finds_nothing_serious(opened, language, theme):
    page = opened(language, theme)
    for name in TABS[language]:
        show_tab(page, name)
        open_all(page)
        assert not faults(page), name
    page.keyboard.press("?")
    expect(page.locator("dialog[open]")).to_be_visible()
    assert not faults(page)
    page.keyboard.press("Escape")
    page.locator("[data-act=glossary]").click()
    expect(page.locator(".glossary-panel")).to_be_visible()
    assert not faults(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_while_a_run_goes_on_or_fails(opened, theme):
    page = opened(theme=theme)
    set_steps(page, 1000)
    run(page)
    wait_for_status(page, "running")
    assert not faults(page)
    expect(player(page)).to_have_attribute("data-status", "running")
    page.get_by_role("button", name="Stop", exact=True).locator("visible=true").click()
    page.wait_for_selector(".player:is([data-status=stopped], [data-status=done]):visible")
    assert not faults(page)
    seed = page.get_by_label("Seed").and_(page.locator("input:visible")).first
    seed.fill("-5")
    seed.press("Tab")
    run(page)
    expect(page.locator(".toast-body").first).to_be_visible()
    expect(player(page)).to_have_attribute("data-stale", "true")
    assert not faults(page)


CONTROLS = """() => {
  const seen = (node) => node.checkVisibility({ visibilityProperty: true })
    && node.getClientRects().length;
  const all = document.querySelectorAll("input, textarea, select, button, a[href], summary,"
    + " [role=slider], [role=tab]");
  return [...all].filter((node) => seen(node) && !node.disabled && node.tabIndex >= 0
    && !node.closest("[inert], dialog, footer") && node.type !== "file").map(KEY);
}"""
KEY = """(node) => {
  // Of radio buttons, of the bar of tabs and of the thumbnails one at a time is a stop.
  if (node.type === "radio") return `radio ${node.name}`;
  if (node.getAttribute("role") === "tab") return "tab";
  if (node.closest(".filmstrip")) return "thumbnail";
  stepwise.numbered ??= new Map();
  if (!stepwise.numbered.has(node)) stepwise.numbered.set(node, stepwise.numbered.size);
  const name = node.getAttribute("aria-label") || node.textContent.trim() || node.placeholder;
  return `${stepwise.numbered.get(node)} ${node.tagName} ${node.className} ${name}`.slice(0, 90);
}"""
LOOKS = """(node) => {
  // What shows where the focus is: the looks of an element and of what is around it.
  const looks = [];
  for (let up = node, depth = 0; up && depth < 4; up = up.parentElement, depth += 1) {
    const { outline, boxShadow, borderColor, backgroundColor, transform } = getComputedStyle(up);
    looks.push(outline, boxShadow, borderColor, backgroundColor, transform);
  }
  return looks.join();
}"""
FOCUSED = """() => {
  const node = document.activeElement;
  if (!node || node === document.body) return null;
  const focused = (LOOKS)(node);
  node.blur();
  const marked = focused !== (LOOKS)(node);
  node.focus();
  return [(KEY)(node), marked];
}"""


def focused(page):
    return page.evaluate(FOCUSED.replace("KEY", KEY).replace("LOOKS", LOOKS))


@EACH_TAB
def test_the_keyboard_alone_reaches_every_control_and_shows_where_it_is(opened, index):
    page = opened(index=index)
    open_all(page)
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    page.mouse.click(2, 2)
    expected = set(page.evaluate(CONTROLS.replace("KEY", KEY)))
    assert len(expected) > 15
    reached, dark, outside = [], [], 0
    while outside < 3:  # outside of the page there are the browser's own stops
        page.keyboard.press("Tab")
        at = focused(page)
        if at is None:
            outside += 1
            continue
        if reached and at[0] == reached[0]:
            break
        assert len(reached) < 400
        reached.append(at[0])
        if not at[1]:
            dark.append(at[0])
    missed = expected - {*reached}
    assert not missed and not dark


def test_two_keys_lead_to_run_and_to_the_timeline(opened):
    page = opened()
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    page.mouse.click(2, 2)
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Skip to Run")).to_be_focused()
    expect(page.get_by_role("button", name="Skip to Run")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator(".run-button:visible")).to_be_focused()
    page.keyboard.press("Enter")
    wait_for_status(page, "done")
    page.get_by_role("button", name="Skip to the pictures").focus()
    page.keyboard.press("Enter")
    expect(player(page).locator(".track")).to_be_focused()


# What a Chinese page writes in Latin letters, too: names of people's and our things, and units.
LATIN = """
    Stepwise English Hugging Face Stable Diffusion MNIST OpenMoji API Esc Delete
    PSNR SSIM RMS dB SNR log-SNR log U-Net VAE CLIP PCA RGB DDIM DDPM DPM SDE ODE
    Euler Heun SDEdit EDICT BELM O-BELM Anderson Karras Picard Lin Prompt-to-prompt
    Ho Song Meng Geng Lugmayr RePaint
"""
NAMES = {
    *LATIN.split(),
    *(name for table in (MODELS, SAMPLERS, SCHEDULES, INVERSIONS, SPACINGS) for name in table),
}
READ = """() => {
  const seen = (node) => node.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode, parent = node.parentElement;
    if (parent.closest("script, style, noscript, footer, math, [lang]:not(html)")) continue;
    if (node.data.trim() && seen(parent)) found.push(node.data.trim());
  }
  for (const node of document.querySelectorAll("[aria-label], [title], [placeholder], img[alt]")) {
    if (!seen(node) || node.closest("footer")) continue;
    for (const name of ["aria-label", "title", "placeholder", "alt"]) {
      const text = node.getAttribute(name);
      if (text) found.push(`${text}`);
    }
  }
  for (const node of document.querySelectorAll("input, textarea")) {
    const reads = !["radio", "range", "checkbox"].includes(node.type);
    if (reads && seen(node) && node.value) found.push(node.value);
  }
  return [...new Set([document.title, ...found])];
}"""


def english(page):
    """Texts on the page, and their Latin words that are no names."""
    texts = page.evaluate(READ)
    assert len(texts) > 50
    words = {text: re.findall(r"[A-Za-z][A-Za-z_0-9-]*[A-Za-z]\w*", text) for text in texts}
    return {text: left for text, found in words.items() if (left := {*found} - NAMES)}


def english_left(page):
    """The same, once Gradio has laid out what came: its own words follow a moment later."""
    for _ in range(10):
        if not (left := english(page)):
            return {}
        page.wait_for_timeout(500)
    return left


def test_tabs_that_nobody_has_seen_change_their_language_too(open_page):
    page = open_page()
    names = page.locator("[role=tab]:visible")
    for button, language, visited in (("中文", "zh", 4), ("English", "en", 1)):
        page.get_by_role("button", name=button, exact=True).click()
        expect(names).to_have_text(TABS[language])
        names.nth(visited).click()
        page.wait_for_selector(".player:visible")
        expect(names).to_have_text(TABS[language])


@EACH_TAB
def test_no_english_is_left_on_the_chinese_page(opened, index):
    page = opened("zh", index=index)
    asked = Asked(page)
    open_all(page)
    assert not english(page)
    for mark in page.locator(".help-mark").locator("visible=true").all():
        mark.click()
    assert not english(page)
    radios, index = page.locator("input[type=radio]:visible"), 0
    while index < radios.count():
        if radios.nth(index).is_enabled():
            radios.nth(index).evaluate("node => node.click()")
            asked.settle()
            assert not english_left(page)
        index += 1
    assert index > 2


@pytest.mark.parametrize("index", [2, 3], ids=["Sample", "Invert & edit"])
def test_no_english_comes_with_a_chip(opened, index):
    page = opened("zh", index=index)
    for chip in page.locator(".chip:visible").all():
        chip.click()  # the run of the one before ends with this
        page.wait_for_timeout(1000)
        assert not english_left(page), chip.inner_text()
    settle(page)
    assert not english(page)


def settle(page):
    """Wait for the end of all runs that a chip starts one after the other."""
    page.wait_for_timeout(500)
    while True:
        wait_for_status(page, "done")
        page.wait_for_timeout(1500)
        if player(page).get_attribute("data-status") == "done":
            return
