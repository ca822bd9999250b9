"""Which kernels of attention there are on this machine."""

from __future__ import annotations

import importlib.util
import os

import torch

HAS_FLASH = torch.cuda.is_available() and importlib.util.find_spec("flash_attn") is not None
HAS_TRITON = importlib.util.find_spec("triton") is not None


def why_plain(device: torch.device) -> str | None:
    """Why the fused kernels are not used on a device; None if they are."""
    if device.type != "cuda":
        return "there is no GPU"
    if not HAS_TRITON:
        return "triton is not installed"
    if os.environ.get("CODEIT_ATTENTION") == "plain":
        return "CODEIT_ATTENTION=plain asks for it"
    if torch.cuda.get_device_capability(device) < (8, 0):
        return "the GPU is older than Ampere"
    return None


def describe(device: torch.device) -> str:
    """Which kernels attention uses on a device, and why."""
    if device.type != "cuda":
        return "our own in tiles that fit the cache (no fused kernel has the bias's gradient here)"
    reason = why_plain(device)
    own = "our own in Triton"
    if reason is not None:
        own = f"torch's scaled_dot_product_attention on padded groups ({reason})"
    if HAS_FLASH:
        return f"self: {own}; cross: flash-attn (it is installed)"
    return f"{own}; flash-attn is not installed"
