"""The glossary: complete, well formed, and it knows what the page says."""

import ast
import copy
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from core.bridge import BRIDGED
from core.inversion import INVERSIONS
from core.samplers import SAMPLERS
from core.schedules import SCHEDULES, SPACINGS
from demos.views.charts import QUANTITIES
from demos.words import glossary, table

ROOT = Path(__file__).resolve().parent.parent.parent
RAW = json.loads(glossary.FILE.read_text(encoding="utf-8"))
TERMS = glossary.glossary()["terms"]
MATHML = "{http://www.w3.org/1998/Math/MathML}"
OF_UI = """alpha-bar, SNR, eta, U-Net, VAE, PSNR, Markov chain, guidance, exact denoiser,
    model basic, memorisation, trailing spacing, residual, EDICT, log-SNR, posterior variance,
    sampler, seed, zero terminal SNR, closed form, latent space, token, cross attention, SDEdit,
    inversion"""
LETTER = r"[\w\u0300-\u036f]"  # with the hats and bars that stand over one
PLAIN = {"difference", "what if"}  # panels named in words that say what they are
CHOICES = ("exact", "basic", "posterior", "beta", "guidance split", "closed form", "σ̂")
ELSEWHERE = {"ddim_current": "ddim", "sdedit": "SDEdit", "anderson": "Anderson"}


def known(text, language="en"):
    """The entries whose names a text holds, or is."""
    found = set()
    for term in TERMS:
        for name in term["names"][language]:
            if name.startswith("="):
                hit = text.lower() == name[1:].lower()
            else:
                pattern = rf"(?<!{LETTER}){re.escape(name)}(?!{LETTER})"
                hit = re.search(pattern, text, re.IGNORECASE)
            if hit:
                found.add(term["id"])
    return found


def symbols():
    """The symbols of all panels, read from the source of the tabs."""
    for path in sorted((ROOT / "demos").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(ast.Name("Panel"), [ast.Constant(), ast.Constant(symbol), *_]):
                    yield symbol


def test_every_term_of_the_page_has_an_entry():
    assert len(TERMS) >= 75
    for term in re.split(r",\s+", OF_UI):
        assert known(term), term
    for word in (*SCHEDULES, *SPACINGS, *SAMPLERS, *BRIDGED, *INVERSIONS, *CHOICES):
        assert known(ELSEWHERE.get(word, word)) or known(word.replace("_", " ")), word


def test_every_symbol_of_panels_and_numbers_has_an_entry():
    panels = {str(symbol) for symbol in symbols()} - PLAIN
    assert {"xₜ", "x̂₀", "ε̂", "σ ε", "D(ẑ₀) − x"} <= panels
    english = table("en")
    numbers = {english[f"number.{name}.label"] for name in ("alpha", "sigma", "log_snr")}
    drawn = {english[f"quantity.option.{each}"] for each in QUANTITIES}
    for text in panels | numbers | drawn | {"measured σ", "network calls"}:
        for language in glossary.LANGUAGES if text in panels else ("en",):
            assert known(text, language), (text, language)


def test_every_formula_is_mathml_without_words():
    with_formula = [term for term in TERMS if term["formula"]]
    assert len(with_formula) > 60
    for term in with_formula:
        tree = ElementTree.fromstring(f"<all>{term['formula']}</all>")
        assert {(line.tag, line.get("display")) for line in tree} == {(f"{MATHML}math", "block")}
        said = "".join(tree.itertext())
        assert not re.search(r"\b(where|the|of|and|is)\b", said), term["id"]


def test_no_formula_has_a_letter_that_nobody_explains():
    """The helpers tau, kappa, y and h stand in several formulas: each says what they are."""
    for term in RAW["terms"]:
        formula, said = term.get("formula", ""), term["paragraph"]["en"]
        for letter, defined in ((r"\tau", r"\tau ="), (r"\kappa_", r"\kappa =")):
            assert letter not in formula or defined in formula, (term["id"], letter)
        if re.search(r"(?<![a-zA-Z\\{])h(?![a-zA-Z])", formula):
            assert re.search(r"\bh\b", said), term["id"]


def test_sources_can_be_followed():
    for term in TERMS:
        source = term["source"]
        assert re.match(r"https://[\w.-]+/", source["url"]), source["url"]
        assert 1950 < source["year"] < 2030
        where = source["where"]
        assert bool(where["en"]) == bool(where["zh"])
        assert not re.search("[a-z]{3}", where["zh"]), where


def test_both_languages_say_it_in_full():
    han = re.compile("[\u4e00-\u9fff]")
    for term in TERMS:
        for field in ("line", "paragraph"):
            english, chinese = term[field]["en"], term[field]["zh"]
            assert english.endswith((".", "!")) and chinese.endswith("。"), term["id"]
            assert not han.search(english) and han.search(chinese), term["id"]
            assert not re.search(r"[\u4e00-\u9fff] ?[,;:]", chinese), term["id"]  # full width
        assert len(term["line"]["en"]) <= 140 and len(term["line"]["zh"]) <= 60, term["id"]
        assert term["paragraph"]["en"] != term["line"]["en"]


def test_what_the_page_reads_cannot_end_its_element():
    text = glossary.as_script()
    assert text.count("<") == 2  # it opens and it ends
    body = re.fullmatch(r"<script [^>]*>(.*)</script>\n", text, re.DOTALL)
    assert body and json.loads(body[1]) == glossary.glossary()


def spoil(raw, path, value):
    *way, last = path
    for key in way:
        raw = raw[key]
    if value is None:
        del raw[last]
    else:
        raw[last] = value


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("terms", 0, "line"), None, "x_t: missing"),
        (("terms", 0, "linne"), {}, "not known ['linne']"),
        (("terms", 0, "line", "zh"), None, "line must be in en, zh"),
        (("terms", 0, "paragraph", "zh"), "", "paragraph (zh) must be a str"),
        (("terms", 0, "names", "en"), [""], "names (en) must be a list"),
        (("terms", 0, "names", "en"), ["snr"], "snr: the name 'snr' (en) is x_t's"),
        (("terms", 0, "id"), "snr", "two entries have this id"),
        (("terms", 0, "formula"), r"\frobnicate x", r"a command that is not known: \frobnicate"),
        (("terms", 0, "formula"), r"\frac{1}{", "cannot be read"),
        (("terms", 0, "where"), "page 3", "x_t: 'page 3' must be one of equation"),
        (("terms", 0, "source"), "nobody", "the source 'nobody' is not listed"),
        (("sources", "ho2020", "url"), "http://a.b", "must begin with https://"),
        (("sources", "ho2020", "year"), "2020", "year must be int"),
        (("sources", "spare"), {**RAW["sources"]["ho2020"]}, "no entry has this source"),
        (("page", "close"), None, "its texts are"),
    ],
)
def test_a_faulty_entry_is_named(path, value, said):
    raw = copy.deepcopy(RAW)
    glossary.check(raw)
    spoil(raw, path, value)
    with pytest.raises(ValueError, match=re.escape(said)):
        glossary.check(raw)
