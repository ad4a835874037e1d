"""DistilBERT: all four projections stand in the attention module, under short names."""

from headviz.families.family import Family, blocks_of_config, families

families.register(
    "distilbert",
    Family(
        name="distilbert",
        title="DistilBERT",
        blocks=blocks_of_config("transformer.layer.{layer}.attention"),
        attention="",
        query="q_lin",
        key="k_lin",
        value="v_lin",
        output="out_lin",
    ),
)
