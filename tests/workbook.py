"""Excel workbooks for tests, written by hand: a zip of XML as spreadsheet programs write it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def workbook(sheets: Mapping[str, Sequence[Sequence[object]]], *, shared: bool = True) -> bytes:
    """The bytes of a workbook; a cell is a text, a number, a bool or None. ``shared``: texts by number, as Excel has
    them, or in their cells."""
    texts: list[str] = []

    def cell(value: object, row: int, column: int) -> str:
        place = f'r="{chr(ord("A") + column)}{row}"'
        if value is None:
            return f"<c {place}/>"
        if isinstance(value, bool):
            return f'<c {place} t="b"><v>{int(value)}</v></c>'
        if isinstance(value, int | float):
            return f"<c {place}><v>{value}</v></c>"
        if not shared:
            return f'<c {place} t="inlineStr"><is><t xml:space="preserve">{escape(str(value))}</t></is></c>'
        texts.append(str(value))
        return f'<c {place} t="s"><v>{len(texts) - 1}</v></c>'

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for number, rows in enumerate(sheets.values(), 1):
            lines = "".join(
                f'<row r="{i}">{"".join(cell(value, i, j) for j, value in enumerate(row))}</row>'
                for i, row in enumerate(rows, 1)
                if row
            )
            file.writestr(
                f"xl/worksheets/sheet{number}.xml", f"<worksheet {_MAIN}><sheetData>{lines}</sheetData></worksheet>"
            )
        names = "".join(
            f'<sheet name="{escape(name)}" sheetId="{number}" r:id="rId{number}"/>'
            for number, name in enumerate(sheets, 1)
        )
        file.writestr("xl/workbook.xml", f'<workbook {_MAIN} xmlns:r="{_RELATION}"><sheets>{names}</sheets></workbook>')
        relations = "".join(
            f'<Relationship Id="rId{number}" Type="{_RELATION}/worksheet" Target="worksheets/sheet{number}.xml"/>'
            for number in range(1, len(sheets) + 1)
        )
        file.writestr("xl/_rels/workbook.xml.rels", f"<Relationships>{relations}</Relationships>")
        if shared:
            items = "".join(f'<si><t xml:space="preserve">{escape(text)}</t></si>' for text in texts)
            file.writestr("xl/sharedStrings.xml", f"<sst {_MAIN}>{items}</sst>")
    return buffer.getvalue()
