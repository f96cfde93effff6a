"""Networks on sequences, as people write them in PyTorch: each a function of no arguments, and samples for it."""

import math

import numpy
import torch
from torch import nn
from torch.nn import functional

SAMPLES = 5
WORDS = 11  # of a vocabulary


def numbers(*shape, seed=0):
    return torch.from_numpy(numpy.random.default_rng(seed).normal(size=(SAMPLES, *shape)))


def tokens(length, seed=0, kind=torch.int64):
    return torch.from_numpy(numpy.random.default_rng(seed).integers(0, WORDS, size=(SAMPLES, length))).to(kind)


def randomized(model):
    """No scale is 1 and no bias 0, so that all of them are seen."""
    torch.manual_seed(3)
    for name, tensor in model.named_parameters():
        if tensor.dim() <= 1:
            nn.init.normal_(tensor, 1.0 if "norm" in name and "weight" in name else 0.0, 0.3)
    return model


class Encoder(nn.Module):
    """nn.TransformerEncoder: two blocks of two heads, and a linear readout of the mean."""

    def __init__(self, pre_norm=False, activation="gelu", batch_first=True, layers=2, head_width=4):
        super().__init__()
        width = 2 * head_width
        block = nn.TransformerEncoderLayer(width, 2, 6, 0.1, activation, batch_first=batch_first, norm_first=pre_norm)
        self.encoder = nn.TransformerEncoder(block, layers, nn.LayerNorm(width) if pre_norm else None, enable_nested_tensor=False)
        self.first, self.last = nn.Linear(3, width), nn.Linear(width, 2)
        self.batch_first = batch_first

    def forward(self, x):
        x = self.first(x)
        if self.batch_first:
            return self.last(self.encoder(x).mean(1))
        return self.last(self.encoder(x.transpose(0, 1)).mean(0))


class ViT(nn.Module):
    """Patches by a convolution, a class token, learned positions."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(2, 8, 3, stride=3)
        self.token, self.positions = nn.Parameter(torch.randn(1, 1, 8)), nn.Parameter(0.1 * torch.randn(1, 5, 8))
        self.block = nn.TransformerEncoderLayer(8, 2, 12, 0.0, "gelu", batch_first=True, norm_first=True)
        self.norm, self.head = nn.LayerNorm(8), nn.Linear(8, 3)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.positions
        return self.head(self.norm(self.block(x))[:, 0])


class CausalAttention(nn.Module):
    """nanoGPT's."""

    def __init__(self, width, heads, length):
        super().__init__()
        self.heads = heads
        self.c_attn, self.c_proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.register_buffer("mask", torch.tril(torch.ones(length, length)).view(1, 1, length, length))

    def forward(self, x):
        B, T, C = x.size()
        q, k, v = (part.view(B, T, self.heads, C // self.heads).transpose(1, 2) for part in self.c_attn(x).split(C, dim=2))
        scores = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
        scores = scores.masked_fill(self.mask[:, :, :T, :T] == 0, float("-inf"))
        return self.c_proj((scores.softmax(-1) @ v).transpose(1, 2).contiguous().view(B, T, C))


class GPT(nn.Module):
    """Token and position embeddings, causal attention, one position's logits; `tied`: by the embedding's weight."""

    def __init__(self, tied=False, length=6, words=WORDS):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(words, 8), nn.Embedding(length, 8)
        self.ln_1, self.attn, self.ln_2 = nn.LayerNorm(8), CausalAttention(8, 2, length), nn.LayerNorm(8)
        self.mlp = nn.Sequential(nn.Linear(8, 12), nn.GELU(approximate="tanh"), nn.Linear(12, 8))
        self.ln_f, self.lm_head = nn.LayerNorm(8), nn.Linear(8, WORDS, bias=False)
        if tied:
            self.lm_head.weight = self.wte.weight

    def forward(self, ids):
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1], device=ids.device))
        x = x + self.attn(self.ln_1(x))
        x = x + self.mlp(self.ln_2(x))
        return self.lm_head(self.ln_f(x)[:, -1])


class Mixer(nn.Module):
    """Tokens mixed, then channels."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(2, 6, 2, stride=2)
        self.norms = nn.ModuleList([nn.LayerNorm(6) for _ in range(3)])
        self.tokens = nn.Sequential(nn.Linear(4, 5), nn.GELU(), nn.Linear(5, 4))
        self.channels = nn.Sequential(nn.Linear(6, 7), nn.GELU(), nn.Linear(7, 6))
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = x + self.tokens(self.norms[0](x).transpose(1, 2)).transpose(1, 2)
        x = x + self.channels(self.norms[1](x))
        return self.head(self.norms[2](x).mean(1))


class PaddedAttention(nn.Module):
    """nn.MultiheadAttention in which the last positions are padding, for all samples."""

    def __init__(self):
        super().__init__()
        self.attention, self.last = nn.MultiheadAttention(8, 2, batch_first=True), nn.Linear(8, 2)
        self.register_buffer("padding", torch.tensor([[False, False, False, True]]))

    def forward(self, x):
        y, _ = self.attention(x, x, x, key_padding_mask=self.padding.expand(x.shape[0], -1))
        return self.last(y[:, 0])


class LearnedQuery(nn.Module):
    """Cross-attention in which a parameter asks."""

    def __init__(self):
        super().__init__()
        self.query = nn.Parameter(torch.randn(1, 2, 8))
        self.attention, self.last = nn.MultiheadAttention(8, 2, batch_first=True, kdim=3, vdim=3), nn.Linear(16, 2)

    def forward(self, x):
        y, _ = self.attention(self.query.expand(x.shape[0], -1, -1), x, x, need_weights=False)
        return self.last(y.flatten(1))


class RmsNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(width))

    def forward(self, x):
        return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)


class Llama(nn.Module):
    """RMSNorm, rotary positions, grouped keys and values, SwiGLU."""

    def __init__(self, length=4, kind=torch.int64):
        super().__init__()
        self.embedding = nn.Embedding(WORDS, 8)
        self.norms = nn.ModuleList([RmsNorm(8) for _ in range(3)])
        self.q, self.k, self.v, self.o = (nn.Linear(8, out, bias=False) for out in (8, 4, 4, 8))
        self.gate, self.up, self.down = nn.Linear(8, 6, bias=False), nn.Linear(8, 6, bias=False), nn.Linear(6, 8, bias=False)
        angles = torch.outer(torch.arange(length), 1.0 / 100 ** (torch.arange(0, 4, 2) / 4))
        angles = torch.cat([angles, angles], -1)
        self.register_buffer("cos", angles.cos())
        self.register_buffer("sin", angles.sin())
        self.head = nn.Linear(8, 3)

    def turn(self, x):
        half = torch.cat([-x[..., 2:], x[..., :2]], -1)
        return x * self.cos + half * self.sin

    def forward(self, ids):
        x = self.embedding(ids)
        B, T, _ = x.shape
        z = self.norms[0](x)
        q = self.turn(self.q(z).view(B, T, 2, 4).transpose(1, 2))
        k = self.turn(self.k(z).view(B, T, 1, 4).transpose(1, 2)).repeat_interleave(2, 1)
        v = self.v(z).view(B, T, 1, 4).transpose(1, 2).repeat_interleave(2, 1)
        mask = torch.full((T, T), float("-inf"), dtype=x.dtype).triu(1)
        weights = functional.softmax(q @ k.transpose(2, 3) / 2.0 + mask, -1)
        x = x + self.o((weights @ v).transpose(1, 2).reshape(B, T, 8))
        z = self.norms[1](x)
        x = x + self.down(functional.silu(self.gate(z)) * self.up(z))
        return self.head(self.norms[2](x)[:, -1])


class Bert(nn.Module):
    """Words, segments, positions; a mask of padding as an input of its own, added as a large number."""

    def __init__(self):
        super().__init__()
        self.words, self.segments, self.positions = nn.Embedding(WORDS, 8, padding_idx=0), nn.Embedding(2, 8), nn.Embedding(5, 8)
        self.norm = nn.LayerNorm(8)
        self.q, self.k, self.v, self.o = (nn.Linear(8, 8) for _ in range(4))
        self.pool, self.last = nn.Linear(8, 8), nn.Linear(8, 2)
        self.register_buffer("position_ids", torch.arange(5)[None])

    def forward(self, ids, segments, mask):
        x = self.norm(self.words(ids) + self.segments(segments) + self.positions(self.position_ids[:, : ids.shape[1]]))
        B, T, _ = x.shape
        q, k, v = (layer(x).view(B, T, 2, 4).transpose(1, 2) for layer in (self.q, self.k, self.v))
        away = (1.0 - mask[:, None, None, :].to(x.dtype)) * -10000.0
        weights = (q @ k.transpose(-1, -2) / math.sqrt(4) + away).softmax(-1)
        x = x + self.o((weights @ v).transpose(1, 2).reshape(B, T, 8))
        return self.last(torch.tanh(self.pool(x[:, 0])))


class MaskedMean(nn.Module):
    """A sentence's embedding: the mean of its words but for padding, which the ids themselves tell."""

    def __init__(self, kind=torch.int64):
        super().__init__()
        self.words, self.attention, self.last = nn.Embedding(WORDS, 8), nn.MultiheadAttention(8, 2, batch_first=True), nn.Linear(8, 2)

    def forward(self, ids):
        padding = ids == 0
        x = self.words(ids)
        y, _ = self.attention(x, x, x, key_padding_mask=padding, need_weights=False)
        kept = (~padding).unsqueeze(-1).to(x.dtype)
        return self.last((y * kept).sum(1) / kept.sum(1).clamp(min=1e-9))


class EinsumAttention(nn.Module):
    """Einsums throughout, a relative bias by a constant index, and log-softmax over positions."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.randn(3, 2, 5, 4))
        self.o, self.bias = nn.Parameter(torch.randn(2, 4, 3)), nn.Parameter(torch.randn(2, 7))
        places = torch.arange(4)
        self.register_buffer("places", (places[:, None] - places[None, :] + 3))

    def forward(self, x):
        q, k, v = (torch.einsum("btc,hcd->bhtd", x, self.w[part]) for part in range(3))
        scores = torch.einsum("bhqd,bhkd->bhqk", q, k) + self.bias[:, self.places]
        y = torch.einsum("bhqk,bhkd->bqhd", scores.softmax(-1), v)
        return torch.einsum("bqhd,hdc->bqc", y, self.o).log_softmax(1)[:, 1]


class LastWord(nn.Module):
    """A classifier of the word before padding begins, taken by its place, from positions that count words."""

    def __init__(self):
        super().__init__()
        self.words, self.positions, self.mix, self.last = nn.Embedding(60, 6), nn.Embedding(30, 6), nn.Linear(6, 6), nn.Linear(6, 3)

    def forward(self, ids):
        kept = ids != 0
        places = torch.cumsum(kept.long(), 1) * kept.long()
        x = torch.tanh(self.mix(self.words(ids) + self.positions(places)))
        last = kept.long().sum(1, keepdim=True) - 1
        return self.last(x.gather(1, last.unsqueeze(-1).expand(-1, -1, x.shape[-1])).flatten(1))


def padded_tokens(length, seed=0):
    """Zeros at the end."""
    ids = tokens(length, seed).clamp(min=1)
    for sample in range(SAMPLES):
        ids[sample, length - sample % length :] = 0 if sample % length else 1
    return ids


def bert_samples():
    ids = padded_tokens(5)
    return ids, tokens(5, 1) % 2, (ids != 0).long()


MODELS = {  # name: (makes the model, its samples)
    "encoder, post-norm": (lambda: Encoder(), numbers(4, 3)),
    "encoder, pre-norm": (lambda: Encoder(True, "relu"), numbers(4, 3)),
    "encoder, sequence first": (lambda: Encoder(False, "relu", False), numbers(4, 3)),
    "encoder, wide heads": (lambda: Encoder(True, "gelu", False, 1, 3), numbers(4, 3)),
    "encoder, one position": (lambda: Encoder(True, "gelu", True, 1), numbers(1, 3)),
    "ViT": (ViT, numbers(2, 6, 6)),
    "GPT": (GPT, tokens(6)),
    "GPT, int32": (GPT, tokens(6, kind=torch.int32)),
    "GPT, tied": (lambda: GPT(True), tokens(6)),
    "GPT, one token": (lambda: GPT(False, 1), tokens(1)),
    "GPT, many words": (lambda: GPT(False, 6, 40), tokens(6)),
    "mixer": (Mixer, numbers(2, 4, 4)),
    "padded attention": (PaddedAttention, numbers(4, 8)),
    "learned query": (LearnedQuery, numbers(4, 3)),
    "Llama": (Llama, tokens(4)),
    "BERT": (Bert, bert_samples()),
    "masked mean": (MaskedMean, padded_tokens(4)),
    "last word": (LastWord, padded_tokens(5)),
    "einsum": (EinsumAttention, numbers(4, 5)),
}


def make(name):
    torch.manual_seed(5)
    model, samples = MODELS[name]
    return randomized(model()).eval(), samples
