"""A class in browsers: the door, the teacher's page, and a run that the teacher offers."""

import pytest
from playwright.sync_api import expect

from tests.attacks import serving
from tests.e2e import player, wait_for_status

WORD = "blume"


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """The address of a class, and that of its teacher's page."""
    flags = ("--host", "127.0.0.1", "--code", WORD)
    with serving(tmp_path_factory.mktemp("room"), *flags) as server:
        _, key = server.printed()
        yield server.address, f"{server.address}/teacher?key={key}"


@pytest.fixture
def visit(browser):
    """Opens an address in a browser of its own."""
    contexts = []

    def opened(at, **options):
        contexts.append(browser.new_context(**options))
        contexts[-1].set_default_timeout(90_000)
        page = contexts[-1].new_page()
        page.goto(at, wait_until="domcontentloaded")
        return page

    yield opened
    for context in contexts:
        context.close()


def test_a_learner_enters_and_opens_what_the_teacher_offers(visit, room):
    address, teachers = room
    learner, teacher = visit(f"{address}/?tab=noise"), visit(teachers)
    word = learner.get_by_label("Word of the class")
    word.fill("Baum")
    word.press("Enter")
    expect(learner.get_by_role("alert")).to_contain_text("not the word of the class")
    learner.get_by_label("Word of the class").fill(WORD)
    learner.keyboard.press("Enter")
    learner.wait_for_selector(".player:visible")
    expect(teacher.locator("#learners")).to_have_text("1")
    teacher.get_by_label("A link that").fill("nothing")
    teacher.get_by_role("button", name="Offer it to the class").click()
    expect(teacher.get_by_role("alert")).to_contain_text("has a ? and settings")
    teacher.get_by_label("A link that").fill(f"{address}/?tab=sample&model=digits&steps=3&label=5")
    teacher.keyboard.press("Enter")
    expect(teacher.locator("#offered")).to_contain_text("tab=sample")
    offer = learner.locator(".offer")
    expect(offer).to_contain_text("Your teacher offers a run: Sample.")
    learner.evaluate("stepwise.words.choose('zh')")
    expect(offer).to_contain_text("老师分享了一次运行：采样。")
    offer.get_by_role("link", name="打开").click()
    wait_for_status(learner, "done")
    assert "steps=3" in learner.url
    expect(player(learner).locator(".frame-count")).to_contain_text("4")
    expect(learner.locator(".offer")).to_have_count(0)
    teacher.get_by_role("button", name="Take it back").click()
    expect(teacher.locator("#none")).to_be_visible()


def test_an_offer_can_be_put_off_and_goes_when_it_is_taken_back(visit, room):
    address, teachers = room
    learner, teacher = visit(f"{address}/?code={WORD}"), visit(teachers, locale="zh-CN")
    learner.wait_for_selector(".player:visible")
    link, offered = teacher.get_by_label("“复制链接”得到的链接"), learner.locator(".offer")
    link.fill("?tab=schedule")
    teacher.get_by_role("button", name="分享给全班").click()
    expect(offered).to_contain_text("Schedule")
    offered.get_by_role("button", name="Not now").click()
    expect(offered).to_have_count(0)
    link.fill("?tab=train")
    teacher.keyboard.press("Enter")
    expect(offered).to_contain_text("Train")
    teacher.get_by_role("button", name="撤回").click()
    expect(offered).to_have_count(0)
