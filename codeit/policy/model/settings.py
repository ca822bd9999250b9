"""Which model the policy is."""

from typing import Annotated

from pydantic import Field

from codeit.validation import Real, validated


@validated
class ModelSettings:
    """Which model the policy is, and where it runs."""

    name: str = "Salesforce/codet5p-220m"
    """`tiny`, a T5 model of the Hugging Face hub such as Salesforce/codet5-small,
    Salesforce/codet5p-220m or Salesforce/codet5p-770m, or a directory with a checkpoint."""
    pretrained: bool = True
    """Whether to load the model's weights; if not, they are drawn at random (ablation A4)."""
    tokenizer: str = ""
    """`compact` (ours, for models trained from scratch), a model of the hub, or a directory; empty
    for the model's own."""
    dropout: Annotated[Real, Field(ge=0, lt=1)] = 0.1
    """Dropout while training."""
    device: str = "auto"
    """`auto` (a GPU if there is one), `cpu`, `cuda`, `cuda:1`, ..."""

    def __post_init__(self) -> None:
        if self.name == "tiny" and self.pretrained:
            raise ValueError("pretrained is true; name 'tiny' has no pretrained weights")
        if self.tokenizer == "tiny":
            raise ValueError("tokenizer is 'tiny'; the one that goes with this model is 'compact'")

    @property
    def tokenizer_name(self) -> str:
        """The tokenizer that goes with the settings."""
        return self.tokenizer or ("compact" if self.name == "tiny" else self.name)
