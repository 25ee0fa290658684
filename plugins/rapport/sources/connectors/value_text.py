"""Values of drivers, workbooks and Arrow as exact text, as a CSV file would hold them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from rapport.errors import RapportError


def as_text(value: object) -> str | None:
    """One value: decimals with all their digits, floats in their shortest exact form, ISO times."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime | date | time):
        return str(value)
    if isinstance(value, timedelta):
        return _clock(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    return str(value)


def _clock(value: timedelta) -> str:
    sign, whole = ("-", -value) if value < timedelta(0) else ("", value)
    seconds = whole.days * 86400 + whole.seconds
    text = f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{text}.{whole.microseconds:06}" if whole.microseconds else text


def arrow_texts(column: object, name: str) -> Sequence[str | None]:
    """A column of Arrow, exactly.

    Raises:
        RapportError: for lists, structures and other values that are not one text.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    values: pa.Array = column
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    kind = values.type
    if pa.types.is_nested(kind):
        raise RapportError(
            f"Column {name} holds {kind}: a contract column is one value.",
            next_step="Leave it out of the contract, or flatten it where the file is made.",
        )
    if pa.types.is_floating(kind) or pa.types.is_binary(kind) or pa.types.is_duration(kind):
        return [as_text(v) for v in values.to_pylist()]
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        with suppress(pa.ArrowInvalid):  # finer than that: the careful reading rounds it
            values = pc.cast(values, pa.timestamp("us", kind.tz))
    texts: Sequence[str | None] = pc.cast(values, pa.string()).to_pylist()
    return texts
