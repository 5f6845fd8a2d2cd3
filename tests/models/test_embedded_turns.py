"""The embedded analyst over several turns, in trouble, and behind the seam of all models."""

import json

import pytest

from jupyter_agent_ext.messages import Message, text_part
from jupyter_agent_ext.models.embedded.model import EmbeddedModel
from jupyter_agent_ext.protocols import Model
from jupyter_agent_ext.records import ModelRequest, ToolSpec
from tests.models.talk import Talk


def test_the_conversation_of_the_first_run(talk):
    assert "60 rows × 6 columns" in talk.ask("Load sales.csv").text
    second = talk.ask("What columns are there?")
    assert second.calls == []
    assert "`product`" in second.text
    assert len(talk.ask("Create a histogram of unit_price").images) == 1
    talk.run("df = df.drop(columns=['product'])")
    fourth = talk.ask("What columns are there?")
    assert fourth.calls == []
    assert "5 columns" in fourth.text
    assert "`product` was dropped" in fourth.text
    assert "dropped" not in talk.ask("What columns are there?").text


def test_what_changed_is_told(loaded):
    loaded.ask("what columns are there?")
    loaded.run("df['net'] = df.unit_price * 2\nextra = 1\n")
    text = loaded.ask("what changed?").text
    assert "new: `extra`" in text
    assert "`df`" in text
    assert "`net` was added" in text
    assert "Nothing changed" in loaded.ask("what changed since then?").text


def test_a_restart_is_noticed_and_loading_again_is_offered(talk):
    talk.ask("load sales.csv")
    talk.run("%reset -f")
    talk.facts["changed"] = {"lost": ["df"], "gone": []}
    talk.known = {}
    text = talk.ask("What columns are there?").text
    assert "`df` is gone" in text
    assert '"load sales.csv"' in text
    assert "`df` is gone" in talk.ask("mean of quantity").text
    assert "into `df`" in talk.ask("load it again").text


def test_without_a_kernel_it_says_so(tmp_path):
    talk = Talk(None, tmp_path)
    talk.facts = {"source": "none", "note": "No kernel is running; run_code starts one."}
    assert "No kernel is running" in talk.ask("what columns are there?").text


def test_a_kernel_of_another_language_gets_no_python(talk):
    frame = {
        "kind": "dataframe",
        "library": "R",
        "type": "data.frame",
        "shape": [3, 1],
        "columns": {"a": "numeric"},
    }
    talk.client, talk.facts = None, {"source": "snippet", "variables": {"df": frame}}
    assert "3 rows and 1 column" in talk.ask("how many rows?").text
    assert "pandas" in talk.ask("describe df").text
    loading = talk.ask("load sales.csv")
    assert "another language than Python" in loading.text
    assert [name for name, _ in loading.calls] == ["list_files"]


def test_an_old_reading_is_marked_as_such(loaded):
    loaded.facts = {"source": "last", "age_s": 42.0}
    assert "42 s ago" in loaded.ask("what columns are there?").text


def test_the_frame_that_is_named_is_taken(loaded):
    loaded.run("other = pd.DataFrame({'quantity': [1, 2], 'weight': [3.0, 4.0]})")
    assert "in `other` is 1.5" in loaded.ask("mean of quantity in other").text
    assert "in `df` is 4.85" in loaded.ask("mean of quantity in df").text
    assert "in `df` is 16.8" in loaded.ask("mean of unit_price").text
    newest = loaded.ask("how many rows?").text
    assert "`other` has 2 rows" in newest
    assert "there is also `df`" in newest


def test_series_and_lists_are_measured_too(loaded):
    loaded.run("scores = [1, 2, 6]\ns = df['quantity']")
    assert "mean of `scores` is 3." in loaded.ask("mean of scores").text
    assert "`scores` has 3 elements" in loaded.ask("how long is scores?").text


def test_columns_with_hostile_names_stay_data(talk):
    name = "x'] + __import__('os').name + df['"
    talk.run(f"import pandas as pd\ndf = pd.DataFrame({{{name!r}: [1.0, 3.0]}})")
    turn = talk.ask("mean")
    assert "is 2." in turn.text
    assert len(talk.ask(f'histogram of "{name}"').images) == 1


def test_variables_that_are_no_names_never_reach_the_code(talk):
    frame = {
        "kind": "dataframe",
        "type": "pandas.DataFrame",
        "shape": [1, 1],
        "columns": {"a": "int64"},
    }
    talk.client, talk.facts = None, {"variables": {"df; import os": frame}}
    assert talk.ask("mean of a").calls == []


def test_the_last_error_is_explained(talk):
    talk.run("%reset -f\nimport sys; sys.last_value = None")
    assert "No error" in talk.ask("explain the last error").text
    talk.run("prices = 1\nprice + 1")
    turn = talk.ask("why did that fail?")
    assert "NameError" in turn.text
    assert "Did you mean `prices`?" in turn.text


def test_an_error_of_the_turn_before_is_explained_without_running(talk):
    failed = talk.ask("run `1 / 0`")
    assert "ZeroDivisionError" in failed.text
    turn = talk.ask("what went wrong?")
    assert "divided by zero" in turn.text
    assert turn.calls == []


def test_a_missing_package_comes_with_the_command(talk):
    assert "%pip install nosuchpackage" in talk.ask("run `import nosuchpackage.sub; x = [1]`").text


@pytest.mark.parametrize(
    "question", ["mean of quantity", "load sales.csv", "histogram of quantity"]
)
def test_a_denied_step_ends_the_turn(loaded, question):
    loaded.refuse = {"run_code"}
    turn = loaded.ask(question)
    assert "You did not allow that step" in turn.text
    assert [name for name, _ in turn.calls].count("run_code") == 1


def test_an_interrupted_step_is_not_repeated(loaded):
    loaded._do_run_code = lambda **_: ([text_part("Interrupted, outcome unknown.")], "interrupted")
    turn = loaded.ask("mean of quantity")
    assert "do not repeat it" in turn.text
    assert len(turn.calls) == 1


@pytest.mark.parametrize(
    ("tool", "question", "said"),
    [
        ("run_code", "mean of quantity", "I cannot run code here"),
        ("list_files", "what files are there?", "I cannot look at files"),
        ("insert_cell", "add a cell: df.head()", "I cannot add cells"),
    ],
)
def test_a_tool_that_is_not_there_is_missed_in_words(loaded, tool, question, said):
    loaded.tools.remove(tool)
    turn = loaded.ask(question)
    assert said in turn.text
    assert turn.calls == []


def test_a_cell_is_added_after_the_last_one(talk):
    talk.cells = [{"id": "first", "type": "code", "first_line": "1"}]
    turn = talk.ask("add a markdown cell: # Results")
    assert turn.calls == [
        ("insert_cell", {"source": "# Results", "cell_type": "markdown", "after": "first"})
    ]
    turn = talk.ask("insert a code cell with ```python\nx = 1\nprint(x)\n```")
    assert turn.calls[0][1]["source"] == "x = 1\nprint(x)"
    assert "has 3 cells" in talk.ask("summarize the notebook").text


async def test_the_answer_streams_and_ends_whole():
    model = EmbeddedModel()
    assert isinstance(model, Model)
    request = ModelRequest("embedded", "", [Message("u", "user", [text_part("help")])])
    *deltas, done = [event async for event in model.stream(request)]
    assert len(deltas) > 5
    assert done.parts == [text_part("".join(d.text for d in deltas))]
    assert done.usage.cost == 0.0
    assert model.available() == [model.info("embedded")]
    assert model.info("embedded").local


async def test_each_call_has_an_id_of_its_own():
    request = ModelRequest("embedded", "", [Message("u", "user", [text_part("run `1 + 1`")])])
    request.tools = [ToolSpec("run_code", "", {"type": "object"})]
    ids = set()
    for _ in range(3):
        (done,) = [event async for event in EmbeddedModel().stream(request)]
        ids.add(done.parts[0]["call_id"])
        assert json.loads(done.parts[0]["arguments"]) == {"code": "1 + 1"}
    assert len(ids) == 3


def test_a_read_only_session_is_said_to_the_person_with_the_way_out(loaded):
    loaded.refuse = {"run_code"}
    loaded.refusal = (
        "The session is in mode read-only: run_code (execute) may not run. Answer from what can "
        "be read, or say that the mode must be changed."
    )
    text = loaded.ask("mean of quantity").text
    assert "read-only mode" in text
    assert "`PATCH agent/sessions/{id}`" in text
    assert "run_code" not in text
    assert "Answer from" not in text


def test_a_denial_says_that_nothing_ran_and_repeats_the_reason(loaded):
    loaded.refuse, loaded.refusal = {"run_code"}, "The person denied this call: not now"
    text = loaded.ask("mean of quantity").text
    assert "it was not run" in text
    assert "Your reason: not now" in text


@pytest.mark.parametrize(
    ("module", "package"),
    [("sklearn.cluster", "scikit-learn"), ("cv2", "opencv-python"), ("bs4", "beautifulsoup4")],
)
def test_a_missing_module_is_named_by_its_package(talk, module, package):
    talk._do_run_code = lambda **_: (
        [text_part(f"ModuleNotFoundError: No module named '{module}'")],
        "error",
    )
    assert f"`%pip install {package}`" in talk.ask(f"run `import {module}; x = [1]`").text


@pytest.mark.parametrize(
    ("note", "said"),
    [
        ("No kernel is running; run_code starts one.", "Running a cell"),
        ("The kernel cannot be read: The kernel is dead.", "Restart it"),
    ],
)
def test_a_kernel_that_is_gone_is_explained_to_a_person(tmp_path, note, said):
    talk = Talk(None, tmp_path)
    talk.facts = {"source": "none", "note": note}
    for question in ("how many rows?", "what variables are there?", "mean of price"):
        text = talk.ask(question).text
        assert said in text
        assert "run_code" not in text


def test_a_notebook_that_cannot_be_read_is_not_called_empty(talk):
    assert "is empty" in talk.ask("summarize the notebook").text
    talk.notebook = None
    talk.facts = {"note": "The notebook cannot be read: it is no valid JSON."}
    text = talk.ask("summarize the notebook").text
    assert "cannot be read now" in text
    assert "it is no valid JSON" in text
    assert "is empty" not in text


def test_what_perhaps_changed_is_said_only_where_nothing_better_is_known(loaded):
    loaded.run("items = [1]\nlimit = 3")
    loaded.ask("what columns are there?")
    loaded.facts = {"changed": {"maybe": ["items", "limit"]}}
    text = loaded.ask("what changed?").text
    assert "perhaps changed: `items`" in text
    assert "limit" not in text
    loaded.run("fresh = 1")
    loaded.facts["changed"]["new"] = ["fresh"]
    text = loaded.ask("what changed?").text
    assert "new: `fresh`" in text
    assert "perhaps" not in text
