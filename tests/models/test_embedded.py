"""The embedded analyst on a real kernel: what is asked, what runs, what is answered."""

import json

import pytest

from jupyter_agent_ext.messages import Message, text_part
from jupyter_agent_ext.models.embedded.model import EmbeddedModel
from jupyter_agent_ext.protocols import Model
from jupyter_agent_ext.records import ModelRequest, ToolSpec
from tests.models.talk import Talk

PNG = b"\x89PNG\r\n"

# question, what the answer holds, what the code that ran holds ("" for: nothing may run)
QUESTIONS = [
    ("What columns are there?", ["6 columns", "`order_id` (int64)", "`unit_price` (float64)"], ""),
    ("which columns does df have", ["6 columns"], ""),
    ("list the columns", ["6 columns"], ""),
    ("column names please", ["6 columns"], ""),
    ("How many rows?", ["60 rows and 6 columns"], ""),
    ("what is the shape of df?", ["60 rows"], ""),
    ("how big is df", ["60 rows"], ""),
    ("What are the data types?", ["`quantity`: int64", "`region`:"], ""),
    ("dtypes", ["`quantity`: int64"], ""),
    ("What type is the column quantity?", ["`quantity`: int64"], ""),
    ("are there missing values?", ["3 missing values", "`unit_price`: 3 (5.0 %)"], ""),
    ("how many nulls in unit price", ["`unit_price` has 3 missing values"], ""),
    ("any missing values in quantity?", ["`quantity` has 0 missing values"], ""),
    ("what variables are there?", ["`df`: pandas", "60 rows × 6 columns"], ""),
    ("What is df?", ["data frame with 60 rows", "North"], ""),
    ("df", ["data frame with 60 rows"], ""),
    ("what is region", ["column of `df`"], ""),
    ("mean of quantity", ["The mean of `quantity` in `df` is 4.85."], "df['quantity'].mean()"),
    ("What's the average unit price?", ["is 16.8158."], "df['unit_price'].mean()"),
    ("sum of quantity", ["is 291."], ".sum()"),
    ("total quantity in df", ["is 291."], ".sum()"),
    ("max of `unit_price`", ["is 27.5."], ".max()"),
    ("what is the highest unit_price?", ["is 27.5."], ".max()"),
    ("the minimum quantity", ["is 1."], ".min()"),
    ("median UNIT PRICE", ["is 17.5."], ".median()"),
    ("standard deviation of quantity", ["is 2.5699."], ".std()"),
    ("max region", ["South"], ".max()"),
    ("mean", ["numeric columns", "16.8"], "numeric_only=True"),
    ("mean of quantity and unit_price", ["4.85", "16.8"], "df[['quantity', 'unit_price']].mean()"),
    ("average unit price by region", ["17.92"], "groupby('region')['unit_price'].mean()"),
    ("total quantity per product", ["sum of `quantity`"], "groupby('product')['quantity'].sum()"),
    ("sum of quantity by region and product", ["East"], "groupby(['region', 'product'])"),
    ("group quantity by region", ["117"], "groupby('region')['quantity'].sum()"),
    ("group by region and compute the mean", ["15.6"], "groupby('region').mean("),
    ("how many rows by region", ["20"], "groupby('region').size()"),
    ("count by product", ["15"], "groupby('product').size()"),
    ("which region has the highest quantity?", ["117"], "groupby('region')['quantity'].sum()"),
    ("top 5 by unit_price", ["5 rows", "highest `unit_price`"], "ascending=False).head(5)"),
    ("show the bottom 3 rows by quantity", ["lowest `quantity`"], "ascending=True).head(3)"),
    ("10 largest unit_price", ["10 rows"], "head(10)"),
    (
        "sort by quantity descending",
        ["highest first", "unchanged"],
        "['quantity'], ascending=False",
    ),
    ("first 7 rows", ["2024-01-07"], "df.head(7)"),
    ("show me the last 2 rows of df", ["2024-03-20"], "df.tail(2)"),
    ("head", ["2024-01-05"], "df.head(5)"),
    ("show 4 rows", ["2024-01-04"], "df.head(4)"),
    ("describe df", ["count", "60.0"], "df.describe()"),
    ("describe region", ["unique", "freq"], "df[['region']].describe(include='all')"),
    ("summary statistics of quantity", ["75%"], "df[['quantity']].describe()"),
    ("unique values of region", ["'North', 'South', 'East'"], "drop_duplicates()"),
    ("how many distinct products are there?", ["4 different values"], "nunique()"),
    ("how many regions are there?", ["3 different values"], "nunique()"),
    ("value counts of product", ["plum", "15"], "value_counts()"),
    ("how often does each region occur?", ["North", "20"], "value_counts()"),
    ("duplicate rows?", ["0 duplicate rows"], "duplicated()"),
    ("how many rows where unit_price > 10", ["45 of 60 rows"], "df['unit_price'] > 10"),
    ("how many rows have quantity of 3 where quantity >= 9", ["6 of 60"], "df['quantity'] >= 9"),
    ("count rows where region is north", ["20 of 60"], "'north'"),
    ("how many rows where region is not 'North'?", ["40 of 60"], "!= 'North'"),
    ("how many rows where quantity between 2 and 4", ["21 of 60"], "between(2, 4)"),
    (
        "how many rows where quantity is between 2 and 4 and region is East",
        ["7 of 60"],
        "&",
    ),
    ("how many rows where quantity=1 or quantity=2", ["14 of 60"], "|"),
    ('how many rows where product contains "PL"', ["30 of 60"], "contains('PL'"),
    ("how many rows where product starts with p", ["30 of 60"], "startswith('p')"),
    ("number of rows where unit_price is missing", ["3 of 60"], "isna()"),
    ("how many rows where unit price is not missing", ["57 of 60"], "notna()"),
    ("how many rows where date > 2024-03-01", ["19 of 60"], "df['date'] > '2024-03-01'"),
    ("show rows where quantity is at least 9 in df", ["2024-01-09"], ">= 9].head(20)"),
    ("correlation between unit_price and quantity", ["is 0.0278."], "].corr(df["),
    ("is there a relationship between quantity and unit price?", ["is 0.0278."], "].corr(df["),
    ("correlations", ["unit_price", "1.000"], "corr(numeric_only=True)"),
    ("correlation of quantity", ["0.05"], "['quantity'].drop('quantity')"),
    ("run `1 + 1`", ["Done.", "2"], "1 + 1"),
    ("execute: len(df)", ["60"], "len(df)"),
]


@pytest.mark.parametrize(("question", "answer", "code"), QUESTIONS, ids=[q[0] for q in QUESTIONS])
def test_a_question_is_answered(loaded, question, answer, code):
    before = set(loaded.variables())
    turn = loaded.ask(question)
    assert all(piece in turn.text for piece in answer), turn.text
    assert bool(turn.calls) == bool(code), turn.calls
    assert code in turn.code
    assert set(loaded.variables()) == before, "a question leaves nothing behind"


PLOTS = [
    ("Create a histogram of unit_price", "histogram of `unit_price`"),
    ("histogram of the quantity column in df", "histogram of `quantity`"),
    ("show me the distribution of unit price", "histogram of `unit_price`"),
    ("histogram of region", "counts"),
    ("bar chart of quantity by region", "sum of `quantity` by `region`"),
    ("make a bar plot of average unit_price per product", "mean of `unit_price` by `product`"),
    ("bar chart of product", "counts of `product`"),
    ("line plot of unit_price over date", "`unit_price` over `date`"),
    ("line chart of quantity", "line plot of `quantity`"),
    ("plot quantity over time", "`quantity` over `date`"),
    ("show the trend of unit_price", "`unit_price` over `date`"),
    ("scatter plot of unit_price vs quantity", "`unit_price` against `quantity`"),
    ("plot unit_price against quantity", "`unit_price` against `quantity`"),
    ("box plot of unit_price by region", "`unit_price` by `region`"),
    ("boxplot of quantity", "box plot of `quantity`"),
    ("draw region", "counts of `region`"),
    ("plot unit_price", "line plot of `unit_price`"),
]


@pytest.mark.parametrize(("question", "answer"), PLOTS, ids=[q for q, _ in PLOTS])
def test_a_plot_comes_back_as_one_real_image(loaded, question, answer):
    before = set(loaded.variables())
    turn = loaded.ask(question)
    assert answer in turn.text
    (image,) = turn.images
    assert loaded.blobs[image["blob"]].startswith(PNG)
    assert set(loaded.variables()) == before


def test_a_plot_comes_back_whatever_backend_the_user_chose(loaded):
    loaded.run("import matplotlib\nmatplotlib.use('svg')")
    assert len(loaded.ask("histogram of quantity").images) == 1
    loaded.run("matplotlib.use('module://matplotlib_inline.backend_inline')")


UNCLEAR = [
    ("mean of qantity", "Did you mean `quantity`?"),
    ("histogram of price", "Did you mean `unit_price`?"),
    ("scatter plot of unit_price vs quantitty", "Did you mean `quantity`?"),
    ("average unit_price by regoin", "Did you mean `region`?"),
    ("sum of region", "holds text"),
    ("how many rows where quantity is many", "holds numbers"),
    ("correlation between region and quantity", "holds text"),
    ("show me a histogram", "Which columns"),
    ("what is fd?", "There is no variable"),
    ("write me a poem about the total eclipse of the sun", "not a language model"),
    ("what is the weather like today in Paris?", "not a language model"),
    ("delete everything", "not a language model"),
    ("x" * 50_000, "not a language model"),
    ("mean " * 300, ""),
    ("", "rule-based"),
    ("help", "rule-based"),
]


@pytest.mark.parametrize(("question", "answer"), UNCLEAR, ids=[q[:40] for q, _ in UNCLEAR])
def test_what_is_not_clear_is_said_and_nothing_runs(loaded, question, answer):
    turn = loaded.ask(question)
    assert answer in turn.text
    assert turn.calls == []


def test_what_is_not_understood_leads_to_a_real_model(loaded):
    text = loaded.ask("please translate this notebook to Rust").text
    assert "PUT agent/models/{provider}/key" in text
    assert "c.AgentExtension.model" in text


# ---------------------------------------------------------------- loading


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


# ---------------------------------------------------------------- several turns


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


# ---------------------------------------------------------------- trouble


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


# ---------------------------------------------------------------- the seam


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
