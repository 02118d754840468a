"""The decoder against torch's, and step by step against whole texts."""

import pytest
import torch
from torch import nn

from toolkit.nn.mask import length_mask
from toolkit.nn.transformer_decoder import TransformerDecoder

UNITS, DIM = 7, 8


@pytest.fixture
def decoder():
    torch.manual_seed(0)
    return TransformerDecoder(UNITS, DIM, heads=2, hidden=16, blocks=2).eval()


def theirs_of(decoder) -> nn.TransformerDecoder:
    """torch's, with the same weights."""
    layer = nn.TransformerDecoderLayer(DIM, 2, 16, batch_first=True, norm_first=True)
    theirs = nn.TransformerDecoder(layer, 2, nn.LayerNorm(DIM)).eval()
    theirs.norm.load_state_dict(decoder.norm.state_dict())
    for ours, block in zip(decoder.blocks, theirs.layers, strict=True):
        for own, other in ((ours.own, block.self_attn), (ours.memory, block.multihead_attn)):
            parts = (own.query, own.key, own.value)
            other.in_proj_weight.data = torch.cat([part.weight for part in parts])
            other.in_proj_bias.data = torch.cat([part.bias for part in parts])
            other.out_proj.load_state_dict(own.out.state_dict())
        for norm, other in zip(ours.norms, (block.norm1, block.norm2, block.norm3), strict=True):
            other.load_state_dict(norm.state_dict())
        block.linear1.load_state_dict(ours.feed[0].state_dict())
        block.linear2.load_state_dict(ours.feed[3].state_dict())
    return theirs


@torch.no_grad()
def test_as_in_torch(decoder):
    units, memory = torch.randint(UNITS, (2, 5)), torch.randn(2, 6, DIM)
    mask = length_mask(torch.tensor([6, 3]), 6)
    causal = torch.ones(5, 5, dtype=torch.bool).triu(1)
    embedded = decoder._embedded(units, 0)
    hidden = theirs_of(decoder)(embedded, memory, tgt_mask=causal, memory_key_padding_mask=~mask)
    torch.testing.assert_close(decoder(units, memory, mask), decoder.out(hidden), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_units_one_by_one_give_what_whole_texts_give(decoder):
    """Three hypotheses of each utterance; after the second unit they go on from others."""
    memory, mask = torch.randn(2, 6, DIM), length_mask(torch.tensor([6, 3]), 6)
    texts, state = torch.randint(UNITS, (2, 3, 2)), decoder.start(memory, mask)
    for place in range(2):
        _, state = decoder.step(texts[:, :, place], state)
    parents = torch.tensor([[2, 0, 0], [1, 1, 2]])
    texts = torch.cat((texts.gather(1, parents[:, :, None].expand(-1, -1, 2)), torch.randint(UNITS, (2, 3, 1))), 2)
    logits, _ = decoder.step(texts[:, :, 2], state.select(parents))
    for k in range(3):
        whole = decoder(texts[:, k], memory, mask)[:, -1]
        torch.testing.assert_close(logits[:, k], whole, atol=1e-5, rtol=1e-5)
