"""Converts the rows of a file that several tables read."""

from collections.abc import Sequence

from .conversion import FactBuilder, TableConverter
from .field_steps import ConversionContext
from .mapping import Table


class JoinedConverter(TableConverter):
    """Makes the facts of all tables from each row; their conditions decide which.

    Raises:
        RowError: a constant of the mapping is not valid for its field.
    """

    def __init__(self, tables: Sequence[Table], context: ConversionContext) -> None:
        columns = (column for table in tables for column in TableConverter(table, context).columns)
        self.columns = tuple(dict.fromkeys(columns))
        self.builders = [FactBuilder(part, self.columns, table, context) for table in tables for part in table.facts]
