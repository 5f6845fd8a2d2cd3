"""The embedded analyst never answers another question: it applies a qualifier or refuses."""

import pytest

PNG = b"\x89PNG\r\n"

# question, what the answer holds, what the code that ran holds
QUALIFIED = [
    ("average quantity excluding North", ["is not `North`", "is 5.35."], "df['region'] != 'North'"),
    ("sum of quantity by region excluding apple and pear", ["is not"], "~df['product'].isin(["),
    ("monthly sum of quantity", ["2024-01", "by `month`"], "groupby('month')['quantity'].sum()"),
    ("quantity by month", ["sum of `quantity`", "2024-03"], "groupby('month')"),
    ("mean quantity by region and month", ["2024-02"], "groupby(['region', 'month'])"),
    ("total quantity in 2024", ["`date` is in 2024", "is 291."], ".dt.year == 2024"),
    ("total quantity in 2023", ["is 0."], ".dt.year == 2023"),
    ("total quantity in March", ["in March", "is 101."], ".dt.month == 3"),
    ("total quantity in February 2024", ["is 97."], ".dt.month == 2"),
    ("total quantity in Q1 2024", ["is 291."], ".dt.quarter == 1"),
    (
        "total quantity between 2024-01-01 and 2024-01-03",
        ["is 6."],
        ".between('2024-01-01', '2024-01-03')",
    ),
    ("how many rows since 2024-03-01", ["20 of 60"], ">= '2024-03-01'"),
    ("how many rows before 2024-02-01", ["20 of 60"], "< '2024-02-01'"),
    (
        "mean of quantity by product for region North",
        ["only rows"],
        "== 'North'].groupby('product')",
    ),
    ("mean of quantity where region is North", ["is 3.85."], "== 'north']['quantity'].mean()"),
    ("mean quantity for North only", ["is 3.85."], "df[df['region'] == 'North']"),
    ("mean quantity in North and South", ["is 4.35."], "isin(["),
    ("how many orders are not North?", ["40 of 60"], "df['region'] != 'North'"),
    ("how many rows with unit price at least 27", ["3 of 60"], "df['unit_price'] >= 27"),
    ("rows with unit price between 27 and 30", ["27.5"], "between(27, 30)].head(20)"),
    ("mean unit price with quantity at most 2", ["only rows"], "df['quantity'] <= 2"),
    ("show rows where quantity > 8", ["at most 20 rows"], "df[df['quantity'] > 8].head(20)"),
    ("first 3 rows where quantity > 8", ["2024-01-09"], "df[df['quantity'] > 8].head(3)"),
    ("number of distinct products in North", ["4 different values"], "['product'].nunique()"),
    ("how many missing values in North", ["unit_price"], "df[df['region'] == 'North'].isna()"),
    ("least common region", ["rarest first"], "value_counts(ascending=True)"),
    ("which product is the cheapest?", ["lowest `unit_price`", "5.5"], "sort_values('unit_price'"),
    ("second highest unit_price", ["is 26.5"], "nlargest(2)"),
    ("lowest 5 unit prices", ["5 rows", "lowest"], "ascending=True).head(5)"),
    ("min and max of quantity", ["min    1", "max    9"], "agg(['min', 'max'])"),
    ("top 2 products by quantity", ["Sum, mean"], ".head(2)"),
    ("which region has the lowest quantity?", ["North"], "ascending=True"),
    ("mean of quantity by region and product as a table", ["plum"], "pivot_table("),
    ("pivot sum of quantity by region and product", ["plum"], "aggfunc='sum'"),
    ("mean quantity where region is North excluding apple", ["only"], "df['product'] != 'apple'"),
    ("mean quantity where region is North in March", ["in March"], ".dt.month == 3"),
    ("how many rows where region is North or South", ["40 of 60"], "isin(['north', 'south'])"),
    ("how many rows where region is not North or South", ["20 of 60"], "~df['region']"),
    ("mean quantity of each product", ["plum"], "groupby('product')['quantity'].mean()"),
    ("sample 3 rows", ["at random"], "df.sample(3)"),
    ("90th percentile of quantity", ["is 8."], "quantile(0.9)"),
    ("0.5 quantile of quantity", ["is 5."], "quantile(0.5)"),
    ("price", ["`price` for the column `unit_price`", "mean"], "df['unit_price'].describe()"),
    ("correlation between unit_price and quantity where region is North", ["only"], "'north'"),
]


@pytest.mark.parametrize(("question", "answer", "code"), QUALIFIED, ids=[q[0] for q in QUALIFIED])
def test_a_qualifier_is_applied_and_said(loaded, question, answer, code):
    before = set(loaded.variables())
    turn = loaded.ask(question)
    assert all(piece in turn.text for piece in answer), turn.text
    assert code in turn.code
    assert set(loaded.variables()) == before


# question, the words that are named, the question that is offered
REFUSED = [
    ("mean of quantity without outliers", "outliers", "mean of quantity"),
    ("average quantity excluding Wset", "wset", "average quantity"),
    ("violin plot of unit_price by region", "violin", "plot of unit_price by region"),
    ("stacked bar chart of quantity by region", "stacked", "bar chart of quantity by region"),
    ("histogram of quantity on a log scale", "log", "histogram of quantity"),
    ("cumulative sum of quantity", "cumulative", "sum of quantity"),
    ("weighted mean of quantity", "weighted", "mean of quantity"),
    ("mean of the last 10 quantities", "10", ""),
    ("growth of quantity by month", "growth", "quantity by month"),
    ("total quantity for orders above 100", "100", "total quantity"),
    ("correlation of quantity and unit_price by Spearman", "spearman", ""),
    ("unique values of region in reverse", "reverse", ""),
]


@pytest.mark.parametrize(("question", "word", "nearest"), REFUSED, ids=[q[0] for q in REFUSED])
def test_what_cannot_be_applied_is_refused_and_nothing_runs(loaded, question, word, nearest):
    turn = loaded.ask(question)
    assert f"`{word}`" in turn.text
    assert "computed nothing" in turn.text
    assert f'I can answer "{nearest}"' in turn.text or not nearest
    assert turn.code == ""


@pytest.mark.parametrize(("question", "word", "nearest"), [r for r in REFUSED if r[2]])
def test_the_question_that_is_offered_is_answered(loaded, question, word, nearest):
    turn = loaded.ask(nearest)
    assert turn.code
    assert "computed nothing" not in turn.text


def test_a_look_up_says_which_words_it_left_out(loaded):
    text = loaded.ask("what columns are there besides region?").text
    assert "6 columns" in text
    assert "I did not take `besides` into account." in text


PLOTS = [
    ("histogram of quantity for North only", "(only rows where `region` is `North`)", "== 'North'"),
    ("histogram of quantity with 50 bins", "histogram of `quantity`", "bins=50"),
    ("heatmap of correlation", "heatmap of the correlations", "imshow"),
    ("bar chart of quantity by month", "sum of `quantity` by `month`", "%Y-%m"),
    ("plot the monthly quantity", "sum of `quantity` over `month`", "%Y-%m"),
]


@pytest.mark.parametrize(("question", "answer", "code"), PLOTS, ids=[p[0] for p in PLOTS])
def test_a_plot_is_of_what_was_asked(loaded, question, answer, code):
    turn = loaded.ask(question)
    assert answer in turn.text
    assert code in turn.code
    (image,) = turn.images
    assert loaded.blobs[image["blob"]].startswith(PNG)


def test_a_histogram_of_two_columns_is_not_drawn_of_one(loaded):
    turn = loaded.ask("histogram of quantity by region")
    assert "at most 1 column" in turn.text
    assert turn.calls == []


# order, the statement that runs, the shape afterwards
CHANGES = [
    ("Drop rows with missing values", "df = df.dropna()", [57, 6]),
    ("drop rows with missing unit_price", "", None),
    ("fill missing unit_price with 0", "df = df.fillna({'unit_price': 0})", [60, 6]),
    ("fill missing unit_price with the mean", "df['unit_price'].mean()", [60, 6]),
    ("remove duplicates", "df = df.drop_duplicates()", [60, 6]),
    ("rename column quantity to units", "df = df.rename(columns={'quantity': 'units'})", [60, 6]),
    ("drop column region", "df = df.drop(columns=['region'])", [60, 5]),
    (
        "add a column total = unit_price * quantity",
        "df = df.assign(total=df['unit_price'] * df['quantity'])",
        [60, 7],
    ),
    ("convert date to datetime", "pd.to_datetime(df['date'])", [60, 6]),
]


@pytest.mark.parametrize(("order", "statement", "shape"), CHANGES, ids=[c[0] for c in CHANGES])
def test_an_order_to_change_is_done_or_refused_in_words(loaded, order, statement, shape):
    turn = loaded.ask(order)
    assert statement in turn.code
    if shape is None:
        assert "nothing was changed" in turn.text
        assert turn.calls == []
        return
    assert "Done in the kernel" in turn.text
    assert [name for name, _ in turn.calls] == ["run_code"]
    assert loaded.variables()["df"]["shape"] == shape


NOT_DONE = [
    ("delete all variables", "nothing was changed"),
    ("normalize quantity", "nothing was changed"),
    ("drop rows where quantity > 3", "nothing was changed"),
    ("drop column qantity", "Did you mean `quantity`?"),
    ("rename column region to product", "already has a column `product`"),
    ("fill missing region with 0", "`0` is a number"),
    ("add a column total = region * 2", "holds no numbers"),
    ("add a column total = quantity * * 2 )", "cannot read"),
    ("add a column x = __import__('os').getcwd()", "has no column"),
]


@pytest.mark.parametrize(("order", "answer"), NOT_DONE, ids=[o for o, _ in NOT_DONE])
def test_what_is_not_changed_is_said(loaded, order, answer):
    before = loaded.variables()
    turn = loaded.ask(order)
    assert answer in turn.text
    assert turn.calls == []
    assert loaded.variables() == before


def test_a_frame_that_was_chosen_among_several_is_named(loaded):
    loaded.run("other = pd.DataFrame({'quantity': [1, 2]})")
    assert "I took `df`" in loaded.ask("mean of unit_price").text
    assert "I took `other`, the newest frame" in loaded.ask("mean of quantity").text
    assert "I took" not in loaded.ask("mean of quantity in df").text


def test_a_variable_that_is_no_frame_is_not_taken_for_another(loaded):
    loaded.run("sales = df\ndf = 5\ne = pd.DataFrame()")
    assert "`df` is no data frame" in loaded.ask("how many rows does df have?").text
    assert "`e` is empty" in loaded.ask("describe e").text


def test_only_the_data_frames_are_listed_where_they_are_asked_for(loaded):
    loaded.run("n = 5")
    text = loaded.ask("which dataframes do I have?").text
    assert "`df`: 60 rows" in text
    assert "`n`" not in text


def test_labels_that_are_numbers_are_used_as_such(talk):
    talk.run("import pandas as pd\ndf = pd.DataFrame([[1, 2], [3, 4]])")
    assert "is 2." in talk.ask("mean of 0").text
    assert "is 6." in talk.ask("sum of 1").text


def test_labels_that_occur_twice_are_not_guessed(talk):
    talk.run("import pandas as pd\ndf = pd.DataFrame([[1, 2]], columns=['a', 'a'])")
    turn = talk.ask("mean of a")
    assert "the same label (`a`)" in turn.text
    assert turn.calls == []


def test_a_word_that_is_also_a_value_is_a_value_only_as_written(talk):
    talk.run(
        "import pandas as pd\ndf = pd.DataFrame({'item': ['Notebook', 'Pen'], 'price': [4.0, 1.0]})"
    )
    assert "is 2.5." in talk.ask("mean price in this notebook").text
    assert "is 4." in talk.ask("mean price for Notebook").text
