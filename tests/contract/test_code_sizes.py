"""Functions and files stay short: the limits, over what tests/code_sizes.py measures.

The median and the 95th percentile are limited in the product alone: dashboards are data in long calls, and tests list
cases. The longest function and the longest file are limited everywhere.
"""

from pathlib import Path

from tests.code_sizes import ALL, LONGEST_FILE, files_above, functions_above, functions_of, sizes

MEDIAN, P95, LONGEST = 6, 18, 60
EXAMPLE = '''
def documented():
    """Two lines of
    documentation."""
    a = 1
    return a

async def undocumented():
    return 1

class A:
    def in_one_line(self): return 1
'''


def test_half_of_the_functions_are_very_short_and_95_percent_are_short() -> None:
    product = sizes()
    assert product.functions > 1000
    assert product.median <= MEDIAN, product
    assert product.p95 <= P95, product


def test_no_function_is_long() -> None:
    assert functions_above(LONGEST, ALL) == []


def test_no_file_is_long() -> None:
    assert files_above(LONGEST_FILE, ALL) == {}


def test_the_length_of_a_function_is_its_lines_without_its_docstring(tmp_path: Path) -> None:
    path = tmp_path / "example.py"
    path.write_text(EXAMPLE, encoding="utf-8")
    assert [one.lines for one in functions_of(path)] == [3, 2, 1]
