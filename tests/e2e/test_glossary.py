"""The glossary in a browser, on a page of its own: no server, no Gradio."""

import re
from pathlib import Path

import pytest

from demos.words.glossary import as_script, glossary

UI = Path(__file__).resolve().parent.parent.parent / "assets" / "ui"
TERMS = {term["id"]: term for term in glossary()["terms"]}
BODY = """
<p class="lead">Noise hides the picture; the <b>SNR</b> falls. A second SNR is not marked,
  and don't mark don’t; log-SNR is another term.</p>
<div class="panel"><figcaption><span class="symbol">x̂₀</span> predicted clean picture
  </figcaption></div>
<p class="sentence"><span class="sentence-text">Step 1 of 50: guidance 2, at t = 332.</span></p>
<dl class="facts"><dt>signal α</dt><dd>0.53</dd></dl>
<div class="plain">SNR is not ours to mark here.</div>
<button data-say='["run", {}]'>sampler</button>
<svg class="chart" role="img" aria-label="chart" width="300" height="40">
  <text x="9" y="20" data-say='["c", {}]'>linear</text></svg>
<label><span data-testid="block-info">Guidance</span><input id="field"></label>
<p data-say='["zh", {}]' id="both">the mean</p>
"""
LINE = "#stepwise-glossary-line"
PANEL = ".glossary-panel"


@pytest.fixture
def show(browser):
    """Opens the page; fails the test for any error in it."""
    context = browser.new_context(viewport={"width": 1100, "height": 700})
    page, errors = context.new_page(), []
    page.set_default_timeout(20_000)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)

    def open_it(theme=""):
        style = (UI / "css" / "glossary.css").read_text(encoding="utf-8")
        names = ("stage", "terms", "marks", "glossary")  # the stage for its `make`
        scripts = [(UI / "js" / f"{name}.js").read_text(encoding="utf-8") for name in names]
        page.set_content(
            f'<!doctype html><html lang="en"><head><style>{style}'
            "body { font: 16px sans-serif } body.dark { background: #0b0f19; color: #eee }"
            f'</style>{as_script()}</head><body class="{theme}">{BODY}'
            f"<script>stepwise = {{}}; {''.join(scripts)}</script></body></html>"
        )
        return page

    yield open_it
    context.close()
    assert not errors, errors


def term(page, name, within=""):
    return page.locator(f"{within} .term[data-term={name}]")


def speak(page, language, **texts):
    """Choose a language as the page does: texts are filled anew, then the event."""
    page.evaluate(
        """([language, texts]) => {
            stepwise.words = { language };
            for (const [id, text] of Object.entries(texts)) {
                document.getElementById(id).textContent = text;
            }
            document.dispatchEvent(new CustomEvent("stepwise:language", { detail: { language } }));
        }""",
        [language, texts],
    )


def test_first_occurrences_in_our_own_text_are_marked(show):
    page = show()
    assert term(page, "snr", ".lead").count() == 1
    assert term(page, "snr", ".lead b").count() == 1
    assert term(page, "log_snr", ".lead").text_content() == "log-SNR"
    assert term(page, "timestep", ".lead").count() == 0
    assert term(page, "timestep", ".sentence").text_content() == "t"
    assert page.locator("figcaption .term").all_text_contents() == ["x̂₀"]
    assert page.locator(".facts .term").all_text_contents() == ["α"]
    assert page.locator(":is(.plain, button) .term").count() == 0
    assert "A second SNR is not marked" in page.locator(".lead").text_content()


def test_a_chart_is_marked_without_stops_in_its_picture(show):
    tspan = term(show(), "linear", ".chart text")
    assert tspan.text_content() == "linear"
    assert tspan.get_attribute("tabindex") is None  # the svg is one picture to a screen reader


def test_hover_says_one_line_that_can_be_reached(show):
    page = show()
    mark, line = term(page, "snr"), page.locator(LINE)
    mark.hover()
    assert line.get_attribute("role") == "tooltip"
    assert line.text_content() == TERMS["snr"]["line"]["en"]
    assert mark.get_attribute("aria-describedby") == line.get_attribute("id")
    line.hover()
    page.wait_for_timeout(500)  # longer than the way across may take
    assert line.is_visible()
    page.keyboard.press("Escape")
    assert not line.is_visible()
    mark.hover()
    page.mouse.move(900, 600)
    line.wait_for(state="hidden")
    assert mark.get_attribute("aria-describedby") is None


def test_the_keyboard_reaches_line_and_entry_and_comes_back(show):
    page = show()
    page.evaluate(
        "window.heard = []; document.addEventListener('keydown', (e) => heard.push(e.key))"
    )
    page.keyboard.press("Tab")
    focused = page.evaluate("document.activeElement.dataset.term")
    assert focused and page.locator(LINE).text_content() == TERMS[focused]["line"]["en"]
    page.keyboard.press("Escape")
    assert not page.locator(LINE).is_visible()
    page.keyboard.press("Enter")
    panel = page.locator(PANEL)
    assert panel.is_visible() and panel.get_attribute("role") == "dialog"
    assert page.evaluate(f"document.querySelector('{PANEL}').contains(document.activeElement)")
    page.keyboard.press("Escape")
    assert not panel.is_visible()
    assert page.evaluate("document.activeElement.dataset.term") == focused
    page.keyboard.press("Escape")  # now it is the page's again
    assert page.evaluate("heard.filter((key) => key === 'Escape').length") == 1
    assert "Enter" not in page.evaluate("heard")


def test_g_opens_the_list_unless_a_field_reads_it(show):
    page = show()
    page.evaluate(
        "window.heard = []; document.addEventListener('keydown', (e) => heard.push(e.key))"
    )
    panel = page.locator(PANEL)
    page.locator("#field").focus()
    page.keyboard.press("g")
    assert panel.count() == 0 and page.locator("#field").input_value() == "g"
    page.locator("#field").blur()
    page.keyboard.press("g")
    search = panel.get_by_role("searchbox")
    assert search.evaluate("(node) => node === document.activeElement")
    page.keyboard.type("gauss")  # its own field reads letters, too
    assert panel.locator("li button").first.text_content() == "Gaussian noise"
    panel.locator("li button").first.click()
    page.evaluate("heard.length = 0")
    for key in (" ", "ArrowRight", "End", "r"):  # no key of the player while the panel has focus
        page.keyboard.press(key)
    assert page.evaluate("heard") == []
    page.keyboard.press("g")
    assert not panel.is_visible()


def test_an_entry_has_paragraph_formula_and_source(show):
    page = show()
    term(page, "x_0_hat").click()
    panel, entry = page.locator(PANEL), TERMS["x_0_hat"]
    assert panel.locator("h2").text_content() == "x̂₀"
    assert panel.locator("p.glossed").text_content() == entry["paragraph"]["en"]
    box = panel.locator("math").first.bounding_box()
    assert box["width"] > 60 and box["height"] > 30  # a fraction, drawn
    link = panel.locator(".glossary-source a")
    assert link.get_attribute("href") == entry["source"]["url"]
    assert "noopener" in link.get_attribute("rel")
    assert panel.locator(".term[data-term=x_0_hat]").count() == 0  # it does not point at itself
    panel.locator(".term[data-term=eps_hat]").click()
    assert panel.locator("h2").text_content() == "ε̂"


def test_every_entry_can_be_drawn_in_both_languages(show):
    page = show()
    for language in ("en", "zh"):
        speak(page, language)
        for name, entry in TERMS.items():
            page.evaluate("(name) => stepwise.glossary.open(name)", name)
            panel = page.locator(PANEL)
            assert panel.locator(".glossary-first").text_content() == entry["line"][language]
            wide = panel.evaluate("(node) => node.scrollWidth - node.clientWidth")
            assert wide <= 0, (name, language)  # a long formula scrolls in its own box


def test_the_list_is_searched(show):
    page = show()
    page.evaluate("stepwise.glossary.open()")
    panel = page.locator(PANEL)
    assert panel.locator("li").count() == len(TERMS)
    search = panel.get_by_role("searchbox")
    assert search.evaluate("(node) => node === document.activeElement")
    search.fill("anderson")
    assert panel.locator("li button").all_text_contents() == ["Anderson acceleration"]
    search.fill("信噪比")  # names of every language
    assert "SNR" in panel.locator("li button").all_text_contents()
    search.fill("qqq")
    assert panel.locator("li").count() == 0 and "No term" in panel.inner_text()
    for typed, title in (("xt", "xₜ"), ("x_0", "x₀"), ("Epsilon", "ε"), ("timeline", "timeline")):
        search.fill(typed)  # as a keyboard has it
        assert panel.locator("li button").first.text_content() == title
    search.fill("guidance")
    assert panel.locator("li button").first.text_content() == "classifier-free guidance"
    search.fill("")
    assert "x̂₀" in panel.locator("li button").all_text_contents()[:15]  # symbols come first
    search.fill("edict")
    panel.locator("li button").first.click()
    assert panel.locator("h2").text_content() == "EDICT"


def test_it_follows_the_language(show):
    page = show()
    term(page, "snr").hover()
    speak(page, "zh", both="精确解与采样器，信噪比为1")
    assert not page.locator(LINE).is_visible()
    assert page.locator("#both .term").all_text_contents() == ["精确解", "采样器", "信噪比"]
    term(page, "snr", "#both").hover()
    assert page.locator(LINE).text_content() == TERMS["snr"]["line"]["zh"]
    page.evaluate("stepwise.glossary.open('snr')")
    assert "出处" in page.locator(PANEL).inner_text()
    speak(page, "en", both="the mean")
    assert "Source" in page.locator(PANEL).inner_text()
    assert term(page, "guidance", ".sentence").count() == 1


def test_a_playing_run_is_marked_in_every_frame_and_keeps_focus_and_line(show):
    page = show()
    term(page, "guidance", ".sentence").focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")  # focus by the keyboard
    assert page.locator(LINE).is_visible()
    page.evaluate(
        """async () => {
            let changes = 0;
            new MutationObserver((records) => { changes += records.length; })
                .observe(document.body, { childList: true, characterData: true, subtree: true });
            for (let i = 1; i <= 30; i++) {
                document.querySelector(".sentence-text").textContent =
                    `Step ${i} of 50: guidance 2, at t = ${332 - i}.`;
                await new Promise(requestAnimationFrame);
            }
            await new Promise((done) => setTimeout(done, 300));
            window.changes = changes;
        }"""
    )
    assert page.evaluate("changes") < 30 * 20  # no endless loop
    assert page.locator(".sentence .term").all_text_contents() == ["guidance", "t"]
    assert page.evaluate("document.activeElement.dataset.term") == "guidance"
    assert page.locator(LINE).is_visible()
    page.evaluate("document.querySelector('.sentence-text').textContent = 'Done.'")
    page.locator(LINE).wait_for(state="hidden")


def test_gradios_labels_keep_their_text_nodes(show):
    page = show()
    label = page.locator("[data-testid=block-info]")
    assert label.get_attribute("data-term") == "guidance"
    assert label.evaluate("(node) => node.childNodes.length") == 1
    label.hover()
    assert page.locator(LINE).text_content() == TERMS["guidance"]["line"]["en"]
    page.locator(LINE).click()
    assert page.locator(f"{PANEL} h2").text_content() == "classifier-free guidance"
    label.evaluate("(node) => { node.firstChild.data = 'Seed'; }")  # as Svelte does
    assert label.get_attribute("data-term") == "seed"
    label.evaluate("(node) => { node.firstChild.data = 'Frames'; }")
    assert label.get_attribute("data-term") is None


def luminance(colour):
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    parts = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(page, selector):
    """Of a text against the nearest filled background behind it."""
    ink, paper = page.locator(selector).first.evaluate(
        """(node) => {
            const ink = getComputedStyle(node).color;
            const fill = (each) => getComputedStyle(each).backgroundColor;
            const clear = (each) => fill(each) === "rgba(0, 0, 0, 0)";
            while (node.parentElement && clear(node)) node = node.parentElement;
            return [ink, fill(node)];
        }"""
    )
    light, dark = sorted((luminance(ink), luminance(paper)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["", "dark"])
def test_contrast(show, theme):
    page = show(theme)
    term(page, "snr").hover()
    assert contrast(page, LINE) >= 7
    page.evaluate("stepwise.glossary.open('snr')")
    for part in ("h2", ".glossed", ".glossary-source", ".glossary-source a", "math", "button"):
        assert contrast(page, f"{PANEL} {part}") >= 4.5, part
    page.evaluate("stepwise.glossary.open()")
    for part in ("input", ".glossary-count", "li button", "li span"):
        assert contrast(page, f"{PANEL} {part}") >= 4.5, part
