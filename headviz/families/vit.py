"""ViT and DeiT: encoders of images, with the same attention; DeiT reads one more token."""

from dataclasses import replace

from headviz.families.family import Family, blocks_of_config, families

VIT = families.register(
    "vit",
    Family(
        name="vit",
        title="ViT",
        blocks=blocks_of_config("layers.{layer}.attention"),
        attention="",
        query="q_proj",
        key="k_proj",
        value="v_proj",
        output="o_proj",
        size="head_dim",
    ),
)
families.register("deit", replace(VIT, name="deit", title="DeiT"))
