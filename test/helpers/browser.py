"""A headless Chromium that opens pages, and what went wrong in them."""

import json
import shutil

import pytest


def open_browser(microphone=None):
    """A driver of Chromium; skips the test where the browser or selenium is missing.

    Args:
        microphone: a wav file that the microphone hears again and again; None: beeps.
    """
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is missing: tools/install.sh --extras dev")
    chromium, driver = (shutil.which(name) for name in ("chromium", "chromedriver"))
    if not (chromium and driver):
        pytest.skip("no Chromium: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    words = ["headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "hide-scrollbars", "mute-audio"]
    words += ["force-prefers-reduced-motion"]
    words += ["autoplay-policy=no-user-gesture-required"]
    words += ["use-fake-device-for-media-stream", "use-fake-ui-for-media-stream"]
    words += [f"use-file-for-fake-audio-capture={microphone}"] if microphone else []
    for word in words:
        options.add_argument(f"--{word}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))


def resize(browser, width: int, height: int = 900) -> None:
    """The page gets this many pixels; below 500 wide as on a phone."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def faults(browser) -> list[str]:
    """Errors in the console since the last call."""
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]


def requests(browser) -> list[str]:
    """What pages have requested since the last call, without data that they hold themselves."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    return [url for url in urls if not url.startswith("data:")]
