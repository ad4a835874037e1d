"""Complementarity: heads grouped by what they tell apart, one of each group kept (CAHP), and how far to trust that."""

from headviz import ui
from headviz.ui.errors import note
from headviz.ui.panels import gates

page = ui.shell(
    "Complementarity", "Heads that tell the classes apart alike are redundant: group them, keep one of each (CAHP)."
)

with ui.shown():
    if gates.ready(page):
        from headviz.ui.panels import plan, plan_settings, signature
        from headviz.ui.plans import Plans
        from headviz.ui.waiting import wait_for

        plan_settings.settings(page)
        plan_settings.examples(page)
        plan_settings.shape_notes(page)
        if plan_settings.signatures_part(page):
            plans = Plans(page.results)
            waiting = plans.ask_plan()
            made, taken = plans.base(), plans.signatures()
            if taken is not None:
                signature.signature(page, taken, made)
            if notes := made.notes if made is not None else taken.notes if taken is not None else ():
                note("\n\n".join(notes))
            if made is None:
                wait_for(waiting, page)
            else:
                plan.first_part(page)
                plan.second_part(page)
