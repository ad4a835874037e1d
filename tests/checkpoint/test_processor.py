"""Image processors of model folders."""

from __future__ import annotations

from pathlib import Path

import pytest
import transformers

from headviz.checkpoint.processor import open_image_processor
from headviz.errors import LoadError


@pytest.mark.parametrize("size", [{"height": 200_000, "width": 32}, {"shortest_edge": 200_000}])
def test_refuse_an_image_processor_that_makes_enormous_images(size: dict[str, int], tmp_path: Path) -> None:
    transformers.ViTImageProcessorPil(size=size).save_pretrained(tmp_path)
    with pytest.raises(LoadError, match="makes images 200,000 points wide"):
        open_image_processor(tmp_path, transformers.ViTConfig(), "my model")
