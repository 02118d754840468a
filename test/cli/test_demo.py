"""The demo in a real browser, with tiny systems: what the verbs make of the same files, and no other address."""

import socket
import sys
import time
import urllib.request

import numpy as np
import pytest
import soundfile
from helpers import browser as chromium
from scipy.signal import correlate

from test.conftest import voice
from toolkit.cli.demo import add_arguments
from toolkit.io.command_line import Parser
from toolkit.io.samples import resample

STARTS = 60.0  # seconds that a busy machine may need


def until(condition, seconds=STARTS):
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "timed out"
        time.sleep(0.1)
    return value


@pytest.fixture
def served(place, shipped):
    """The folder of recordings, and the address of the page."""
    pytest.importorskip("gradio", reason="gradio is missing: tools/install.sh --extras demo")
    from toolkit.cli.shared.demo_page import serve
    from toolkit.cli.shared.demo_work import DemoWork

    parser = Parser()
    add_arguments(parser)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    page = serve(DemoWork.load(parser.parse_args([])), "127.0.0.1", port, wait=False)
    yield place, f"http://127.0.0.1:{port}/"
    page.close()


@pytest.fixture
def browser():
    driver = chromium.open_browser()
    chromium.resize(driver, 1280, 1400)
    yield driver
    driver.quit()


def shown(driver, selector):
    return [one for one in driver.find_elements("css selector", selector) if one.is_displayed()]


def button(driver, text):
    return until(lambda: next((b for b in shown(driver, "button") if b.text.strip() == text), None))


def give(driver, number, *paths):
    """Files into one of the file inputs of the open tab that are left; a box of audio that holds a file has none."""
    panel = until(lambda: shown(driver, "[role=tabpanel]"))[0]
    inputs = until(lambda: panel.find_elements("css selector", "input[type=file]"))
    inputs[number].send_keys("\n".join(map(str, paths)))


def words_of(driver):
    return [one.get_property("value") for one in shown(driver, "textarea")]


def test_the_page_does_what_the_verbs_do(served, browser, voxsift):
    folder, address = served
    noisy, other = folder / "spk/s0/u0.wav", folder / "spk/s1/u1.wav"
    chromium.requests(browser)
    browser.get(address)

    give(browser, 0, noisy)
    until(lambda: shown(browser, "[role=tabpanel] audio, [role=tabpanel] [data-testid*=waveform]"))
    shown(browser, "[role=tabpanel] button.primary")[0].click()
    assert voxsift("enhance", str(noisy), "-o", "expected.wav")[0] == 0
    texts = [voxsift("transcribe", path)[1].decode().strip() for path in (str(noisy), "expected.wav")]
    until(lambda: any(words_of(browser)))
    assert words_of(browser)[:2] == texts
    link = until(lambda: shown(browser, "a[download]"))[-1].get_attribute("href")
    assert urllib.request.urlopen(link).read() == (folder / "expected.wav").read_bytes()

    button(browser, "Extract").click()
    give(browser, 0, other)
    give(browser, -1, noisy)
    until(lambda: len(shown(browser, "a[download]")) == 2)
    shown(browser, "[role=tabpanel] button.primary")[0].click()
    assert voxsift("extract", "--enroll", str(other), "-o", "speech.wav", "--", str(noisy))[0] == 0
    until(lambda: any(words_of(browser)))
    link = until(lambda: shown(browser, "a[download]"))[-1].get_attribute("href")
    assert urllib.request.urlopen(link).read() == (folder / "speech.wav").read_bytes()

    button(browser, "Verify").click()
    for number, recording in enumerate((noisy, other), 1):
        give(browser, 0, recording)
        until(lambda number=number: len(shown(browser, "a[download]")) == number)
    shown(browser, "[role=tabpanel] button.primary")[0].click()
    expected = voxsift("verify", str(noisy), str(other), "--json")[1]["tests"][0]["scores"][0]["cosine"]
    until(lambda: f"{expected:+.3f}" in browser.find_element("css selector", "body").text)

    hosts = {url.split("/")[2] for url in chromium.requests(browser) if url.startswith("http")}
    assert hosts == {address.split("/")[2]}


def test_the_microphone_and_the_words(served, voxsift):
    """What is recorded is what the microphone hears; it is enhanced as a file is. Words are those of the verb."""
    folder, address = served
    heard = np.tile(voice(0, 0, 1.0, 48000), 30)
    soundfile.write(folder / "heard.wav", heard, 48000, subtype="PCM_16")
    browser = chromium.open_browser(folder / "heard.wav")
    try:
        chromium.resize(browser, 1280, 1400)
        browser.get(address)
        until(lambda: shown(browser, "[aria-label='Record audio']"))[0].click()
        until(lambda: shown(browser, "button.record-button"))[0].click()
        stop = until(lambda: shown(browser, "button.stop-button"))[0]
        time.sleep(2)
        stop.click()
        recorded = until(lambda: shown(browser, "a[download]"))[0].get_attribute("href")
        (folder / "recorded.wav").write_bytes(urllib.request.urlopen(recorded).read())
        assert likeness(folder / "recorded.wav", heard) > 0.6  # the browser filters and changes the level
        assert likeness(folder / "recorded.wav", np.tile(voice(2, 1, 1.0, 48000), 3)) < 0.4
        shown(browser, "[role=tabpanel] button.primary")[0].click()
        links = until(lambda: shown(browser, "a[download]")[1:])
        assert voxsift("enhance", "recorded.wav", "-o", "expected.wav")[0] == 0
        assert urllib.request.urlopen(links[0].get_attribute("href")).read() == (folder / "expected.wav").read_bytes()

        button(browser, "Transcribe").click()
        give(browser, 0, folder / "spk/s0/u0.wav")
        until(lambda: shown(browser, "a[download]"))
        next(press for press in shown(browser, "[role=tabpanel] button.primary") if press.text == "Transcribe").click()
        until(lambda: any(words_of(browser)))
        assert words_of(browser) == [voxsift("transcribe", folder / "spk/s0/u0.wav")[1].decode().strip()]
    finally:
        browser.quit()


def likeness(path, sound) -> float:
    """Correlation of half a second of a recording with the sound at 48 kHz, at the best shift; 1: a piece of it."""
    recorded, fs = soundfile.read(path)
    recorded = recorded if recorded.ndim == 1 else recorded[:, 0]
    piece = resample(recorded[len(recorded) // 2 :][: fs // 2], fs, 48000)
    products = np.abs(correlate(sound[: 2 * 48000], piece, "valid", "fft"))
    energies = np.sqrt(correlate(sound[: 2 * 48000] ** 2, np.ones(len(piece)), "valid", "fft"))
    return (products / energies / np.linalg.norm(piece)).max()


def test_without_gradio_one_line_says_what_to_install(place, monkeypatch, voxsift):
    monkeypatch.setitem(sys.modules, "gradio", None)
    code, _, err = voxsift("demo")
    assert code == 1
    assert len(err.strip().splitlines()) == 1
    assert "--extras demo" in err


def test_without_a_model(place, monkeypatch, voxsift):
    pytest.importorskip("gradio", reason="gradio is missing: tools/install.sh --extras demo")
    (place / "none").mkdir()
    monkeypatch.setattr("toolkit.systems.named.SHIPPED", place / "none")
    code, _, err = voxsift("demo")
    assert (code, len(err.strip().splitlines())) == (1, 1)
    assert "--se" in err
    assert voxsift("demo", "--se", "nowhere")[0] == 1
