"""ALBERT shares layers: a group of blocks serves several layers, so the same projections are used several times."""

from typing import Any

from headviz.families.family import Family, families


def _blocks(config: Any) -> list[str]:
    # Each layer runs all blocks of its group; which group that is, as AlbertTransformer.forward reckons it.
    groups = [
        int(layer / (config.num_hidden_layers / config.num_hidden_groups)) for layer in range(config.num_hidden_layers)
    ]
    return [
        f"encoder.albert_layer_groups.{group}.albert_layers.{block}.attention"
        for group in groups
        for block in range(config.inner_group_num)
    ]


families.register(
    "albert",
    Family(
        name="albert",
        title="ALBERT",
        blocks=_blocks,
        attention="",
        query="query",
        key="key",
        value="value",
        output="dense",
    ),
)
