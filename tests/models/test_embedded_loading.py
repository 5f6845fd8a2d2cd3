"""The embedded analyst loads files: finds them, names the frame, says what is in it."""

import pytest

LOADS = [
    "Load sales.csv",
    "please load 'sales.csv'",
    "Can you load the sales data?",
    "load the data",
    "read the csv file",
    "open sales",
    "load SALES.CSV",
    "I'd like to load sales.csv into a data frame",
    "import sales.csv with pandas",
]


@pytest.mark.parametrize("question", LOADS)
def test_a_file_is_found_and_loaded(talk, question):
    turn = talk.ask(question)
    assert turn.text.startswith("Loaded `sales.csv` into `df`: 60 rows × 6 columns (`order_id`")
    assert [name for name, _ in turn.calls] == ["list_files", "run_code"]
    assert talk.variables()["df"]["shape"] == [60, 6]


def test_a_loaded_frame_does_not_replace_another(loaded):
    assert "into `sales`" in loaded.ask("load sales.csv").text
    assert "into `sales2`" in loaded.ask("load sales.csv").text
    assert loaded.variables()["df"]["shape"] == [60, 6]


@pytest.mark.parametrize("question", ["load sales.csv as orders", "read sales into `orders`"])
def test_the_user_chooses_the_name(talk, question):
    assert "into `orders`" in talk.ask(question).text
    assert "orders" in talk.variables()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tsv", "x\ty\n1\t2\n3\t4\n"),
        ("a.json", '[{"x": 1, "y": 2}, {"x": 3, "y": 4}]'),
        ("a.jsonl", '{"x": 1, "y": 2}\n{"x": 3, "y": 4}\n'),
        ("a.txt", "x;y\n1;2\n3;4\n"),
        ('it\'s {odd} "name".csv', "x,y\n1,2\n3,4\n"),
    ],
)
def test_other_formats_and_odd_names(talk, name, content):
    (talk.folder / "sales.csv").unlink()
    (talk.folder / name).write_text(content)
    assert "2 rows × 2 columns (`x` and `y`)" in talk.ask("load the data").text


def test_a_file_in_a_folder_below_is_found_from_the_notebooks_folder(talk):
    (talk.folder / "data").mkdir()
    (talk.folder / "sales.csv").rename(talk.folder / "data" / "sales.csv")
    turn = talk.ask("load sales.csv")
    assert "Loaded `data/sales.csv`" in turn.text


def test_the_path_is_relative_to_the_notebook(talk):
    (talk.folder / "notebooks").mkdir()
    (talk.folder / "data").mkdir()
    (talk.folder / "sales.csv").rename(talk.folder / "data" / "sales.csv")
    talk.notebook = "notebooks/a.ipynb"
    talk.run("import os; os.chdir('notebooks')")
    turn = talk.ask("load ../data/sales.csv")
    talk.run("os.chdir('..')")
    assert "pd.read_csv('../data/sales.csv')" in turn.code
    assert "60 rows" in turn.text


def test_several_files_lead_to_a_question(talk):
    (talk.folder / "costs.csv").write_text("a\n1\n")
    talk.reply_of_user = "costs.csv"
    turn = talk.ask("load the data")
    assert [name for name, _ in turn.calls] == ["list_files", "ask_user", "run_code"]
    assert turn.calls[1][1]["options"] == ["costs.csv", "sales.csv"]
    assert "Loaded `costs.csv`" in turn.text


def test_without_the_tool_to_ask_the_files_are_named(talk):
    (talk.folder / "costs.csv").write_text("a\n1\n")
    talk.tools.remove("ask_user")
    assert "`costs.csv` and `sales.csv`. Which one?" in talk.ask("load the data").text


def test_a_near_miss_is_not_loaded(talk):
    assert "Did you mean `sales.csv`?" in talk.ask("load sale.csv").text
    assert "There is `sales.csv`" in talk.ask("load weather.csv").text
    assert "df" not in talk.variables()


def test_a_file_that_cannot_be_read_is_explained(talk):
    (talk.folder / "book.xlsx").write_bytes(b"no workbook")
    turn = talk.ask("load book.xlsx")
    assert "That did not work" in turn.text
    assert len(turn.calls) == 2, "it does not try again"


def test_the_files_are_listed(talk):
    (talk.folder / "sub").mkdir()
    text = talk.ask("what files are there?").text
    assert "`sales.csv`" in text
    assert "`sub/`" in text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("x;y\n1;2\n3;4\n", "semicolons"),
        ("x\ty\n1\t2\n3\t4\n", "tabs"),
        ("x|y\n1|2\n3|4\n", "bars"),
    ],
)
def test_a_csv_without_commas_is_read_with_its_own_separator(talk, content, said):
    (talk.folder / "sales.csv").write_text(content)
    turn = talk.ask("load sales.csv")
    assert "into `df`: 2 rows × 2 columns (`x` and `y`)" in turn.text
    assert said in turn.text
    assert set(talk.variables()) == {"df", "pd"}


def test_a_csv_of_one_column_is_loaded_once(talk):
    (talk.folder / "sales.csv").write_text("x\n1\n2\n")
    turn = talk.ask("load sales.csv")
    assert "2 rows × 1 column (`x`)" in turn.text
    assert [name for name, _ in turn.calls] == ["list_files", "run_code"]
