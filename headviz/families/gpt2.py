"""GPT-2: query, key and value are one projection, side by side, and weights stand transposed (Conv1D)."""

from headviz.families.family import Family, blocks_of_config, families

families.register(
    "gpt2",
    Family(
        name="gpt2",
        title="GPT-2",
        blocks=blocks_of_config("h.{layer}.attn"),
        attention="",
        query="c_attn",
        key="c_attn",
        value="c_attn",
        output="c_proj",
        size="head_dim",
        transposed=True,
    ),
)
