"""The page of the demo: a tab for each verb that has a model. Nothing of it comes from or goes to another machine."""

import html
import os
from collections.abc import Callable
from functools import wraps

from toolkit.cli.shared.demo_work import VERBS, DemoWork
from toolkit.io.errors import InputError

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import gradio as gr


def serve(work: DemoWork, host: str, port: int, *, wait: bool = True) -> gr.Blocks:
    """Serve the page, until Ctrl-C if it waits; returns it, to be closed otherwise.

    Raises:
        InputError: the address is taken or cannot be served.
    """
    page = page_of(work)
    fonts = gr.themes.Default(
        font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
    )  # of the machine
    try:
        page.launch(
            server_name=host,
            server_port=port,
            share=False,
            ssr_mode=False,
            show_error=True,
            theme=fonts,
            footer_links=[],
            prevent_thread_lock=not wait,
        )
    except OSError as error:
        raise InputError(f"--host {host} --port {port}: cannot be served ({error}); give another port") from None
    return page


def page_of(work: DemoWork) -> gr.Blocks:
    """The page, not yet served."""
    tabs = {"se": _enhance, "tse": _extract, "sv": _verify, "asr": _transcribe}
    with gr.Blocks(title="voxsift", analytics_enabled=False) as page:
        gr.Markdown("# voxsift\nRecord, or drop files. They stay on this machine.")
        for task in work.systems:
            with gr.Tab(VERBS[task]):
                tabs[task](work)
    return page


def _audio(label: str) -> gr.Audio:
    return gr.Audio(sources=["upload", "microphone"], type="filepath", label=label, buttons=["download"])


def _output(label: str) -> gr.Audio:
    return gr.Audio(type="filepath", label=label, interactive=False, buttons=["download"])


def _texts(work: DemoWork) -> list[gr.Textbox]:
    """Where a recogniser is loaded: the words before and after."""
    labels = ("Words before", "Words after") if "asr" in work.systems else ()
    return [gr.Textbox(label=label, interactive=False) for label in labels]


def _transcripts(work: DemoWork, *paths: str) -> list[str]:
    return [work.transcribe(path) for path in paths] if "asr" in work.systems else []


def _on(button: gr.Button, work: Callable, inputs: list, outputs: list) -> None:
    """Work when a button is pressed; errors become messages on the page, and a missing recording is one."""

    @wraps(work)
    def checked(*values):
        if any(value is None or value == [] for value in values):
            raise gr.Error("a recording is missing: record one, or drop a file", print_exception=False)
        try:
            return work(*values)
        except InputError as error:
            raise gr.Error(html.escape(str(error)), print_exception=False) from None

    button.click(checked, inputs, outputs)


def _enhance(work: DemoWork) -> None:
    noisy, keep = _audio("Noisy recording"), gr.Slider(0, 1, 0, step=0.05, label="Share of the recording that is kept")
    button, output = gr.Button("Enhance", variant="primary"), _output("Enhanced")
    texts, notes = _texts(work), _notes()

    def enhance(path, share):
        made, faults = work.enhance(path, share)
        return [made, *_transcripts(work, path, made), _lines(faults)]

    _on(button, enhance, [noisy, keep], [output, *texts, notes])


def _extract(work: DemoWork) -> None:
    enrolments = gr.File(label="Recordings of only the speaker", file_count="multiple", file_types=["audio"])
    recorded = gr.Audio(sources=["microphone"], type="filepath", label="or record the speaker", buttons=["download"])
    mixture = _audio("Recording of several talkers")
    button, output = gr.Button("Extract", variant="primary"), _output("Extracted")
    texts, notes = _texts(work), _notes()

    def extract(path, voices):
        made, faults = work.extract(path, voices)
        return [made, *_transcripts(work, path, made), _lines(faults)]

    recorded.stop_recording(lambda path, files: [*(files or []), path], [recorded, enrolments], enrolments)
    _on(button, extract, [mixture, enrolments], [output, *texts, notes])


def _verify(work: DemoWork) -> None:
    with gr.Row():
        enrolment, test = _audio("Enrolled speaker"), _audio("Test recording")
    prior = gr.Slider(0.01, 0.99, 0.5, step=0.01, label="Probability of one speaker before listening")
    button, result, notes = gr.Button("Verify", variant="primary"), gr.Markdown(), _notes()

    def verify(*values):
        facts, faults = work.verify(*values)
        return [" · ".join(f"{name}: **{value}**" for name, value in facts.items()), _lines(faults)]

    _on(button, verify, [enrolment, test, prior], [result, notes])


def _transcribe(work: DemoWork) -> None:
    recording, button = _audio("Recording"), gr.Button("Transcribe", variant="primary")
    words = gr.Textbox(label="Words", interactive=False)
    _on(button, work.transcribe, [recording], [words])


def _notes() -> gr.Textbox:
    return gr.Textbox(label="Notes", interactive=False)


def _lines(faults: list[str]) -> str:
    return "\n".join(faults) or "none"
