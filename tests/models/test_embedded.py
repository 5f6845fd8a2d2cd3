"""The embedded analyst on a real kernel: what is asked, what runs, what is answered."""

import ast
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_agent_ext.envelope import wrap
from jupyter_agent_ext.messages import Message, text_part
from jupyter_agent_ext.models.embedded.model import answer
from jupyter_agent_ext.models.embedded.situation import read
from jupyter_agent_ext.models.embedded.steps import Call
from jupyter_agent_ext.records import ModelRequest, ToolSpec
from tests.models.talk import TOOLS

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
    (
        "which region has the highest quantity?",
        ["Sum, mean and single highest", "117"],
        "groupby('region')['quantity'].agg(['sum', 'mean', 'max'])",
    ),
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
    ("how many rows where quantity >= 9", ["6 of 60"], "df['quantity'] >= 9"),
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
    ("correlation between unit_price and quantity", ["is 0.0278."], ".corr().iloc[0, 1]"),
    (
        "is there a relationship between quantity and unit price?",
        ["is 0.0278."],
        ".corr().iloc[0, 1]",
    ),
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
    ("delete everything", "nothing was changed"),
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
    assert "c.AgentSessionManager.default_model" in text


VOCABULARY = """
load mean of the sum by per where is not between and or top histogram plot against
over columns rows what show first describe unique count how many sort group
correlation price qty region df missing contains in changed error
"""
ODD_WORDS = [
    ">",
    "=",
    "5",
    "x'",
    '"',
    "`",
    "(",
    "[",
    "\\",
    "\n",
    "{0}",
    "%s",
    "é",
    "💥",
    "_",
    "1,000",
    "-3.5e2",
]
FRAME = {
    "kind": "dataframe",
    "type": "pandas.DataFrame",
    "shape": [3, 4],
    "columns": {"price": "float64", "qty": "int64", "region": "str", "x' + \"y": "object"},
    "nulls": {},
}


def situation(question, variables):
    body = {"source": "main", "state": "idle", "changed": {}, "variables": variables}
    parts = [text_part(wrap("variables", json.dumps(body))), text_part(question)]
    tools = [ToolSpec(name, "", {"type": "object"}) for name in TOOLS]
    return read(ModelRequest("embedded", "", [Message("u", "user", parts)], tools))


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.sampled_from(VOCABULARY.split() + ODD_WORDS), max_size=14).map(" ".join)
    | st.text(max_size=60)
)
def test_no_question_breaks_it_and_all_code_it_writes_is_python(question):
    step = answer(situation(question, {"df": FRAME, "x": {"kind": "scalar", "type": "int"}}))
    if not isinstance(step, Call):
        assert step
    elif step.name == "run_code" and not question.lower().startswith(("run", "exec", "eval")):
        ast.parse(step.arguments["code"])


@pytest.mark.parametrize(
    "word", ["where ", "mean of ", "is ", "a ", "by ", "'", "please ", "what "]
)
def test_a_long_question_is_answered_quickly(word):
    began = time.process_time()
    answer(situation((word * 2000)[:1999], {"df": FRAME}))
    assert time.process_time() - began < 2
