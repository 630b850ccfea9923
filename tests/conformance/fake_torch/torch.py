"""As much of PyTorch as the bundle's run.py calls: nothing is computed but masks, which are counted.

Calls that PyTorch refuses are refused. $FAKE_TORCH_LOG gets a line of JSON for each kind of call that is timed:
{"backend", "q", "k", "visible"}, visible being the scores of one head of one batch that a mask lets through.
"""
import json
import os
import sys
import types

__version__ = "0.fake"
version = types.SimpleNamespace(cuda="13.0")
bfloat16, uint8, int32 = "bfloat16", "uint8", "int32"
_backend = None


class Tensor:
    """A shape, or a grid of numbers with broadcasting and the operators that masks use."""

    def __init__(self, shape, rows=None):
        self.shape, self.rows = tuple(shape), rows

    def cuda(self):
        return self

    def copy_(self, source):
        assert source.shape == self.shape

    def __getitem__(self, index):
        if isinstance(index, Tensor):  # a vector, looked up element by element
            (vector,) = self.rows
            assert all(0 <= i < len(vector) for row in index.rows for i in row), "an index is out of range"
            return Tensor(index.shape, [[vector[i] for i in row] for row in index.rows])
        (vector,) = self.rows
        if index == (slice(None), None):
            return Tensor((len(vector), 1), [[x] for x in vector])
        assert index == (None, slice(None)), index
        return Tensor((1, len(vector)), [vector])

    def _with(self, other, operation):
        other = other if isinstance(other, Tensor) else Tensor((1, 1), [[other]])
        height, width = (max(a, b) for a, b in zip(self.shape, other.shape))
        at = lambda t, r, c: t.rows[r if t.shape[0] > 1 else 0][c if t.shape[1] > 1 else 0]
        return Tensor((height, width), [[operation(at(self, r, c), at(other, r, c)) for c in range(width)] for r in range(height)])

    def __add__(self, other):
        return self._with(other, lambda a, b: a + b)

    def __sub__(self, other):
        return self._with(other, lambda a, b: a - b)

    def __eq__(self, other):
        return self._with(other, lambda a, b: a == b)

    def __le__(self, other):
        return self._with(other, lambda a, b: a <= b)

    def __lt__(self, other):
        return self._with(other, lambda a, b: a < b)

    def __and__(self, other):
        return self._with(other, lambda a, b: a and b)

    def __or__(self, other):
        return self._with(other, lambda a, b: a or b)

    def count(self, q_len, kv_len):
        """Elements that are true, broadcast to that size."""
        assert all(n in (1, full) for n, full in zip(self.shape, (q_len, kv_len))), f"a mask of {self.shape}"
        true = sum(sum(map(bool, row)) for row in self.rows)
        return true * q_len * kv_len // (self.shape[0] * self.shape[1])


def randn(*shape, device, dtype):
    return Tensor(shape)


def empty(elements, device, dtype):
    return Tensor((elements,))


def empty_like(tensor):
    return Tensor(tensor.shape)


def mm(a, b):
    assert a.shape[1] == b.shape[0]


def arange(length, device):
    return Tensor((length,), [list(range(length))])


def tensor(values, device, dtype):
    return Tensor((len(values),), [list(values)])


def tanh(x):
    return x


def exp2(x):
    return 2.0**x


class no_grad:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False


class _Event:
    now = 0

    def __init__(self, enable_timing):
        assert enable_timing

    def record(self):
        _Event.now += 1
        self.at = _Event.now

    def synchronize(self):
        pass

    def elapsed_time(self, end):
        return float(end.at - self.at)


cuda = types.SimpleNamespace(is_available=lambda: True, set_device=lambda device: None, get_device_name=lambda: "a fake GPU",
                             Event=_Event, empty_cache=lambda: None)


def _log(backend, q, k, visible):
    with open(os.environ["FAKE_TORCH_LOG"], "a") as file:
        print(json.dumps({"backend": backend, "q": q.shape, "k": k.shape, "visible": visible}), file=file)


def _check(q, k, v, enable_gqa):
    assert k.shape == v.shape and q.shape[0] == k.shape[0] and q.shape[3] == k.shape[3], (q.shape, k.shape, v.shape)
    if q.shape[1] != k.shape[1] and not (enable_gqa and q.shape[1] % k.shape[1] == 0):
        raise RuntimeError("the number of heads differs, and enable_gqa is not set")


def _top_left(q_len, kv_len):
    """What is_causal means to PyTorch, which is not what it means to Attile where the lengths differ."""
    return sum(min(row + 1, kv_len) for row in range(q_len))


def scaled_dot_product_attention(q, k, v, attn_mask=None, is_causal=False, enable_gqa=False):
    _check(q, k, v, enable_gqa)
    if _backend == "FLASH_ATTENTION" and attn_mask is not None:
        raise RuntimeError("No available kernel. Aborting execution.")
    q_len, kv_len = q.shape[2], k.shape[2]
    _log(_backend, q, k, _top_left(q_len, kv_len) if is_causal else attn_mask.count(q_len, kv_len) if attn_mask is not None else q_len * kv_len)


class SDPBackend:
    FLASH_ATTENTION, EFFICIENT_ATTENTION, MATH = "FLASH_ATTENTION", "EFFICIENT_ATTENTION", "MATH"  # no CUDNN: an old PyTorch


class sdpa_kernel:
    def __init__(self, backend):
        self.backend = backend

    def __enter__(self):
        global _backend
        _backend = self.backend

    def __exit__(self, *_):
        global _backend
        _backend = None
        return False


def create_block_mask(mask, batch, heads, q_len, kv_len, device):
    index = lambda length: arange(length, device)
    return mask(0, 0, index(q_len)[:, None], index(kv_len)[None, :]).count(q_len, kv_len)


def flex_attention(q, k, v, score_mod=None, block_mask=None, enable_gqa=False):
    _check(q, k, v, enable_gqa)
    if score_mod:
        assert score_mod(1.0, 0, 0, 0, 0) is not None
    _log("FLEX", q, k, q.shape[2] * k.shape[2] if block_mask is None else block_mask)


def compile(function, dynamic):
    return function


def _module(name, **members):
    sys.modules[f"torch.{name}"] = module = types.ModuleType(f"torch.{name}")
    for member, value in members.items():
        setattr(module, member, value)
    return module


nn = _module("nn", functional=_module("nn.functional", scaled_dot_product_attention=scaled_dot_product_attention))
nn.attention = _module("nn.attention", SDPBackend=SDPBackend, sdpa_kernel=sdpa_kernel)
nn.attention.flex_attention = _module("nn.attention.flex_attention", create_block_mask=create_block_mask, flex_attention=flex_attention)
