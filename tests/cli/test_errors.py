"""Exit codes: 0 done, 2 what the user can mend, 130 interrupted, 1 a bug."""

from __future__ import annotations

import pytest

from headviz.cli.errors import exit_code
from headviz.errors import Cancelled, DataError


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (DataError("Row 3: no label. Give it one."), 2, "headviz: Row 3: no label. Give it one.\n"),
        (Cancelled(), 130, "headviz: interrupted; nothing half-written is left.\n"),
        (KeyboardInterrupt(), 130, "headviz: interrupted; nothing half-written is left.\n"),
        (SystemExit(0), 0, ""),
        (PermissionError(13, "Permission denied", "x.json"), 2, "headviz: x.json: Permission denied. "),
    ],
)
def test_error_has_its_exit_code_and_its_sentence(
    error: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(error) == code
    err = capsys.readouterr().err
    assert err.startswith(said) and "Traceback" not in err


def test_anything_else_is_a_bug_with_its_traceback_and_a_pointer(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError) as caught:
        {}["key"]  # type: ignore[index]
    assert exit_code(caught.value) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err and "KeyError: 'key'" in err
    assert err.splitlines()[-1] == "headviz: this is a bug in headviz; please report it with the lines above."
