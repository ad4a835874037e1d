"""Llama and the families that share its decoder: Mistral, Qwen2 and Qwen3. Keys and values may serve several heads."""

from dataclasses import replace

from headviz.families.family import Family, blocks_of_config, families

LLAMA = families.register(
    "llama",
    Family(
        name="llama",
        title="Llama",
        blocks=blocks_of_config("layers.{layer}.self_attn"),
        attention="",
        query="q_proj",
        key="k_proj",
        value="v_proj",
        output="o_proj",
        size="head_dim",
    ),
)
for _name, _title in (("mistral", "Mistral"), ("qwen2", "Qwen2"), ("qwen3", "Qwen3")):
    families.register(_name, replace(LLAMA, name=_name, title=_title))
