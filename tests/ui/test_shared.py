"""The panel where documents are shared: jupyter-collaboration, two people at one notebook."""

from __future__ import annotations

import pytest

from tests.scripted_model import Call, Text
from tests.ui.conftest import Lab
from tests.ui.test_notebook import digest

pytest.importorskip("jupyter_docprovider")


@pytest.fixture
def lab(tmp_path, scripted):
    lab = Lab(tmp_path, scripted.url, shared=True)
    yield lab
    lab.stop()


def test_an_edit_reaches_both_people_and_keeps_what_they_type(lab, open_page, script):
    path = lab.notebook("together.ipynb", "a = 1", "b = 2")
    first, second = open_page(path), open_page(path)
    first.use_scripted_model()
    source = "a = 1\nadded = True"
    script.script(
        Call("edit_cell", {"cell_id": "cell1", "hash": digest("a = 1"), "source": source})
    )
    script.script(Text("Done."))
    first.ask("Add a line")
    first.card("edit_cell").get_by_text("Waiting for you").wait_for()
    second.page.evaluate(
        "window.jupyterapp.shell.currentWidget.model.sharedModel.cells[1]"
        ".updateSource(0, 0, '# mine\\n')"
    )
    first.button("Approve").click()
    first.answered()
    for person in (first, second):
        person.page.wait_for_function(
            "expected => JSON.stringify(window.jupyterapp.shell.currentWidget.model.sharedModel"
            ".cells.map(c => c.getSource())) === JSON.stringify(expected)",
            arg=[source, "# mine\nb = 2"],
        )
