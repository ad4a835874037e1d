"""BERT. The output projection stands beside the attention module, in the block that also normalises."""

from headviz.families.family import Family, blocks_of_config, families

BERT = families.register(
    "bert",
    Family(
        name="bert",
        title="BERT",
        blocks=blocks_of_config("encoder.layer.{layer}.attention"),
        attention="self",
        query="self.query",
        key="self.key",
        value="self.value",
        output="output.dense",
    ),
)
