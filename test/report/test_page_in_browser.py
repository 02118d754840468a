"""The page in a real browser: nothing fails, nothing leaves the file; it sorts, plays, switches, fits a phone."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
from helpers import browser as chromium
from helpers.trial_scores import write_metrics

from toolkit.bin.report import main
from toolkit.report import blocks
from toolkit.report.html import to_html
from toolkit.report.listening import Column, Row, spectrogram, write_listening

ODD = "<script>window.ran=1</script>\"'><img src=x onerror=window.ran=1>&lt;"
FS, SECONDS = 8000, 20
SI_SDR = {"u1": 5.0, "u2": -3.0, ODD: 12.5, "u4": None}
LEVEL = 4.5  # contrast of text and background that WCAG 2.1 asks for


@pytest.fixture(scope="module")
def browser():
    driver = chromium.open_browser()
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page of two experiments with noise and examples."""
    root = tmp_path_factory.mktemp("pages")
    ours, other = root / "exp/ours <b>'", root / "exp/other"
    for path, shift in ((ours, 0), (other, 2)):
        write_metrics(path, "test", "clean", None, 2.0 + shift)
        for noise, snr, eer in (("babble", 0, 9.0), ("babble", 10, 5.5), ("<i>rain</i>", 0, 7.25)):
            write_metrics(path, f"test_{len(noise)}_{snr}", noise, snr, eer + shift)
        log = [{"kind": kind, "epoch": n, "loss": 3.0 / n} for n in (1, 2) for kind in ("train", "valid")]
        (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log))
    (ours / "train_info.json").write_text('{"seed": 3, "steps": 10}')
    write_examples(ours / "listening")
    main(["--expdir", str(ours), "--compare", str(other)])
    return ours / "report.html"


def write_examples(folder):
    t = np.arange(FS * SECONDS) / FS
    sounds = [0.1 * np.sin(2 * np.pi * hz * t) for hz in (200, 300, 400)]
    columns = [Column(f"{name} {ODD}"[:20], x, spectrogram(x, FS)) for name, x in zip("abc", sounds, strict=True)]
    rows = [
        Row(key, {"SI-SDR": f"{value} {ODD}"}, {"si_sdr": np.nan if value is None else value}, columns)
        for key, value in SI_SDR.items()
    ]
    write_listening(folder, rows, FS, np.fft.rfftfreq(256, 1 / FS), 0.01, ODD)


@pytest.fixture
def opened(browser, page):
    chromium.resize(browser, 1280)
    browser.get(page.as_uri())
    return browser


def find(driver, selector):
    return driver.find_element("css selector", selector)


def all_of(driver, selector):
    return driver.find_elements("css selector", selector)


def press(driver, keys):
    driver.switch_to.active_element.send_keys(keys)


def until(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.02)


def test_nothing_fails_and_nothing_leaves_the_file(browser, page):
    chromium.faults(browser)
    chromium.requests(browser)
    for width in (1280, 390):
        chromium.resize(browser, width)
        browser.get(page.as_uri())
        browser.execute_script("document.querySelectorAll('details').forEach(one => one.open = true)")
        until(lambda: all_of(browser, ".chart polyline"))
        assert chromium.faults(browser) == []
        assert set(chromium.requests(browser)) == {page.as_uri()}


def test_it_fits_a_phone(browser, page):
    chromium.resize(browser, 390)
    browser.get(page.as_uri())
    browser.execute_script("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert browser.execute_script("return document.documentElement.scrollWidth") == 390
    widths = browser.execute_script(
        "return [...document.querySelectorAll('table')].map(t => [t.scrollWidth, t.parentNode.clientWidth])"
    )
    assert max(width for width, _ in widths) > 390  # these scroll inside
    assert max(inside for _, inside in widths) <= 390


def test_text_is_never_run(opened):
    assert opened.execute_script("return window.ran") is None
    assert ODD in [one.text for one in all_of(opened, ".example h3")]
    assert "<i>rain</i>" in [one.text for one in all_of(opened, "[role=rowheader]")]
    assert "ours <b>'" in find(opened, "h1").text
    assert not all_of(opened, "main i:not(.keys i), main b b, main script")


def test_text_of_every_block_is_never_run(browser, tmp_path):
    axis = blocks.Axis(ODD, 0.0, 1.0, [(0.5, ODD)])
    line = blocks.Line(ODD, [(0.5, 0.5)], [ODD])
    pairs = [("substitution", ODD, ODD), ("deletion", ODD, "")]
    every = [
        blocks.Card(ODD, ODD, ODD, ODD, ODD),
        blocks.HeatMap(ODD, [ODD], [(ODD, [blocks.Cell(ODD, ODD, 1.0)])]),
        blocks.Chart(ODD, axis, axis, [line]),
        blocks.Sides(ODD, {ODD: [ODD], f"{ODD}2": []}),
        blocks.Alignment(ODD, {ODD: ODD}, {ODD: pairs}),
    ]
    (tmp_path / "page.html").write_text(to_html(blocks.Page(ODD, ODD, ODD, [blocks.Section(ODD, [ODD])], every)))
    browser.get((tmp_path / "page.html").as_uri())
    for cell in all_of(browser, "[role=cell][data-tip], .chart [tabindex]"):
        cell.send_keys("\ue014")  # right arrow
        assert ODD in find(browser, ".tip").get_property("textContent")
    assert browser.execute_script("return window.ran") is None
    assert chromium.faults(browser) == []
    assert len(all_of(browser, "script")) == 1
    assert all_of(browser, "img") == []


def test_a_cell_tells_its_interval_to_pointer_and_keyboard(opened):
    first = find(opened, ".heat_map")
    rows = [row.text.split("\n") for row in first.find_elements("css selector", "[role=row]")][1:]
    assert rows == [["clean", "2.00"], ["<i>rain</i>", "7.25"], ["babble", "9.00", "5.50"]]
    cell = first.find_elements("css selector", "[role=cell][tabindex]")[-1]
    opened.execute_script("arguments[0].focus()", cell)
    assert find(opened, ".tip").text == "babble, 10 dB: EER 5.50 % [4.50, 6.50]"
    press(opened, "\ue00c")  # escape
    assert not find(opened, ".tip").is_displayed()


def test_the_difference_of_two_experiments(opened):
    maps = all_of(opened, ".side .heat_map")
    assert [one.find_element("css selector", "figcaption").text for one in maps[:2]] == ["ours <b>'", "other"]
    cells = [[cell.text for cell in one.find_elements("css selector", "[role=cell][tabindex]")] for one in maps]
    assert cells == [["2.00", "7.25", "9.00", "5.50"], ["4.00", "9.25", "11.00", "7.50"]]


def test_the_arrow_keys_read_a_curve(opened):
    chart = find(opened, ".chart [tabindex]")
    opened.execute_script("arguments[0].focus()", chart)
    heard = []
    for _ in range(3):
        press(opened, "\ue014")
        heard.append(find(opened, ".tip").text.partition(": ")[2])
    # det of the fixture: (0.2, 0.05) and (0.05, 0.2); the EER of clean is 2 %
    assert heard == ["EER 2.00 % [1.00, 3.00]", "miss 20 %, false alarm 5 %", "miss 5 %, false alarm 20 %"]
    before = len(all_of(opened, ".chart polyline"))
    find(opened, ".chart .keys button").click()
    assert len(all_of(opened, ".chart polyline")) == before - 1


def order(driver):
    return [one.text for one in all_of(driver, ".example h3")]


def test_examples_are_sorted(opened):
    assert order(opened) == list(SI_SDR)
    worst, best = all_of(opened, ".examples > .tools button")
    worst.click()
    assert order(opened) == ["u2", "u1", ODD, "u4"]  # higher is better; what has no value comes last
    best.click()
    assert order(opened) == [ODD, "u1", "u2", "u4"]
    find(opened, ".examples select option").click()
    assert order(opened) == list(SI_SDR)


def click(driver, button):
    """Not by the pointer: sounds go on while a busy machine moves it."""
    driver.execute_script("arguments[0].click()", button)


_HEADS = "return [...arguments[0].querySelectorAll('.head')].map((head) => getComputedStyle(head).left)"
_CLICK_AND_READ = "arguments[0].click(); return [arguments[1].currentTime, arguments[2].currentTime]"


def positions(article):
    sounds = article.find_elements("css selector", "audio")
    return [(sound.get_property("paused"), sound.get_property("currentTime")) for sound in sounds]


def test_signals_share_a_position(opened):
    article = all_of(opened, ".example")[1]
    play, first, second, third = article.find_elements("css selector", ".tools button")
    click(opened, play)
    until(lambda: positions(article)[0][1] > 0.3)
    before, now = opened.execute_script(_CLICK_AND_READ, second, *all_of(article, "audio")[:2])  # in one moment
    assert now == pytest.approx(before, abs=0.01)
    assert positions(article)[0][0]
    until(lambda: positions(article)[1][1] > before + 0.2)
    click(opened, play)
    at = positions(article)[1][1]
    click(opened, third)
    assert positions(article)[2] == (True, pytest.approx(at, abs=0.01))
    click(opened, first)
    assert positions(article)[0] == (True, pytest.approx(at, abs=0.01))
    assert len(opened.execute_script(_HEADS, article)) == 3
    until(
        lambda: len(set(opened.execute_script(_HEADS, article))) == 1
    )  # in one moment: the end of a seek moves them all
    click(opened, play)
    until(lambda: positions(article)[0][1] > at + 0.2)


def test_keys_play_switch_move_and_go_on(opened):
    article, following = all_of(opened, ".example")[:2]
    opened.execute_script("arguments[0].focus()", article)
    press(opened, "\ue014")
    press(opened, "\ue014")
    press(opened, "3")
    assert positions(article)[2] == (True, pytest.approx(2.0, abs=0.01))
    press(opened, "\ue012")
    assert positions(article)[2][1] == pytest.approx(1.0, abs=0.01)
    press(opened, " ")
    until(lambda: positions(article)[2][1] > 1.1)
    press(opened, "j")
    assert opened.switch_to.active_element == following
    press(opened, " ")
    until(lambda: not positions(following)[0][0])
    until(lambda: positions(article)[2][0])  # one sound at a time


def test_a_click_on_a_spectrogram_goes_there(opened):
    picture = find(opened, ".example .picture")
    axis = json.loads(find(opened, ".example figure").get_attribute("data-axis"))
    assert axis["seconds"] == pytest.approx(SECONDS, abs=0.05)
    box = picture.rect
    at = axis["start"] + 0.5 * (axis["end"] - axis["start"])
    opened.execute_script(
        "arguments[0].dispatchEvent(new MouseEvent('click', {bubbles: true,"
        " clientX: arguments[0].getBoundingClientRect().left + arguments[1]}))",
        *(picture, at * box["width"]),
    )
    assert find(opened, ".example audio").get_property("currentTime") == pytest.approx(SECONDS / 2, abs=0.15)  # a pixel


_PAINT = """
const canvas = new OffscreenCanvas(1, 1), brush = canvas.getContext("2d", {willReadFrequently: true});
const pixel = (colours) => {
  for (const colour of colours) { brush.fillStyle = colour; brush.fillRect(0, 0, 1, 1); }
  return [...brush.getImageData(0, 0, 1, 1).data].slice(0, 3);
};
const out = [];
for (const element of document.querySelectorAll("body *")) {
  const text = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  if (!text || !element.checkVisibility() || element.closest("svg, option")) continue;
  const grounds = [];
  for (let on = element; on; on = on.parentElement) grounds.unshift(getComputedStyle(on).backgroundColor);
  out.push([element.textContent.trim().slice(0, 40), pixel([getComputedStyle(element).color]), pixel(grounds)]);
}
return out;
"""


def luminance(rgb):
    parts = [x / 255 for x in rgb]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_light_dark_and_contrast(opened):
    grounds = []
    opened.execute_script("document.querySelectorAll('details').forEach(one => one.open = true)")
    for _ in range(2):
        painted = opened.execute_script(_PAINT)
        assert len(painted) > 100
        for text, ink, ground in painted:
            dark, light = sorted((luminance(ink), luminance(ground)))
            assert (light + 0.05) / (dark + 0.05) >= LEVEL, (text, ink, ground)
        grounds.append(luminance(opened.execute_script(_PAINT)[0][2]))
        find(opened, ".theme").click()
    assert max(grounds) > 0.8
    assert min(grounds) < 0.05


def test_the_page_is_small(page):
    assert page.stat().st_size < 3_000_000
    assert Path(page).read_text().count("<script") == 1
