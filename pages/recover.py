"""Recover: fine-tune what is left after the cut, watch it, and go on with the recovered model."""

from headviz import ui
from headviz.ui.panels import gates, recover_kept

page = ui.shell(
    "Recover", "Fine-tune what is left after the cut, watch what that changes and saves, and go on with the result."
)

with ui.shown():
    if gates.ready(page):
        from headviz.ui.panels import recover_settings

        if (mask := gates.mask(page)) is not None:
            with ui.shown():
                recover_settings.settings(page, mask)

with ui.shown():
    recover_kept.look(page)
if page.session.runs:  # a run rests on its own model and data, whatever is in hand by now
    from headviz.ui.panels import recover_result, recover_run

    with ui.shown():
        run = recover_run.run(page)
        if run is not None:
            with ui.shown():
                recover_result.result(page, run)
with ui.shown():
    recover_kept.waiting(page)
